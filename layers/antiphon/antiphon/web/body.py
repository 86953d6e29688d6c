"""Read a request's body: bounded bytes, then strict JSON, then a dict.

RFC 8259 leaves duplicate keys, NaN, huge numbers, depth and lone surrogates to the reader. Each is refused with a code
of its own. The work is linear in the length of the body, and a large body is read in a thread.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request

from antiphon.errors import ApiError
from antiphon.web.bounds import require_bounded
from antiphon.web.shape import has_plain_numbers, outside_strings, require_shallow

LARGE: Final = 32_768
"""A body of more bytes is parsed in a thread, so that other requests go on."""

INTEGERS: Final = range(-(2**63), 2**64)
"""What 64 bits hold, signed or not: what orjson writes, and every client reads in a response."""

MAX_DIGITS: Final = 20
"""No such integer is longer; what is longer is refused unread."""

MAX_FLOAT: Final = 1000
"""The longest number with a fraction or an exponent. A double never needs more than 767 digits."""

_SURROGATE_ESCAPE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


async def read_json(request: Request, max_bytes: int) -> dict[str, Any]:
    """Read the request's body as one JSON object.

    Args:
        request: the request; its body is not read further than the limit.
        max_bytes: the largest body.

    Raises:
        ApiError: 400, 413 or 415, with a code for each cause.
    """
    _require_json(request)
    try:
        raw = await _read(request, max_bytes)
    except ClientDisconnect:
        raise ApiError("invalid_json", "The body ended before its end.") from None
    document = parse_object(raw) if len(raw) <= LARGE else await asyncio.to_thread(parse_object, raw)
    require_bounded(document)
    return document


def parse_object(raw: bytes) -> dict[str, Any]:
    """Read bytes as one strict JSON object.

    Raises:
        ApiError: 400 ``invalid_encoding``, ``json_too_deep``, ``duplicate_key``, ``invalid_number``,
            ``invalid_unicode``, ``out_of_range``, ``invalid_json`` or ``invalid_type``.
    """
    text = _decode(raw)
    outside = outside_strings(raw)
    require_shallow(outside)
    plain = has_plain_numbers(outside)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=None if plain else _finite,
            parse_int=None if plain else _short_integer,
        )
    except json.JSONDecodeError as error:
        place = f"The body is not JSON: there is a mistake in line {error.lineno}, column {error.colno}."
        raise ApiError("invalid_json", place if raw.strip() else "The body is empty.") from None
    except ValueError:
        raise ApiError("invalid_json") from None
    if not isinstance(value, dict):
        raise ApiError("invalid_type", "The body must be a JSON object.")
    if _SURROGATE_ESCAPE.search(raw):
        _require_unicode(value)
    return value


def _require_json(request: Request) -> None:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        raise ApiError("unsupported_encoding")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError("unsupported_media_type")


async def _read(request: Request, max_bytes: int) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise _too_large(max_bytes)
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > max_bytes:
            raise _too_large(max_bytes)
        pieces.append(piece)
    return b"".join(pieces)


def _too_large(max_bytes: int) -> ApiError:
    return ApiError("request_too_large", f"The body may be at most {max_bytes} bytes.")


def _decode(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8", "strict")
    except UnicodeDecodeError:
        raise ApiError("invalid_encoding") from None
    if text.startswith("\ufeff"):
        raise ApiError("invalid_encoding", "The body begins with a byte order mark (BOM).")
    if "\x00" in text[:4]:  # UTF-16 of ASCII text is valid UTF-8 with NULs
        raise ApiError("invalid_encoding")
    return text


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ApiError("duplicate_key")
    return value


def _no_constant(_name: str) -> None:
    raise ApiError("invalid_number")


def _finite(text: str) -> float:
    if len(text) > MAX_FLOAT or not math.isfinite(value := float(text)):
        raise ApiError("invalid_number")
    return value


def _short_integer(text: str) -> int:
    if len(text) > MAX_DIGITS or int(text) not in INTEGERS:
        raise ApiError("invalid_number", "An integer must fit into 64 bits.")
    return int(text)


def _require_unicode(value: Any) -> None:
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, str):
            try:
                current.encode()
            except UnicodeEncodeError:
                raise ApiError("invalid_unicode") from None
        elif isinstance(current, dict):
            pending.extend(current)
            pending.extend(current.values())
        elif isinstance(current, list):
            pending.extend(current)
