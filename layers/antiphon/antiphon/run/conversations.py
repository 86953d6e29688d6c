"""Conversations as OpenAI's clients use them: retrieve, change the metadata, delete."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from antiphon.access.principal import Principal
from antiphon.errors import ApiError, SlotTaken
from antiphon.ids import place_of
from antiphon.ports import Services
from antiphon.records import CLOSED, DAY, Conversation, StoredResponse
from antiphon.run.asked import asked_by, withdraw
from antiphon.run.cancel import stop
from antiphon.run.conversation import bare_turn, change_record, find_conversation

_PAGE: Final = 100

CLAIMS: Final = 8
"""How often a deletion tries to take the last place while others go on to add."""


async def retrieve_conversation(services: Services, principal: Principal, wanted: str) -> Conversation:
    """Read a conversation of the caller.

    Raises:
        ApiError: 404, the same if it is absent, expired, deleted, another user's or hidden.
    """
    return (await find_conversation(services, principal, wanted)).record


async def update_conversation(
    services: Services, principal: Principal, wanted: str, metadata: dict[str, str]
) -> Conversation:
    """Replace the metadata of a conversation.

    Raises:
        ApiError: 404.
    """
    found = await find_conversation(services, principal, wanted)
    return await change_record(services, found.record, lambda record: replace(record, metadata=metadata))


async def delete_conversation(services: Services, principal: Principal, wanted: str) -> None:
    """Remove a conversation with all its items and responses, and the approvals that these asked for.

    A response that runs in it is cancelled first.

    The deletion takes the place after the newest turn, as everybody does who adds: a request that read the conversation
    before cannot add to it any more. A deletion that dies half-way can be sent again.

    Raises:
        ApiError: 404; 409 if others go on to add.
    """
    last = await _close(services, principal, wanted)
    await _withdraw(services, principal, wanted)
    await services.responses.clear_conversation(principal.owner, wanted, last)


async def _close(services: Services, principal: Principal, wanted: str) -> str:
    """Take the last place of a conversation; return its id."""
    for _ in range(CLAIMS):
        found = await find_conversation(services, principal, wanted, closed=True)
        newest = found.newest
        if newest is not None and newest.status == CLOSED:
            return newest.id
        if newest is not None and not newest.has_ended:
            await _stop(services, newest)
        last = bare_turn(services, found, CLOSED, int(services.clock()) + DAY)
        try:
            await services.responses.claim(last)
        except SlotTaken:
            continue
        return last.id
    raise ApiError("conversation_locked")


async def _withdraw(services: Services, principal: Principal, wanted: str) -> None:
    """Remove the approvals that the responses of a conversation asked for."""
    after = None
    while turns := await services.responses.some_turns(principal.owner, wanted, after, newest_first=False, limit=_PAGE):
        after = place_of(turns[-1].id).depth
        await withdraw(services, principal.tenant, [approval for turn in turns for approval in asked_by(turn)])


async def _stop(services: Services, newest: StoredResponse) -> None:
    whole = await services.responses.get(newest.owner, newest.id, services.clock())
    if whole is not None and not whole.has_ended:
        await stop(services, whole)


def conversation_resource(record: Conversation) -> dict[str, Any]:
    """Return a conversation as OpenAI's clients read it."""
    return {
        "id": record.id,
        "object": "conversation",
        "created_at": record.created_at,
        "metadata": record.metadata,
    }
