"""The grammar: a good stream has no violation, and each rule, broken once, is exactly one violation of that rule."""

from __future__ import annotations

import json
from functools import partial

import pytest

from antiphon.stream.grammar import (
    RULES,
    Checker,
    Violation,
    check_frames,
    check_headers,
    parse_sse,
)
from tests.support.recording import record, sse

DELTAS = [
    ("reasoning", "hm"),
    ("reasoning", "m"),
    ("text", "Hel"),
    ("text", "lo"),
    ("refusal", "no"),
    ("call", 0, "call_a", "look"),
    ("arguments", 0, '{"a":'),
    ("arguments", 0, "1}"),
]
CITATIONS = [{"type": "url_citation", "start_index": n, "end_index": 5, "url": "u", "title": "t"} for n in range(2)]
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
    "Content-Encoding": "identity",
}


def spread(ending="completed"):
    """The events of a stream, no part of one shared with another."""
    return json.loads(json.dumps(record(DELTAS, ending)))


def whole(ending="completed"):
    """A stream with every kind of item, part and delta, annotations and a vendor's event included."""
    events = spread(ending)
    done = find(events, "output_text.done")
    where = {key: done[key] for key in ("item_id", "output_index", "content_index")}
    added = [
        {"type": "response.output_text.annotation.added", **where, "annotation_index": n, "annotation": citation}
        for n, citation in enumerate(CITATIONS)
    ]
    events[events.index(done) : events.index(done)] = [*added, {"type": "acme:note", "text": "between"}]
    find(events, "content_part.done")["part"]["annotations"] = CITATIONS
    for item in held(events, 1):
        item["content"][0]["annotations"] = CITATIONS
    return renumber(events)


def raw_reasoning():
    """A stream whose reasoning is a summary and then raw content."""
    events = spread()
    where = {"item_id": find(events, "output_item.added")["item"]["id"], "output_index": 0, "content_index": 0}
    part = {"type": "reasoning_text", "text": "raw"}
    at = events.index(find(events, "output_item.done"))
    events[at:at] = [
        {"type": "response.content_part.added", **where, "part": {**part, "text": ""}},
        {"type": "response.reasoning.delta", **where, "delta": "raw"},
        {"type": "response.reasoning.done", **where, "text": "raw"},
        {"type": "response.content_part.done", **where, "part": part},
    ]
    for item in held(events, 0):
        item["content"] = [part]
    return renumber(events)


def queued():
    """A stream of a response that waited first."""
    events = spread()
    waiting = {**events[0]["response"], "status": "queued"}
    events[:1] = [{"type": f"response.{name}", "response": waiting} for name in ("created", "queued")]
    return renumber(events)


def tool_output():
    """A stream with the output of a function that ran on the server."""
    events = spread()
    item = {"type": "function_call_output", "id": "fco_1", "call_id": "call_a", "output": "4", "status": "in_progress"}
    done = {**item, "status": "completed"}
    events[-1:-1] = [
        {"type": "response.output_item.added", "output_index": 3, "item": item},
        {"type": "response.output_item.done", "output_index": 3, "item": done},
    ]
    events[-1]["response"]["output"].append(done)
    return renumber(events)


def renumber(events):
    for number, event in enumerate(events):
        event["sequence_number"] = number
    return events


def of(events, kind):
    return [event for event in events if event["type"] in (kind, f"response.{kind}")]


def find(events, kind, number=0):
    return of(events, kind)[number]


def held(events, index):
    """The two places where a done item is said."""
    return [find(events, "output_item.done", index)["item"], events[-1]["response"]["output"][index]]


def found_in(events):
    found: list[Violation] = []
    checker = Checker(found.append)
    for event in events:
        checker.feed(event)
    checker.finish()
    return [violation.rule for violation in found]


@pytest.mark.parametrize(
    "events",
    [whole(), whole("incomplete"), whole("failed"), raw_reasoning(), queued(), tool_output()],
    ids=["completed", "incomplete", "failed", "raw reasoning", "queued", "tool output"],
)
def test_a_good_stream_has_no_violation(events):
    assert found_in(events) == []


