"""Reads the events of a Responses stream as neutral deltas.

Pure: bytes in, deltas out; it does not import HTTP. It is on the path of every token. Events of tools that the endpoint
runs itself are never asked for, and are skipped as unknown ones are. What a server leaves out of its deltas is taken
from ``done`` events, or from the response at the end. Source: OpenAI's API reference, "Streaming events";
``response.reasoning.delta`` is the specification's name for readable reasoning, OpenAI's, vLLM's and llama.cpp's is
``response.reasoning_text.delta``.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from antiphon.ports import (
    CitationDelta,
    Delta,
    KeptDelta,
    MessageDelta,
    Phase,
    ReasoningDelta,
    RefusalDelta,
    StopReason,
    TextDelta,
    UsageDelta,
)
from antiphon.providers.blocks import Blocks
from antiphon.providers.calls import arguments_of
from antiphon.providers.endpoint import Refusal, error_in
from antiphon.providers.openai_errors import refusal_of
from antiphon.providers.openai_responses.request import KIND
from antiphon.providers.reading import StreamReader, count, fields, logprobs_of, stretch, text_of
from antiphon.providers.reasons import stop_of

ItemKey = int | str | None
TextKey = tuple[Any, Any, Any]
Told = tuple[str, str, dict[str, Any]]
"""An event: the name of its kind, the step, and itself."""

_SUMMARY: Final = "response.reasoning_summary_text"
_TEXTS: Final = {
    "response.output_text": ("output_text", "content_index", "text"),
    "response.refusal": ("refusal", "content_index", "refusal"),
    _SUMMARY: ("summary_text", "summary_index", "text"),
    "response.reasoning_text": ("reasoning_text", "content_index", "text"),
    "response.reasoning": ("reasoning_text", "content_index", "text"),
}
"""For each kind of event with a text: the type of its part, and the fields of the part's place and of the text."""

_REASONING: Final = ("summary_text", "reasoning_text")
_KINDS: Final = ("output_text", "refusal", "summary_text", "reasoning_text")

_PARTS: Final = {"response.content_part": "content_index", "response.reasoning_summary_part": "summary_index"}
_TEXT_DELTA: Final = "response.output_text.delta"
_ITEM: Final = "response.output_item"
_ARGUMENTS: Final = "response.function_call_arguments"
_INDEXES: Final[dict[str, str | None]] = {
    **{name: index for name, (_, index, _) in _TEXTS.items()},
    **_PARTS,
    "response.output_text.annotation": "content_index",
    _ITEM: None,
    _ARGUMENTS: None,
}
"""For each kind of event: the field with the place of its part, or None if it is about the whole item."""

_PHASES: Final[tuple[Phase, ...]] = ("commentary", "final_answer")
_OPENINGS: Final = frozenset({"response.created", "response.queued", "response.in_progress"})
_ENDINGS: Final = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.cancelled": "cancelled",
    "response.done": "completed",
}


