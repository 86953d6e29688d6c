"""The input of a request, as items. Pure: it must not know what was said before, nor how a provider wants it."""

from __future__ import annotations

from typing import Any

from antiphon.ids import item_id
from antiphon.records import Item
from antiphon.spec.items import ItemReference
from antiphon.spec.request import CreateResponse


def input_items(request: CreateResponse, response_id: str, referenced: dict[str, Item]) -> list[Item]:
    """Write a request's input as the items that are stored and read: every one with an id, a status and content parts.

    Args:
        request: the request.
        response_id: from which ids derive, where the caller gave none.
        referenced: what ``item_reference`` ids stand for.
    """
    if request.input is None:
        return []
    if isinstance(request.input, str):
        items: list[Item] = [{"type": "message", "role": "user", "content": request.input}]
    else:
        items = [
            referenced[item.id] if isinstance(item, ItemReference) else item.wire()  # the type is always written
            for item in request.input
        ]
    return [_whole(item, item_id(response_id, item["type"], "i", index)) for index, item in enumerate(items)]


def references(request: CreateResponse) -> list[tuple[int, str]]:
    """List the item references of a request as (index in the input, item id)."""
    if request.input is None or isinstance(request.input, str):
        return []
    return [(index, item.id) for index, item in enumerate(request.input) if isinstance(item, ItemReference)]


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