# The ways to break a stream. Each returns the events of a whole one with one thing wrong.


def edit(kind, number=0, *, ending="completed", inside=None, **fields):
    """Change fields of an event, or of the object ``inside`` it; None takes a field away."""
    events = whole(ending)
    event = find(events, kind, number)
    event = event[inside] if inside else event
    event.update(fields)
    for name in [name for name, value in fields.items() if value is None]:
        del event[name]
    return events


def without(kind, number=0, *, ending="completed"):
    """Leave an event out."""
    events = whole(ending)
    events.remove(find(events, kind, number))
    return renumber(events)


def insert(event, before, number=0, *, ending="completed"):
    """Put an event, or a second one of the kind that is named, before another."""
    events = whole(ending)
    added = dict(find(events, event)) if isinstance(event, str) else event
    events.insert(events.index(find(events, before, number)), added)
    return renumber(events)


def append(event):
    return renumber([*whole(), event])


def item(index, *, ending="completed", **fields):
    """Change an item alike in both events that have it."""
    events = whole(ending)
    for place in held(events, index):
        place.update(fields)
    return events


def two_items_of_one_id():
    first, second = (event["item"]["id"] for event in of(whole(), "output_item.added")[:2])
    return json.loads(json.dumps(whole()).replace(second, first))


def a_summary_after_the_content():
    events = raw_reasoning()
    first = events.index(find(events, "reasoning_summary_part.added"))
    second = events.index(find(events, "content_part.added"))
    end = events.index(find(events, "output_item.done"))
    return renumber([*events[:first], *events[second:end], *events[first:second], *events[end:]])


def a_summary_in_a_message():
    events = whole()
    where = {"item_id": find(events, "output_item.added", 1)["item"]["id"], "output_index": 1, "summary_index": 0}
    part = {"type": "summary_text", "text": ""}
    at = events.index(find(events, "output_item.done", 1))
    events[at:at] = [
        {"type": "response.reasoning_summary_part.added", **where, "part": part},
        {"type": "response.reasoning_summary_text.done", **where, "text": ""},
        {"type": "response.reasoning_summary_part.done", **where, "part": part},
    ]
    for place in held(events, 1):
        place["summary"] = [part]
    return renumber(events)


def a_part_unlike_its_text():
    events = edit("content_part.done", inside="part", text="Hullo")
    for place in held(events, 1):
        place["content"][0]["text"] = "Hullo"
    return events


def a_lost_annotation():
    events = whole()
    find(events, "content_part.done")["part"]["annotations"] = CITATIONS[:1]
    for place in held(events, 1):
        place["content"][0]["annotations"] = CITATIONS[:1]
    return events


def a_message_unlike_its_parts():
    return item(1, content=whole()[-1]["response"]["output"][1]["content"][:1])


def an_output_without_its_last_item():
    events = whole()
    events[-1]["response"]["output"].pop()
    return events


def an_output_of_another_item():
    events = whole()
    events[-1]["response"]["output"][0]["summary"] = []
    return events


def a_delta_after_an_annotation():
    return insert({**find(whole(), "output_text.delta"), "delta": ""}, "output_text.done")


def arguments_of_a_message():
    delta = {**find(whole(), "function_call_arguments.delta"), **find(whole(), "output_text.done")}
    return insert({**delta, "type": "response.function_call_arguments.delta"}, "output_text.done")


def a_number_twice():
    events = whole()
    at = events.index(find(events, "acme:note"))
    return [*events[: at + 1], *events[at:]]


