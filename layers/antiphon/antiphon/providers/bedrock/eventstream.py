"""Reads AWS's event stream encoding from bytes, however they were cut.

    total length, length of headers, checksum of both | headers | payload | checksum of all

Source: Smithy's specification, "Amazon Event Stream"; the limits are botocore's.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

MAX_HEADERS_BYTES: Final = 128 * 1024
MAX_PAYLOAD_BYTES: Final = 24 * 1024 * 1024

_LENGTHS: Final = 8
_PRELUDE: Final = 12
_CHECKSUM: Final = 4
_LEAST: Final = _PRELUDE + _CHECKSUM
_MOST: Final = _LEAST + MAX_PAYLOAD_BYTES
_read_prelude: Final = Struct(">III").unpack_from
_read_checksum: Final = Struct(">I").unpack_from

_BYTES: Final = 6
_TEXT: Final = 7
_WIDTHS: Final = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""The size of a header's value by its type; values of ``_BYTES`` and ``_TEXT`` begin with their size."""


class GarbledStream(ValueError):
    """The bytes are no event stream, or not as they were sent."""


class MessageKind(NamedTuple):
    """The kind of a message, from its headers.

    Attributes:
        failed: it is an exception or an error and ends the stream.
        name: of the event, exception or error.
        message: of an error; an exception has it in its payload.
    """

    failed: bool
    name: str
    message: str


class MessageReader:
    """Turns chunks of bytes into the messages they complete."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._missing = _PRELUDE

    @property
    def is_within(self) -> bool:
        """Whether a message has begun and not ended."""
        return any(self._parts)

    def feed(self, chunk: bytes) -> Iterator[tuple[MessageKind, bytes]]:
        """Take the next bytes and yield each message that they complete, in order, with its payload.

        Raises:
            GarbledStream: a checksum is wrong, something is larger than allowed, or headers cannot be read. What came
                before it was returned.
        """
        self._parts.append(chunk)
        self._missing -= len(chunk)
        if self._missing > 0:
            return
        data = b"".join(self._parts)
        start, size = 0, len(data)
        while (missing := start + _PRELUDE - size) <= 0:
            total, named, checksum = _read_prelude(data, start)
            if crc32(data[start : start + _LENGTHS]) != checksum:
                raise GarbledStream("the checksum of a prelude")
            if named > MAX_HEADERS_BYTES or not _LEAST <= total - named <= _MOST:
                raise GarbledStream("the lengths of a message")
            end = start + total
            if (missing := end - size) > 0:
                break
            if (crc32(data[start + _LENGTHS : end - _CHECKSUM], checksum),) != _read_checksum(data, end - _CHECKSUM):
                raise GarbledStream("the checksum of a message")
            payload = start + _PRELUDE + named
            yield _kind(data[start + _PRELUDE : payload]), data[payload : end - _CHECKSUM]
            start = end
        self._parts, self._missing = [data[start:]], missing


@lru_cache(maxsize=32)
def _kind(raw: bytes) -> MessageKind:
    """Read headers; most messages of a stream have the same ones."""
    headers = _headers(raw)
    if headers.get(":message-type") not in {"exception", "error"}:
        return MessageKind(False, headers.get(":event-type", ""), "")
    name = headers.get(":exception-type") or headers.get(":error-code", "")
    return MessageKind(True, name, headers.get(":error-message", ""))


def _headers(raw: bytes) -> dict[str, str]:
    """Return the headers that are text.

    Raises:
        GarbledStream: one of them cannot be read, or there are two of one name.
    """
    found: dict[str, str] = {}
    names: set[str] = set()
    at = 0
    try:
        while at < len(raw):
            sized, at = _sized(raw, at, 1)
            name, kind, at = sized.decode(), raw[at], at + 1
            value, at = _sized(raw, at, 2) if kind in {_BYTES, _TEXT} else (b"", at + _WIDTHS[kind])
            if at > len(raw) or name in names:
                raise GarbledStream("a header")
            names.add(name)
            if kind == _TEXT:
                found[name] = value.decode()
    except (IndexError, KeyError, UnicodeDecodeError) as error:
        raise GarbledStream("a header") from error
    return found


def _sized(raw: bytes, at: int, width: int) -> tuple[bytes, int]:
    """Return bytes that follow their length, and where they end."""
    begin = at + width
    end = begin + int.from_bytes(raw[at:begin], "big")
    return raw[begin:end], end
