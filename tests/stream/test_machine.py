"""The stream machine: any output of a model, in any pieces, becomes one well-formed stream."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.ids import parse_item_id
from antiphon.spec.arguments import is_cut
from antiphon.stream.grammar import Checker
from antiphon.stream.machine import IllegalOrder, ResponseStream
from antiphon.stream.replay import replay
from tests.support.client_calls import SAID, TOOLS, deltas_of
from tests.support.recording import RESPONSE_ID, USAGE, play, record, resource, sse
from tests.support.streams import assert_stream, fold


def types(events):
    return [event["type"].removeprefix("response.") for event in events]


def of(events, kind):
    return [event for event in events if event["type"] == f"response.{kind}"]


def items(events):
    return events[-1]["response"]["output"]


def test_the_smallest_answer_has_the_whole_grammar():
    assert types(record([("text", "Hi")])) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]


def test_an_answer_of_nothing_still_has_a_message():
    events = record([])
    assert items(events)[0]["content"] == [{"type": "output_text", "text": "", "annotations": [], "logprobs": []}]
    assert_stream(sse(events))


@given(st.lists(SAID, max_size=6), st.sampled_from(["completed", "incomplete", "failed", "cancelled"]))
def test_calls_of_any_type_in_any_order_keep_the_grammar_and_are_replayed_as_they_were(said, ending):
    deltas = deltas_of(said)
    events = record(deltas, ending, tools=TOOLS)
    checker = Checker()
    for event in events:
        checker.feed(event)
    checker.finish()
    json.dumps(events, ensure_ascii=False).encode()
    response = events[-1]["response"]
    assert fold(events) == response
    added = [event["item"]["type"] for event in of(events, "output_item.added")]
    assert [item["type"] for item in items(events)] == added
    assert replay(response)[-1]["response"] == response
    assert record(deltas, ending, tools=TOOLS) == events


def test_a_custom_tools_input_of_halves_of_characters_is_whole():
    pieces = ['{"input": "a\\ud8', "3d\\ude00", '\\ud800b"}']
    events = record([("call", 0, "c", "edit"), *(("arguments", 0, piece) for piece in pieces)], tools=TOOLS)
    assert items(events)[0]["input"] == "a\N{GRINNING FACE}\N{REPLACEMENT CHARACTER}b"


def test_a_cut_input_of_a_custom_tool_is_incomplete():
    events = record([("call", 0, "c", "edit"), ("arguments", 0, '{"input": "half of')], "incomplete", tools=TOOLS)
    assert [(item["input"], item["status"]) for item in items(events)] == [("half of", "incomplete")]


def test_text_and_refusal_are_parts_of_one_message():
    events = record([("text", "I "), ("refusal", "cannot"), ("text", "sorry")])
    assert [part["type"] for part in items(events)[0]["content"]] == ["output_text", "refusal", "output_text"]
    assert len(items(events)) == 1


def test_messages_that_a_model_tells_apart_are_items_of_their_own_with_their_phases():
    looks = [("message", "commentary"), ("text", "Let me look.")]
    events = record([*looks, ("message",), ("refusal", "No."), ("message", "final_answer"), ("text", "42")])
    assert_stream(sse(events))
    assert [(item["content"][0].get("text"), item.get("phase")) for item in items(events)] == [
        ("Let me look.", "commentary"),
        (None, None),
        ("42", "final_answer"),
    ]
    assert "phase" not in items(events)[1]
    assert [event["item"].get("phase") for event in of(events, "output_item.added")] == [
        "commentary",
        None,
        "final_answer",
    ]


def test_a_message_that_says_nothing_is_none_and_leaves_its_phase_to_no_other():
    events = record([("message", "commentary"), ("message", "final_answer"), ("call", 0, "c", "f"), ("text", "42")])
    assert [(item["type"], item.get("phase")) for item in items(events)] == [("function_call", None), ("message", None)]


def test_reasoning_and_text_are_items_of_their_own():
    events = record([("reasoning", "hm"), ("text", "42"), ("reasoning", "done")])
    assert [item["type"] for item in items(events)] == ["reasoning", "message", "reasoning"]
    assert items(events)[0]["summary"] == [{"type": "summary_text", "text": "hm"}]


def test_a_call_streams_its_arguments():
    events = record([("call", 0, "call_a", "look"), ("arguments", 0, '{"q":'), ("arguments", 0, "1}")])
    assert [event["delta"] for event in of(events, "function_call_arguments.delta")] == ['{"q":', "1}"]
    assert items(events) == [
        {
            "type": "function_call",
            "id": items(events)[0]["id"],
            "call_id": "call_a",
            "name": "look",
            "arguments": '{"q":1}',
            "status": "completed",
        }
    ]


def test_calls_made_at_once_leave_one_after_the_other():
    events = record(
        [
            ("call", 0, "call_a", "look"),
            ("call", 1, "call_b", "look"),
            ("arguments", 1, '{"b":'),
            ("arguments", 0, '{"a":1}'),
            ("arguments", 1, "2}"),
        ]
    )
    assert_stream(sse(events))
    assert [(item["call_id"], item["arguments"]) for item in items(events)] == [
        ("call_a", '{"a":1}'),
        ("call_b", '{"b":2}'),
    ]


def test_a_call_after_a_complete_one_streams_at_once():
    play_first = [("call", 0, "call_a", "look"), ("arguments", 0, "{}"), ("call", 1, "call_b", "look")]
    open_events: list[dict] = []
    play(open_events.append, [*play_first, ("arguments", 1, '{"b":')], ending=None)
    assert open_events[-1]["delta"] == '{"b":'
    assert open_events[-1]["output_index"] == 1


def test_a_cut_response_ends_with_the_incomplete_item():
    events = record([("text", "Hel")], "incomplete")
    assert items(events)[0]["status"] == "incomplete"
    assert events[-1]["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    assert_stream(sse(events))


def test_a_cut_response_keeps_no_call_that_never_streamed():
    deltas = [("call", 0, "call_a", "look"), ("call", 1, "call_b", "look"), ("arguments", 1, "{}")]
    events = record(deltas, "incomplete")
    assert [(item["call_id"], item["status"]) for item in items(events)] == [("call_a", "incomplete")]
    assert_stream(sse(events))


def test_calls_that_are_whole_leave_before_the_one_that_a_response_is_cut_in():
    deltas = [("call", 0, "call_a", "look"), ("call", 1, "call_b", "look"), ("arguments", 1, '{"b')]
    events = record([*deltas, ("arguments", 0, "{}")], "incomplete")
    told = [(item["call_id"], item["arguments"], item["status"]) for item in items(events)]
    assert told == [("call_a", "{}", "completed"), ("call_b", '{"b', "incomplete")]
    assert_stream(sse(events))


def test_a_call_without_arguments_has_an_empty_object_in_deltas_and_done_alike():
    """openai-python#3502."""
    events = record([("call", 0, "call_a", "look"), ("call", 1, "call_b", "look"), ("arguments", 1, " ")])
    assert_stream(sse(events))
    assert [event["delta"] for event in of(events, "function_call_arguments.delta")] == ["{}", " ", "{}"]
    assert [json.loads(item["arguments"]) for item in items(events)] == [{}, {}]