BROKEN = {
    "a gap": ("sequence", lambda: [e for e in whole() if e["type"] != "acme:note"]),
    "a number twice": ("sequence", a_number_twice),
    "a number that is text": ("sequence", partial(edit, "output_text.delta", sequence_number="9")),
    "no number": ("sequence", partial(edit, "output_text.delta", sequence_number=None)),
    "an unknown type": ("type", partial(insert, {"type": "response.weather"}, "completed")),
    "a keepalive in JSON": ("type", partial(insert, {"type": "keepalive"}, "completed")),
    "a colon without a vendor": ("type", partial(insert, {"type": ":note"}, "completed")),
    "no type": ("shape", partial(insert, {}, "completed")),
    "a type that is a number": ("shape", partial(insert, {"type": 4}, "completed")),
    "a type that is a list": ("shape", partial(insert, {"type": []}, "completed")),
    "a response without its status": ("shape", partial(edit, "in_progress", inside="response", status=None)),
    "no created": ("opening", partial(without, "created")),
    "created twice": ("opening", partial(insert, "created", "in_progress")),
    "no in_progress": ("opening", partial(without, "in_progress")),
    "in_progress twice": ("opening", partial(insert, "in_progress", "output_item.added")),
    "in_progress again later": ("opening", partial(insert, "in_progress", "completed")),
    "another response in the opening": ("response-id", partial(edit, "in_progress", inside="response", id="resp_x")),
    "another response in the end": ("response-id", partial(edit, "completed", inside="response", id="resp_x")),
    "no ending": ("one-ending", partial(without, "completed")),
    "an opening alone": ("one-ending", lambda: whole()[:2]),
    "two endings": ("one-ending", lambda: append(whole()[-1])),
    "a vendor's event after the end": ("one-ending", partial(append, {"type": "acme:note"})),
    "failed without an error": ("error-first", partial(without, "error", ending="failed")),
    "two errors": ("error-first", partial(insert, "error", "failed", ending="failed")),
    "completed after an error": ("error-first", lambda: insert(find(whole("failed"), "error"), "completed")),
    "an error without its top": ("error-shapes", partial(edit, "error", ending="failed", code=None)),
    "an error of two minds": ("error-shapes", partial(edit, "error", ending="failed", message="Another.")),
    "an error without a type": ("error-shapes", partial(edit, "error", ending="failed", inside="error", type=None)),
    "failed without why": ("details", partial(edit, "failed", ending="failed", inside="response", error=None)),
    "incomplete without why": (
        "details",
        partial(edit, "incomplete", ending="incomplete", inside="response", incomplete_details=None),
    ),
    "usage that does not add up": (
        "usage",
        partial(
            edit,
            "completed",
            inside="response",
            usage={"input_tokens": 1, "output_tokens": 1, "total_tokens": 3},
        ),
    ),
    "an output index that jumps": ("output-index", partial(edit, "output_item.added", 1, output_index=2)),
    "an output index of another item": ("output-index", partial(edit, "output_text.delta", output_index=0)),
    "an output index of another done item": ("output-index", partial(edit, "output_item.done", output_index=2)),
    "a content index that jumps": ("content-index", partial(edit, "content_part.added", 1, content_index=2)),
    "a content index of another part": ("content-index", partial(edit, "refusal.delta", content_index=0)),
    "a summary index that jumps": ("summary-index", partial(edit, "reasoning_summary_part.added", summary_index=1)),
    "a summary index that changes": ("summary-index", partial(edit, "reasoning_summary_text.delta", summary_index=1)),
    "an annotation index that jumps": (
        "annotation-index",
        partial(edit, "output_text.annotation.added", 1, annotation_index=2),
    ),
    "another id in a delta": ("item-id", partial(edit, "output_text.delta", item_id="msg_x")),
    "another id in a part": ("item-id", partial(edit, "content_part.done", item_id="msg_x")),
    "another id when done": ("item-id", partial(item, 1, id="msg_x")),
    "another phase when done": ("item-id", partial(item, 1, phase="commentary")),
    "another type when done": ("item-id", partial(item, 0, type="compaction")),
    "two items of one id": ("unique-id", two_items_of_one_id),
    "an item inside another": ("interleave", partial(without, "output_item.done", 1)),
    "an item open at the end": ("interleave", partial(without, "output_item.done", 2)),
    "a delta outside an item": ("order", partial(insert, "output_text.delta", "completed")),
    "an item done twice": ("order", partial(insert, "output_item.done", "completed")),
    "a delta outside a part": ("order", partial(insert, "refusal.delta", "output_item.done", 1)),
    "a delta of another kind": ("order", partial(insert, "refusal.delta", "output_text.done")),
    "a delta after the text is done": ("order", partial(insert, "refusal.delta", "content_part.done", 1)),
    "a delta after an annotation": ("order", a_delta_after_an_annotation),
    "arguments of a message": ("order", arguments_of_a_message),
    "no text done": ("order", partial(without, "output_text.done")),
    "text done twice": ("order", partial(insert, "output_text.done", "content_part.done")),
    "a part inside another": ("order", partial(without, "content_part.done")),
    "a part open in a done item": ("order", partial(without, "content_part.done", 1)),
    "no arguments done": ("order", partial(without, "function_call_arguments.done")),
    "arguments done twice": ("order", partial(insert, "function_call_arguments.done", "output_item.done", 2)),
    "a summary after the content": ("order", a_summary_after_the_content),
    "a summary in a message": ("order", a_summary_in_a_message),
    "a part that begins full": ("begins-empty", partial(edit, "content_part.added", inside="part", text="Hel")),
    "a message that begins full": ("begins-empty", partial(edit, "output_item.added", 1, inside="item", content=[{}])),
    "a call that begins full": ("begins-empty", partial(edit, "output_item.added", 2, inside="item", arguments="{")),
    "a lost text delta": ("text", partial(without, "output_text.delta")),
    "a lost refusal delta": ("text", partial(without, "refusal.delta")),
    "a lost reasoning delta": ("text", partial(without, "reasoning_summary_text.delta")),
    "a lost arguments delta": ("text", partial(without, "function_call_arguments.delta")),
    "a part unlike its text": ("part", a_part_unlike_its_text),
    "a lost annotation": ("part", a_lost_annotation),
    "a message unlike its parts": ("item", a_message_unlike_its_parts),
    "a call unlike its arguments": ("item", partial(item, 2, arguments="{}")),
    "an output without an item": ("output", an_output_without_its_last_item),
    "an output of another item": ("output", an_output_of_another_item),
    "created when completed": ("status", partial(edit, "created", inside="response", status="completed")),
    "in_progress when queued": ("status", partial(edit, "in_progress", inside="response", status="queued")),
    "completed when incomplete": ("status", partial(edit, "completed", inside="response", status="incomplete")),
    "added when completed": ("status", partial(edit, "output_item.added", 1, inside="item", status="completed")),
    "added without a status": ("status", partial(edit, "output_item.added", 1, inside="item", status=None)),
    "done when in_progress": ("status", partial(item, 1, status="in_progress")),
    "an item after an incomplete one": ("incomplete-last", partial(item, 1, ending="incomplete", status="incomplete")),
    "an incomplete item in a completed response": ("incomplete-completed", partial(item, 2, status="incomplete")),
    "padding beside a delta": ("obfuscation", partial(edit, "output_text.done", obfuscation="0123")),
}


