"""How a turn becomes bytes, and when stored turns make a chain: what all response stores agree on.

A turn is two byte strings: its document (the record without its content: small, read to
decide) and its body (input items and resource: large, compressed above 2 KB).
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from antiphon.errors import ChainTooLarge
from antiphon.ids import place_of
from antiphon.records import StoredResponse, Stretch, dump, is_said, load

COMPRESS_BYTES: Final = 2048
SMALL: Final = 20_000
"""Characters and values: packing so many takes less than a millisecond."""

_RARE: Final = ("job", "cuts", "calls")
"""The fields of the body other than input items and resource, if it has any."""
_ZLIB: Final = b"\x78"
"""How every zlib stream with the usual window begins (RFC 1950, 2.2); a JSON object begins with a brace."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A turn as bytes.

    Attributes:
        document: the record without its content.
        body: input items and resource.
        tag: names exactly these bytes: 32 hexadecimal digits. Two writes with one tag are one write, sent twice.
    """

    document: bytes
    body: bytes
    tag: str


def pack(response: StoredResponse) -> Packed:
    """Write a turn. Large bodies take milliseconds: not for the event loop's thread."""
    document = _squeeze(dump(replace(response, input=[], response={}, size=0, chunks=0, job=None, cuts="", calls=[])))
    content = {"input": response.input, "response": response.response}
    content |= {name: value for name in _RARE if (value := getattr(response, name))}
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    body = _squeeze(text.encode("utf-8", "surrogatepass"))
    return Packed(document, body, hashlib.sha256(document + body).hexdigest()[:32])


def is_small(response: StoredResponse) -> bool:
    """Return whether a turn is packed and stored in about a millisecond. It looks at no more of it than that takes."""
    return _left(SMALL, [response.input, response.response, response.job, response.cuts, response.calls]) > 0


def _left(room: int, value: object) -> int:
    """Return what is left of ``room`` characters and values after a value; 0 or less if it has no room."""
    room -= len(value) + 1 if isinstance(value, str) else 1
    parts: Iterable[object] = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        if room <= 0:
            break
        room = _left(room, part)
    return room


class Room:
    """How many bytes of content may still be unpacked: what compresses well is small in a store and huge in memory.

    Args:
        max_bytes: of all turns that are read together, as JSON.
    """

    def __init__(self, max_bytes: int) -> None:
        self._left = max_bytes

    def unsqueeze(self, body: bytes) -> bytes:
        """Unpack a body, and no more of it than there is room for.

        Raises:
            ChainTooLarge: there is not enough.
        """
        content = _unsqueeze(body, self._left + 1)
        self._left -= len(content)
        if self._left < 0:
            raise ChainTooLarge("the conversation is too large")
        return content


def unpack(document: bytes, body: bytes, *, size: int, chunks: int = 0, room: Room | None = None) -> StoredResponse:
    """Read a turn that ``pack`` wrote; an ended turn has no lease any more.

    Raises:
        ChainTooLarge: there is no ``room`` for it.
    """
    record = unpack_document(document)
    text = room.unsqueeze(body) if room else _unsqueeze(body)
    content = json.loads(text.decode("utf-8", "surrogatepass"))
    return replace(
        record,
        lease="" if record.has_ended else record.lease,
        input=content["input"],
        response=content["response"],
        **{name: content[name] for name in _RARE if name in content},
        size=size,
        chunks=chunks,
    )


def unpack_document(document: bytes) -> StoredResponse:
    """Read a turn without its content."""
    return load(StoredResponse, _unsqueeze(document))


def is_expired(expires_at: int | None, now: float) -> bool:
    """Return whether a time has passed; seconds since the epoch, None is for ever."""
    return expires_at is not None and expires_at <= now


def check_size(lineage: Iterable[Stretch], size: int, max_bytes: int) -> None:
    """Refuse a chain before it is read.

    Args:
        lineage: all turns before the last.
        size: bytes of the last turn, as stored.
        max_bytes: the most that may be read.

    Raises:
        ChainTooLarge: it is larger.
    """
    if size + sum(stretch.size for stretch in lineage) > max_bytes:
        raise ChainTooLarge("the conversation is too large")


def whole_chain(turns: Sequence[StoredResponse], now: float) -> list[StoredResponse] | None:
    """Return turns, oldest first, if each continues the one before and none has expired; else None.

    Whole ids are compared: a turn that took the place of a deleted one is no part of what followed the deleted one.

    If the first of them were added to a conversation, those that do not belong to it any more are left out. The last of
    these stays in any case: it is what the others continue, or what was asked for.
    """
    added = [turn for turn in turns if place_of(turn.id).in_conversation]
    chained = turns[len(added) :]
    before = [turn.id for turn in (*added[-1:], *chained)]
    links = before if added else [None, *before]
    alive = not any(is_expired(turn.expires_at, now) for turn in (*added[-1:], *chained))
    if not alive or any(turn.previous_response_id != link for turn, link in zip(chained, links, strict=False)):
        return None
    return [*(turn for turn in added[:-1] if is_said(turn, now)), *added[-1:], *chained]


def _squeeze(content: bytes) -> bytes:
    return zlib.compress(content) if len(content) > COMPRESS_BYTES else content


def _unsqueeze(content: bytes, max_bytes: int = 0) -> bytes:
    """Unpack bytes; at most a number of them, or all for 0."""
    return zlib.decompressobj().decompress(content, max_bytes) if content.startswith(_ZLIB) else content
