"""Where the tail of a conversation begins, and what an automatic compaction holds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from antiphon.context.compacted import MAX_TAIL, expanded, state_of, tail_of

USER = {"type": "message", "role": "user", "content": "Hi"}
SAID = {"type": "message", "role": "assistant", "content": "Hello"}
THOUGHT = {"type": "reasoning", "summary": []}


def call(number: int) -> dict[str, Any]:
    return {"type": "function_call", "call_id": f"call_{number}", "name": "look", "arguments": "{}"}


def output(number: int) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": f"call_{number}", "output": "Seen"}


@pytest.mark.parametrize(
    ("items", "place"),
    [
        ([], 0),
        ([USER], 0),
        ([USER, USER], 0),
        ([USER, SAID], 2),
        ([USER, SAID, USER, USER], 2),
        ([USER, call(1), output(1)], 1),
        ([USER, THOUGHT, call(1), call(2), output(1), output(2)], 1),
        ([USER, call(1), output(1), call(2), output(2)], 3),
        ([USER, call(1), call(2), output(1), SAID, output(2)], 1),
        ([USER, call(1), output(1), SAID, USER], 4),
    ],
)
def test_the_tail_is_the_new_input_with_the_calls_that_it_answers(items: list[dict[str, Any]], place: int) -> None:
    assert tail_of(items) == place


def compaction(*kept: dict[str, Any], tail: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {"type": "compaction", "summary": [], "state": state_of(kept, tail)}


def test_a_context_begins_with_what_its_last_automatic_compaction_holds() -> None:
    older, newer = compaction(SAID), compaction(USER, tail=(call(1), output(1)))
    plain = {"type": "compaction", "summary": []}
    items = expanded([USER, older, SAID, newer, SAID, USER])
    assert items == [USER, plain, call(1), output(1), SAID, USER]


def test_a_compaction_that_holds_a_text_alone_replaces_nothing() -> None:
    items = [USER, {"type": "compaction", "summary": []}, SAID]
    assert expanded(items) is items


def test_images_stay_in_a_tail_of_usual_size_only() -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64,AA=="}
    seen = {"type": "message", "role": "user", "content": [image]}
    marked = {**seen, "content": [{"type": "input_text", "text": "[input_image]"}]}
    large = {**seen, "content": [{**image, "image_url": "x" * MAX_TAIL}]}
    assert [json.loads(text) for text in state_of([seen], [seen]).values()] == [[marked], [seen]]
    assert json.loads(state_of([], [large])["after"]) == [marked]
