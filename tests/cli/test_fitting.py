"""An agent whose models cannot be asked what it asks is refused when it is made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

EXAMPLES = Path(__file__).parents[2] / "examples"
PROVIDERS = {
    "claude": {"kind": "anthropic"},
    "openai": {"base_url": "https://api.openai.com/v1"},
    "bedrock": {"kind": "bedrock"},
    "mine": {"base_url": "http://localhost:8080/v1"},
}
AGENT = {"id": "helper", "author": "ada", "provider": "claude", "model": "claude-opus-4-8"}
SCHEMA = {"format": {"type": "json_schema", "name": "s", "schema": {"type": "object"}}}
TOOL = {"name": "f", "parameters": {"type": "object", "properties": {}}}


@pytest.fixture
def apply(staffed, tmp_path, monkeypatch):
    """Return what applies an agent where some providers are known."""
    monkeypatch.setenv("ANTIPHON_PROVIDERS", json.dumps(PROVIDERS))

    def apply(**fields):
        path = tmp_path / "agent.yaml"
        path.write_text(yaml.safe_dump({**AGENT, **fields}))
        return staffed("agents", "apply", str(path))

    return apply


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"temperature": 0.3}, "agent helper: temperature: claude-opus-4-8 cannot be asked this: "),
        ({"text": {"format": {"type": "json_object"}}}, "text.format.type: claude-opus-4-8"),
        ({"top_logprobs": 3}, "top_logprobs: "),
        ({"provider": "openai", "model": "gpt-5-mini", "reasoning": {"effort": "none"}}, "reasoning.effort: gpt-5"),
        ({"provider": "openai", "model": "gpt-6-sol", "tools": [TOOL]}, "tools: gpt-6-sol"),
        ({"provider": "bedrock", "model": "eu.amazon.nova-pro-v1:0", "text": SCHEMA}, "text.format.type: eu.amazon"),
        (
            {"presence_penalty": 1.0, "provider": "mine", "fallbacks": [{"provider": "claude", "model": "claude-x"}]},
            "presence_penalty: claude-x (fallbacks[0]) cannot be asked this: ",
        ),
    ],
)
def test_what_a_model_cannot_be_asked_is_refused_by_its_field(apply, fields, told):
    outcome = apply(**fields)
    assert outcome.code == 1
    assert told in outcome.err


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 1.0},
        {"text": SCHEMA, "tools": [TOOL], "reasoning": {"effort": "high"}},
        {"provider": "mine", "model": "m", "temperature": 0.3, "presence_penalty": 1.0},
        {"provider": "demo", "model": "demo", "temperature": 0.3},
    ],
)
def test_what_they_can_be_asked_is_applied_without_a_word(apply, fields):
    outcome = apply(**fields)
    assert (outcome.code, outcome.err) == (0, "")


@pytest.mark.parametrize(
    ("fields", "advice"),
    [
        ({"provider": "claud"}, "there is no provider claud in ANTIPHON_PROVIDERS: did you mean claude?"),
        ({"provider": "nowhere"}, "the providers are bedrock, claude, demo, mine, openai"),
        ({"fallbacks": [{"provider": "mien", "model": "m"}]}, "there is no provider mien in ANTIPHON_PROVIDERS"),
    ],
)
def test_a_provider_that_does_not_exist_is_refused_with_the_likely_one(apply, staffed, fields, advice):
    outcome = apply(**{"temperature": 1.0, **fields})
    assert (outcome.code, outcome.out) == (1, "")
    assert advice in outcome.err
    assert staffed.read("agents", "list") == []


def test_a_provider_is_noted_if_the_command_cannot_know_all_providers(apply, monkeypatch):
    monkeypatch.delenv("ANTIPHON_PROVIDERS")
    outcome = apply(provider="nowhere", temperature=0.3, fallbacks=[{"provider": "demo", "model": "demo"}])
    assert outcome.code == 0
    assert "note: agent helper: provider nowhere is not known here; whether its models take" in outcome.err


def test_a_misspelt_usual_provider_is_refused_even_then(apply, monkeypatch):
    monkeypatch.delenv("ANTIPHON_PROVIDERS")
    assert "did you mean demo?" in apply(provider="dmeo").err
    assert "did you mean bedrock?" in apply(provider="bedrok").err


# Those with tools on the server need a deployment that allows them: tests/cli/test_tool_kinds.py applies these.
PLAIN = sorted(
    path for path in EXAMPLES.glob("*.yaml") if path.stem not in {"manuals", "mcp", "news", "refund", "stock"}
)


@pytest.mark.parametrize("path", PLAIN, ids=lambda path: path.name)
def test_the_models_of_the_examples_can_be_asked_what_they_say(apply, staffed, path):
    staffed.done("groups", "put", "editors")
    outcome = staffed("agents", "apply", str(path), "--author", "ada")
    assert (outcome.code, outcome.err) == (0, "")
