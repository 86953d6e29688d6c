"""Creating responses, in one body and as a stream: what others get wrong, and what Antiphon promises."""

from __future__ import annotations

import pytest

from tests.support.caller import refused
from tests.support.service import Service
from tests.support.upstream import CUT, Gate, Script, Upstream, answer, chunk, finish, text, tool_call, usage
from tests.support.weather import TOOL, said


def test_json_stream_and_stored_response_say_the_same(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [answer("One two three")]
    whole = service.create(key, input="Hi")
    events = service.stream(key, input="Hi")
    streamed = events[-1]["response"]
    assert said(whole) == said(streamed) == "One two three"
    assert service.retrieve(key, whole["id"]) == whole
    assert service.retrieve(key, streamed["id"]) == streamed
    assert whole["usage"] == streamed["usage"]
    assert whole["usage"]["total_tokens"] == 6


def test_a_compressing_client_gets_each_delta_live(service: Service, key: str, upstream: Upstream) -> None:
    gate = Gate()
    upstream.scripts = [Script.stream(text("first "), gate, text("second"), finish())]
    with service.streaming(key, {"accept-encoding": "gzip, br"}, input="Hi") as stream:
        lines = stream.iter_lines()
        assert any('"delta":"first "' in line for line in lines)
        assert gate.reached.wait(10)
        gate.open()
        assert any('"delta":"second"' in line for line in lines)
        assert stream.headers["content-encoding"] == "identity"
        assert "gzip" not in stream.headers.get("vary", "")


def test_items_without_a_type_are_messages(service: Service, key: str, upstream: Upstream) -> None:
    service.create(key, input=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}])
    assert upstream.requests[0].body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
    ]


