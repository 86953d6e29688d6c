"""Counting, compaction, sealed reasoning and truncation, over a socket."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from antiphon.records import Grant
from tests.support.caller import TENANT, refused
from tests.support.schema import check
from tests.support.service import SEAL_KEY, Service
from tests.support.upstream import Script, Upstream, answer, chunk, finish, text, usage

OTHER_KEY = base64.b64encode(bytes(range(100, 132))).decode()
TALK = [
    {"role": "user", "content": "My name is Ada."},
    {"role": "assistant", "content": "Nice to meet you. " * 40},
    {"role": "user", "content": "The code word is plum."},
    {"role": "assistant", "content": "I keep it in mind. " * 40},
]
THINKING = Script.stream(
    chunk({"reasoning_content": "First this, "}),
    chunk({"reasoning_content": "then that."}),
    text("42"),
    finish(),
    usage(3, 2),
)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path) as running:
        yield running


def post(service: Service, key: str, route: str, **fields: Any) -> httpx2.Response:
    return service.client.post(
        f"/v1/responses/{route}", json={"model": "agent", **fields}, headers={"authorization": f"Bearer {key}"}
    )


def compacted(service: Service, key: str, **fields: Any) -> dict[str, Any]:
    reply = post(service, key, "compact", **fields)
    assert reply.status_code == 200, reply.text
    check("CompactResource", reply.json())
    return reply.json()


def tampered(sealed: str) -> str:
    return sealed[:20] + ("A" if sealed[20] != "A" else "B") + sealed[21:]


# counting


@pytest.mark.parametrize(
    "fields",
    [
        {"input": "How are you?"},
        {"input": [*TALK, {"role": "user", "content": "And?"}], "instructions": "Be brief."},
        {
            "input": "x",
            "tools": [{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}],
        },
        {"input": "x", "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}}},
    ],
    ids=["text", "talk", "tools", "schema"],
)
def test_the_demo_models_count_is_the_usage_of_a_run(demo: Service, fields: dict[str, Any]) -> None:
    key = demo.key()
    counted = post(demo, key, "input_tokens", **fields)
    used = demo.create(key, **fields)["usage"]["input_tokens"]
    assert counted.json() == {"object": "response.input_tokens", "input_tokens": used}


def test_counting_reads_the_conversation_runs_nothing_and_stores_nothing(
    service: Service, key: str, upstream: Upstream
) -> None:
    first = service.create(key, input="four" * 100)
    service.forget_calls()
    counted = post(service, key, "input_tokens", input="four", previous_response_id=first["id"]).json()["input_tokens"]
    assert counted > 100
    assert len(upstream.requests) == 1
    assert service.responses.calls["claim"] == service.responses.calls["commit"] == 0


@pytest.mark.parametrize("route", ["input_tokens", "compact"])
def test_what_may_not_be_asked_may_not_be_counted_or_compacted(service: Service, key: str, route: str) -> None:
    service.user("bob")
    refused(post(service, service.key("bob"), route, input="x"), 404, "model_not_found", "model")
    refused(post(service, service.key(read_only=True), route, input="x"), 403, "read_only_key")
    refused(post(service, key, route, input="x", unknown=1), 400, "unknown_parameter", "unknown")
    refused(
        post(service, key, route, input=[{"type": "message", "role": "x", "content": ""}]),
        400,
        "unsupported_value",
        "input[0].role",
    )
    refused(service.client.post(f"/v1/responses/{route}", json={}), 401, "missing_api_key")
    refused(service.get(f"/v1/responses/{route}", key), 405, "method_not_allowed")


def test_openai_python_counts_and_compacts(demo: Service) -> None:
    client = openai.OpenAI(base_url=demo.base_url, api_key=demo.key(), max_retries=0)
    assert client.responses.input_tokens.count(model="agent", input="one two").input_tokens == 2
    short = client.responses.compact(model="agent", input=TALK)  # type: ignore[arg-type]
    assert [item.type for item in short.output] == ["message", "message", "compaction"]
    again = [item.to_dict(warnings=False) for item in short.output]
    reply = client.responses.create(model="agent", input=[*again, {"role": "user", "content": "What is my name?"}])  # type: ignore[list-item]
    assert reply.output_text == "Your name is Ada."
    client.close()


# compaction


def test_a_compaction_keeps_the_users_words_is_smaller_and_is_read_by_the_model(
    service: Service, key: str, upstream: Upstream
) -> None:
    short = compacted(service, key, input=TALK)
    assert upstream.requests == []
    *kept, item = short["output"]
    assert [message["content"][0]["text"] for message in kept] == ["My name is Ada.", "The code word is plum."]
    assert len(json.dumps(item)) < len(json.dumps([item for item in TALK if item["role"] == "assistant"])) / 2
    service.create(key, input=[*short["output"], {"role": "user", "content": "Go on."}])
    roles = [message["role"] for message in upstream.requests[0].body["messages"]]
    assert roles == ["user", "user", "assistant", "user"]
    assert "[After message 2]\nI said: I keep it in mind." in upstream.requests[0].body["messages"][2]["content"]


def test_a_stored_conversation_is_compacted_and_a_compaction_is_chained_like_any_item(demo: Service) -> None:
    key = demo.key()
    first = demo.create(key, input="My name is Ada.")
    short = compacted(demo, key, previous_response_id=first["id"], input="The code word is plum.")
    begun = demo.create(key, input=[*short["output"], {"role": "user", "content": "What is my name?"}])
    asked = demo.create(key, input="What is the code word?", previous_response_id=begun["id"])
    assert begun["output"][0]["content"][0]["text"] == "Your name is Ada."
    assert asked["output"][0]["content"][0]["text"] == "The code word is plum."
    listed = demo.get(f"/v1/responses/{begun['id']}/input_items?order=asc", key).json()["data"]
    assert [item["type"] for item in listed] == ["message", "message", "compaction", "message"]
    assert listed[2]["encrypted_content"] == short["output"][-1]["encrypted_content"]
    again = compacted(demo, key, previous_response_id=asked["id"])
    assert [item["type"] for item in again["output"]] == ["message"] * 4 + ["compaction"]


def test_a_compactions_usage_tells_what_it_replaced_and_what_it_weighs(demo: Service) -> None:
    key = demo.key()
    short = compacted(demo, key, input=TALK)
    whole = post(demo, key, "input_tokens", input=TALK).json()["input_tokens"]
    left = post(demo, key, "input_tokens", input=short["output"]).json()["input_tokens"]
    alone = post(demo, key, "input_tokens", input=short["output"][-1:]).json()["input_tokens"]
    assert (short["usage"]["input_tokens"], short["usage"]["output_tokens"]) == (whole, alone)
    long = [*TALK[:3], {"role": "assistant", "content": "I keep it in mind. " * 4000}]
    assert left <= whole + 60
    assert compacted(demo, key, input=long)["usage"]["output_tokens"] < 2000


def test_a_compaction_says_whether_it_halved_the_conversation(demo: Service) -> None:
    key = demo.key()
    long = [*TALK[:3], {"role": "assistant", "content": "I keep it in mind. " * 400}]
    for talk, halved in ((long, True), (TALK[:1], False)):
        short = compacted(demo, key, input=talk)
        before, after = (
            post(demo, key, "input_tokens", input=items).json()["input_tokens"] for items in (talk, short["output"])
        )
        assert short["antiphon"] == {"tokens_before": before, "tokens_after": after, "halved": halved}
        assert (after * 2 <= before) == halved


def test_nothing_to_compact_is_refused(service: Service, key: str) -> None:
    refused(post(service, key, "compact"), 400, "missing_required_parameter", "input")


def test_a_compaction_opens_in_another_instance_and_after_a_rotation_of_keys(
    tmp_path: Path, upstream: Upstream
) -> None:
    for name in "abc":
        (tmp_path / name).mkdir()
    with Service(tmp_path / "a", upstream) as one:
        item = compacted(one, one.key(), input=TALK)["output"][-1]
    with Service(tmp_path / "b", upstream, seal_keys=f"{OTHER_KEY},{SEAL_KEY}") as two:
        two.create(two.key(), input=[item, {"role": "user", "content": "Go on."}])
    with Service(tmp_path / "c", upstream, seal_keys=OTHER_KEY) as three:
        refused(three.post(three.key(), model="agent", input=[item]), 400, "invalid_encrypted_content")
    assert "I keep it in mind." in upstream.requests[0].body["messages"][0]["content"]


@pytest.mark.parametrize("kind", ["compaction", "reasoning"])
def test_what_is_foreign_or_changed_is_refused_before_anything_happens(
    service: Service, key: str, upstream: Upstream, kind: str
) -> None:
    upstream.scripts = [THINKING]
    if kind == "compaction":
        item = compacted(service, key, input=TALK)["output"][-1]
    else:
        item = service.create(key, input="x", include=["reasoning.encrypted_content"])["output"][0]
    service.user("bob")
    service.put(Grant(TENANT, "agent", "user:bob", 1))
    asked = len(upstream.requests)
    other_kind = {
        "type": "compaction" if kind == "reasoning" else "reasoning",
        "summary": [],
        "encrypted_content": item["encrypted_content"],
    }
    if kind == "reasoning":
        del other_kind["summary"]
    service.forget_calls()
    answers = [
        service.post(service.key("bob"), model="agent", input=[TALK[0], item]),
        service.post(
            key, model="agent", input=[TALK[0], {**item, "encrypted_content": tampered(item["encrypted_content"])}]
        ),
        service.post(key, model="agent", input=[TALK[0], {**item, "encrypted_content": "x"}]),
        service.post(key, model="agent", input=[TALK[0], other_kind]),
    ]
    errors = [refused(answer, 400, "invalid_encrypted_content", "input[1].encrypted_content") for answer in answers]
    assert all(error == errors[0] for error in errors), "no oracle"
    assert len(upstream.requests) == asked
    assert service.responses.calls["claim"] == 0


def test_reasoning_of_another_agent_is_left_out(service: Service, key: str, upstream: Upstream) -> None:
    """A handoff in openai-agents, or another model with ``store: false``, sends it along.

    https://github.com/openai/openai-agents-python/issues/722, https://github.com/openai/codex/issues/17541.
    """
    upstream.scripts = [THINKING, answer("Yes")]
    output = service.create(key, input="x", include=["reasoning.encrypted_content"], store=False)["output"]
    service.agent("twin")
    question, more = ({"role": "user", "content": text} for text in "xy")
    reply = service.create(key, model="twin", input=[question, *output, more])
    assert upstream.requests[1].body["messages"] == [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": "42"},
        {"role": "user", "content": "y"},
    ]
    listed = service.get(f"/v1/responses/{reply['id']}/input_items?order=asc", key).json()["data"]
    assert [item["type"] for item in listed] == ["message", "reasoning", "message", "message"]
    again = service.create(key, input="z", previous_response_id=reply["id"])
    assert again["status"] == "completed"


def test_a_compaction_is_read_by_every_agent_of_its_user(service: Service, key: str, upstream: Upstream) -> None:
    item = compacted(service, key, input=TALK)["output"][-1]
    service.agent("twin")
    service.create(key, model="twin", input=[item, {"role": "user", "content": "Go on."}])
    assert "I keep it in mind." in upstream.requests[0].body["messages"][0]["content"]


def test_stored_reasoning_whose_key_is_gone_never_stops_a_conversation(tmp_path: Path, upstream: Upstream) -> None:
    upstream.scripts = [THINKING, answer("Yes")]
    with Service(tmp_path, upstream) as one:
        key = one.key()
        first = one.create(key, input="x", include=["reasoning.encrypted_content"])
    with Service(tmp_path, upstream, seal_keys=OTHER_KEY) as two:
        two.create(key, input="y", previous_response_id=first["id"])
    assert [message["content"] for message in upstream.requests[1].body["messages"]] == ["x", "42", "y"]


def test_many_items_that_open_to_much_are_refused(tmp_path: Path) -> None:
    with Service(tmp_path, max_chain_bytes=100_000) as service:
        key = service.key()
        item = compacted(service, key, input=[{"role": "assistant", "content": "ab" * 1000}] * 15)["output"][-1]
        refused(service.post(key, model="agent", input=[item] * 20), 400, "context_length_exceeded")


def test_without_a_key_nothing_is_sealed_and_it_is_said(tmp_path: Path) -> None:
    with Service(tmp_path, seal_keys=None) as service:
        key = service.key()
        refused(post(service, key, "compact", input="x"), 500, "seal_not_configured")
        refused(
            service.post(key, model="agent", input="x", include=["reasoning.encrypted_content"]),
            500,
            "seal_not_configured",
        )
        service.create(key, input="x")


# reasoning


@pytest.mark.parametrize("store", [True, False])
def test_reasoning_travels_sealed_where_it_is_asked_for(
    service: Service, key: str, upstream: Upstream, store: bool
) -> None:
    upstream.scripts = [THINKING]
    include = ["reasoning.encrypted_content"]
    streamed = service.stream(key, input="x", include=include, store=store)[-1]["response"]
    whole = service.create(key, input="x", include=include, store=store)
    without = service.create(key, input="x", store=store)
    for response in (streamed, whole):
        thought = response["output"][0]
        check("ReasoningBody", thought)
        assert thought["summary"][0]["text"] == "First this, then that."
        assert "First" not in thought["encrypted_content"]
    assert "encrypted_content" not in without["output"][0]
    if store:
        assert service.retrieve(key, whole["id"]) == whole


def test_reasoning_is_left_out_where_the_endpoint_does_not_take_it(
    service: Service, key: str, upstream: Upstream
) -> None:
    upstream.scripts = [THINKING]
    output = service.create(key, input="x", include=["reasoning.encrypted_content"], store=False)["output"]
    output[0]["summary"] = []
    service.create(key, input=[{"role": "user", "content": "x"}, *output, {"role": "user", "content": "y"}])
    assert upstream.requests[1].body["messages"][1] == {"role": "assistant", "content": "42"}


def test_the_demo_model_shows_that_it_read_its_reasoning(demo: Service) -> None:
    key = demo.key()
    first = demo.create(
        key, input="x", reasoning={"effort": "low"}, include=["reasoning.encrypted_content"], store=False
    )
    thought = {**first["output"][0], "summary": []}
    reply = demo.create(
        key, input=[{"role": "user", "content": "x"}, thought, first["output"][1], {"role": "user", "content": "y"}]
    )
    assert "I thought before: “I read the last message" in reply["output"][-1]["content"][0]["text"]


def test_a_stored_turn_with_sealed_reasoning_goes_on(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [THINKING, answer("Yes")]
    first = service.create(key, input="x", include=["reasoning.encrypted_content"])
    service.create(key, input="y", previous_response_id=first["id"])
    assert [message["content"] for message in upstream.requests[1].body["messages"]] == ["x", "42", "y"]


# the window


def test_truncation_auto_leaves_out_the_oldest_turns_and_disabled_refuses(
    service: Service, key: str, upstream: Upstream
) -> None:
    service.agent("agent", context_tokens=60)
    upstream.scripts = [answer("Yes")]
    first = service.create(key, input="old " * 30)
    second = service.create(key, input="new", previous_response_id=first["id"])
    calls = len(upstream.requests)
    fields = {"input": "old " * 30, "previous_response_id": second["id"]}
    service.forget_calls()
    refused(service.post(key, model="agent", **fields), 400, "context_length_exceeded", "input")
    assert (len(upstream.requests), service.responses.calls["claim"]) == (calls, 0)
    cut = service.create(key, **fields, truncation="auto")
    assert cut["truncation"] == "auto"
    assert [message["content"] for message in upstream.requests[-1].body["messages"]] == ["new", "Yes", "old " * 30]
    counted = [
        post(service, key, "input_tokens", **fields, truncation=mode).json()["input_tokens"]
        for mode in ("auto", "disabled")
    ]
    assert counted[0] <= 60 < counted[1]


def test_truncation_that_cannot_be_in_force_is_not_echoed(service: Service, key: str) -> None:
    assert service.create(key, input="x", truncation="auto")["truncation"] == "disabled"


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"message":"canary","code":"context_length_exceeded"}}',
        b'{"error":{"code":400,"message":"canary","type":"exceed_context_size_error"}}',
    ],
    ids=["openai", "llama.cpp"],
)
def test_a_providers_refusal_of_a_long_context_is_told_as_such(
    service: Service, key: str, upstream: Upstream, body: bytes
) -> None:
    upstream.scripts = [Script.error(400, body)]
    error = refused(service.post(key, model="agent", input="x"), 400, "context_length_exceeded")
    assert "canary" not in error["message"]
    failed = service.stream(key, input="x")[-1]["response"]
    assert failed["error"]["code"] == "context_length_exceeded"
    assert len(upstream.requests) == 2


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'{"error":"x"}', b'{"error":{"code":["x"]}}', b"{" * 100_000], ids=range(6)
)
def test_any_other_refusal_is_not(service: Service, key: str, upstream: Upstream, body: bytes) -> None:
    upstream.scripts = [Script.error(400, body)]
    refused(service.post(key, model="agent", input="x"), 500, "provider_refused_request")
