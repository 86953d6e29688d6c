"""Records for the store tests, and both kinds of stores behind one shape."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from antiphon.ids import Entropy, Place, branch_response_id, first_response_id, next_response_id, parse_response_id
from antiphon.ports import (
    ApprovalStore,
    AuditLog,
    ConversationStore,
    Directory,
    KeyStore,
    Meter,
    ResponseStore,
    RunStore,
    UsageStore,
)
from antiphon.records import Approval, Owner, StoredResponse, lineage_after

NOW = 1_800_000_000
DAY = 86_400
OWNER = Owner("acme", "ann")
PLENTY = 100_000_000
AUDIT_DAYS = 90


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores of one database, and how to set its clock."""

    keys: KeyStore
    directory: Directory
    responses: ConversationStore
    meter: Meter
    runs: RunStore
    approvals: ApprovalStore
    usage: UsageStore
    audit: AuditLog
    set_clock: Callable[[float], None]


def entropy(seed: int) -> Entropy:
    """Return the same bytes for the same seed."""
    return random.Random(seed).randbytes


def noise(length: int, seed: int = 1) -> str:
    """Return text that hardly compresses, of that many ASCII characters."""
    return base64.b64encode(random.Random(seed).randbytes(length)).decode()[:length]


def claimed(
    parent: StoredResponse | None = None, *, seed: int = 0, branch: bool = False, **changes: Any
) -> StoredResponse:
    """Make a turn in progress: a first one, or one that continues ``parent``."""
    source = entropy(seed)
    if parent is None:
        new = first_response_id(source)
    else:
        new = branch_response_id(parent.id, source) if branch else next_response_id(parent.id, source)
    turn = StoredResponse(
        owner=OWNER,
        id=new,
        agent="guide",
        status="in_progress",
        created_at=NOW,
        expires_at=NOW + 30 * DAY,
        lease=hashlib.sha256(new.encode()).hexdigest()[:16],
        lease_until=NOW + 900.5,
        lineage=lineage_after(parent) if parent else (),
        input=[{"type": "message", "role": "user", "content": "Hello"}],
        response={"id": new, "previous_response_id": parent.id if parent else None, "output": []},
    )
    return replace(turn, **changes)


def ended(turn: StoredResponse, text: str = "Hi", status: str = "completed") -> StoredResponse:
    """Make the ending of a turn, as its writer commits it."""
    output = [{"type": "message", "content": [{"type": "output_text", "text": text}]}]
    return replace(turn, status=status, response={**turn.response, "status": status, "output": output})


def as_read(turn: StoredResponse, size: int = 0, chunks: int = 0) -> StoredResponse:
    """Return a turn as a store gives it back: an ended one has no lease any more."""
    lease = turn.lease if turn.status == "in_progress" else ""
    return replace(turn, lease=lease, size=size, chunks=chunks)


def plain(turn: StoredResponse | None) -> StoredResponse | None:
    """Return a turn without what a store made of it."""
    return None if turn is None else replace(turn, size=0, chunks=0)


async def add_turn(
    store: ResponseStore, parent: StoredResponse | None = None, text: str = "Hi", **changes: Any
) -> StoredResponse:
    """Claim and commit one turn, and read it back."""
    turn = claimed(parent, **changes)
    await store.claim(turn)
    await store.commit(ended(turn, text))
    found = await store.get(turn.owner, turn.id, NOW)
    assert found is not None
    return found


async def add_chain(store: ResponseStore, length: int, text: str = "Hi", **changes: Any) -> list[StoredResponse]:
    """Store a conversation of that many turns."""
    chain: list[StoredResponse] = []
    for number in range(length):
        chain.append(await add_turn(store, chain[-1] if chain else None, text, seed=number, **changes))
    return chain


async def read(stores: Stores, turn: StoredResponse, now: float = NOW) -> StoredResponse | None:
    """Read a turn back."""
    return await stores.responses.get(turn.owner, turn.id, now)


async def read_chain(
    stores: Stores, turn: StoredResponse, now: float = NOW, most: int = PLENTY
) -> list[StoredResponse] | None:
    """Read a turn back with all turns before it."""
    return await stores.responses.chain(turn.owner, turn.id, now, most)


def place_of(turn: StoredResponse) -> Place:
    """Return where a turn stands."""
    place = parse_response_id(turn.id)
    assert place is not None
    return place


def approval(number: int = 0, **fields: Any) -> Approval:
    """Make an approval that nobody has decided."""
    whole: dict[str, Any] = {
        "owner": OWNER,
        "id": f"mcpr_{number}",
        "response_id": "resp_1",
        "agent": "helper",
        "label": "crm",
        "tool": "update",
        "arguments": '{"id":1}',
        "digest": "d",
        "by": "role:MANAGER",
        "created_at": NOW + number,
        "expires_at": NOW + 1000,
        "job": {"request": {"model": "helper"}},
    }
    return Approval(**{**whole, **fields})
