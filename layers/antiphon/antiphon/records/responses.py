"""Stored responses and the conversations that they are turns of."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Final

from antiphon.ids import place_of
from antiphon.records.people import Owner

Item = dict[str, Any]
"""One item in the specification's JSON form (Open Responses, "Items")."""

QUEUED: Final = "queued"
IN_PROGRESS: Final = "in_progress"
RUNNING: Final = frozenset({QUEUED, IN_PROGRESS})
"""The statuses of a response that has not ended."""

CANCELLED: Final = "cancelled"
DELETED: Final = "deleted"
"""The status of a deleted turn of a conversation. Its place stays taken, so that it is never used again."""
CLOSED: Final = "closed"
"""The status of the last turn of a deleted conversation. It takes the place that the next turn would have taken."""

STRETCH_BYTES: Final = 900_000
"""The greatest size of a stretch; one page of a DynamoDB query is 1 MB."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Successive turns of one segment that a store reads with one query.

    Attributes:
        first, last: depths, both included.
        size: bytes as stored, all turns together.
        chunks: how many further parts its one turn was cut into; 0 if every turn is in one piece.
    """

    segment: str
    first: int
    last: int
    size: int
    chunks: int = 0


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """One turn: its input, its response, and its place in the conversation.

    Attributes:
        agent: the agent's id; empty for a turn of a conversation that no agent ran.
        status: as in the resource, or ``DELETED`` or ``CLOSED`` for a place of a conversation that stays taken.
        created_at, expires_at: seconds since the epoch; ``expires_at`` is None if it never expires.
        lease: a random name of its only writer; empty once it has ended.
        lease_until: seconds since the epoch; a response that has not ended by then counts as lost.
        lineage: the turns before this one, oldest first.
        input: this turn's own input items.
        response: the resource with its output, built from the events that were sent.
        size, chunks: the bytes and further parts in the store; set by reading it.
        reservation: the name under which its request can be sent again; empty for none.
        epoch: how often the response got a new writer.
        logged: whether its events are logged while it runs.
        job: what a worker needs to run it, until it has ended; None for a response that its request runs.
        calls: the calls of tools that Antiphon runs: those about to be made, with their results so far. Only while the
            response runs.
        cuts: where the deltas of its texts ended, see ``stream.cuts``.
        stream_version: the version of the stream that its cuts are of; 0 if it has none.
        lost_after: how many of its events were logged when its writer was lost; None if none was lost.
        key_id: the public name of the key of its request; empty if that is not known.
        model: the first model that was to answer, as ``provider/model``; empty if no agent runs it.
    """

    owner: Owner
    id: str
    agent: str
    status: str
    created_at: int
    expires_at: int | None
    lease: str
    lease_until: float
    lineage: tuple[Stretch, ...]
    input: list[Item]
    response: dict[str, Any]
    size: int = 0
    chunks: int = 0
    reservation: str = ""
    epoch: int = 0
    logged: bool = False
    job: dict[str, Any] | None = None
    calls: list[dict[str, Any]] = field(default_factory=list)
    cuts: str = ""
    stream_version: int = 0
    lost_after: int | None = None
    key_id: str = ""
    model: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether it has a final status."""
        return self.status not in RUNNING

    @property
    def previous_response_id(self) -> str | None:
        """The id of the turn that this one continues."""
        previous: str | None = self.response["previous_response_id"]
        return previous


@dataclass(frozen=True, slots=True)
class Conversation:
    """The record of a conversation; its turns are stored responses of the same partition.

    Attributes:
        created_at, expires_at: seconds since the epoch. Each addition moves ``expires_at``, so the record
            outlives its turns.
        agents: the agents that have answered in it.
        revision: how often the record was changed.
    """

    owner: Owner
    id: str
    created_at: int
    expires_at: int
    metadata: dict[str, str] = field(default_factory=dict)
    agents: tuple[str, ...] = ()
    revision: int = 0


def is_said(turn: StoredResponse, now: float) -> bool:
    """Return whether a turn's items belong to its conversation. As with OpenAI, those of a failed response do not."""
    alive = turn.expires_at is None or turn.expires_at > now
    return alive and turn.status in ("completed", "incomplete")


def without_content(turn: StoredResponse, turn_id: str, status: str) -> StoredResponse:
    """Return a turn without content, which keeps a place in a conversation taken.

    Args:
        turn: the turn.
        turn_id: an id of the same place.
        status: ``DELETED`` or ``CLOSED``.
    """
    response: dict[str, Any] = {"id": turn_id, "status": status, "previous_response_id": None, "output": []}
    return StoredResponse(
        owner=turn.owner,
        id=turn_id,
        agent="",
        status=status,
        created_at=turn.created_at,
        expires_at=turn.expires_at,
        lease=turn.lease,
        lease_until=turn.lease_until,
        lineage=turn.lineage,
        input=[],
        response=response,
    )


def lineage_after(parent: StoredResponse) -> tuple[Stretch, ...]:
    """Return the lineage of a turn that continues ``parent``: its last stretch grown by one turn, or a new stretch.

    Raises:
        ValueError: the parent's id is not a response id.
    """
    place = place_of(parent.id)
    if parent.lineage and not parent.chunks:
        *earlier, last = parent.lineage
        follows = last.segment == place.segment and last.last + 1 == place.depth and not last.chunks
        if follows and last.size + parent.size <= STRETCH_BYTES:
            grown = dataclasses.replace(last, last=place.depth, size=last.size + parent.size)
            return (*earlier, grown)
    return (*parent.lineage, Stretch(place.segment, place.depth, place.depth, parent.size, parent.chunks))
