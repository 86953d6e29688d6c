"""The input items of a response, page by page.

As with OpenAI, these are all items that were used to generate it: those of the turns before it, their outputs included,
then its own input.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from antiphon.access.principal import Principal
from antiphon.context.history import context
from antiphon.errors import ApiError, ChainTooLarge
from antiphon.ids import place_of
from antiphon.ports import Services
from antiphon.records import Item
from antiphon.run.models import are_visible
from antiphon.run.retrieve import find
from antiphon.stream.kept import shown_item

Order = Literal["asc", "desc"]

MAX_PAGE: Final = 100


async def input_items(services: Services, principal: Principal, response_id: str) -> list[Item]:
    """Return the items that a response was generated from, oldest first.

    Pages go by ids, so of two items with one id only the first is returned.

    Raises:
        ApiError: 404 if the response, or an earlier turn of it, is absent or hidden; 400 if they are too large.
    """
    stored = await find(services, principal, response_id)
    now = services.clock()
    turns = [stored]
    if stored.previous_response_id is not None or place_of(stored.id).in_conversation:
        try:
            found = await services.responses.chain(stored.owner, stored.id, now, services.settings.max_chain_bytes)
        except ChainTooLarge:
            raise ApiError("context_length_exceeded") from None
        if found is None or not await are_visible(services, principal, (turn.agent for turn in found)):
            raise ApiError("previous_response_not_found", "An earlier turn of this response is gone.")
        turns = found
    earlier, new = context(turns[:-1], turns[-1].input)
    by_id: dict[str, Item] = {}
    for item in earlier + new:
        by_id.setdefault(item["id"], item)
    return [shown_input_item(item) for item in by_id.values()]


def page(items: list[Item], *, limit: int, order: Order, after: str | None) -> dict[str, Any]:
    """Return one page of items as OpenAI's clients read it.

    Args:
        items: all items, oldest first.
        limit: the most items, 1 to ``MAX_PAGE``.
        order: ``desc`` begins with the newest.
        after: the id of the item that the page follows; None for the first page.

    Raises:
        ApiError: 400 if there is no item ``after``.
    """
    ordered = items if order == "asc" else items[::-1]
    ids = [item["id"] for item in ordered]
    if after is not None and after not in ids:
        raise ApiError(
            "invalid_value", "`after`: This response has no such item. Send the `last_id` of a page.", param="after"
        )
    start = 0 if after is None else ids.index(after) + 1
    shown = ids[start : start + limit]
    return {
        "object": "list",
        "data": ordered[start : start + limit],
        "first_id": shown[0] if shown else None,
        "last_id": shown[-1] if shown else None,
        "has_more": start + limit < len(ids),
    }


def shown_input_item(item: Item) -> Item:
    """Write an item in the specification's ``ItemField`` form: parts of text, not their short form."""
    if item["type"] == "message":
        return {**item, "content": [_part(part) for part in item["content"]]}
    return shown_item(item)


def _part(part: dict[str, Any]) -> dict[str, Any]:
    return {"annotations": [], **part} if part["type"] == "output_text" else part