@pytest.mark.parametrize(("rule", "broken"), BROKEN.values(), ids=BROKEN)
def test_a_broken_stream_has_exactly_the_violation_of_its_rule(rule, broken):
    assert found_in(broken()) == [rule]


def test_by_default_the_first_violation_is_raised_with_its_rule_its_place_and_one_sentence():
    events = edit("output_text.delta", output_index=0)
    place = find(events, "output_text.delta")["sequence_number"]
    checker = Checker()
    for event in events[:place]:
        checker.feed(event)
    with pytest.raises(Violation) as caught:
        checker.feed(events[place])
    assert (caught.value.rule, caught.value.sequence_number) == ("output-index", place)
    assert caught.value.sentence == RULES["output-index"]
    assert str(caught.value) == f"output-index, event {place}: {RULES['output-index']}"


def test_a_violation_never_holds_what_the_stream_says():
    found: list[Violation] = []
    checker = Checker(found.append)
    canary = "canary-7f3a"
    checker.feed({"type": canary, "sequence_number": canary, "delta": canary})
    check_frames(parse_sse(f"{canary}\n\nevent: {canary}\ndata: {canary}\n\n{canary}".encode()), found.append)
    assert len(found) > 4
    assert not any(canary in str(violation) for violation in found)


def test_the_end_is_checked_once_the_stream_is_over_and_not_before():
    checker = Checker()
    checker.feed(whole()[0])
    with pytest.raises(Violation, match="one-ending"):
        checker.finish()


