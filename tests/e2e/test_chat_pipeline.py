"""Chat Completions go through the same pipeline: limits, fallbacks, retries, cancellation, tools and providers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from antiphon.ports import ReasoningDelta, StopDelta, TextDelta, ToolCallDelta, UsageDelta
from antiphon.records import Fallback, Limits, Tenant
from antiphon.settings import ProviderEndpoint
from antiphon.web.left_out import LEFT_OUT
from tests.support.caller import TENANT, refused
from tests.support.chat import calls_of, chunks_of, complete, joined, post, stream
from tests.support.protocols import PROTOCOLS
from tests.support.service import Service
from tests.support.upstream import Gate, Script, Upstream, answer, finish, text, tool_call, usage

HELLO = [{"role": "user", "content": "Hi"}]
CUSTOM = {
    "type": "custom",
    "custom": {
        "name": "edit",
        "description": "Edit a file.",
        "format": {"type": "grammar", "grammar": {"syntax": "regex", "definition": "a+"}},
    },
}
FIND = {"type": "function", "function": {"name": "find", "parameters": {"type": "object", "properties": {}}}}
EDIT = Script.stream(
    tool_call(0, "call_1", "edit", '{"inp'),
    *(tool_call(0, arguments=piece) for piece in ('ut": "aa', "a\\", 'na"', "}")),
    finish("tool_calls"),
    usage(1, 1),
)


# limits and budgets


def test_the_rate_is_the_users_whatever_the_protocol(tmp_path: Path, upstream: Upstream) -> None:
    with Service(tmp_path, upstream, cache_seconds=0) as service:
        key = service.key()
        service.put(Tenant(TENANT, Limits(requests_per_minute=2)))
        complete(service, key)
        service.create(key, input="Hi")
        refused(post(service, key, messages=HELLO), 429, "rate_limit_exceeded")
    assert len(upstream.requests) == 2


def test_the_budget_is_the_users_whatever_the_protocol(tmp_path: Path, upstream: Upstream) -> None:
    with Service(tmp_path, upstream, cache_seconds=0) as service:
        key = service.key()
        service.put(Tenant(TENANT, Limits(tokens_per_day=10)))
        for ask in (complete(service, key)["usage"], service.create(key, input="Hi")["usage"]):
            assert ask["total_tokens"] == 6
            service.settle(5)
        over = post(service, key, messages=HELLO, stream=True)
        assert (over.status_code, over.json()["error"]["code"]) == (429, "insufficient_quota")
    assert len(upstream.requests) == 2


def test_the_configurations_maximum_is_named_as_the_caller_wrote_it(tmp_path: Path, upstream: Upstream) -> None:
    with Service(tmp_path, upstream, cache_seconds=0) as service:
        key = service.key()
        service.put(Tenant(TENANT, Limits(maximums={"max_output_tokens": 50})))
        error = refused(post(service, key, messages=HELLO, max_tokens=51), 400, "out_of_range", "max_tokens")
        assert error["message"].startswith("`max_tokens` may be at most 50")


# fallbacks


@pytest.mark.parametrize("streamed", [False, True], ids=["json", "stream"])
def test_a_fallback_answers_and_the_usage_shows_who(tmp_path: Path, upstream: Upstream, streamed: bool) -> None:
    upstream.scripts = [Script.error(404)]
    with Service(tmp_path, upstream) as service:
        service.agent("agent", fallbacks=(Fallback("demo", "demo"),))
        key = service.key()
        if streamed:
            used = stream(service, key, stream_options={"include_usage": True})[-1]["usage"]
        else:
            used = complete(service, key)["usage"]
    assert used["antiphon"]["provider"] == "demo"


# requests that are sent again, and cancellation


def test_a_stream_that_is_asked_for_again_is_the_same_completion(
    service: Service, key: str, upstream: Upstream
) -> None:
    again = {"idempotency-key": "one"}
    first, second = (post(service, key, again, messages=HELLO, store=True, stream=True) for _ in range(2))
    assert second.headers["idempotent-replayed"] == "true"
    one, two = chunks_of(first.content), chunks_of(second.content)
    assert joined(one) == joined(two) == "Hello from upstream"
    assert {chunk["id"] for chunk in (*one, *two)} == {one[0]["id"]}
    assert len(upstream.requests) == 1


def test_a_stored_completion_that_is_cancelled_ends_with_an_error(
    service: Service, key: str, upstream: Upstream
) -> None:
    gate = Gate()
    upstream.scripts = [Script.stream(text("Hel"), gate, text("lo"), finish())]
    body = {"model": "agent", "messages": HELLO, "stream": True, "store": True}
    headers = {"authorization": f"Bearer {key}"}
    with service.client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as streaming:
        lines = streaming.iter_lines()
        first = json.loads(next(line for line in lines if line.startswith("data:"))[6:])
        assert any('"content":"Hel"' in line for line in lines)
        response_id = first["id"].replace("chatcmpl-", "resp_")
        service.client.post(f"/v1/responses/{response_id}/cancel", headers=headers)
        rest = [line for line in lines if line]
    assert json.loads(rest[-2][6:])["error"]["code"] == "response_cancelled"
    assert rest[-1] == "data: [DONE]"
    gate.open()


def test_a_client_that_leaves_does_not_end_a_stored_run(service: Service, key: str, upstream: Upstream) -> None:
    gate = Gate()
    upstream.scripts = [Script.stream(text("Hel"), gate, text("lo"), finish(), usage(1, 1))]
    body = {"model": "agent", "messages": HELLO, "stream": True, "store": True}
    headers = {"authorization": f"Bearer {key}"}
    with service.client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as streaming:
        first = json.loads(next(line for line in streaming.iter_lines() if line.startswith("data:"))[6:])
        assert gate.reached.wait(10)
    gate.open()
    service.settle(5)
    stored = service.retrieve(key, first["id"].replace("chatcmpl-", "resp_"))
    assert stored["output"][0]["content"][0]["text"] == "Hello"


# tools


def test_a_custom_tool_is_called_with_text_and_its_output_goes_back(
    service: Service, key: str, upstream: Upstream
) -> None:
    """OpenAI's API reference, "Create chat completion": ``tools``, ``custom``."""
    upstream.scripts = [EDIT, EDIT, answer("Done")]
    message = complete(service, key, tools=[CUSTOM])["choices"][0]["message"]
    assert message["tool_calls"] == [{"id": "call_1", "type": "custom", "custom": {"name": "edit", "input": "aaa\na"}}]
    chunks = stream(service, key, tools=[CUSTOM])
    assert calls_of(chunks) == [{**message["tool_calls"][0], "index": 0}]
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"
    output = {"role": "tool", "tool_call_id": "call_1", "content": "edited"}
    assert (
        complete(service, key, [*HELLO, message, output], tools=[CUSTOM])["choices"][0]["message"]["content"] == "Done"
    )
    assert [each["role"] for each in upstream.requests[-1].body["messages"]] == ["user", "assistant", "tool"]


