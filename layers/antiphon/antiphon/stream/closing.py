"""The closing of an item that a stream leaves open: out of the events that were sent of it, and of nothing else. Pure.

It shares no code with the machine that made them, because it also serves the case that the machine is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from antiphon.stream.events import Event

_TEXT_DONE: Final = {
    "output_text": "response.output_text.done",
    "refusal": "response.refusal.done",
    "summary_text": "response.reasoning_summary_text.done",
    "reasoning_text": "response.reasoning.done",
}
_CALLS: Final = {
    "function_call": ("response.function_call_arguments.done", "arguments"),
    "custom_tool_call": ("response.custom_tool_call_input.done", "input"),
    "mcp_call": ("response.mcp_call_arguments.done", "arguments"),
}
"""For each type of call that streams: the event that ends its text, and the field that holds it."""
_WITH_PARTS: Final = ("message", "reasoning")
_PLACE: Final = ("item_id", "output_index", "content_index", "summary_index")


def closing(sent: Sequence[Event], status: str = "incomplete") -> list[Event]:
    """Return the events, without their numbers, that close an item.

    Args:
        sent: what was sent of the item, ``output_item.added`` first; empty if no item is open.
        status: of the item when it is done.
    """
    if not sent:
        return []
    added, *inside = sent
    begun = [at for at, event in enumerate(inside) if event["type"].endswith("_part.added")]
    parts = [event["part"] for event in inside if event["type"].endswith("_part.done")]
    events = close_part(inside[begun[-1] :]) if len(begun) > len(parts) else []
    parts += [event["part"] for event in events if "part" in event]
    item = {**added["item"]}
    if item["type"] in _CALLS:
        kind, name = _CALLS[item["type"]]
        item[name] = _joined(inside)
        events += _close_call(kind, name, added, inside)
    elif item["type"] in _WITH_PARTS:
        item["summary" if item["type"] == "reasoning" else "content"] = parts
    if "status" in item:
        item["status"] = "failed" if (item["type"], status) == ("web_search_call", "incomplete") else status
    return [*events, {"type": "response.output_item.done", "output_index": added["output_index"], "item": item}]


def close_part(sent: Sequence[Event]) -> list[Event]:
    """Return the events, without their numbers, that close a part: what was sent of it, ``added`` first."""
    added, *inside = sent
    kind = added["part"]["type"]
    name = "refusal" if kind == "refusal" else "text"
    place: dict[str, Any] = {key: added[key] for key in _PLACE if key in added}
    part: dict[str, Any] = {**added["part"], name: _joined(inside)}
    annotations = [event["annotation"] for event in inside if "annotation" in event]
    if annotations:
        part["annotations"] = annotations
    done: Event = {"type": _TEXT_DONE[kind], **place, name: part[name]}
    if kind == "output_text":
        part["logprobs"] = done["logprobs"] = _logprobs(inside)
    said = any(event["type"] == done["type"] for event in inside)
    ending: Event = {"type": added["type"].replace(".added", ".done"), **place, "part": part}
    return [ending] if said else [done, ending]


def _close_call(kind: str, name: str, added: Event, inside: Sequence[Event]) -> list[Event]:
    if any(event["type"] == kind for event in inside):
        return []
    place = {"item_id": added["item"]["id"], "output_index": added["output_index"]}
    return [{"type": kind, **place, name: _joined(inside)}]


def _joined(events: Sequence[Event]) -> str:
    return "".join(event["delta"] for event in events if "delta" in event)


def _logprobs(events: Sequence[Event]) -> list[Any]:
    return [logprob for event in events if "delta" in event for logprob in event["logprobs"]]