# Frames

GOOD = sse(whole())
FIRST, REST = GOOD.split(b"\n\n", 1)


def frame_rules(raw):
    found: list[Violation] = []
    check_frames(parse_sse(raw), found.append)
    return [violation.rule for violation in found]


def test_a_good_stream_of_bytes_gives_its_events():
    assert check_frames(parse_sse(GOOD)) == whole()


def test_comments_may_come_at_any_place_before_the_end():
    assert frame_rules(b": ping\n\n" + FIRST + b"\n\n: ping\n\n" + REST) == []


SPACED = json.dumps(whole()[0]).encode()
NAMED = b"event: response.created\ndata: "

BROKEN_BYTES = {
    "another event name": ("frame-event", GOOD.replace(b"event: response.created", b"event: response.queued")),
    "carriage returns": ("frame-json", FIRST + b"\r\n\n" + REST),
    "an empty frame": ("frame", b"\n\n" + GOOD),
    "spaces in the JSON": ("frame-json", NAMED + SPACED + b"\n\n" + REST),
    "no done": ("done", GOOD.removesuffix(b"data: [DONE]\n\n")),
    "done twice": ("done", GOOD + b"data: [DONE]\n\n"),
    "a comment after done": ("done", GOOD + b": ping\n\n"),
    "an event after done": ("done", GOOD + FIRST + b"\n\n"),
    "half a frame after done": ("done", GOOD + b"data"),
}
NO_EVENT = {
    "a line before the event": ("frame", b"id: 1\n" + FIRST),
    "a line after the data": ("frame", FIRST + b"\nretry: 1"),
    "a comment in a frame": ("frame", b": ping\n" + FIRST),
    "no space after the colon": ("frame", FIRST.replace(b"event: ", b"event:")),
    "no event name": ("frame", FIRST.split(b"\n")[1]),
    "no data": ("frame", FIRST.split(b"\n")[0]),
    "data on two lines": ("frame", FIRST.replace(b'{"type"', b'{\ndata: "type"')),
    "no JSON": ("frame-json", FIRST[:-1]),
    "a JSON list": ("frame-json", NAMED + b"[]"),
    "a number that JSON has not": ("frame-json", NAMED + b'{"type":"response.created","sequence_number":NaN}'),
    "bytes that are no UTF-8": ("frame-json", NAMED + b'{"type":"\xff"}'),
    "JSON too deep to read": ("frame-json", NAMED + b"[" * 100_000),
}


@pytest.mark.parametrize(("rule", "raw"), BROKEN_BYTES.values(), ids=BROKEN_BYTES)
def test_broken_framing_is_exactly_the_violation_of_its_rule(rule, raw):
    assert set(frame_rules(raw)) == {rule}


@pytest.mark.parametrize(("rule", "frame"), NO_EVENT.values(), ids=NO_EVENT)
def test_a_frame_that_gives_no_event_is_a_violation_and_is_passed_over(rule, frame):
    assert frame_rules(frame + b"\n\n" + GOOD) == [rule]


def test_a_stream_cut_inside_a_frame_lacks_that_frame_its_ending_and_done():
    assert frame_rules(GOOD[: GOOD.rindex(b"event: ") + 30]) == ["frame", "one-ending", "done"]


def test_done_before_the_ending_is_no_ending():
    assert frame_rules(sse(whole()[:-1])) == ["one-ending"]


def test_the_headers_of_a_stream_are_known_in_any_case():
    check_headers(HEADERS)


@pytest.mark.parametrize("name", HEADERS)
def test_each_header_is_needed(name):
    found: list[Violation] = []
    check_headers({key: value for key, value in HEADERS.items() if key != name}, found.append)
    check_headers({**HEADERS, name: "gzip"}, found.append)
    assert [violation.rule for violation in found] == ["headers", "headers"]


def test_every_rule_is_broken_by_some_test():
    broken = {rule for rule, _ in [*BROKEN.values(), *BROKEN_BYTES.values(), *NO_EVENT.values()]}
    assert broken | {"headers"} == set(RULES)
