"""Settings: what cannot work ends the start with the place and the reason, never with a value."""

from __future__ import annotations

import json
from typing import Any

import pytest

from antiphon.errors import SettingsError
from antiphon.providers.configured import Providers
from antiphon.providers.description import description_of
from antiphon.settings import TAKES, ProviderEndpoint, Settings, read_settings

CHAT = {"base_url": "https://models.example/v1"}


def read(**endpoint: Any) -> Settings:
    providers = json.dumps({"Groq-eu": endpoint})
    return read_settings({"ANTIPHON_DATABASE": "x", "ANTIPHON_PROVIDERS": providers})


def refusal(**endpoint: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        read(**endpoint)
    assert "canary" not in str(caught.value).lower()
    return str(caught.value)


@pytest.mark.parametrize(
    ("endpoint", "told"),
    [
        ({}, "ANTIPHON_PROVIDERS.Groq-eu: base_url is missing"),
        ({"base_url": ""}, "ANTIPHON_PROVIDERS.Groq-eu: base_url is missing"),
        ({"base_url": "canary:8080/v1"}, "ANTIPHON_PROVIDERS.Groq-eu.base_url: not a URL"),
        ({"base_url": "https://canary:canary@models.example/v1"}, "Groq-eu.base_url: a URL may not hold a user"),
        ({"base_url": "https://canary@models.example/v1"}, "Groq-eu.base_url: a URL may not hold a user"),
        ({"base_url": f"https://{'canary' * 11}.example/v1"}, "ANTIPHON_PROVIDERS.Groq-eu.base_url: not a URL"),
        ({"base_url": "https://canary.example/v1\n"}, "ANTIPHON_PROVIDERS.Groq-eu.base_url: not a URL"),
        (
            CHAT | {"api_key_secret": "arn:aws:ssm:eu-central-1:1:parameter/canary"},
            "Groq-eu.api_key_secret: not an ARN",
        ),
        (
            CHAT | {"api_key_parameter": "arn:aws:secretsmanager:eu:1:secret:canary"},
            "api_key_parameter: not an ARN of ssm",
        ),
        ({"base_url": "https:///canary"}, "ANTIPHON_PROVIDERS.Groq-eu.base_url: not a URL"),
        ({"base_url": "https://canary:port/v1"}, "ANTIPHON_PROVIDERS.Groq-eu.base_url: not a URL"),
        ({"base_url": "https://[canary/v1"}, "ANTIPHON_PROVIDERS.Groq-eu.base_url: not a URL"),
        ({"kind": "canary"}, "ANTIPHON_PROVIDERS.Groq-eu.kind: it must be 'openai_chat'"),
        ({**CHAT, "dialect": "canary"}, "ANTIPHON_PROVIDERS.Groq-eu.dialect: it must be 'openai'"),
        (
            {**CHAT, "api_key": "canary"},
            "ANTIPHON_PROVIDERS.Groq-eu.api_key: there is no such field; did you mean api_key_env?",
        ),
        ({**CHAT, "api_key_env": "CANARY", "api_key_secret": "canary"}, "set one of api_key_env"),
        ({**CHAT, "api_key_env": "CANARY", "api_key_field": "canary"}, "api_key_field goes with"),
        ({**CHAT, "region": "canary"}, "Groq-eu: region has no effect for the kind openai_chat"),
        ({**CHAT, "kind": "anthropic", "dialect": "vllm"}, "dialect has no effect for the kind anthropic"),
        ({"kind": "bedrock", "api_key_env": "CANARY"}, "api_key_env has no effect for the kind bedrock"),
        ({"kind": "openai_responses", "reads": []}, "reads has no effect for the kind openai_responses"),
        ({"kind": "bedrock", "guardrail": "canary"}, "ANTIPHON_PROVIDERS.Groq-eu.guardrail: it must be `ID:VERSION`"),
        ({"kind": "openai_respons"}, "or 'demo'; did you mean openai_responses?"),
        ({**CHAT, "xyz": 1}, "ANTIPHON_PROVIDERS.Groq-eu.xyz: there is no such field"),
    ],
)
def test_a_provider_that_cannot_work_is_refused_by_its_place_and_never_by_value(endpoint, told):
    assert told in refusal(**endpoint)


def test_what_a_template_leaves_empty_or_at_its_default_is_nothing():
    empty = dict.fromkeys(("api_key_env", "api_key_secret", "api_key_parameter", "api_key_field"), "")
    assert read(**CHAT, **empty) == read(**CHAT)
    assert read(kind="bedrock", base_url="", reads=["image", "pdf"], citations=False) == read(kind="bedrock")


def test_every_kind_says_what_can_be_set_for_it_and_every_setting_is_for_some_kind():
    assert all(description_of(kind) for kind in TAKES)
    assert frozenset.union(*TAKES.values()) == set(ProviderEndpoint.model_fields) - {"kind"}


def test_a_key_that_is_not_in_the_environment_is_named_with_its_provider():
    endpoints = {"groq": ProviderEndpoint(**CHAT, api_key_env="GROQ_API_KEY")}
    with pytest.raises(SettingsError, match=r"GROQ_API_KEY: missing; provider groq in ANTIPHON_PROVIDERS asks for it"):
        Providers(endpoints, {"GROQ_API_KEY": ""}).require_keys()
    Providers(endpoints, {"GROQ_API_KEY": "k"}).require_keys()


def test_a_key_that_aws_keeps_is_not_looked_for_at_start():
    Providers({"groq": ProviderEndpoint(**CHAT, api_key_secret="arn")}, {}).require_keys()


def test_the_address_of_openai_in_the_environment_is_held_to_the_same():
    with pytest.raises(SettingsError, match="OPENAI_BASE_URL: not a URL") as caught:
        Providers({}, {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "canary"})
    assert "canary" not in str(caught.value)


def test_what_an_endpoint_does_not_read_is_not_told_of_its_models():
    providers = Providers({"local": ProviderEndpoint(**CHAT, reads=()), "all": ProviderEndpoint(**CHAT)}, {})
    assert providers.capabilities("local", "m")["input"] == ["text"]
    assert providers.capabilities("all", "m")["input"] == ["image", "pdf", "text"]


def origins(text: str) -> tuple[str, ...]:
    return read_settings({"ANTIPHON_DATABASE": "x", "ANTIPHON_ALLOWED_ORIGINS": text}).allowed_origins


def test_allowed_origins_are_separated_by_commas_and_none_by_default():
    assert origins("") == ()
    assert origins("*") == ("*",)
    several = ("https://app.example.com", "http://localhost:5173", "http://[::1]:8080", "chrome-extension://abcdef")
    assert origins(" , ".join(several)) == several


@pytest.mark.parametrize(
    "text",
    [
        "https://canary.example/",
        "https://canary.example/path",
        "canary.example",
        "https://Canary.example",
        "https://canary.example:443",
        "http://canary.example:80",
        "https://*.canary.example",
        "https://user@canary.example",
        "https://canary.example,*",
        "null",
    ],
)
def test_what_no_browser_sends_as_an_origin_is_refused_at_start(text):
    with pytest.raises(SettingsError, match="ANTIPHON_ALLOWED_ORIGINS: ") as caught:
        origins(text)
    assert "canary" not in str(caught.value).lower()


def test_the_hosts_of_tools_are_a_list_of_hosts_and_no_urls():
    text = "mcp.example.com, [::1]:9000,127.0.0.1:80,"
    settings = read_settings({"ANTIPHON_DATABASE": "x", "ANTIPHON_TOOL_HOSTS": text})
    assert settings.tool_hosts == ("mcp.example.com", "[::1]:9000", "127.0.0.1:80")
    for canary in ("https://canary", "canary/mcp", "user@canary", "canary:port", "*.canary", "a canary", ":443"):
        with pytest.raises(SettingsError, match="ANTIPHON_TOOL_HOSTS: not hosts") as caught:
            read_settings({"ANTIPHON_DATABASE": "x", "ANTIPHON_TOOL_HOSTS": canary})
        assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("ANTIPHON_REQUESTS_PER_MINUTE", "many", "ANTIPHON_REQUESTS_PER_MINUTE: not a whole number"),
        ("ANTIPHON_PROVIDERS", '{\n"a": }', "ANTIPHON_PROVIDERS: not JSON (line 2)"),
    ],
)
def test_a_variable_of_the_wrong_form_is_explained_in_words(name: str, text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({"ANTIPHON_DATABASE": "x", name: text})
    assert str(caught.value) == message
