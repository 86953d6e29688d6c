"""The page on connecting providers: whatever it shows to copy is taken by the settings as it stands."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from antiphon.manage.document import AgentDocument
from antiphon.providers.configured import Providers
from antiphon.providers.openai_chat.dialects import DIALECTS, dialect_of
from antiphon.settings import TAKES, ProviderEndpoint, read_settings

PAGE = (Path(__file__).parents[2] / "docs/connect.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def endpoints(text: str) -> dict[str, ProviderEndpoint]:
    return read_settings({"ANTIPHON_DATABASE": "x", "ANTIPHON_PROVIDERS": text}).providers


EVERY = [endpoint for block in blocks("json") for endpoint in endpoints(block).values()]


@pytest.mark.parametrize("block", blocks("json"))
def test_every_example_is_a_whole_setting_whose_providers_can_be_made(block):
    found = endpoints(block)
    keys = {endpoint.api_key_env: "k" for endpoint in found.values() if endpoint.api_key_env}
    providers = Providers(found, {**keys, "AWS_DEFAULT_REGION": "eu-central-1"})
    providers.require_keys()
    assert None not in [providers(name) for name in found]


def test_every_protocol_and_every_dialect_has_an_example():
    assert {endpoint.kind for endpoint in EVERY} == {*TAKES} - {"demo"}
    told = {endpoint.dialect or dialect_of(endpoint.base_url or "") for endpoint in EVERY if endpoint.kind != "bedrock"}
    assert told - {"compatible"} | {"openai"} == {*DIALECTS} - {"compatible"}


def test_the_agent_is_one_and_names_a_provider_of_the_page():
    (agent,) = map(AgentDocument.model_validate, map(yaml.safe_load, blocks("yaml")))
    assert agent.provider in {name for block in blocks("json") for name in json.loads(block)}


def test_the_table_has_every_setting_and_says_which_kinds_take_it_and_its_default():
    section = PAGE.split("## All settings of a provider")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", section, re.MULTILINE)
    assert sorted(name for name, *_ in rows) == sorted(ProviderEndpoint.model_fields)
    for name, default, what in rows[2:]:
        takers, colon, _ = what.partition("`: ")
        kinds = [kind for kind in TAKES if name in TAKES[kind]]
        assert not colon or [kind for kind in TAKES if f"`{kind}`" in f"{takers}`"] == kinds
        declared = ProviderEndpoint.model_fields[name].default
        assert declared is None or default == f"`{json.dumps(declared)}`"


def test_what_goes_into_a_stack_has_its_secret_among_those_that_may_be_read():
    (block,) = blocks("toml")
    given = dict(line.split("=", 1) for line in tomllib.loads(block)["parameter_overrides"])
    found = endpoints("{" + json.loads(given["FurtherProviders"]) + "}")
    assert [endpoint.api_key_secret for endpoint in found.values()] == given["FurtherSecretArns"].split(",")
