"""DynamoDB's JSON protocol: the bodies of calls and answers.

Source: Amazon DynamoDB Developer Guide, "DynamoDB low-level API", "Error handling with DynamoDB". Bytes, DynamoDB's
type ``B``, are bytes on our side and base64 on the wire.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from typing import Any, Final
from zlib import crc32

import orjson

from antiphon.errors import AntiphonError

_CONTENT_TYPE: Final = "application/x-amz-json-1.0"
_OK: Final = 200
_SERVER_FAULT: Final = 500
_CONDITION: Final = frozenset({"ConditionalCheckFailedException", "ConditionalCheckFailed"})


class Refusal(AntiphonError):
    """DynamoDB did not do what it was asked.

    Attributes:
        code: DynamoDB's name for the reason, such as ``ResourceNotFoundException``; ``HTTP 413`` if it gave none.
        codes: the same, and those of each item of a cancelled transaction.
        status: the HTTP status.
        row: the item that failed a condition, if it was asked for; else empty.
    """

    def __init__(self, code: str, status: int, answer: Mapping[str, Any]) -> None:
        self.code = code
        self.codes = {code} | {reason.get("Code") for reason in answer.get("CancellationReasons") or ()}
        self.status = status
        self.row: dict[str, Any] = answer.get("Item") or {}
        super().__init__(f"DynamoDB refused the call: {code}")

    @property
    def is_condition(self) -> bool:
        """Whether a condition did not hold."""
        return bool(self.codes & _CONDITION)

    @property
    def is_fault(self) -> bool:
        """Whether the fault is the service's own."""
        return self.status >= _SERVER_FAULT


class Garbled(AntiphonError):
    """An answer did not arrive as it was sent."""


def headers(operation: str) -> dict[str, str]:
    """Return the headers that name an operation, such as ``GetItem``."""
    return {"content-type": _CONTENT_TYPE, "x-amz-target": f"DynamoDB_20120810.{operation}"}


def write(arguments: Mapping[str, Any]) -> bytes:
    """Write an operation's arguments."""
    return orjson.dumps(arguments, default=_base64)


def read(status: int, body: bytes, checksum: str | None) -> dict[str, Any]:
    """Read an answer.

    Args:
        status: the HTTP status.
        body: what was sent.
        checksum: its CRC-32 from the header ``x-amz-crc32``; None if there was none.

    Raises:
        Garbled: the checksum is another, or what came with success is not JSON.
        Refusal: see its attributes.
    """
    if checksum is not None and checksum != str(crc32(body)):
        raise Garbled("the checksum of an answer is wrong")
    try:
        answer: dict[str, Any] = orjson.loads(body)
    except orjson.JSONDecodeError:
        if status == _OK:
            raise Garbled("an answer is not JSON") from None
        raise Refusal(f"HTTP {status}", status, {}) from None
    for value in _binaries(answer):
        value["B"] = b64decode(value["B"])
    if status != _OK:
        raise Refusal(_code(answer, status), status, answer)
    return answer


def _code(answer: Mapping[str, Any], status: int) -> str:
    """Take the name from an error such as ``com.amazonaws.dynamodb.v20120810#ResourceNotFoundException``."""
    return str(answer.get("__type", "")).rpartition("#")[2] or f"HTTP {status}"


def _base64(value: bytes) -> str:
    return b64encode(value).decode()


def _binaries(value: Any) -> Iterator[dict[str, Any]]:
    """Find the attribute values of type ``B``. A map's attribute of that name holds no string, but such a value."""
    if isinstance(value, list):
        for each in value:
            yield from _binaries(each)
    elif isinstance(value, dict):
        if isinstance(value.get("B"), str):
            yield value
        else:
            for each in value.values():
                yield from _binaries(each)