def test_the_id_returned_is_the_id_that_get_and_continue_take(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [answer("Hello Ada"), answer("You are Ada")]
    events = service.stream(key, input="I am Ada")
    ids = {event["response"]["id"] for event in events if "response" in event}
    assert len(ids) == 1
    (first,) = ids
    assert service.retrieve(key, first)["id"] == first
    second = service.create(key, input="Who am I?", previous_response_id=first)
    assert second["previous_response_id"] == first
    assert upstream.requests[1].body["messages"] == [
        {"role": "user", "content": "I am Ada"},
        {"role": "assistant", "content": "Hello Ada"},
        {"role": "user", "content": "Who am I?"},
    ]


def test_a_conversation_branches_anywhere(service: Service, key: str, upstream: Upstream) -> None:
    first = service.create(key, input="root")
    left = service.create(key, input="left", previous_response_id=first["id"])
    right = service.create(key, input="right", previous_response_id=first["id"])
    service.create(key, input="left leaf", previous_response_id=left["id"])
    service.create(key, input="right leaf", previous_response_id=right["id"])
    asked = [
        [message["content"] for message in request.body["messages"] if message["role"] == "user"]
        for request in upstream.requests
    ]
    assert asked[3:] == [["root", "left", "left leaf"], ["root", "right", "right leaf"]]
    assert len({first["id"], left["id"], right["id"]}) == 3


def test_instructions_of_an_earlier_turn_do_not_carry_over(service: Service, key: str, upstream: Upstream) -> None:
    service.agent("agent", instructions="You are ours.")
    first = service.create(key, input="Hi", instructions="Rhyme.")
    second = service.create(key, input="Hi", previous_response_id=first["id"])
    assert first["instructions"] == "You are ours.\n\nRhyme."
    assert second["instructions"] == "You are ours."
    systems = [request.body["messages"][0]["content"] for request in upstream.requests]
    assert systems == ["You are ours.\n\nRhyme.", "You are ours."]


def test_an_agent_can_keep_its_instructions_to_itself(service: Service, key: str, upstream: Upstream) -> None:
    service.agent("agent", instructions="Secret recipe.", hide_instructions=True)
    assert service.create(key, input="Hi")["instructions"] is None
    assert service.create(key, input="Hi", instructions="Rhyme.")["instructions"] == "Rhyme."
    assert upstream.requests[1].body["messages"][0]["content"] == "Secret recipe.\n\nRhyme."


def test_store_is_true_by_default_and_false_leaves_nothing_behind(service: Service, key: str) -> None:
    kept = service.create(key, input="Hi")
    assert kept["store"] is True
    service.forget_calls()
    gone = service.create(key, input="Hi", store=False)
    assert gone["store"] is False
    assert service.responses.calls == {}
    refused(service.get(f"/v1/responses/{gone['id']}", key), 404, "response_not_found")
    answer = service.post(key, model="agent", input="Hi", previous_response_id=gone["id"])
    refused(answer, 404, "previous_response_not_found")


def test_an_unstored_turn_can_continue_a_stored_one(service: Service, key: str, upstream: Upstream) -> None:
    first = service.create(key, input="root")
    service.create(key, input="aside", previous_response_id=first["id"], store=False)
    second = service.create(key, input="on", previous_response_id=first["id"])
    service.create(key, input="further", previous_response_id=second["id"])
    assert [m["content"] for m in upstream.requests[-1].body["messages"] if m["role"] == "user"] == [
        "root",
        "on",
        "further",
    ]


def test_refs_and_dotted_keys_in_tool_schemas_survive(service: Service, key: str, upstream: Upstream) -> None:
    response = service.create(key, input="Hi", tools=[TOOL])
    assert response["tools"] == [TOOL]
    assert upstream.requests[0].body["tools"][0]["function"]["parameters"] == TOOL["parameters"]
    assert service.retrieve(key, response["id"])["tools"] == [TOOL]


@pytest.mark.parametrize("mode", ["json", "stream"])
def test_function_calls_work_over_several_turns_with_parallel_calls(
    service: Service, key: str, upstream: Upstream, mode: str
) -> None:
    upstream.scripts = [
        Script.stream(
            tool_call(0, "call_a", "get_weather", ""),
            tool_call(0, arguments='{"city":'),
            tool_call(0, arguments='"Paris"}'),
            tool_call(1, "call_b", "get_weather", '{"city":"Rome"}'),
            finish("tool_calls"),
            usage(5, 9),
        ),
        answer("Sunny in both"),
    ]
    asks = (
        (lambda **f: service.create(key, **f))
        if mode == "json"
        else (lambda **f: service.stream(key, **f)[-1]["response"])
    )
    first = asks(input="Paris and Rome?", tools=[TOOL])
    calls = [item for item in first["output"] if item["type"] == "function_call"]
    assert [(c["call_id"], c["name"], c["arguments"]) for c in calls] == [
        ("call_a", "get_weather", '{"city":"Paris"}'),
        ("call_b", "get_weather", '{"city":"Rome"}'),
    ]
    outputs = [{"type": "function_call_output", "call_id": c["call_id"], "output": "sunny"} for c in calls]
    second = asks(input=outputs, previous_response_id=first["id"], tools=[TOOL])
    assert said(second) == "Sunny in both"
    messages = upstream.requests[1].body["messages"]
    assert [m["role"] for m in messages] == ["user", "assistant", "tool", "tool"]
    assert [c["id"] for c in messages[1]["tool_calls"]] == ["call_a", "call_b"]
    third = asks(input="Thanks", previous_response_id=second["id"])
    assert third["status"] == "completed"


def test_a_failure_in_mid_stream_ends_with_error_failed_and_done(
    service: Service, key: str, upstream: Upstream
) -> None:
    upstream.scripts = [Script.stream(text("Half an "), text("ans"), CUT, done=False)]
    events = service.stream(key, input="Hi")
    assert [event["type"] for event in events[-2:]] == ["error", "response.failed"]
    failed = events[-1]["response"]
    assert failed["error"]["code"] == events[-2]["code"] == "model_error"
    assert failed["output"][0]["status"] == "incomplete"
    assert service.retrieve(key, failed["id"]) == failed


def test_a_failed_turn_never_poisons_the_chain(service: Service, key: str, upstream: Upstream) -> None:
    call = tool_call(0, "call_a", "get_weather", '{"city"')
    upstream.scripts = [Script.stream(text("Wait. "), call, CUT, done=False), answer("Fine")]
    failed = service.stream(key, input="Weather?", tools=[TOOL])[-1]["response"]
    second = service.create(key, input="Try again", previous_response_id=failed["id"])
    assert said(second) == "Fine"
    assert upstream.requests[-1].body["messages"] == [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": "Wait. "},
        {"role": "user", "content": "Try again"},
    ]


@pytest.mark.parametrize("mode", ["json", "stream"])
def test_a_stop_at_the_token_limit_is_incomplete(service: Service, key: str, upstream: Upstream, mode: str) -> None:
    upstream.scripts = [Script.stream(text("Half"), finish("length"), usage(1, 16))]
    if mode == "json":
        response = service.create(key, input="Hi", max_output_tokens=16)
    else:
        response = service.stream(key, input="Hi", max_output_tokens=16)[-1]["response"]
    assert response["status"] == "incomplete"
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert response["output"][0]["status"] == "incomplete"


def test_a_json_schema_reaches_the_model_and_its_name_is_echoed(service: Service, key: str, upstream: Upstream) -> None:
    schema = {"type": "object", "properties": {"a.b": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"type": "string"}}}
    form = {"type": "json_schema", "name": "answer", "schema": schema, "strict": True}
    response = service.create(key, input="Hi", text={"format": form})
    sent = upstream.requests[0].body["response_format"]
    assert sent == {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
    assert response["text"]["format"]["name"] == "answer"


def test_reasoning_travels_as_a_summary(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [Script.stream(chunk({"reasoning_content": "Think. "}), text("Done"), finish(), usage(1, 2))]
    response = service.stream(key, input="Hi")[-1]["response"]
    assert [item["type"] for item in response["output"]] == ["reasoning", "message"]
    assert response["output"][0]["summary"] == [{"type": "summary_text", "text": "Think. "}]


def test_an_item_reference_stands_for_the_stored_item(service: Service, key: str, upstream: Upstream) -> None:
    first = service.create(key, input="Hi")
    item = first["output"][0]["id"]
    service.create(key, input=[{"type": "item_reference", "id": item}, {"role": "user", "content": "Go on"}])
    assert [m["role"] for m in upstream.requests[1].body["messages"]] == ["assistant", "user"]


def test_padding_comes_unless_it_is_declined(service: Service, key: str) -> None:
    padded = service.stream(key, input="Hi")
    plain = service.stream(key, input="Hi", stream_options={"include_obfuscation": False})
    assert any("obfuscation" in event for event in padded)
    assert not any("obfuscation" in event for event in plain)


def test_metadata_is_kept(service: Service, key: str) -> None:
    response = service.create(key, input="Hi", metadata={"ticket": "7\0"})
    assert service.retrieve(key, response["id"])["metadata"] == {"ticket": "7\0"}


def test_a_nul_in_text_is_kept(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [answer("a\0b")]
    response = service.create(key, input="x\0y")
    assert said(service.retrieve(key, response["id"])) == "a\0b"
    assert upstream.requests[0].body["messages"][0]["content"] == "x\0y"
