"""The events of an item that is whole already: each text of it leaves as one delta.

Every field of the item is kept as it stands, whatever it is. It must not know the counter that numbers events, nor
where items come from.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from antiphon.records import Item
from antiphon.stream.events import Event
from antiphon.stream.parts import TEXTS

_TEXTS: Final = {
    "output_text": ("response.output_text", "text"),
    "refusal": ("response.refusal", "refusal"),
    "reasoning_text": ("response.reasoning", "text"),
    "summary_text": ("response.reasoning_summary_text", "text"),
}
"""For each type of part: how the events of its text begin, and the field that holds the text."""

_SIDES: Final = (("summary", "response.reasoning_summary_part"), ("content", "response.content_part"))
_STREAMED: Final = frozenset({"message", "reasoning"})
"""The types of item whose parts leave one by one."""


def item_events(item: Item, index: int) -> Iterator[Event]:
    """Yield the events of one item, not numbered yet.

    Args:
        item: the item, as it is when it is done.
        index: its ``output_index``.
    """
    where = {"item_id": item["id"], "output_index": index}
    yield {"type": "response.output_item.added", "output_index": index, "item": _begun(item)}
    if item["type"] in TEXTS:
        yield from _call(*TEXTS[item["type"]], item, where)
    elif item["type"] in _STREAMED:
        for side, prefix in _SIDES:
            for number, part in enumerate(item.get(side) or ()):
                yield from _part(part, prefix, {**where, f"{side}_index": number})
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _begun(item: Item) -> Item:
    """Give the item as it is when it is added: in progress, where it has a status, and without content."""
    begun = {**item, "status": "in_progress"} if "status" in item else dict(item)
    if item["type"] in TEXTS:
        begun[TEXTS[item["type"]][1]] = ""
    elif item["type"] in _STREAMED:
        begun |= {side: [] for side, _ in _SIDES if item.get(side)}
    return begun


def _call(events: str, field: str, item: Item, where: dict[str, Any]) -> Iterator[Event]:
    text = item[field]
    if text:
        yield {"type": f"{events}.delta", **where, "delta": text}
    yield {"type": f"{events}.done", **where, field: text}


def _part(part: dict[str, Any], prefix: str, where: dict[str, Any]) -> Iterator[Event]:
    events, field = _TEXTS[part["type"]]
    text = part[field]
    lists: dict[str, list[Any]] = {name: [] for name in ("annotations", "logprobs") if name in part}
    logprobs = {"logprobs": part.get("logprobs", [])} if part["type"] == "output_text" else {}
    yield {"type": f"{prefix}.added", **where, "part": {**part, field: "", **lists}}
    if text:
        yield {"type": f"{events}.delta", **where, "delta": text, **logprobs}
    for number, annotation in enumerate(part.get("annotations", ())):
        yield {
            "type": "response.output_text.annotation.added",
            **where,
            "annotation_index": number,
            "annotation": annotation,
        }
    yield {"type": f"{events}.done", **where, field: text, **logprobs}
    yield {"type": f"{prefix}.done", **where, "part": part}
