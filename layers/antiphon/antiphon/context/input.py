"""The input of a request, as items."""

from __future__ import annotations

from typing import Any, Final, Protocol

from antiphon.ids import item_id, parse_item_id
from antiphon.records import Item
from antiphon.spec.items import InputItem, ItemReference, Reasoning, UserMessage
from antiphon.stream.kept import KEPT

MAX_REASONING: Final = 32
"""How many reasoning items are looked up for one request."""


class Asking(Protocol):
    """A request that has an input."""

    @property
    def input(self) -> str | list[InputItem] | None:
        """Text, or items."""


def input_items(request: Asking, response_id: str, referenced: dict[str, Item]) -> list[Item]:
    """Return the input of a request as items, each with an id, a status and content parts.

    Args:
        request: the request.
        response_id: the response, from which the ids of items without one are derived.
        referenced: stored items by id, for ``item_reference`` and for reasoning that comes back without its content.
    """
    if request.input is None:
        return []
    if isinstance(request.input, str):
        items: list[Item] = [{"type": "message", "role": "user", "content": request.input}]
    else:
        items = [
            referenced[item.id] if isinstance(item, ItemReference) else _with_reasoning(item.wire(), referenced)
            for item in request.input
        ]
    return [_whole(item, item_id(response_id, item["type"], "i", index)) for index, item in enumerate(items)]


def references(request: Asking) -> list[tuple[int, str]]:
    """List the item references of a request as (index in the input, item id)."""
    if request.input is None or isinstance(request.input, str):
        return []
    return [(index, item.id) for index, item in enumerate(request.input) if isinstance(item, ItemReference)]


def open_reasoning(request: Asking) -> list[str]:
    """List the ids of stored reasoning that comes back without its encrypted content, since the last user's message.

    In a tool loop a provider needs its own reasoning back. Earlier turns can do without.
    """
    if request.input is None or isinstance(request.input, str):
        return []
    ids: list[str] = []
    for item in request.input:
        if isinstance(item, UserMessage):
            ids.clear()
        elif isinstance(item, Reasoning) and item.id and item.encrypted_content is None and parse_item_id(item.id):
            ids.append(item.id)
    return ids[-MAX_REASONING:]


def _with_reasoning(item: Item, referenced: dict[str, Item]) -> Item:
    """Add the sealed reasoning that is stored with an item, unless the item came with its own."""
    stored = referenced.get(item.get("id", "")) if item["type"] == "reasoning" else None
    if stored is None or "encrypted_content" in item:
        return item
    kept = stored.get(KEPT) or stored.get("encrypted_content")
    return {**item, KEPT: kept} if kept else item


def _whole(item: Item, own_id: str) -> Item:
    whole = {"id": own_id, **item}
    if item["type"] not in ("reasoning", "compaction"):
        whole.setdefault("status", "completed")
    if item["type"] == "message" and isinstance(item["content"], str):
        whole["content"] = [_text_part(item["role"], item["content"])]
    return whole


def _text_part(role: str, text: str) -> dict[str, Any]:
    if role == "assistant":
        return {"type": "output_text", "text": text, "annotations": []}
    return {"type": "input_text", "text": text}