@pytest.mark.parametrize(
    "choice",
    [
        {"type": "custom", "custom": {"name": "edit"}},
        {
            "type": "allowed_tools",
            "allowed_tools": {"mode": "required", "tools": [{"type": "custom", "custom": {"name": "edit"}}]},
        },
    ],
    ids=["custom", "allowed_tools"],
)
def test_a_custom_tool_can_be_chosen(service: Service, key: str, upstream: Upstream, choice: dict[str, Any]) -> None:
    complete(service, key, tools=[FIND, CUSTOM], tool_choice=choice)
    assert "edit" in json.dumps([upstream.requests[0].body["tools"], upstream.requests[0].body["tool_choice"]])


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [FIND, {"type": "custom", "custom": {"name": "a b"}}]}, "tools[1].custom.name"),
        ({"tools": [FIND, FIND]}, "tools[1].function.name"),
        (
            {"tools": [CUSTOM], "tool_choice": {"type": "custom", "custom": {"name": "other"}}},
            "tool_choice.custom.name",
        ),
        (
            {"tools": [{"type": "custom", "custom": {"name": "a", "format": {"type": "grammar", "grammar": {}}}}]},
            "tools[0].custom.format.grammar.syntax",
        ),
    ],
)
def test_what_is_wrong_with_a_tool_is_named_as_the_caller_wrote_it(
    service: Service, key: str, fields: dict[str, Any], param: str
) -> None:
    answered = post(service, key, messages=HELLO, **fields)
    assert (answered.status_code, answered.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize("fields", [{"tools": [FIND, {"type": "web_search"}]}, {"web_search_options": {}}])
def test_a_search_that_only_openai_runs_is_left_out_and_named(
    service: Service, key: str, upstream: Upstream, fields: dict[str, Any]
) -> None:
    for streamed in (False, True):
        answered = post(service, key, messages=HELLO, stream=streamed, **fields)
        assert answered.headers[LEFT_OUT] == "web_search"
    whole = complete(service, key, **fields)
    assert whole["antiphon"] == {"agent_version": 1, "tools_left_out": ["web_search"]}
    assert "web_search" not in json.dumps(upstream.requests[-1].body)


# providers


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.kind)
def test_every_provider_answers_in_the_form_of_chat_completions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: Any
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    deltas = [
        ReasoningDelta("Hm."),
        TextDelta("One STOP"),
        ToolCallDelta(0, "call_1", "find", "{}"),
        UsageDelta(5, 3),
        StopDelta("tool_calls"),
    ]
    with Upstream([protocol.script(deltas)]) as upstream:
        endpoint = ProviderEndpoint(kind=protocol.kind, base_url=upstream.base_url)
        with Service(tmp_path, upstream, providers={"other": endpoint}) as service:
            service.agent("agent", provider="other", model="m")
            key = service.key()
            whole = complete(service, key, tools=[FIND])
            chunks = stream(service, key, tools=[FIND], stream_options={"include_usage": True})
            cut = complete(service, key, tools=[FIND], stop=["STOP"])["choices"][0]
    choice = whole["choices"][0]
    assert choice["message"]["content"] == joined(chunks) == "One STOP"
    assert choice["message"]["reasoning_content"] == joined(chunks, "reasoning_content") == "Hm."
    assert choice["message"]["tool_calls"][0]["function"] == {"name": "find", "arguments": "{}"}
    assert choice["finish_reason"] == "tool_calls"
    assert whole["usage"] == chunks[-1]["usage"]
    assert (cut["message"]["content"], cut["finish_reason"]) == ("One ", "stop")


