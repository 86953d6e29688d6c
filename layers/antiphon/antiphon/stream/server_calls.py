"""The events of a call of a tool that Antiphon runs, not numbered (OpenAI's API, "Streaming events").

added, in_progress, arguments | the tool runs | completed or failed, done
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from antiphon.records import Item
from antiphon.stream.cuts import Cutter
from antiphon.stream.events import Event
from antiphon.tools.server_calls import HELD

_STEPS: Final = {
    "mcp_call": ("in_progress",),
    "web_search_call": ("in_progress", "searching"),
    "file_search_call": ("in_progress", "searching"),
    "mcp_list_tools": ("in_progress",),
}
"""For each type of item the events while it runs."""

_ENDS: Final = {"mcp_call": ("completed", "failed"), "mcp_list_tools": ("completed", "failed")}
"""For each type of item the statuses that have an event; for the others that is ``completed`` alone."""

_LATE: Final = ("output", "error", "results", "tools")
"""Fields that an item has only when it is done."""


def begin_events(item: Item, index: int, cutter: Cutter) -> Iterator[Event]:
    """Yield the events before the tool runs.

    Args:
        item: the item, as it was begun or as it is when it is done.
        index: its ``output_index``.
        cutter: cuts its arguments into deltas.
    """
    kind = item["type"]
    where = {"item_id": item["id"], "output_index": index}
    yield {"type": "response.output_item.added", "output_index": index, "item": _begun(item)}
    for step in _STEPS[kind]:
        yield {"type": f"response.{kind}.{step}", **where}
    if kind == "mcp_call":
        for delta, _ in cutter.deltas(item["arguments"]):
            yield {"type": "response.mcp_call_arguments.delta", **where, "delta": delta}
        yield {"type": "response.mcp_call_arguments.done", **where, "arguments": item["arguments"]}


def end_events(item: Item, index: int) -> Iterator[Event]:
    """Yield the events after the tool ran.

    Args:
        item: the item, as it is when it is done.
        index: its ``output_index``.
    """
    kind, status = item["type"], item.get("status", "failed" if item.get("error") else "completed")
    if status in _ENDS.get(kind, ("completed",)):
        yield {"type": f"response.{kind}.{status}", "item_id": item["id"], "output_index": index}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def is_server_item(item: Item) -> bool:
    """Return whether an item has events of its own besides those of its arguments."""
    return item["type"] in _STEPS


def _begun(item: Item) -> Item:
    """Return an item as it is when it is added: in progress, without arguments and result."""
    begun: dict[str, Any] = {name: value for name, value in item.items() if name not in (*_LATE, HELD)}
    if "status" in item:
        begun["status"] = "in_progress"
    if item["type"] == "mcp_call":
        begun["arguments"] = ""
    elif item["type"] == "mcp_list_tools":
        begun["tools"] = []
    elif "action" in item:
        begun["action"] = {name: value for name, value in item["action"].items() if name != "sources"}
    return begun
