"""The stream machine: the one place where wire events are made, numbered and ordered (Open Responses, "Streaming").

    new -> open -> ended            created, in_progress | items | one ending
    item: none -> message | reasoning | a call of the type that its tool has -> none

It owns every sequence number, index and id, and raises ``IllegalOrder`` if a caller would break the grammar. Ids
derive from the response id and the index, and time comes in as an argument, so the same calls always make the same
events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

from antiphon.errors import AntiphonError
from antiphon.ids import item_id
from antiphon.records import Item
from antiphon.stream.cuts import Cutter
from antiphon.stream.events import Event, Sink, ending_type, error_event, opening, padded
from antiphon.stream.halves import valid
from antiphon.stream.kept import KEPT
from antiphon.stream.parts import TEXTS, Call, OpenItem, Part
from antiphon.stream.server_calls import begin_events, end_events
from antiphon.stream.whole import item_events
from antiphon.tools.server_calls import TYPES, cut
from antiphon.tools.table import ToolTable

Ended = Literal["completed", "incomplete", "failed", "cancelled"]


class IllegalOrder(AntiphonError):
    """A call that does not fit the state of the stream: a defect of ours, never the caller's."""


class ResponseStream:
    """One response's events, in order.

    Args:
        resource: the response as it begins: ``status`` in_progress, ``output`` empty. It is not changed. Its ``tools``
            decide which type of item a call is.
        emit: takes each event as it is made.
        obfuscate: pad delta events, so that their size reveals less of their content
            (``stream_options.include_obfuscation``).
        seal: seals the texts of an item of a type, for its ``encrypted_content``; None leaves it out.
    """

    def __init__(
        self,
        resource: dict[str, Any],
        emit: Sink,
        *,
        obfuscate: bool = True,
        seal: Callable[[str, Sequence[str]], str] | None = None,
    ) -> None:
        self._resource = resource
        self._tools = ToolTable(resource["tools"])
        self._emit = emit
        self._obfuscate = obfuscate
        self._seal = seal
        self._sequence = 0
        self._state: Literal["new", "open", "ended"] = "new"
        self._item: OpenItem | None = None
        self._part: Part | None = None
        self._phase: str | None = None
        self._calls: dict[int, Call] = {}
        self._output: list[Item] = []
        self._held: list[Callable[[], None]] = []

    @property
    def output(self) -> list[Item]:
        """The items that are done, in order."""
        return self._output

    def open(self) -> None:
        """Begin the stream: send that the response was created and is in progress.

        Raises:
            IllegalOrder: it has begun before.
        """
        if self._state != "new":
            raise IllegalOrder("open")
        self._state = "open"
        for event in opening(self._resource):
            self._send(event)

    def message(self, phase: str | None = None) -> None:
        """End the open message, so that the next text begins a message of its own.

        Args:
            phase: what it is for, in the specification's words; None to leave that open.

        Raises:
            IllegalOrder: the stream is not open.
        """
        self._require_open()
        if self._item is not None and self._item.kind == "message":
            self._close_item(whole=True)
        self._phase = phase

    def text(self, delta: str, logprobs: list[dict[str, Any]] | None = None) -> None:
        """Add to the answer's text. The parts around it open and close by themselves."""
        part = self._part
        if part is None or part.kind != "output_text":
            if self._is_within_call():
                self._hold(delta, lambda: self.text(delta, logprobs))
                return
            part = self._open_part("message", "output_text")
        delta = part.halves.join(delta)
        if not delta:
            return
        part.pieces.append(delta)
        if logprobs:
            part.logprobs.extend(logprobs)
        item = self._item
        assert item is not None
        event: Event = {
            "type": "response.output_text.delta",
            "sequence_number": self._sequence,
            "item_id": item.id,
            "output_index": item.index,
            "content_index": part.index,
            "delta": delta,
            "logprobs": logprobs or [],
        }
        if self._obfuscate:
            padded(event)
        self._sequence += 1
        self._emit(event)

    def refusal(self, delta: str) -> None:
        """Add to the answer's refusal."""
        part = self._part
        if part is None or part.kind != "refusal":
            if self._is_within_call():
                self._hold(delta, lambda: self.refusal(delta))
                return
            part = self._open_part("message", "refusal")
        delta = part.halves.join(delta)
        if not delta:
            return
        part.pieces.append(delta)
        self._send({"type": "response.refusal.delta", **self._where(part), "delta": delta})

    def reasoning(self, delta: str) -> None:
        """Add to the readable reasoning: a summary, the one form that every client reads."""
        part = self._part
        if part is None or part.kind != "summary_text":
            if self._is_within_call():
                self._hold(delta, lambda: self.reasoning(delta))
                return
            part = self._open_part("reasoning", "summary_text")
        delta = part.halves.join(delta)
        if not delta:
            return
        part.pieces.append(delta)
        self._send_delta({"type": "response.reasoning_summary_text.delta", **self._where(part), "delta": delta})

    def reasoned(self, seal: Callable[[str, Sequence[str]], str]) -> None:
        """End the reasoning with what its provider must be given back, which alone it may consist of.

        Args:
            seal: seals its texts with that, whether the caller asked for sealed reasoning or not.
        """
        self._require_open()
        if self._is_within_call():
            self._hold("state", lambda: self.reasoned(seal))
            return
        if self._item is None or self._item.kind != "reasoning":
            self._close_item(whole=True)
            self._open_item("reasoning")
        self._close_part()
        item = self._item
        assert item is not None
        item.encrypted = seal("reasoning", [part["text"] for part in item.parts])
        self._close_item(whole=True)

    def citation(self, url: str, title: str, start: int, end: int) -> None:
        """Add a citation to a range of the open text; it is sent when the text is done.

        Raises:
            IllegalOrder: no text is open, or the stretch is not in it.
        """
        if self._is_within_call():
            self._hold("citation", lambda: self.citation(url, title, start, end))
            return
        part = self._part
        if part is None or part.kind != "output_text" or not 0 <= start <= end <= sum(map(len, part.pieces)):
            raise IllegalOrder("a citation of no open text")
        place = {"start_index": start, "end_index": end}
        part.annotations.append({"type": "url_citation", **place, "url": valid(url), "title": valid(title)})

    def call(self, slot: int, call_id: str, name: str, sealed: str | None = None) -> None:
        """Begin a call. Parallel calls are sent one after the other, never interleaved.

        Args:
            slot: identifies the call among parallel ones.
            call_id: its id.
            name: the function's name, as the model reads it.
            sealed: what its provider must get back with it: a reasoning item of its own before the call.

        Raises:
            IllegalOrder: this slot has a call already.
        """
        self._require_open()
        if slot in self._calls:
            raise IllegalOrder("a second call in one slot")
        name = valid(name)
        self._calls[slot] = Call(slot, valid(call_id), name, sealed, self._tools.called(name))
        if self._is_within_call():
            return
        self._close_item(whole=True)
        self._start_call(self._waiting()[0])

    def arguments(self, slot: int, delta: str) -> None:
        """Add to a call's arguments; they wait while an earlier call is still streaming.

        Raises:
            IllegalOrder: there is no such call, or it is done.
        """
        call = self._calls.get(slot)
        if call is not None and call.closed and delta.isspace():
            return
        if call is None or call.closed:
            raise IllegalOrder("arguments of no open call")
        delta = call.halves.join(delta)
        if not delta:
            return
        call.pieces.append(delta)
        if self._item is not None and self._item.call is call:
            self._send_piece(call, call.shown(delta))
            if self._held and call.complete:
                self._release()

    @property
    def is_cut(self) -> bool:
        """Whether a call that is not done has arguments that stop before their end."""
        return any(call.cut for call in self._calls.values() if not call.closed)

    def ending(
        self,
        status: Ended,
        *,
        at: int,
        usage: dict[str, Any] | None = None,
        incomplete_reason: str | None = None,
        error: dict[str, str] | None = None,
        own: dict[str, Any] | None = None,
    ) -> Event:
        """Close what is open and build the terminal event, without sending it: the response must be stored first.

        A completed response has at least one item: SDK helpers crash on none.

        Args:
            status: how the response ended.
            at: now, in seconds since the epoch.
            usage: the tokens used, in the specification's form.
            incomplete_reason: why, if the status is ``incomplete``.
            error: ``code`` and ``message``, if the status is ``failed``.
            own: fields of the response's ``antiphon`` that it did not begin with, of ``LATE_FIELDS``.

        Raises:
            IllegalOrder: the stream is not open.
        """
        self._require_open()
        if status == "completed" and not self._output and self._item is None and not self._calls:
            self._open_part("message", "output_text")
        self._close_all(whole=status == "completed")
        response = {
            **self._resource,
            "status": status,
            "completed_at": at if status == "completed" else None,
            "incomplete_details": {"reason": incomplete_reason} if incomplete_reason else None,
            "error": error,
            "output": list(self._output),
            "usage": usage,
        }
        if own:
            response["antiphon"] = {**response.get("antiphon", {}), **own}
        return {"type": ending_type(status), "response": response}

    def whole(self, item: Item, cutter: Cutter | None = None) -> None:
        """Send an item that is whole already. What is open is closed before.

        Args:
            item: the item, as it is when it is done.
            cutter: cuts its texts into deltas; None if each is one.

        Raises:
            IllegalOrder: the stream is not open.
        """
        self._require_open()
        self._close_item(whole=True)
        self._send_whole(item, cutter or Cutter())

    def settle(self) -> int:
        """Close what is open and let waiting calls stream, as a model turn has ended; return the next item's index.

        Raises:
            IllegalOrder: the stream is not open.
        """
        self._require_open()
        self._close_all(whole=True)
        return len(self._output)

    def begin_server_call(self, item: Item) -> None:
        """Send that a tool is about to run. Its item is open until ``end_server_call``, or is cut off by an ending.

        Args:
            item: as ``tools.server_calls.begun`` makes it.

        Raises:
            IllegalOrder: the stream is not open.
        """
        index = self.settle()
        self._item = OpenItem(item["type"], item["id"], index, begun=item)
        self._send_events(begin_events(item, index, Cutter()))

    def end_server_call(self, item: Item) -> None:
        """Send the result of a tool's call.

        Args:
            item: as ``tools.server_calls.ended`` makes it.

        Raises:
            IllegalOrder: no such call is open.
        """
        self._require_open()
        if self._item is None or self._item.begun is None or self._item.id != item["id"]:
            raise IllegalOrder("the end of a call that is not open")
        index, self._item = self._item.index, None
        self._output.append(item)
        self._send_events(end_events(item, index))

    def sealed_reasoning(self, sealed: str) -> None:
        """Send reasoning that consists of what its provider must be given back.

        Args:
            sealed: that, sealed.

        Raises:
            IllegalOrder: the stream is not open.
        """
        self._require_open()
        self._close_item(whole=True)
        self._open_item("reasoning")
        assert self._item is not None
        self._item.encrypted = sealed
        self._close_item(whole=True)

    def id_of(self, kind: str, index: int) -> str:
        """Return the id of an output item.

        Args:
            kind: its type.
            index: its place in the output.
        """
        return item_id(self._resource["id"], kind, "o", index)

    def end(self, ending: Event) -> None:
        """Send the terminal event; nothing follows it. One ``error`` event precedes ``response.failed``.

        Raises:
            IllegalOrder: the stream is not open, or something was left open.
        """
        self._require_open()
        if self._item is not None:
            raise IllegalOrder("an ending with an open item")
        self._state = "ended"
        response = ending["response"]
        if response["status"] == "failed":
            self._send(error_event(response["error"]))
        self._send(ending)

    # the open item and part

    def _open_part(self, item_kind: str, part_kind: str) -> Part:
        self._require_open()
        if self._item is None or self._item.kind != item_kind:
            self._close_item(whole=True)
            self._open_item(item_kind)
        self._close_part()
        item = self._item
        assert item is not None
        self._part = part = Part(part_kind, len(item.parts))
        prefix = "response.reasoning_summary_part" if item_kind == "reasoning" else "response.content_part"
        self._send({"type": f"{prefix}.added", **self._where(part), "part": part.value()})
        return part

    def _open_item(self, kind: str, call: Call | None = None) -> None:
        index = len(self._output)
        phase, self._phase = self._phase if kind == "message" else None, None
        item = OpenItem(kind, item_id(self._resource["id"], kind, "o", index), index, call=call, phase=phase)
        self._item = item
        if call is not None and call.is_held:
            return
        self._send(
            {
                "type": "response.output_item.added",
                "output_index": index,
                "item": item.value("in_progress"),
            }
        )

    def _close_part(self) -> None:
        part, item = self._part, self._item
        if part is None or item is None:
            return
        half = part.halves.rest()
        if half:
            self._say(part, half)
        self._part = None
        text = "".join(part.pieces)
        if part.kind == "output_text":
            part.annotations += self._cited(text, part.annotations)
        value = part.value()
        item.parts.append(value)
        where = self._where(part)
        if part.kind == "output_text":
            for index, annotation in enumerate(part.annotations):
                place = {**where, "annotation_index": index, "annotation": annotation}
                self._send({"type": "response.output_text.annotation.added", **place})
            done = {"type": "response.output_text.done", **where, "text": text, "logprobs": part.logprobs}
        elif part.kind == "refusal":
            done = {"type": "response.refusal.done", **where, "refusal": text}
        else:
            done = {"type": "response.reasoning_summary_text.done", **where, "text": text}
        self._send(done)
        prefix = "response.reasoning_summary_part" if item.kind == "reasoning" else "response.content_part"
        self._send({"type": f"{prefix}.done", **where, "part": value})

    def _cited(self, text: str, given: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the citations of a text, if a search was made for it."""
        if not any(item["type"] in TYPES.values() for item in self._output):
            return []
        from antiphon.tools.citations import citations

        return citations(text, self._output, given)

    def _say(self, part: Part, text: str) -> None:
        """Add to a part as a delta of its kind."""
        {"output_text": self.text, "refusal": self.refusal}.get(part.kind, self.reasoning)(text)

    def _close_item(self, *, whole: bool) -> None:
        item = self._item
        if item is None:
            return
        if item.begun is not None:
            self.end_server_call(cut(item.begun))
            return
        self._close_part()
        text = ""
        if item.call is not None:
            self._complete(item.call, whole=whole)
            item.call.closed = True
            if item.call.is_held:
                self._close_held(item, item.call, whole=whole)
                return
            text = "".join(item.call.sent)
            events, name = TEXTS[item.kind]
            place = {"item_id": item.id, "output_index": item.index}
            self._send({"type": f"{events}.done", **place, name: text})
        self._item = None
        value = item.value("completed" if whole else "incomplete", text)
        if item.encrypted is None and item.kind == "reasoning" and self._seal is not None:
            item.encrypted = self._seal("reasoning", [part["text"] for part in item.parts])
        if item.encrypted is not None:
            value[KEPT if self._seal is None else "encrypted_content"] = item.encrypted
        self._output.append(value)
        self._send({"type": "response.output_item.done", "output_index": item.index, "item": value})

    def _close_held(self, item: OpenItem, call: Call, *, whole: bool) -> None:
        """Send a call as a whole. One that was cut is left out: nobody should run the half of a command."""
        self._item = None
        if whole:
            value = call.whole()
            own = item_id(self._resource["id"], value["type"], "o", item.index)
            self._send_whole({"type": value.pop("type"), "id": own, **value, "status": "completed"}, Cutter())

    def _close_all(self, *, whole: bool) -> None:
        """Close the open item and let waiting calls stream; of a cut response those up to the first that is cut."""
        while (whole or self._is_after_call()) and (self._held or self._waiting()):
            if self._held:
                self._close_item(whole=True)
                self._release()
            else:
                waiting = self._waiting()
                self._close_item(whole=True)
                self._start_call(waiting[0])
        self._close_item(whole=whole)

    # calls

    def _waiting(self) -> list[Call]:
        current = self._item.call if self._item is not None else None
        return [call for call in self._calls.values() if not call.closed and call is not current]

    def _is_within_call(self) -> bool:
        """Whether a call streams that has not got all its arguments: what comes meanwhile waits."""
        current = self._item.call if self._item is not None else None
        return current is not None and not current.complete

    def _is_after_call(self) -> bool:
        return self._item is not None and self._item.call is not None and self._item.call.complete

    def _hold(self, said: str, say: Callable[[], None]) -> None:
        """Keep text within a call until its arguments are complete; white space at its beginning is dropped."""
        if self._held or not said.isspace():
            self._held.append(say)

    def _release(self) -> None:
        held, self._held = self._held, []
        for say in held:
            say()

    def _complete(self, call: Call, *, whole: bool) -> None:
        """Add what a call lacks: no arguments are an empty object, unless they may have been cut off."""
        missing = call.halves.rest() or ("{}" if whole and not call.arguments.strip() else "")
        if missing:
            call.pieces.append(missing)
        self._send_piece(call, (call.shown(missing) if missing else "") + call.rest())

    def _start_call(self, call: Call) -> None:
        if call.sealed is not None:
            self.sealed_reasoning(call.sealed)
        self._open_item(call.type, call)
        if call.pieces:
            self._send_piece(call, call.shown(call.arguments))

    def _send_piece(self, call: Call, delta: str) -> None:
        """Send a piece of the open call's text, unless it is a call that is sent as a whole."""
        item = self._item
        assert item is not None
        if not delta or call.is_held:
            return
        call.sent.append(delta)
        place = {"item_id": item.id, "output_index": item.index}
        self._send_delta({"type": f"{TEXTS[item.kind][0]}.delta", **place, "delta": delta})

    # sending

    def _where(self, part: Part) -> dict[str, Any]:
        item = self._item
        assert item is not None
        index = "summary_index" if item.kind == "reasoning" else "content_index"
        return {"item_id": item.id, "output_index": item.index, index: part.index}

    def _send_whole(self, item: Item, cutter: Cutter) -> None:
        self._send_events(item_events(item, len(self._output), cutter))
        self._output.append(item)

    def _send_events(self, events: Iterable[Event]) -> None:
        for event in events:
            if "delta" in event:
                self._send_delta(event)
            else:
                self._send(event)

    def _send_delta(self, event: Event) -> None:
        self._send(padded(event) if self._obfuscate else event)

    def _send(self, event: Event) -> None:
        event["sequence_number"] = self._sequence
        self._sequence += 1
        self._emit(event)

    def _require_open(self) -> None:
        if self._state != "open":
            raise IllegalOrder(f"the stream is {self._state}")
