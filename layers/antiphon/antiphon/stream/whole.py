"""The events of an item that is whole already.

Every field of the item is kept as it stands, whatever it is. The events are not numbered here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from antiphon.records import Item
from antiphon.stream.cuts import Cutter
from antiphon.stream.events import Event
from antiphon.stream.kept import KEPT
from antiphon.stream.parts import TEXTS
from antiphon.stream.server_calls import begin_events, end_events, is_server_item

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


_LATE: Final = ("encrypted_content", KEPT)
"""Fields that an item has only when it is done."""


def item_events(item: Item, index: int, cutter: Cutter) -> Iterator[Event]:
    """Yield the events of one item, not numbered yet.

    Args:
        item: the item, as it is when it is done.
        index: its ``output_index``.
        cutter: cuts its texts into deltas.
    """
    if is_server_item(item):
        yield from begin_events(item, index, cutter)
        yield from end_events(item, index)
        return
    where = {"item_id": item["id"], "output_index": index}
    yield {"type": "response.output_item.added", "output_index": index, "item": _begun(item)}
    if item["type"] in TEXTS:
        yield from _call(*TEXTS[item["type"]], item, where, cutter)
    elif item["type"] in _STREAMED:
        for side, prefix in _SIDES:
            for number, part in enumerate(item.get(side) or ()):
                yield from _part(part, prefix, {**where, f"{side}_index": number}, cutter)
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _begun(item: Item) -> Item:
    """Return the item as it is when it is added: in progress, if it has a status, and without content.

    A compaction is nothing but its content, so it is whole from the beginning.
    """
    if item["type"] == "compaction":
        return item
    begun = {name: value for name, value in item.items() if name not in _LATE}
    if "status" in item:
        begun["status"] = "in_progress"
    if item["type"] in TEXTS:
        begun[TEXTS[item["type"]][1]] = ""
    elif item["type"] in _STREAMED:
        begun |= {side: [] for side, _ in _SIDES if item.get(side)}
    return begun


def _call(events: str, field: str, item: Item, where: dict[str, Any], cutter: Cutter) -> Iterator[Event]:
    for delta, _ in cutter.deltas(item[field]):
        yield {"type": f"{events}.delta", **where, "delta": delta}
    yield {"type": f"{events}.done", **where, field: item[field]}


def _part(part: dict[str, Any], prefix: str, where: dict[str, Any], cutter: Cutter) -> Iterator[Event]:
    events, field = _TEXTS[part["type"]]
    text = part[field]
    lists: dict[str, list[Any]] = {name: [] for name in ("annotations", "logprobs") if name in part}
    logprobs = {"logprobs": part.get("logprobs", [])} if part["type"] == "output_text" else {}
    yield {"type": f"{prefix}.added", **where, "part": {**part, field: "", **lists}}
    for delta, its in cutter.deltas(text, part.get("logprobs")):
        with_logprobs = {"logprobs": its} if logprobs else {}
        yield {"type": f"{events}.delta", **where, "delta": delta, **with_logprobs}
    for number, annotation in enumerate(part.get("annotations", ())):
        yield {
            "type": "response.output_text.annotation.added",
            **where,
            "annotation_index": number,
            "annotation": annotation,
        }
    yield {"type": f"{events}.done", **where, field: text, **logprobs}
    yield {"type": f"{prefix}.done", **where, "part": part}
