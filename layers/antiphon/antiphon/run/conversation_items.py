"""The items of a conversation: list them page by page, read one, delete one.

In a conversation each item has an id of ours, whatever its client sent: so every id is there once, and shows where its
item is.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final, Literal, NamedTuple

import orjson

from antiphon.access.principal import Principal
from antiphon.errors import ApiError
from antiphon.ids import CONVERSATION_DEPTH, parse_conversation_id, parse_item_id, place_of
from antiphon.ports import Services
from antiphon.records import Conversation, Item, StoredResponse, is_said
from antiphon.run.asked import asked_by, withdraw
from antiphon.run.conversation import Joined, find_conversation
from antiphon.run.items import shown_input_item
from antiphon.stream.events import APPROVALS

Order = Literal["asc", "desc"]

PAGE_BYTES: Final = 4_000_000
"""A page ends after the item that fills it, with fewer items than were asked for: Lambda sends at most 6 MB."""


class Spot(NamedTuple):
    """The place of an item in its conversation. It is read from its id, so a page can begin after a deleted one."""

    depth: int
    side: str
    number: int


async def list_items(
    services: Services, principal: Principal, wanted: str, *, limit: int, order: Order, after: str | None
) -> dict[str, Any]:
    """Return one page of the items of a conversation. It reads no more turns than the page needs.

    Args:
        services: the adapters.
        principal: the caller.
        wanted: the conversation.
        limit: the most items, at least 1.
        order: ``desc`` begins with the newest.
        after: the id of the item that the page follows; None for the first page.

    Raises:
        ApiError: 404; 400 if there can be no item ``after``.
    """
    joined = await find_conversation(services, principal, wanted)
    found: list[Item] = []
    size, has_more = 0, False
    async with aclosing(_items(services, joined, limit, order, _cursor(joined, after))) as items:
        async for item in items:
            has_more = len(found) == limit or size > PAGE_BYTES
            if has_more:
                break
            found.append(shown_input_item(item))
            size += len(orjson.dumps(found[-1]))
    ids = [item["id"] for item in found]
    return {
        "object": "list",
        "data": found,
        "first_id": ids[0] if ids else None,
        "last_id": ids[-1] if ids else None,
        "has_more": has_more,
    }


async def read_item(services: Services, principal: Principal, wanted: str, item_id: str) -> Item:
    """Read one item of a conversation.

    Raises:
        ApiError: 404.
    """
    joined = await find_conversation(services, principal, wanted)
    now = services.clock()
    turn = await services.responses.get(principal.owner, _turn_of(joined, item_id), now)
    for item in _all(turn) if turn and is_said(turn, now) else ():
        if item["id"] == item_id:
            return shown_input_item(item)
    raise ApiError("item_not_found")


async def delete_item(services: Services, principal: Principal, wanted: str, item_id: str) -> Conversation:
    """Remove an item from a conversation, and so from the response that it came with. Return the conversation.

    With an item that asks for an approval goes the approval.

    Raises:
        ApiError: 404.
    """
    joined = await find_conversation(services, principal, wanted)
    asked: list[str] = []

    def without(turn: StoredResponse) -> StoredResponse:
        if not is_said(turn, services.clock()) or all(item["id"] != item_id for item in _all(turn)):
            raise ApiError("item_not_found")
        output = [item for item in turn.response["output"] if item["id"] != item_id]
        left = [item for item in turn.input if item["id"] != item_id]
        # its stream is made anew of what is left: the cuts and the log have the text that is gone
        response = {**turn.response, "output": output}
        if item_id in asked_by(turn):
            asked.append(item_id)
            own = turn.response["antiphon"]
            waiting = [approval for approval in own[APPROVALS] if approval["id"] != item_id]
            response["antiphon"] = {**own, APPROVALS: waiting}
        return replace(turn, input=left, response=response, cuts="", stream_version=0, logged=False)

    if await services.responses.rewrite(principal.owner, _turn_of(joined, item_id), without) is None:
        raise ApiError("item_not_found")
    await withdraw(services, principal.tenant, asked[:1])
    return joined.record


def _all(turn: StoredResponse) -> list[Item]:
    return [*turn.input, *turn.response["output"]]


def _turn_of(joined: Joined, item_id: str) -> str:
    """Return the id of the turn that an item of a conversation came with.

    Raises:
        ApiError: 404; no item of this conversation can have this id.
    """
    parsed = parse_item_id(item_id)
    if parsed is None or place_of(parsed[0]).segment != parse_conversation_id(joined.record.id):
        raise ApiError("item_not_found")
    return parsed[0]


def _spot(item_id: str) -> Spot:
    parsed = parse_item_id(item_id)
    assert parsed is not None
    return Spot(place_of(parsed[0]).depth, *parsed[1:])


def _cursor(joined: Joined, after: str | None) -> Spot | None:
    if after is None:
        return None
    try:
        _turn_of(joined, after)
        return _spot(after)
    except ApiError:
        message = "`after`: This conversation has no such item. Send the `last_id` of a page."
        raise ApiError("invalid_value", message, param="after") from None


async def _items(
    services: Services, joined: Joined, limit: int, order: Order, cursor: Spot | None
) -> AsyncGenerator[Item, None]:
    """Yield the items of a conversation in order, those after a cursor."""
    newest_first, now = order == "desc", services.clock()
    step = -1 if newest_first else 1
    last = CONVERSATION_DEPTH if newest_first else CONVERSATION_DEPTH + joined.length - 1
    depth = cursor.depth - step if cursor else None
    while joined.length and (depth is None or (last - depth) * step > 0):
        turns = await services.responses.some_turns(
            joined.record.owner, joined.record.id, depth, newest_first=newest_first, limit=limit + 1
        )
        for turn in turns:
            depth = place_of(turn.id).depth
            if is_said(turn, now):
                for item in _all(turn)[::step]:
                    if cursor is None or (_spot(item["id"]) < cursor if newest_first else _spot(item["id"]) > cursor):
                        yield item
        if not turns:
            return