# the host


def test_a_run_that_reaches_its_deadline_ends_as_cut(tmp_path: Path, upstream: Upstream) -> None:
    upstream.scripts = [Script.stream(text("Hel"), Gate())]
    with Service(tmp_path, upstream, run_seconds=1.5, reserve_seconds=1.0) as service:
        whole = complete(service, service.key())["choices"][0]
    assert (whole["message"]["content"], whole["finish_reason"]) == ("Hel", "length")


def test_silence_is_filled_with_comments(tmp_path: Path, upstream: Upstream) -> None:
    gate = Gate()
    upstream.scripts = [Script.stream(text("Hel"), gate, text("lo"), finish())]
    with Service(tmp_path, upstream, ping_seconds=0.05) as service:
        body = {"model": "agent", "messages": HELLO, "stream": True}
        headers = {"authorization": f"Bearer {service.key()}"}
        with service.client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as streaming:
            lines = streaming.iter_lines()
            assert any(line == ": ping" for line in lines)
            gate.open()
            assert list(lines)[-2:] == ["data: [DONE]", ""]


def test_a_checked_stream_is_the_same(tmp_path: Path, upstream: Upstream) -> None:
    with Service(tmp_path, upstream, check_streams=True) as service:
        assert joined(stream(service, service.key())) == "Hello from upstream"
