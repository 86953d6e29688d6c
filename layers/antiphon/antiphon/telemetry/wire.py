"""Spans as OTLP carries them: Protocol Buffers, written by hand because a trace needs nine message types.

Source: opentelemetry-proto 1.x, ``trace/v1/trace.proto`` and what it refers to. The numbers are those of its fields.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Final

Value = str | bool | int | float | tuple[str, ...]

INTERNAL: Final = 1
SERVER: Final = 2
CLIENT: Final = 3
"""Kinds of span."""

ERROR: Final = 2
"""The code of a status."""

_VARINT: Final = 0
_FIXED64: Final = 1
_BYTES: Final = 2
_TIME: Final = struct.Struct("<Q")
_DOUBLE: Final = struct.Struct("<d")


def span(
    trace_id: str,
    span_id: str,
    parent_id: str,
    name: str,
    kind: int,
    times: tuple[float, float],
    attributes: Mapping[str, Value],
    *,
    failed: bool = False,
) -> bytes:
    """Write a ``Span``.

    Args:
        trace_id: the trace, in hexadecimal digits.
        span_id: the span, likewise.
        parent_id: the span above it, likewise; empty for none.
        name: its name.
        kind: ``INTERNAL``, ``SERVER`` or ``CLIENT``.
        times: when it began and ended, in seconds since the epoch.
        attributes: its attributes.
        failed: whether its status is an error.
    """
    written = [_field(1, bytes.fromhex(trace_id)), _field(2, bytes.fromhex(span_id))]
    if parent_id:
        written.append(_field(4, bytes.fromhex(parent_id)))
    written += [_field(5, name.encode("utf-8", "replace")), _key(6, _VARINT), _varint(kind)]
    for number, seconds in zip((7, 8), times, strict=True):
        written += [_key(number, _FIXED64), _TIME.pack(round(seconds * 1_000_000) * 1000)]
    written += [_field(9, each) for each in _attributes(attributes)]
    if failed:
        written.append(_field(15, _key(3, _VARINT) + _varint(ERROR)))
    return b"".join(written)


def export(resource: Mapping[str, Value], scope: tuple[str, str], schema_url: str, spans: Iterable[bytes]) -> bytes:
    """Write an ``ExportTraceServiceRequest``.

    Args:
        resource: what the spans are of.
        scope: the name and version of what made them.
        schema_url: the conventions that their attributes follow.
        spans: each as ``span`` has written it.
    """
    made_by = _field(1, scope[0].encode()) + _field(2, scope[1].encode())
    scoped = _field(1, made_by) + b"".join(_field(2, each) for each in spans) + _field(3, schema_url.encode())
    about = b"".join(_field(1, each) for each in _attributes(resource))
    return _field(1, _field(1, about) + _field(2, scoped) + _field(3, schema_url.encode()))


def rejected(reply: bytes) -> int:
    """Return how many spans an ``ExportTraceServiceResponse`` refuses; 0 if it is none."""
    try:
        partial = _read(reply).get(1, b"")
        count = _read(partial).get(1, 0) if isinstance(partial, bytes) else 0
    except (IndexError, ValueError):
        return 0
    return count if isinstance(count, int) else 0


def _attributes(attributes: Mapping[str, Value]) -> Iterable[bytes]:
    return (_field(1, name.encode()) + _field(2, _value(value)) for name, value in attributes.items())


def _value(value: Value) -> bytes:
    """Write an ``AnyValue``."""
    match value:
        case str():
            return _field(1, value.encode("utf-8", "replace"))
        case bool():
            return _key(2, _VARINT) + _varint(value)
        case int():
            return _key(3, _VARINT) + _varint(value & 0xFFFF_FFFF_FFFF_FFFF)
        case float():
            return _key(4, _FIXED64) + _DOUBLE.pack(value)
    return _field(5, b"".join(_field(1, _value(each)) for each in value))


def _field(number: int, content: bytes) -> bytes:
    return _key(number, _BYTES) + _varint(len(content)) + content


def _key(number: int, wire_type: int) -> bytes:
    return _varint(number << 3 | wire_type)


def _varint(value: int) -> bytes:
    if value < 0x80:  # noqa: PLR2004 - seven bits
        return _SHORT[value]
    written = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - as above
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


_SHORT: Final = [bytes([value]) for value in range(0x80)]


def _read(message: bytes) -> dict[int, bytes | int]:
    """Read the numbers and bytes of a message, by field."""
    found: dict[int, bytes | int] = {}
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        if key & 7 not in {_VARINT, _BYTES}:
            raise ValueError("an unexpected wire type")
        value, at = _read_varint(message, at)
        if key & 7 == _VARINT:
            found[key >> 3] = value
        else:
            found[key >> 3] = message[at : at + value]
            at += value
    return found


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - as above
            return value, at
        shift += 7
