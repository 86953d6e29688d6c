"""A turn as DynamoDB items, written and read.

A head item holds document and body. A body for which it has no room is cut: the first part stays in the head, the
others are items of their own, whose keys carry the tag of this very write. So no writer ever touches another's parts,
and a head names exactly the parts that belong to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from antiphon.ids import Place
from antiphon.records import StoredResponse
from antiphon.store import turns
from antiphon.store.dynamodb import layout
from antiphon.store.dynamodb.layout import Row

Found = tuple[Row, Sequence[Row]]
"""A turn as it was read: its head, and the parts at its place."""

PART_BYTES: Final = 380_000
"""Document and body bytes of one item; with keys and names it stays below 400 KB (DynamoDB, "Constraints")."""


def cut(response: StoredResponse, place: Place) -> tuple[Row, list[Row]]:
    """Write a turn as its head and the further parts, which are to be stored first."""
    packed = turns.pack(response)
    room = max(0, PART_BYTES - len(packed.document))
    pieces = [packed.body[at : at + PART_BYTES] for at in range(room, len(packed.body), PART_BYTES)]
    ttl: Row = {} if response.expires_at is None else {layout.TTL: {"N": str(response.expires_at)}}
    pk = layout.turns(response.owner, place.segment)
    names = part_names(place.depth, len(pieces), packed.tag)
    rest = [{**layout.key(pk, sk), "body": {"B": piece}, **ttl} for sk, piece in zip(names, pieces, strict=True)]
    head: Row = {
        **layout.turn(response.owner, place),
        **layout.listed_turn(response),
        **ttl,
        "id": {"S": response.id},
        "document": {"B": packed.document},
        "body": {"B": packed.body[:room]},
        "status": {"S": response.status},
        "lease": {"S": response.lease},
        "tag": {"S": packed.tag},
        "chunks": {"N": str(len(pieces))},
    }
    size = sum(weight(row) for row in (head, *rest)) + _SIZE_BYTES
    return {**head, "size": {"N": str(size)}}, rest


def part_names(depth: int, chunks: int, tag: str) -> list[str]:
    """Return the sort keys of the further parts of one write, in order."""
    return [layout.part(depth, index) + tag for index in range(1, chunks + 1)]


def glue(head: Row, rest: Sequence[Row], room: turns.Room | None = None) -> StoredResponse | None:
    """Read a turn from its head and all parts found at its place; None if a part is gone.

    Raises:
        ChainTooLarge: there is no ``room`` for it.
    """
    body = _body(head, rest)
    if body is None:
        return None
    size, chunks = number(head, "size") or 0, number(head, "chunks") or 0
    return turns.unpack(head["document"]["B"], body, size=size, chunks=chunks, room=room)


def glue_all(found: Sequence[Found], max_bytes: int) -> list[StoredResponse] | None:
    """Read the turns of a conversation, oldest first; None if a part is gone.

    Raises:
        ChainTooLarge: they have more than ``max_bytes`` as JSON.
    """
    room = turns.Room(max_bytes)
    read = [glue(head, rest, room) for head, rest in found]
    whole = [turn for turn in read if turn is not None]
    return whole if len(whole) == len(read) else None


def glue_each(found: Sequence[Found], room: turns.Room | None) -> list[StoredResponse | None]:
    """Read turns; None for each of which a part is gone.

    Raises:
        ChainTooLarge: there is no ``room`` for them.
    """
    return [glue(head, rest, room) for head, rest in found]


def number(row: Row, name: str) -> int | None:
    """Read a whole number; None if it is missing."""
    return int(row[name]["N"]) if name in row else None


def is_expired(head: Row, now: float) -> bool:
    """Return whether a turn has expired; its row may remain for days after that."""
    return turns.is_expired(number(head, layout.TTL), now)


def weight(row: Row) -> int:
    """Count an item's bytes as DynamoDB does ("Item sizes and formats"); numbers at their upper bound."""
    return sum(len(name) + _value_bytes(value) for name, value in row.items())


_SIZE_BYTES: Final = len("size") + 5


def _value_bytes(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "N":
        return len(re.sub(r"\D", "", content)) // 2 + 2
    return len(content) if kind == "B" else len(content.encode())


def _body(head: Row, rest: Iterable[Row]) -> bytes | None:
    depth = int(head["sk"]["S"])
    found = {row["sk"]["S"]: bytes(row["body"]["B"]) for row in rest}
    names = part_names(depth, number(head, "chunks") or 0, head["tag"]["S"])
    if not found.keys() >= set(names):
        return None
    return b"".join((bytes(head["body"]["B"]), *(found[name] for name in names)))
