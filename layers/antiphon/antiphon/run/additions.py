"""What is added to conversations: a conversation with its first items, and further items.

Items that are added together are one turn, which no agent ran.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from antiphon.access.principal import Principal
from antiphon.context.input import input_items
from antiphon.context.sealed import opened
from antiphon.errors import ApiError
from antiphon.ids import conversation_id
from antiphon.ports import Services
from antiphon.records import Conversation, Item, StoredResponse
from antiphon.run.conversation import SLACK, Joined, add_turn, bare_turn, expiry, join, keep, with_own_ids
from antiphon.run.idempotency import Attempt, Hold
from antiphon.run.items import shown_input_item
from antiphon.run.references import referenced_items
from antiphon.spec.items import InputItem


@dataclass(frozen=True, slots=True)
class Added:
    """Items to add, in the form of a request's input."""

    input: list[InputItem]


async def create_conversation(
    services: Services, principal: Principal, items: Sequence[InputItem], metadata: dict[str, str]
) -> Conversation:
    """Begin a conversation, with items or without.

    Raises:
        ApiError: an item cannot be added; nothing was stored.
    """
    record = Conversation(
        owner=principal.owner,
        id=conversation_id(services.entropy),
        created_at=int(services.clock()),
        expires_at=expiry(services, principal) + SLACK,
        metadata=metadata,
    )
    if items:  # first: without the record nobody can see them
        turn = await new_turn(services, principal, Joined(record, None), items)
        await services.responses.claim(turn)
    await services.responses.save_conversation(record)
    return record


async def add_items(
    services: Services, principal: Principal, wanted: str, items: Sequence[InputItem], attempt: Attempt | None
) -> list[Item]:
    """Add items to a conversation; if the same request was answered before, return what it added.

    Raises:
        ApiError: 404; 409 ``conversation_locked``; 400 if an item cannot be added.
    """
    joined = await join(services, principal, wanted)
    turn = await new_turn(services, principal, joined, items)
    hold = Hold(services, principal.owner, attempt, turn.id)
    try:
        answered = await hold.take()
        if answered is None:
            await keep(services, joined.record, "", turn.expires_at or 0)
            await add_turn(services, replace(turn, reservation=hold.name))
    except BaseException:
        await hold.release()
        raise
    return [shown_input_item(item) for item in (answered or turn).input]


async def new_turn(
    services: Services, principal: Principal, joined: Joined, items: Sequence[InputItem]
) -> StoredResponse:
    """Build the turn that adds items to a conversation.

    Raises:
        ApiError: an item cannot be added.
    """
    added = Added(list(items))
    turn = bare_turn(services, joined, "completed", expiry(services, principal))
    try:
        referenced = await referenced_items(services, principal, added)
        own = with_own_ids(input_items(added, turn.id, referenced), turn.id)
        await opened(services, principal.owner, "", [], own)
    except ApiError as error:
        if error.param is not None:
            error.param = error.param.replace("input", "items", 1)
        raise
    return replace(turn, input=own)
