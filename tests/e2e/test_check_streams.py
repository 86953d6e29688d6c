"""``ANTIPHON_CHECK_STREAMS``: a machine that breaks the grammar, seen from outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from antiphon.run import execution
from antiphon.stream.events import Event
from antiphon.stream.machine import ResponseStream
from tests.support.caller import refused
from tests.support.service import Service
from tests.support.upstream import Script, Upstream, answer, finish, text, tool_call

TOOL = {"type": "function", "name": "look", "description": "", "parameters": {}, "strict": False}


class Broken(ResponseStream):
    """Sends the first event of one type twice."""

    twice = ""

    def __init__(self, resource: dict[str, Any], emit: Any, **options: Any) -> None:
        def stutter(event: Event) -> None:
            emit(event)
            if event["type"] == self.twice:
                emit(event)

        super().__init__(resource, stutter, **options)


@pytest.fixture
def checked(tmp_path: Path, upstream: Upstream) -> Iterator[Service]:
    with Service(tmp_path, upstream, check_streams=True) as running:
        yield running


BREAKS = [
    "response.created",
    "response.output_text.delta",
    "response.output_text.done",
    "response.output_item.done",
    "response.function_call_arguments.delta",
]


@pytest.mark.parametrize("twice", BREAKS)
@pytest.mark.parametrize("mode", ["stream", "json"])
def test_what_breaks_the_grammar_never_leaves_and_the_response_has_failed(
    checked: Service, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, mode: str, twice: str
) -> None:
    key = checked.key()
    upstream.scripts = [Script.stream(text("Look: "), tool_call(0, "call_a", "look", "{}"), finish("tool_calls"))]
    monkeypatch.setattr(Broken, "twice", twice)
    monkeypatch.setattr(execution, "ResponseStream", Broken)
    if mode == "stream":
        failed = checked.stream(key, input="Hi", tools=[TOOL])[-1]["response"]
        assert (failed["status"], failed["error"]["code"]) == ("failed", "stream_invalid")
        assert checked.retrieve(key, failed["id"]) == failed
    else:
        reply = checked.post(key, model="agent", input="Hi", tools=[TOOL])
        refused(reply, 500, "stream_invalid")
        assert reply.headers["x-should-retry"] == "false"


def test_what_comes_after_the_terminal_event_never_leaves(checked: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Broken, "twice", "response.completed")
    monkeypatch.setattr(execution, "ResponseStream", Broken)
    assert checked.stream(checked.key(), input="Hi")[-1]["type"] == "response.completed"


def test_without_the_setting_nothing_looks_on(service: Service, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Broken, "twice", "response.output_text.delta")
    monkeypatch.setattr(execution, "ResponseStream", Broken)
    content = service.post(key, model="agent", input="Hi", stream=True).content
    assert b"response.completed" in content
    assert b"stream_invalid" not in content


def test_a_sound_answer_is_the_same_with_the_setting(checked: Service, service: Service, upstream: Upstream) -> None:
    upstream.scripts = [answer("One two three")]
    kinds = [[event["type"] for event in each.stream(each.key(), input="Hi")] for each in (checked, service)]
    assert kinds[0] == kinds[1]
