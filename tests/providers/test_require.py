from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from antiphon.errors import ApiError
from antiphon.providers.capabilities import Capabilities
from antiphon.providers.description import every_family, family_of
from antiphon.providers.require import asked_of, require
from tests.support.calls import function_call_output, function_tool, model_call, user
from tests.support.conversations import NOTES, PDF, PIXEL

LEAST = Capabilities(
    message=frozenset(),
    output=frozenset(),
    tools=frozenset({"auto"}),
    strict_tools=False,
    formats=frozenset(),
    temperature=None,
    top_p=False,
    service_tiers=frozenset({"default"}),
)
IMAGE = {"type": "input_image", "image_url": PIXEL, "detail": "auto"}


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"temperature": 0.5}, "temperature"),
        ({"top_p": 0.5}, "top_p"),
        ({"presence_penalty": 1}, "presence_penalty"),
        ({"frequency_penalty": 1}, "frequency_penalty"),
        ({"text": {"format": {"type": "json_object"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "n", "schema": {}}}}, "text.format.type"),
        ({"text": {"verbosity": "low"}}, "text.verbosity"),
        ({"reasoning": {"effort": "low"}}, "reasoning.effort"),
        ({"reasoning": {"summary": "detailed"}}, "reasoning.summary"),
        ({"service_tier": "flex"}, "service_tier"),
        ({"top_logprobs": 2, "include_logprobs": True}, "top_logprobs"),
        ({"include_logprobs": True}, "include"),
        ({"tools": [function_tool("f")], "tool_choice": "required"}, "tool_choice"),
        ({"tools": [function_tool("f")], "tool_choice": {"type": "function", "name": "f"}}, "tool_choice"),
        ({"tools": [function_tool("f", strict=True)]}, "tools"),
    ],
)
def test_what_a_model_cannot_do_is_refused_by_its_path(asked: dict[str, Any], param: str) -> None:
    with pytest.raises(ApiError) as caught:
        require(LEAST, model_call("Hi", **asked))
    assert (caught.value.status, caught.value.param) == (400, param)


def test_what_is_the_default_anyway_asks_for_nothing():
    require(
        LEAST,
        model_call(
            "Hi",
            temperature=1.0,
            top_p=1.0,
            presence_penalty=0,
            service_tier="auto",
            text={"format": {"type": "text"}, "verbosity": "medium"},
            reasoning={"effort": "none", "summary": None},
            tool_choice="auto",
        ),
    )


@pytest.mark.parametrize(
    ("item", "path"),
    [
        (user([IMAGE]), "input[1].content[0].type"),
        (
            user([{"type": "input_text", "text": "x"}, {"type": "input_file", "file_data": PDF}]),
            "input[1].content[1].type",
        ),
        (user([{"type": "input_file", "file_data": NOTES}]), "input[1].content[0].type"),
        (function_call_output("c", [IMAGE]), "input[1].output[0].type"),
    ],
)
def test_an_attachment_is_refused_where_it_stands_or_by_its_turn(item, path):
    call = model_call([user("x"), user("y"), item])
    for asked, param in ((2, path), (0, "previous_response_id")):
        with pytest.raises(ApiError) as caught:
            require(LEAST, replace(call, asked=asked))
        assert caught.value.param == param


def test_the_detail_of_an_image_is_refused_where_it_cannot_be_chosen():
    call = replace(model_call([user([{**IMAGE, "detail": "low"}])]), asked=1)
    with pytest.raises(ApiError) as caught:
        require(Capabilities(), call)
    assert caught.value.param == "input[0].content[0].detail"
    require(Capabilities(image_detail=True), call)


def test_a_value_over_a_models_own_limit_is_refused():
    for asked, can in (
        ({"temperature": 1.5}, Capabilities(temperature=1.0)),
        ({"top_logprobs": 9}, Capabilities(top_logprobs=5)),
    ):
        with pytest.raises(ApiError) as caught:
            require(can, model_call("Hi", include_logprobs="top_logprobs" in asked, **asked))
        assert caught.value.code == "out_of_range"


def test_what_excludes_each_other_is_refused():
    can = family_of("anthropic", "claude-sonnet-4-6").capabilities
    tools, effort = [function_tool("f")], {"effort": "low"}
    for param, asked in (
        ("top_p", {"temperature": 0.2, "top_p": 0.5}),
        ("temperature", {"temperature": 0.2, "reasoning": effort}),
        ("tool_choice", {"tools": tools, "tool_choice": "required", "reasoning": effort}),
    ):
        with pytest.raises(ApiError) as caught:
            require(can, model_call("Hi", **asked))
        assert caught.value.param == param


def test_a_model_that_calls_only_without_reasoning_has_to_be_told_so():
    can = family_of("openai_chat", "gpt-6-luna", "api.openai.com").capabilities
    tools = [function_tool("f")]
    require(can, model_call("Hi", tools=tools, reasoning={"effort": "none"}))
    for asked in ({}, {"reasoning": {"effort": "low"}}):
        with pytest.raises(ApiError) as caught:
            require(can, model_call("Hi", tools=tools, **asked))
        assert caught.value.param == "tools"