def test_what_is_said_within_a_call_waits_until_its_arguments_are_there():
    within = [("text", "\n"), ("text", "Look"), ("text", "ing."), ("reasoning", "Hm.")]
    events = record([("call", 0, "call_a", "look"), ("arguments", 0, '{"a":'), *within, ("arguments", 0, "1}")])
    assert_stream(sse(events))
    call, message, reasoning = items(events)
    assert (call["arguments"], call["status"]) == ('{"a":1}', "completed")
    assert message["content"][0]["text"] == "Looking."
    assert reasoning["summary"][0]["text"] == "Hm."


def test_white_space_within_a_call_or_after_its_arguments_makes_no_message_and_no_failure():
    within = [("arguments", 0, '{"a":'), ("text", "\n\n"), ("arguments", 0, "1}")]
    events = record([("call", 0, "call_a", "look"), *within, ("call", 1, "call_b", "look"), ("arguments", 0, "\n")])
    assert_stream(sse(events))
    assert [item["type"] for item in items(events)] == ["function_call", "function_call"]


@pytest.mark.parametrize("kind", ["text", "refusal", "reasoning", "arguments"])
def test_halves_of_a_surrogate_pair_in_two_deltas_become_their_character(kind):
    first = [("call", 0, "call_a", "look")] if kind == "arguments" else []
    slot = (0,) if first else ()
    pieces = ['"a\ud83d', "\ude00b", 'c"'] if first else ["a\ud83d", "\ude00b", "c"]
    events = record([*first, *((kind, *slot, piece) for piece in pieces)])
    assert_stream(sse(events))
    assert "a\N{GRINNING FACE}bc" in json.dumps(items(events), ensure_ascii=False)


def test_half_of_a_surrogate_pair_without_the_other_is_replaced_at_the_end():
    assert items(record([("text", "a\ud83d")]))[0]["content"][0]["text"] == "a\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    "arguments",
    ['{"a', '{"a":', '{"a":1', '{"a":"b', '{"a":tr', '{"a":-', '{"a":1.', '{"a":"\\', '{"a":"\\u00', '{"a":[1,', "{"],
)
def test_arguments_that_stop_before_their_end_are_cut(arguments):
    assert is_cut(arguments)


@pytest.mark.parametrize(
    "arguments", ["", " ", "{}", '{"a":"line\nline"}', "{'a': 1}", '{"a":1}}', "look at it", '{"a" 1}']
)
def test_arguments_that_are_there_or_are_no_json_at_all_are_not_cut(arguments):
    assert not is_cut(arguments)


def test_a_failure_is_one_error_in_both_shapes_and_then_failed():
    events = record([("text", "Hel")], "failed")
    assert types(events)[-2:] == ["error", "failed"]
    shape = {"code": "model_error", "message": "The model failed.", "param": None}
    assert events[-2] == {
        "type": "error",
        "sequence_number": len(events) - 2,
        **shape,
        "error": {"type": "model_error", **shape},
    }
    assert events[-1]["response"]["error"] == {"code": "model_error", "message": "The model failed."}
    assert_stream(sse(events))


