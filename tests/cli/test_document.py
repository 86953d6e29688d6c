"""The agent file: what it may say, how a mistake is named, and that a file, a record and a file again agree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from antiphon.errors import ApiError
from antiphon.manage.document import MAX_BYTES, PARAMETERS, AgentDocument, Parameters, write_agent
from antiphon.records import Agent, AgentCompaction, Grant, dump, load
from antiphon.spec.request import CreateResponse
from cli.explaining import explain

SMALL = {"id": "helper", "provider": "demo", "model": "echo"}
FULL = {
    "id": "helper",
    "name": "Helper",
    "description": "Helps.",
    "author": "ada",
    "provider": "bedrock",
    "model": "eu.amazon.nova-lite-v1:0",
    "fallbacks": [{"provider": "openai", "model": "gpt-5-mini"}, {"provider": "demo", "model": "demo"}],
    "instructions": "Be brief.\nBe kind.\n",
    "hide_instructions": True,
    "temperature": 0.0,
    "top_p": 0.5,
    "presence_penalty": -2.0,
    "frequency_penalty": 2.0,
    "max_output_tokens": 16,
    "reasoning": {"effort": "low", "summary": "auto"},
    "text": {"format": {"type": "json_schema", "name": "a", "schema": {"default": None}}, "verbosity": "low"},
    "tool_choice": {"type": "allowed_tools", "tools": [{"type": "function", "name": "look"}], "mode": "auto"},
    "parallel_tool_calls": False,
    "max_tool_calls": 1,
    "truncation": "auto",
    "context_tokens": 8192,
    "compaction": {"threshold": 4000, "model": "small"},
    "service_tier": "flex",
    "limits": {"tokens_per_day": 9000, "tokens_per_response": 3000, "usd_per_response": 0.25},
    "top_logprobs": 0,
    "tools": [
        {
            "type": "function",
            "name": "look",
            "description": "Looks.",
            "parameters": {"type": "object", "properties": {"what": {"enum": ["a", None]}}},
            "strict": False,
        }
    ],
    "grants": [{"principal": "group:staff", "level": "viewer"}, {"principal": "public", "level": "5"}],
}


read_agent = AgentDocument.model_validate


def problem(**changes):
    with pytest.raises(ValidationError) as caught:
        read_agent({**SMALL, **changes})
    return explain(caught.value, AgentDocument)


def test_a_small_document_becomes_an_agent():
    agent = read_agent(SMALL).agent("acme", "ada", 7)
    assert agent == Agent("acme", "helper", "demo", "echo", "ada", created_at=7, updated_at=7)


def test_compaction_with_its_defaults_survives_the_record_and_comes_back():
    document = read_agent({**SMALL, "compaction": {}})
    agent = load(Agent, dump(document.agent("acme", "ada", 7)))
    assert agent.compaction == AgentCompaction()
    assert write_agent(agent, [])["compaction"] == {}


def test_a_full_document_survives_the_record_and_comes_back_equal():
    document = read_agent(FULL)
    agent = load(Agent, dump(document.agent("acme", "ada", 7)))
    assert write_agent(agent, document.granted("acme")) == FULL


def test_every_parameter_of_a_full_document_reaches_the_record():
    assert set(read_agent(FULL).agent("acme", "ada", 7).parameters) == set(PARAMETERS) == set(Parameters.model_fields)


def test_parameters_are_those_of_a_request_with_the_same_types_and_bounds():
    request = CreateResponse.model_json_schema(by_alias=True)
    document = Parameters.model_json_schema(by_alias=True)
    assert {name: document["properties"][name] for name in PARAMETERS} == {
        name: request["properties"][name] for name in PARAMETERS
    }
    assert document["$defs"] == {name: request["$defs"][name] for name in document["$defs"]}


def test_null_is_the_same_as_leaving_a_field_out():
    assert read_agent({**SMALL, "temperature": None, "name": None}) == read_agent(SMALL)


def test_an_integer_is_a_temperature():
    assert read_agent({**SMALL, "temperature": 1}).temperature == 1.0


def test_a_tool_needs_no_type_and_is_kept_in_the_form_of_the_specification():
    agent = read_agent({**SMALL, "tools": [{"name": "look"}]}).agent("acme", "ada", 7)
    assert agent.tools == (
        {"type": "function", "name": "look", "description": None, "parameters": None, "strict": None},
    )


def test_the_grants_of_a_document_become_bits():
    assert read_agent(FULL).granted("acme") == [
        Grant("acme", "helper", "group:staff", 1),
        Grant("acme", "helper", "public", 5),
    ]


def test_a_level_can_be_a_number():
    assert read_agent({**SMALL, "grants": [{"principal": "role:STAFF", "level": 3}]}).granted("acme")[0].bits == 3


def test_the_authors_own_grant_is_not_written_down():
    agent = read_agent(SMALL).agent("acme", "ada", 7)
    assert "grants" not in write_agent(agent, [Grant("acme", "helper", "user:ada", 15)])


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"id": None}, "id"),
        ({"id": ""}, "id"),
        ({"id": "../x"}, "id"),
        ({"id": "-x"}, "id"),
        ({"id": "a" * 65}, "id"),
        ({"id": "a\n"}, "id"),
        ({"id": 7}, "id"),
        ({"model": ""}, "model"),
        ({"provider": None}, "provider"),
        ({"temprature": 1}, "temprature"),
        ({"temperature": "1"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"max_output_tokens": 15}, "max_output_tokens"),
        ({"max_output_tokens": 16.5}, "max_output_tokens"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"max_tool_calls": 0}, "max_tool_calls"),
        ({"truncation": "often"}, "truncation"),
        ({"context_tokens": 0}, "context_tokens"),
        ({"compaction": {"threshold": 999}}, "compaction.threshold"),
        ({"compaction": {"modle": "small"}}, "compaction.modle"),
        ({"reasoning": {"effort": "extreme"}}, "reasoning.effort"),
        ({"reasoning": {"depth": 1}}, "reasoning.depth"),
        ({"text": {"format": {"type": "xml"}}}, "text.format"),
        ({"text": {"format": {"type": "json_schema", "name": "a b", "schema": {}}}}, "text.format.name"),
        ({"tool_choice": "always"}, "tool_choice"),
        ({"tools": [{"name": "ok"}, {"name": "not ok"}]}, "tools[1].name"),
        ({"tools": [{"type": "mcp", "name": "a"}]}, "tools[0].type"),
        ({"tools": [{"name": "a", "parameters": []}]}, "tools[0].parameters"),
        ({"tools": [{"name": "a"}, {"name": "a"}]}, "tools"),
        ({"tools": [{"name": f"f{n}"} for n in range(129)]}, "tools"),
        ({"fallbacks": ["gpt-5"]}, "fallbacks[0]"),
        ({"fallbacks": [{"provider": "demo"}]}, "fallbacks[0].model"),
        ({"fallbacks": [{"provider": "demo", "model": "a", "weight": 1}]}, "fallbacks[0].weight"),
        ({"fallbacks": [{"provider": "demo", "model": f"m{n}"} for n in range(5)]}, "fallbacks"),
        ({"fallbacks": [{"provider": "demo", "model": "echo"}]}, "document"),
        ({"fallbacks": [{"provider": "demo", "model": "a"}] * 2}, "document"),
        ({"grants": [{"principal": "ada", "level": "viewer"}]}, "grants[0].principal"),
        ({"grants": [{"principal": "user:", "level": "viewer"}]}, "grants[0].principal"),
        ({"grants": [{"principal": "user:ada", "level": "king"}]}, "grants[0].level"),
        ({"grants": [{"principal": "user:ada", "level": 16}]}, "grants[0].level"),
        ({"grants": [{"principal": "user:ada", "level": 0}]}, "grants[0].level"),
    ],
)
def test_a_mistake_is_named_by_its_path(changes, path):
    assert problem(**changes).startswith(f"{path}: ")


def test_every_mistake_is_named():
    message = problem(temperature=9, colour="red")
    assert "temperature: " in message
    assert "colour: " in message


def test_a_mistake_is_told_without_repeating_what_was_written():
    assert "hunter2" not in problem(truncation="hunter2", reasoning="hunter2")


@pytest.mark.parametrize("document", [None, [], "x", 7])
def test_what_is_no_object_is_no_agent(document):
    with pytest.raises(ValidationError) as caught:
        read_agent(document)
    assert explain(caught.value, AgentDocument).startswith("document: ")


def test_an_agent_that_no_store_could_keep_is_refused():
    document = read_agent({**SMALL, "instructions": "é" * (MAX_BYTES // 2)})
    with pytest.raises(ApiError, match="larger than 300000 bytes"):
        document.agent("acme", "ada", 7)


TEXTS = st.text(max_size=50)
DOCUMENTS = st.fixed_dictionaries(
    {
        "id": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True),
        "provider": st.text(min_size=1, max_size=9),
        "model": st.text(min_size=1, max_size=9),
    },
    optional={
        "name": TEXTS,
        "description": TEXTS,
        "instructions": TEXTS,
        "hide_instructions": st.booleans(),
        "temperature": st.floats(0, 2),
        "max_output_tokens": st.integers(16, 2**40),
        "parallel_tool_calls": st.booleans(),
        "tools": st.lists(
            st.fixed_dictionaries(
                {"name": st.from_regex(r"[a-zA-Z0-9_-]{1,64}", fullmatch=True)},
                optional={"description": TEXTS, "strict": st.booleans()},
            ),
            max_size=3,
            unique_by=lambda tool: tool["name"],
        ),
    },
)


@given(DOCUMENTS)
def test_any_document_says_the_same_after_a_round_trip(document):
    first = read_agent(document)
    again = read_agent(write_agent(first.agent("acme", "ada", 7), []))
    assert again == AgentDocument.model_validate({**first.wire(), "author": "ada"})
