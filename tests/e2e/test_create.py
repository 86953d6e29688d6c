"""Creating responses, in one body and as a stream: what others get wrong, and what Antiphon promises."""

from __future__ import annotations

from typing import Any

import pytest

from antiphon.spec.request import CreateResponse
from tests.support.caller import refused
from tests.support.service import Service
from tests.support.upstream import CUT, Gate, Script, Upstream, answer, chunk, finish, text, tool_call, usage

TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "Tell the weather.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"$ref": "#/$defs/city"}, "opt.unit": {"type": "string"}},
        "$defs": {"city": {"type": "string", "default": None}},
        "required": ["city"],
    },
    "strict": False,
}


def said(response: dict[str, Any]) -> str:
    return "".join(part["text"] for item in response["output"] if item["type"] == "message" for part in item["content"])


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


SETTINGS: dict[str, tuple[Any, str, Any]] = {
    "temperature": (0.25, "temperature", 0.25),
    "top_p": (0.5, "top_p", 0.5),
    "presence_penalty": (0.5, "presence_penalty", 0.5),
    "frequency_penalty": (-0.5, "frequency_penalty", -0.5),
    "max_output_tokens": (64, "max_tokens", 64),
    "prompt_cache_key": ("k", "prompt_cache_key", "k"),
    "safety_identifier": ("s", "safety_identifier", "s"),
    "service_tier": ("flex", "service_tier", "flex"),
    "reasoning": ({"effort": "low", "summary": None}, "reasoning_effort", "low"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_reaches_the_model_and_is_echoed(service: Service, key: str, upstream: Upstream, name: str) -> None:
    value, provider_name, provider_value = SETTINGS[name]
    response = service.create(key, input="Hi", **{name: value})
    assert response[name] == value
    sent = upstream.requests[0].body
    if provider_name == "max_tokens" and "max_completion_tokens" in sent:
        provider_name = "max_completion_tokens"
    assert sent[provider_name] == provider_value


@pytest.mark.parametrize("name", SETTINGS)
def test_the_agents_own_setting_holds_where_the_request_says_nothing(
    service: Service, key: str, upstream: Upstream, name: str
) -> None:
    value, _, provider_value = SETTINGS[name]
    service.agent("agent", parameters={name: value})
    response = service.create(key, input="Hi", **{name: None})
    assert response[name] == value
    assert provider_value in upstream.requests[0].body.values()


def test_a_setting_that_nobody_set_is_not_sent(service: Service, key: str, upstream: Upstream) -> None:
    response = service.create(key, input="Hi")
    assert response["temperature"] == 1.0
    assert set(upstream.requests[0].body) <= {"model", "messages", "stream", "stream_options"}


def test_null_means_absent_for_every_optional_field(service: Service, key: str) -> None:
    names = [name for name, field in CreateResponse.model_fields.items() if not field.is_required()]
    names = [name for name in names if name not in {"input", "stream"}]
    plain = service.create(key, input="Hi")
    nulls = service.create(key, input="Hi", **dict.fromkeys(names))
    same = {name: value for name, value in nulls.items() if name not in {"id", "created_at", "completed_at", "output"}}
    assert same.items() <= plain.items()


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


def test_a_stateless_replay_of_the_output_as_input_works(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [
        Script.stream(text("Let me see. "), tool_call(0, "call_a", "get_weather", "{}"), finish("tool_calls")),
        answer("Sunny"),
    ]
    question = {"role": "user", "content": "Weather?"}
    first = service.create(key, input=[question], tools=[TOOL], store=False)
    output = {"type": "function_call_output", "call_id": "call_a", "output": "sunny"}
    second = service.create(key, input=[question, *first["output"], output], tools=[TOOL], store=False)
    assert said(second) == "Sunny"
    assert [m["role"] for m in upstream.requests[1].body["messages"]] == ["user", "assistant", "tool"]


@pytest.mark.parametrize(
    ("items", "param"),
    [
        ([{"type": "function_call_output", "call_id": "nobody", "output": "x"}], "input[0].call_id"),
        (
            [
                {"type": "function_call_output", "call_id": "call_a", "output": "x"},
                {"type": "function_call_output", "call_id": "call_a", "output": "y"},
            ],
            "input[1].call_id",
        ),
        ([{"role": "user", "content": "never mind"}], "input"),
    ],
    ids=["unknown", "duplicate", "missing"],
)
def test_outputs_that_do_not_pair_with_the_open_calls_are_refused(
    service: Service, key: str, upstream: Upstream, items: list[dict[str, Any]], param: str
) -> None:
    upstream.scripts = [Script.stream(tool_call(0, "call_a", "get_weather", "{}"), finish("tool_calls"))]
    first = service.create(key, input="Weather?", tools=[TOOL])
    answer = service.post(key, model="agent", input=items, previous_response_id=first["id"])
    refused(answer, 400, "tool_output_mismatch", param)
    assert len(upstream.requests) == 1


CALL = {"type": "function_call", "call_id": "call_a", "name": "get_weather", "arguments": '{ "city": "Rome" }'}
SUNNY = {"type": "function_call_output", "call_id": "call_a", "output": "sunny"}
SUNNY_PARTS = {**SUNNY, "output": [{"type": "input_text", "text": "sunny"}]}


@pytest.mark.parametrize(
    "items",
    [[CALL, SUNNY], [SUNNY, SUNNY_PARTS]],
    ids=["the call beside its output", "an output twice"],
)
def test_a_continuation_may_repeat_a_call_or_an_output(
    service: Service, key: str, upstream: Upstream, items: list[dict[str, Any]]
) -> None:
    """https://github.com/livekit/agents/issues/5136, https://github.com/MacPaw/OpenAI/issues/432."""
    upstream.scripts = [
        Script.stream(tool_call(0, "call_a", "get_weather", '{"city":"Rome"}'), finish("tool_calls")),
        answer("Sunny"),
    ]
    first = service.create(key, input="Weather?", tools=[TOOL])
    second = service.create(key, input=items, previous_response_id=first["id"])
    service.create(key, input="Thanks", previous_response_id=second["id"])
    for request in upstream.requests[1:]:
        assert [message["role"] for message in request.body["messages"]][:3] == ["user", "assistant", "tool"]
        assert [message["role"] for message in request.body["messages"]].count("tool") == 1
    listed = service.get(f"/v1/responses/{second['id']}/input_items?order=asc", key).json()["data"]
    assert [item["type"] for item in listed] == ["message", "function_call", "function_call_output"]


def test_a_continuation_may_repeat_a_pair_that_is_stored(service: Service, key: str, upstream: Upstream) -> None:
    """https://github.com/Azure/azure-sdk-for-python/issues/46092; Semantic Kernel does the same."""
    upstream.scripts = [
        Script.stream(tool_call(0, "call_a", "get_weather", '{"city":"Rome"}'), finish("tool_calls")),
        answer("Sunny"),
    ]
    first = service.create(key, input="Weather?", tools=[TOOL])
    second = service.create(key, input=[SUNNY], previous_response_id=first["id"])
    for repeated in ([CALL, SUNNY], [SUNNY]):
        more = {"role": "user", "content": "And?"}
        third = service.create(key, input=[*repeated, more], previous_response_id=second["id"])
        service.create(key, input="Thanks", previous_response_id=third["id"])
        roles = [message["role"] for message in upstream.requests[-1].body["messages"]]
        assert roles == ["user", "assistant", "tool", "assistant", "user", "assistant", "user"]


def test_a_call_that_was_cut_may_be_sent_again_whole(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [
        Script.stream(tool_call(0, "call_a", "get_weather", '{"city"'), CUT, done=False),
        answer("Sunny"),
    ]
    failed = service.stream(key, input="Weather?", tools=[TOOL])[-1]["response"]
    service.create(key, input=[CALL, SUNNY], previous_response_id=failed["id"])
    calls = [message["tool_calls"] for message in upstream.requests[1].body["messages"] if "tool_calls" in message]
    assert [call["function"]["arguments"] for (call,) in calls] == [CALL["arguments"]]


def test_a_call_of_a_function_that_a_model_invented_can_be_sent_back(
    service: Service, key: str, upstream: Upstream
) -> None:
    """The client answers that there is no such function; the provider takes plain names only."""
    call = {**CALL, "name": "functions.get weather" + "!" * 60}
    first = service.create(key, input=[{"role": "user", "content": "Weather?"}, call, SUNNY])
    (sent,) = upstream.requests[0].body["messages"][1]["tool_calls"]
    assert sent["function"]["name"] == "functions_get_weather" + "_" * 43
    listed = service.get(f"/v1/responses/{first['id']}/input_items?order=asc", key).json()["data"]
    assert listed[1]["name"] == call["name"]


def test_a_long_call_id_can_be_sent_back(service: Service, key: str, upstream: Upstream) -> None:
    """Some providers sign their calls in the id: https://github.com/BerriAI/litellm/issues/41534."""
    signed = "call_" + "s" * 5000
    call, output = ({**item, "call_id": signed} for item in (CALL, SUNNY))
    reply = service.create(key, input=[{"role": "user", "content": "Weather?"}, call, output])
    assert reply["status"] == "completed"


def test_the_same_call_may_be_made_twice(service: Service, key: str, upstream: Upstream) -> None:
    """Some models count their calls anew in every turn: ``call_0`` is another call then."""
    user = {"role": "user", "content": "Weather?"}
    service.create(key, input=[user, CALL, SUNNY, {"role": "assistant", "content": "Sunny"}, user, CALL, SUNNY])
    roles = [message["role"] for message in upstream.requests[0].body["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant", "user", "assistant", "tool"]


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


def test_a_call_outside_the_allowed_tools_is_suppressed(service: Service, key: str, upstream: Upstream) -> None:
    other = {**TOOL, "name": "other"}
    upstream.scripts = [
        Script.stream(text("Hm. "), tool_call(0, "call_x", "other", "{}"), finish("tool_calls")),
    ]
    choice = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "get_weather"}]}
    response = service.create(key, input="Hi", tools=[TOOL, other], tool_choice=choice)
    assert [item["type"] for item in response["output"]] == ["message"]
    assert response["tool_choice"] == choice
    assert [tool["function"]["name"] for tool in upstream.requests[0].body["tools"]] == ["get_weather"]


@pytest.mark.parametrize("mode", ["json", "stream"])
def test_a_call_of_a_name_that_nobody_offered_reaches_the_client(
    service: Service, key: str, upstream: Upstream, mode: str
) -> None:
    """sglang#40817: the client can mend it."""
    upstream.scripts = [Script.stream(tool_call(0, "call_x", "get_wether", "{}"), finish("tool_calls"))]
    response = answered(service, key, mode, input="Hi", tools=[TOOL])
    assert [(item["name"], item["status"]) for item in response["output"]] == [("get_wether", "completed")]


@pytest.mark.parametrize("choice", ["none", {"type": "function", "name": "get_weather"}])
def test_a_call_that_the_tool_choice_forbids_is_suppressed(
    service: Service, key: str, upstream: Upstream, choice: Any
) -> None:
    upstream.scripts = [Script.stream(text("Hm."), tool_call(0, "call_x", "other", "{}"), finish("tool_calls"))]
    response = service.create(key, input="Hi", tools=[TOOL, {**TOOL, "name": "other"}], tool_choice=choice)
    assert [item["type"] for item in response["output"]] == ["message"]


@pytest.mark.parametrize("mode", ["json", "stream"])
def test_a_call_that_is_cut_in_its_arguments_is_incomplete_whatever_the_reason_to_stop(
    service: Service, key: str, upstream: Upstream, mode: str
) -> None:
    """vllm#53269."""
    upstream.scripts = [Script.stream(tool_call(0, "call_x", "get_weather", '{"city": "Par'), finish("tool_calls"))]
    response = answered(service, key, mode, input="Hi", tools=[TOOL])
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert [item["status"] for item in response["output"]] == ["incomplete"]


def answered(service: Service, key: str, mode: str, **request: Any) -> dict[str, Any]:
    """Ask, and return the response: the body, or what the terminal event has."""
    if mode == "json":
        return service.create(key, **request)
    response: dict[str, Any] = service.stream(key, **request)[-1]["response"]
    return response


@pytest.mark.parametrize("mode", ["json", "stream"])
def test_max_tool_calls_is_a_hard_stop_in_both_modes(service: Service, key: str, upstream: Upstream, mode: str) -> None:
    upstream.scripts = [
        Script.stream(
            tool_call(0, "call_a", "get_weather", "{}"),
            tool_call(1, "call_b", "get_weather", "{}"),
            finish("tool_calls"),
        )
    ]
    fields = {"input": "Hi", "tools": [TOOL], "max_tool_calls": 1}
    response = service.create(key, **fields) if mode == "json" else service.stream(key, **fields)[-1]["response"]
    assert [item["call_id"] for item in response["output"]] == ["call_a"]
    assert response["incomplete_details"] == {"reason": "max_tool_calls"}


def test_one_call_at_a_time_where_parallel_calls_are_off(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [
        Script.stream(
            tool_call(0, "call_a", "get_weather", "{}"),
            tool_call(1, "call_b", "get_weather", "{}"),
            finish("tool_calls"),
        )
    ]
    response = service.create(key, input="Hi", tools=[TOOL], parallel_tool_calls=False)
    assert [item["call_id"] for item in response["output"]] == ["call_a"]
    assert upstream.requests[0].body["parallel_tool_calls"] is False


def test_a_name_that_the_agents_own_tool_bears_is_refused(service: Service, key: str) -> None:
    service.agent("agent", tools=(TOOL,))
    refused(service.post(key, model="agent", input="Hi", tools=[TOOL]), 400, "invalid_value", "tools[0].name")


def test_the_agents_own_tools_are_offered_and_echoed(service: Service, key: str, upstream: Upstream) -> None:
    service.agent("agent", tools=(TOOL,))
    response = service.create(key, input="Hi", tools=[{**TOOL, "name": "mine"}])
    assert [tool["name"] for tool in response["tools"]] == ["get_weather", "mine"]
    assert [tool["function"]["name"] for tool in upstream.requests[0].body["tools"]] == ["get_weather", "mine"]


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