def test_a_failure_of_an_unknown_code_is_a_server_error():
    events: list[dict] = []
    stream = ResponseStream(resource(), events.append)
    stream.open()
    stream.end(stream.ending("failed", at=1, error={"code": "odd", "message": "Odd."}))
    assert events[-2]["error"]["type"] == "server_error"


def test_only_a_completed_response_says_when_it_was_completed():
    ended = {
        status: record([("text", "x")], status)[-1]["response"] for status in ("completed", "incomplete", "failed")
    }
    assert {status: response["completed_at"] for status, response in ended.items()} == {
        "completed": 1_700_000_001,
        "incomplete": None,
        "failed": None,
    }
    assert ended["completed"]["usage"] == USAGE


def test_the_ending_is_not_sent_before_its_time():
    events: list[dict] = []
    stream = ResponseStream(resource(), events.append)
    stream.open()
    stream.text("Hi")
    ending = stream.ending("completed", at=1, usage=USAGE)
    assert events[-1]["type"] == "response.output_item.done"
    stream.end(ending)
    assert events[-1] is ending


def test_the_resource_is_not_changed():
    begun = resource()
    stream = ResponseStream(begun, lambda _: None)
    stream.open()
    stream.text("Hi")
    stream.end(stream.ending("completed", at=1, usage=USAGE))
    assert begun == resource()


def test_log_probabilities_are_in_the_delta_the_text_and_the_part():
    probability = {"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []}
    events = record([("text", "Hi", [probability]), ("text", "!", [probability])])
    assert of(events, "output_text.delta")[0]["logprobs"] == [probability]
    assert of(events, "output_text.done")[0]["logprobs"] == [probability, probability]
    assert items(events)[0]["content"][0]["logprobs"] == [probability, probability]
    assert_stream(sse(events))


def test_ids_derive_from_the_response_and_the_index():
    ids = [item["id"] for item in items(record([("reasoning", "hm"), ("text", "x"), ("call", 0, "call_a", "look")]))]
    assert [parse_item_id(text) for text in ids] == [
        (RESPONSE_ID, "o", 0),
        (RESPONSE_ID, "o", 1),
        (RESPONSE_ID, "o", 2),
    ]


@pytest.mark.parametrize(
    "break_it",
    [
        lambda stream: stream.open(),
        lambda stream: stream.arguments(0, "{}"),
        lambda stream: (stream.call(0, "call_a", "look"), stream.call(0, "call_b", "look")),
        lambda stream: (
            stream.call(0, "call_a", "look"),
            stream.arguments(0, "{}"),
            stream.text("x"),
            stream.arguments(0, "{}"),
        ),
        lambda stream: (stream.text("x"), stream.end({"type": "response.completed", "response": {}})),
    ],
    ids=["open twice", "no such call", "two calls in a slot", "a call that is done", "an open item at the end"],
)
def test_a_call_that_does_not_fit_the_state_is_refused(break_it):
    stream = ResponseStream(resource(), lambda _: None)
    stream.open()
    with pytest.raises(IllegalOrder):
        break_it(stream)


@pytest.mark.parametrize(
    "use",
    [
        lambda stream: stream.text("x"),
        lambda stream: stream.refusal("x"),
        lambda stream: stream.reasoning("x"),
        lambda stream: stream.call(0, "call_a", "look"),
        lambda stream: stream.ending("completed", at=1),
        lambda stream: stream.end({"type": "response.completed", "response": {"status": "completed"}}),
    ],
)
def test_nothing_comes_before_the_opening_or_after_the_end(use):
    events: list[dict] = []
    stream = ResponseStream(resource(), events.append)
    with pytest.raises(IllegalOrder):
        use(stream)
    assert events == []
    stream.open()
    stream.end(stream.ending("completed", at=1, usage=USAGE))
    sent = len(events)
    with pytest.raises(IllegalOrder):
        use(stream)
    assert len(events) == sent


def test_half_of_a_surrogate_pair_is_replaced_by_the_replacement_character():
    deltas = [("text", "a\ud83d"), ("reasoning", "\udc00b"), ("refusal", "\ud800"), ("call", 0, "call_a", "look")]
    events = record([*deltas, ("arguments", 0, '"\udfff"')])
    assert_stream(sse(events))
    assert items(events)[0]["content"][0]["text"] == "a\N{REPLACEMENT CHARACTER}"


def test_a_surrogate_pair_in_one_delta_becomes_its_character():
    assert items(record([("text", "\ud83d\ude00")]))[0]["content"][0]["text"] == "\N{GRINNING FACE}"


def test_without_obfuscation_no_event_is_padded():
    deltas = [("text", "Hi"), ("reasoning", "hm"), ("call", 0, "call_a", "look"), ("arguments", 0, "{}")]
    assert not any("obfuscation" in event for event in record(deltas, obfuscate=False))