@pytest.mark.parametrize(
    ("kind", "model", "host", "name"),
    [
        ("demo", "demo", "", "the built-in demo model"),
        ("anthropic", "claude-3-5-haiku-latest", "", "Claude 3"),
        ("anthropic", "claude-3-7-sonnet-20250219", "", "Claude 3.7, 4, 4.1"),
        ("anthropic", "claude-opus-4-1-20250805", "", "Claude 3.7, 4, 4.1"),
        ("anthropic", "claude-sonnet-4-20250514", "", "Claude 3.7, 4, 4.1"),
        ("anthropic", "claude-haiku-4-5-20251001", "", "Claude 4.5"),
        ("anthropic", "claude-sonnet-4-6", "", "Claude 4.6"),
        ("anthropic", "claude-opus-4-7", "", "Claude Opus 4.7"),
        ("anthropic", "claude-opus-4-8", "", "Claude Opus 4.8"),
        ("anthropic", "claude-sonnet-5", "", "Claude Sonnet 5"),
        ("anthropic", "claude-opus-5-20260901", "", "Claude Opus 5"),
        ("anthropic", "claude-fable-5", "", "Claude Fable 5, Mythos 5"),
        ("anthropic", "claude-mythos-preview", "", "Claude Fable 5, Mythos 5"),
        ("anthropic", "claude-sonnet-5-5", "", "Claude Sonnet 5.5"),
        ("anthropic", "claude-haiku-5-5", "", "Claude Haiku 5.5"),
        ("anthropic", "claude-fable-5-1", "", "Claude Opus 5.5, Fable 5.1, Mythos 5.1 and later"),
        ("anthropic", "claude-opus-7", "", "Claude Opus 5.5, Fable 5.1, Mythos 5.1 and later"),
        ("anthropic", "local", "127.0.0.1", "any compatible endpoint"),
        ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "", "Claude 4.5"),
        ("bedrock", "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-4-7", "", "Claude Opus 4.7"),
        ("bedrock", "eu.amazon.nova-pro-v1:0", "", "Amazon Nova"),
        ("bedrock", "eu.amazon.nova-micro-v1:0", "", "Amazon Nova Micro"),
        ("bedrock", "mistral.mistral-large-2407-v1:0", "", "Mistral"),
        ("bedrock", "us.meta.llama3-3-70b-instruct-v1:0", "", "Meta Llama, Cohere, DeepSeek"),
        ("bedrock", "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", "", "any other model"),
        ("openai_chat", "gpt-5.1", "api.openai.com", "GPT-5.1"),
        ("openai_chat", "gpt-5-mini", "api.openai.com", "GPT-5"),
        ("openai_chat", "gpt-5-pro", "api.openai.com", "GPT-5 pro"),
        ("openai_chat", "gpt-5.1-codex-max", "api.openai.com", "GPT-5.2 to 5.6"),
        ("openai_chat", "gpt-5.6-luna", "name.services.ai.azure.com", "GPT-5.2 to 5.6"),
        ("openai_chat", "gpt-5-chat-latest", "azure", "OpenAI's other models"),
        ("openai_chat", "gpt-6-astra", "api.openai.com", "GPT-6 Astra, GPT-6.1 Sol"),
        ("openai_chat", "gpt-6.1-sol", "openai", "GPT-6 Astra, GPT-6.1 Sol"),
        ("openai_chat", "gpt-6-luna", "api.openai.com", "GPT-6 and later"),
        ("openai_responses", "gpt-6-astra", "name.openai.azure.com", "GPT-6 and later"),
        ("openai_chat", "m", "groq", "Groq"),
        ("openai_chat", "gpt-4.1-mini", "api.openai.com", "OpenAI's other models"),
        ("openai_chat", "gpt-5.1", "proxy.example", "any compatible endpoint"),
        ("openai_chat", "llama", "api.groq.com", "Groq"),
        ("openai_responses", "o4-mini", "api.openai.com", "OpenAI's o series"),
    ],
)
def test_a_model_is_found_in_its_family(kind, model, host, name):
    assert family_of(kind, model, host).name == name


def test_every_protocol_ends_with_a_family_that_takes_all():
    for kind in {kind for kind, _ in every_family()}:
        assert family_of(kind, "a model of tomorrow", "a.host.of.tomorrow").pattern == ""
    with pytest.raises(LookupError):
        family_of("smoke_signals", "m")


@pytest.mark.parametrize(
    ("kind", "model", "efforts"),
    [
        ("openai_responses", "o3", {"minimal": "low", "xhigh": "high", "max": "high"}),
        ("openai_responses", "gpt-5", {"minimal": "minimal", "max": "high"}),
        ("openai_responses", "gpt-5-pro", {"minimal": "high", "xhigh": "high", "max": "high"}),
        ("openai_responses", "gpt-5.4", {"minimal": "low", "xhigh": "xhigh", "max": "xhigh"}),
        ("anthropic", "claude-opus-4-6", {"minimal": "low", "xhigh": "high", "max": "max"}),
        ("anthropic", "claude-opus-4-8", {"minimal": "low", "xhigh": "xhigh", "max": "max"}),
        ("anthropic", "claude-sonnet-4-5", {"minimal": "low", "xhigh": "high", "max": "high"}),
        ("bedrock", "anthropic.claude-opus-4-8", {"minimal": "low", "max": "max"}),
    ],
)
def test_an_effort_that_few_models_have_is_the_nearest_that_a_model_has(kind, model, efforts):
    """Clients set ``minimal``, ``xhigh`` and ``max`` for all models. None of them becomes ``none``."""
    can = family_of(kind, model, "api.openai.com" if kind == "openai_responses" else "").capabilities
    for asked, told in efforts.items():
        call = model_call("Hi", reasoning={"effort": asked})
        require(can, call)
        assert asked_of(call, can)["reasoning"]["effort"] == told


def test_an_effort_is_refused_where_a_model_does_not_reason():
    with pytest.raises(ApiError) as caught:
        require(family_of("bedrock", "amazon.nova-pro").capabilities, model_call("Hi", reasoning={"effort": "minimal"}))
    assert caught.value.param == "reasoning.effort"
