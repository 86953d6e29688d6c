"""A conversation that something is added to: who may, what it holds so far, and which place comes next.

    open     record and newest turn            one trip; 409 if the newest turn still runs
    turns    the other turns, all at once      only for what a model reads
    claim    the place after the newest turn   another writer was first: 409, and nothing is stored

What a response that failed or was cancelled has said does not belong to the conversation, nor does its input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from antiphon.access.principal import Principal
from antiphon.errors import ApiError, ChainTooLarge, SlotTaken
from antiphon.ids import CONVERSATION_DEPTH, added_id, item_id, parse_conversation_id, place_of, random_base62
from antiphon.ports import Services
from antiphon.records import (
    CLOSED,
    DAY,
    Conversation,
    Item,
    StoredResponse,
    Stretch,
    is_said,
    lineage_after,
)
from antiphon.run.lost import settled
from antiphon.run.models import are_visible

if TYPE_CHECKING:
    from antiphon.run.run_request import RunRequest

SLACK: Final = 3600
"""Seconds that a record outlives its newest turn, so that it is written once an hour, and not with each turn."""

PARAM: Final = "conversation"


@dataclass(frozen=True, slots=True)
class Joined:
    """A conversation as it was read.

    Attributes:
        record: its record.
        newest: its newest turn, which has ended; None if there is none.
        lineage: where its turns are: the lineage of the turn that comes next.
    """

    record: Conversation
    newest: StoredResponse | None
    lineage: tuple[Stretch, ...] = ()

    @property
    def length(self) -> int:
        """How many turns it has, those included that were deleted."""
        return place_of(self.newest.id).depth - CONVERSATION_DEPTH + 1 if self.newest else 0

    def next_id(self, services: Services) -> str:
        """Draw the id of the turn that comes next."""
        segment = parse_conversation_id(self.record.id)
        assert segment is not None
        return added_id(segment, self.length, services.entropy)


async def find_conversation(
    services: Services,
    principal: Principal,
    conversation_id: str,
    param: str | None = None,
    *,
    model: str = "",
    closed: bool = False,
) -> Joined:
    """Read a conversation of the caller as it is stored.

    Args:
        services: the adapters.
        principal: the caller.
        conversation_id: the conversation.
        param: the name of the parameter, for errors.
        model: an agent whose visibility is checked elsewhere.
        closed: whether one is wanted, too, whose deletion has begun.

    Raises:
        ApiError: 404, the same if it is absent, expired, deleted, another user's, or if an agent that has answered in
            it is hidden.
    """
    opened = await services.responses.open_conversation(principal.owner, conversation_id, services.clock())
    if opened is None or not await are_visible(services, principal, {*opened.record.agents} - {model}):
        raise ApiError("conversation_not_found", param=param)
    if opened.newest is not None and opened.newest.status == CLOSED and not closed:
        raise ApiError("conversation_not_found", param=param)
    return Joined(*opened, lineage_after(opened.newest) if opened.newest else ())


async def join(
    services: Services,
    principal: Principal,
    conversation_id: str,
    param: str | None = None,
    *,
    model: str = "",
    adds: bool = True,
) -> Joined:
    """Read a conversation to add a turn to it.

    Args:
        services: the adapters.
        principal: the caller.
        conversation_id: the conversation.
        param: the name of the parameter, for errors.
        model: an agent whose visibility is checked elsewhere.
        adds: whether a turn will be added. If not, it does not matter that another is being added.

    Raises:
        ApiError: 404; 409 ``conversation_locked``; 400 if it has as many turns as it may have.
    """
    found = await find_conversation(services, principal, conversation_id, param, model=model)
    newest = found.newest
    if newest is not None and not newest.has_ended:
        newest = await _as_it_is(services, newest)
    if newest is not None and not newest.has_ended and adds:
        raise locked(param)
    joined = replace(found, newest=newest, lineage=lineage_after(newest) if newest else ())
    if _is_full(services, joined):
        joined = await _without_expired(services, joined)
    if adds and _turns(joined) >= services.settings.max_chain_turns:
        raise ApiError("context_length_exceeded", "The conversation has too many turns.", param=param)
    return joined


def _is_full(services: Services, joined: Joined) -> bool:
    size = sum(stretch.size for stretch in joined.lineage)
    return _turns(joined) >= services.settings.max_chain_turns or size > services.settings.max_chain_bytes


def _turns(joined: Joined) -> int:
    return sum(stretch.last - stretch.first + 1 for stretch in joined.lineage)


async def _without_expired(services: Services, joined: Joined) -> Joined:
    """Leave out of the lineage the turns that are gone from the beginning of a conversation."""
    first = await _first(services, joined.record)
    left = (replace(stretch, first=max(stretch.first, first)) for stretch in joined.lineage)
    return replace(joined, lineage=tuple(stretch for stretch in left if stretch.first <= stretch.last))


async def _first(services: Services, record: Conversation) -> int:
    """Return the depth of the oldest turn of a conversation that has not expired."""
    after, now = None, services.clock()
    while True:
        oldest = await services.responses.some_turns(record.owner, record.id, after, newest_first=False, limit=100)
        for turn in oldest:
            after = place_of(turn.id).depth
            if turn.expires_at is None or turn.expires_at > now:
                return after
        if not oldest:
            return 0 if after is None else after + 1


async def _as_it_is(services: Services, newest: StoredResponse) -> StoredResponse:
    """Return the newest turn as it is now: if nobody runs it any more, that is put right first."""
    whole = await services.responses.get(newest.owner, newest.id, services.clock()) if newest.chunks else newest
    return (whole and await settled(services, whole)) or newest


async def joined_by(services: Services, run: RunRequest, *, adds: bool) -> Joined | None:
    """Read the conversation that a request for a response names, if any.

    Raises:
        ApiError: likewise.
    """
    if run.body.conversation is None:
        return None
    return await join(services, run.principal, run.body.conversation.id, PARAM, model=run.body.model, adds=adds)


async def rejoin(services: Services, principal: Principal, turn: StoredResponse) -> Joined | None:
    """Read the conversation of a turn that was added to it and is run now; None if it has none.

    Raises:
        ApiError: 404.
    """
    conversation = turn.response.get("conversation")
    if conversation is None:
        return None
    found = await find_conversation(services, principal, conversation["id"], PARAM)
    return replace(found, newest=None, lineage=turn.lineage)


async def said(services: Services, joined: Joined) -> list[StoredResponse]:
    """Read the turns of a conversation whose items belong to it, oldest first.

    Raises:
        ApiError: 400 ``context_length_exceeded``.
    """
    newest, lineage, read = joined.newest, joined.lineage, list[StoredResponse]()
    if newest is not None and not newest.chunks and lineage == lineage_after(newest):
        lineage, read = newest.lineage, [newest]  # it was read with the record
    most = services.settings.max_chain_bytes
    try:
        earlier = await services.responses.turns(joined.record.owner, lineage, most) if lineage else []
    except ChainTooLarge:
        raise ApiError("context_length_exceeded", param=PARAM) from None
    now = services.clock()
    return [turn for turn in [*earlier, *read] if is_said(turn, now)]


def bare_turn(services: Services, joined: Joined, status: str, expires_at: int) -> StoredResponse:
    """Build the turn that comes next in a conversation, if no agent runs it."""
    turn_id, now = joined.next_id(services), int(services.clock())
    response = {"id": turn_id, "status": status, "completed_at": now, "previous_response_id": None, "output": []}
    return StoredResponse(
        owner=joined.record.owner,
        id=turn_id,
        agent="",
        status=status,
        created_at=now,
        expires_at=expires_at,
        lease=random_base62(services.entropy, 16),
        lease_until=now,
        lineage=joined.lineage,
        input=[],
        response=response,
    )


async def add_turn(services: Services, turn: StoredResponse) -> None:
    """Claim the place of a turn in its conversation.

    Raises:
        ApiError: 409; something was added since the conversation was read.
    """
    try:
        await services.responses.claim(turn)
    except SlotTaken:
        raise locked(None) from None
    await require_open(services, turn, None)


async def require_open(services: Services, turn: StoredResponse, param: str | None = PARAM) -> None:
    """Check, after a turn took its place in a conversation, that this was not deleted meanwhile; else remove the turn.

    A deletion removes the turns, so a request that has read the conversation long before finds its place free again.

    Raises:
        ApiError: 404 ``conversation_not_found``.
    """
    owner, conversation_id = turn.owner, f"conv_{place_of(turn.id).segment}"
    opened = await services.responses.open_conversation(owner, conversation_id, services.clock())
    if opened is not None and (opened.newest is None or opened.newest.status != CLOSED):
        return
    last = await services.responses.some_turns(owner, conversation_id, None, newest_first=True, limit=1)
    if last and last[0].status == CLOSED:
        await services.responses.clear_conversation(owner, conversation_id, last[0].id)
    raise ApiError("conversation_not_found", param=param)


def locked(param: str | None = PARAM) -> ApiError:
    """Return the error for a conversation that another request is adding to."""
    return ApiError("conversation_locked", param=param)


def with_own_ids(items: Sequence[Item], turn_id: str) -> list[Item]:
    """Return the items of a turn, each with an id of its own."""
    return [{**item, "id": item_id(turn_id, item["type"], "i", index)} for index, item in enumerate(items)]


def expiry(services: Services, principal: Principal) -> int:
    """Return when something that is stored now expires, in seconds since the epoch."""
    most = services.settings.retention_days
    return int(services.clock()) + min(most, principal.limits.retention_days or most) * DAY


async def keep(services: Services, record: Conversation, agent: str, until: int) -> None:
    """Record which agent will answer, and keep the record as long as the next turn. It seldom writes.

    Raises:
        ApiError: 404; it was deleted meanwhile.
    """

    def changed(stored: Conversation) -> Conversation:
        agents = stored.agents if not agent or agent in stored.agents else (*stored.agents, agent)
        late = stored.expires_at if stored.expires_at >= until else until + SLACK
        return replace(stored, agents=agents, expires_at=late)

    if changed(record) != record:
        await change_record(services, record, changed)


async def change_record(
    services: Services, record: Conversation, changed: Callable[[Conversation], Conversation]
) -> Conversation:
    """Change a record; again, if another change was first.

    Raises:
        ApiError: 404; it was deleted meanwhile.
    """
    while True:
        new = replace(changed(record), revision=record.revision + 1)
        if await services.responses.save_conversation(new):
            return new
        opened = await services.responses.open_conversation(record.owner, record.id, services.clock())
        if opened is None:
            raise ApiError("conversation_not_found")
        record = opened.record