class ResponsesReader(StreamReader):
    """Reads one stream; see ``StreamReader``.

    Args:
        maker: the model and its endpoint, for the states of what it thinks.
        kept: the endpoint keeps the response: its id matters.
    """

    answer: ClassVar[str] = "output"
    mark: ClassVar[tuple[str, str]] = ("object", "response")
    kind: ClassVar[str] = KIND

    def __init__(self, maker: str, *, kept: bool = False) -> None:
        super().__init__(maker)
        self._kept = kept
        self._items: Blocks[Told] = Blocks(self._of_item)
        self._parts: Blocks[Told] = Blocks(self._of_part)
        self._streak: TextKey | None = None
        self._item: ItemKey = None
        self._newest: ItemKey = None
        self._latest: tuple[ItemKey, str, int] = (None, "", 0)
        self._open: set[ItemKey] = set()
        self._closed: set[ItemKey] = set()
        self._by_id: dict[str, ItemKey] = {}
        self._told: set[tuple[ItemKey, str, int]] = set()
        self._messages = 0
        self._message: ItemKey = None
        self._begun = 0

    def _meaning(self, error: dict[str, Any]) -> Refusal:
        return refusal_of(error) or ("model_error", error.get("code") is None)

    def _whole(self, body: dict[str, Any], deltas: list[Delta]) -> None:
        self._end(body, "completed", deltas)

    def _event(self, event: dict[str, Any], deltas: list[Delta]) -> None:
        kind = event.get("type") or ("error" if event.get("error") else "")
        if kind == _TEXT_DELTA and _where(event) == self._streak:  # nearly always: straight to the text
            text = text_of(event["delta"])
            self._said += len(text)
            logprobs = event.get("logprobs")
            deltas.append(TextDelta(text, (logprobs_of(logprobs) or None) if logprobs else None))
            return
        self._streak = None
        name, _, step = kind.rpartition(".")
        if name in _INDEXES:
            place = self._place(event, event.get("item_id") or fields(event.get("item")).get("id"))
            if place is None:  # it is about the latest item
                place = self._newest
            elif name == _ITEM:
                self._newest = place
            self._items.take(place, (name, step, event), deltas, ends=kind == "response.output_item.done")
        elif self._kept and kind in _OPENINGS:
            self._keep(event["response"], deltas)
        elif kind in _ENDINGS:
            self._end(event["response"], _ENDINGS[kind], deltas)
        elif kind == "error":
            self._fail(error_in(event))

    def _keep(self, response: dict[str, Any], deltas: list[Delta]) -> None:
        """Note the id of a response that the endpoint keeps, once."""
        kept_id = response.get("id")
        if isinstance(kept_id, str) and kept_id:
            self._kept = False
            deltas.append(KeptDelta(kept_id))

    def _of_item(self, place: ItemKey, told: Told, deltas: list[Delta]) -> None:
        name, step, event = told
        index = _INDEXES[name]
        if index is not None:
            if place != self._item:
                self._parts.finish(deltas)
                self._item = place
            number = event.get(index)
            if number is None:  # of the latest part
                number = self._latest[2] if self._latest[:2] == (place, index) else 0
            self._latest = key = (place, index, number)
            ends = step == "done" or (step == "added" and name not in _PARTS and self._parts.is_idle)
            self._parts.take(key, told, deltas, ends=ends)
        elif name == _ARGUMENTS:
            self._arguments(place, step, event, deltas)
        elif step == "added":
            self._begin(place, event["item"], deltas)
        elif step == "done":
            if place == self._item:
                self._parts.finish(deltas)
            self._close(place, event["item"], deltas)

    def _of_part(self, key: tuple[ItemKey, str, int], told: Told, deltas: list[Delta]) -> None:
        name, step, event = told
        if name in _TEXTS:
            part, _, field = _TEXTS[name]
            if step == "delta":
                self._streak = _where(event) if part == "output_text" else None
                self._say(key, part, event["delta"], event.get("logprobs"), deltas)
            elif step == "done" and key not in self._told and event.get(field):
                self._say(key, part, event[field], event.get("logprobs"), deltas)
        elif name not in _PARTS:
            self._cite(fields(event.get("annotation")), deltas)
        elif step == "added":
            self._begin_part(key[0], name, key[2], deltas)
        elif step == "done":
            self._part(key[0], key[2], fields(event.get("part")), deltas)

    def _say(
        self, key: tuple[ItemKey, str, int], part: str, text: object, logprobs: object, deltas: list[Delta]
    ) -> None:
        self._told.add(key)
        self._open.add(key[0])
        said = text_of(text)
        if part in _REASONING:
            deltas.append(ReasoningDelta(said))
            return
        if key[0] != self._message or not self._messages:
            self._begin_message(key[0], None, deltas)
        if part == "output_text":
            self._said += len(said)
            deltas.append(TextDelta(said, logprobs_of(logprobs) or None))
        else:
            deltas.append(RefusalDelta(said))

    def _begin_message(self, place: ItemKey, phase: Phase | None, deltas: list[Delta]) -> None:
        if self._messages or phase:
            deltas.append(MessageDelta(phase))
        self._messages += 1
        self._message = place
        self._said = self._begun = 0

    def _begin(self, place: ItemKey, item: dict[str, Any], deltas: list[Delta]) -> None:
        self._open.add(place)
        if item["type"] == "message":
            phase = next((known for known in _PHASES if known == item.get("phase")), None)
            self._begin_message(place, phase, deltas)
        elif item["type"] == "function_call":
            self._items.free(place)  # calls may interleave
            self._call(place, item, "", deltas)

    def _call(self, place: ItemKey, item: dict[str, Any], arguments: str, deltas: list[Delta]) -> None:
        call_id = item.get("call_id") or item.get("id")
        call_id, name = text_of(call_id or "") or None, text_of(item.get("name") or "") or None
        self._call_piece(deltas, place, call_id, name, arguments)

    def _begin_part(self, place: ItemKey, part: str, index: int, deltas: list[Delta]) -> None:
        if part == "response.content_part":
            self._begun = self._said
        elif index and (place, "gap", index) not in self._told:
            self._told.add((place, "gap", index))
            deltas.append(ReasoningDelta("\n\n"))

    def _part(self, place: ItemKey, index: int, part: dict[str, Any], deltas: list[Delta]) -> None:
        """Take a part that is whole, if none of its text came before."""
        kind = part.get("type")
        known = "response.reasoning_summary_part" if kind == "summary_text" else "response.content_part"
        key, text = (place, _PARTS[known], index), part.get("refusal" if kind == "refusal" else "text")
        if key in self._told or not text or kind not in _KINDS:
            return
        self._begin_part(place, known, index, deltas)
        self._say(key, kind, text, part.get("logprobs"), deltas)
        for annotation in part.get("annotations") or ():
            self._cite(fields(annotation), deltas)

    def _close(self, place: ItemKey, item: dict[str, Any], deltas: list[Delta]) -> None:
        """Take from an item that is done what did not come before."""
        if place in self._closed:
            return
        self._closed.add(place)
        if place not in self._open and item["type"] in {"message", "function_call", "reasoning"}:
            self._begin(place, item, deltas)
        if item["type"] == "function_call":
            self._arguments(place, "done", item, deltas)
        elif item["type"] in {"message", "reasoning"}:
            for side in ("summary", "content"):
                for index, part in enumerate(item.get(side) or ()):
                    self._part(place, index, fields(part), deltas)
        if item["type"] == "reasoning" and item.get("encrypted_content"):
            sealed = {name: text_of(item[name]) for name in ("id", "encrypted_content")}
            deltas.append(self._state(**sealed))

    def _arguments(self, place: ItemKey, step: str, told: dict[str, Any], deltas: list[Delta]) -> None:
        """Take a piece of arguments, or all of them if no piece came; a name may come with them."""
        arguments = arguments_of(told.get("arguments" if step == "done" else "delta"))
        if step == "done" and self._calls.has_arguments(place):
            arguments = ""
        if not arguments and not told.get("name"):
            return
        piece = self._calls.piece(place, None, text_of(told.get("name") or "") or None if step == "done" else None, "")
        if piece is not None and piece.name is not None:
            deltas.append(piece)
        if arguments:
            self._call_piece(deltas, place, arguments=arguments)

    def _cite(self, annotation: dict[str, Any], deltas: list[Delta]) -> None:
        """Take the citation of a page; other kinds belong to tools that the endpoint runs itself."""
        if annotation.get("type") == "url_citation" and annotation.get("url"):
            place = annotation.get("start_index"), annotation.get("end_index")
            start, end = stretch(*place, self._said - self._begun)
            url, title = text_of(annotation["url"]), annotation.get("title") or ""
            deltas.append(CitationDelta(url, title, self._begun + start, self._begun + end))

    def _end(self, response: dict[str, Any], kind: str, deltas: list[Delta]) -> None:
        self.done = True
        status = response.get("status") or kind
        self._items.finish(deltas)
        self._parts.finish(deltas)
        if None not in self._open:  # else items have neither an index nor an id, so they cannot be distinguished
            for index, item in enumerate(response.get("output") or ()):
                self._close(self._known_place(index, item.get("id")), item, deltas)
        if response.get("usage"):
            self._count(fields(response["usage"]), deltas)
        if status == "incomplete":
            self._word = fields(response.get("incomplete_details")).get("reason") or "length"
        elif status == "completed":
            self._word = "completed"
        else:
            self._fail(fields(response.get("error")))

    def _reason(self, word: str) -> StopReason | None:
        if word == "completed":
            return "stop"
        return "content_filter" if stop_of(word) == "content_filter" else "length"

    def _place(self, event: dict[str, Any], item_id: str | None) -> ItemKey:
        """Return which item an event is about: by its index, for some servers change ids; llama.cpp has ids alone."""
        index = event.get("output_index")
        if index is None:
            return self._by_id.get(item_id, item_id) if item_id else None
        if item_id:
            self._by_id.setdefault(item_id, index)
        place: ItemKey = index
        return place

    def _known_place(self, index: int, item_id: str | None) -> ItemKey:
        if item_id and (item_id in self._by_id or item_id in self._open):
            return self._by_id.get(item_id, item_id)
        return index

    def _count(self, usage: dict[str, Any], deltas: list[Delta]) -> None:
        read = count(usage.get("input_tokens"))
        written = count(usage.get("output_tokens", count(usage.get("total_tokens")) - read))
        kept = count(fields(usage.get("input_tokens_details")).get("cached_tokens"))
        thought = count(fields(usage.get("output_tokens_details")).get("reasoning_tokens"))
        deltas.append(UsageDelta(read, written, kept, thought))


def _where(event: dict[str, Any]) -> TextKey:
    """Return all that identifies the part of a text."""
    return event.get("output_index"), event.get("item_id"), event.get("content_index")
