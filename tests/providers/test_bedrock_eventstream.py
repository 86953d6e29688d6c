"""AWS's event stream, read by us and by botocore: the same events, and the same refusals."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from antiphon.ports import ReasoningDelta, ReasoningStateDelta, StopDelta, TextDelta, ToolCallDelta, UsageDelta
from antiphon.providers.bedrock import eventstream
from antiphon.providers.bedrock.eventstream import GarbledStream, MessageReader
from tests.support.protocols import Converse, event_frame, exception_frame

PROTOCOL = Converse()
STREAM = b"".join(
    PROTOCOL.frames(
        [
            ReasoningDelta("Hm."),
            ReasoningStateDelta({**PROTOCOL.state, "signature": "s"}),
            TextDelta("Grüße, 世界"),
            ToolCallDelta(0, "call_1", "f"),
            ToolCallDelta(0, arguments='{"a":1}'),
            UsageDelta(3, 2),
            StopDelta("tool_calls"),
        ]
    )
)
FAILED = event_frame("messageStart", {"role": "assistant"}) + exception_frame("throttlingException", {"message": "x"})

Told = tuple[bool, str, str, bytes]


def ours(chunks: Iterable[bytes]) -> tuple[list[Told], bool]:
    """Return what we read, and whether we refused what followed."""
    reader, told = MessageReader(), []
    try:
        for chunk in chunks:
            for kind, payload in reader.feed(chunk):
                told.append((*kind, payload))
    except GarbledStream:
        return told, True
    return told, False


def botocores(chunks: Iterable[bytes]) -> tuple[list[Told], bool]:
    """Return what botocore reads, and whether it refused what followed."""
    buffer, told = EventStreamBuffer(), []
    try:
        for chunk in chunks:
            buffer.add_data(chunk)
            for message in buffer:
                told.append(_told(message.headers, message.payload))  # noqa: PERF401 - likewise
    except Exception:  # noqa: BLE001 - it has many kinds
        return told, True
    return told, False


def _told(headers: dict[str, Any], payload: bytes) -> Told:
    def text(*names: str) -> str:
        return next((headers[name] for name in names if isinstance(headers.get(name), str)), "")

    if text(":message-type") in {"exception", "error"}:
        return True, text(":exception-type", ":error-code"), text(":error-message"), payload
    return False, text(":event-type"), "", payload


def framed(headers: bytes, payload: bytes = b"{}") -> bytes:
    """Frame any headers, with the right checksums."""
    lengths = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = lengths + struct.pack(">I", zlib.crc32(lengths)) + headers + payload
    return message + struct.pack(">I", zlib.crc32(message))


@pytest.mark.parametrize("stream", [STREAM, FAILED], ids=["answer", "failure"])
def test_a_stream_says_the_same_wherever_it_is_cut(stream: bytes) -> None:
    told = botocores([stream])
    assert len(told[0]) >= 2
    assert ours([stream]) == ours([bytes([byte]) for byte in stream]) == told
    for place in range(len(stream) + 1):
        assert ours([stream[:place], stream[place:]]) == told
        assert ours([stream[:place]]) == botocores([stream[:place]])


def test_it_is_known_whether_a_message_has_ended() -> None:
    reader, frame = MessageReader(), event_frame("messageStop", {})
    for chunk, within in ((b"", False), (frame[:5], True), (frame[5:-1], True), (frame[-1:] + frame, False)):
        assert list(reader.feed(chunk)) is not None
        assert reader.is_within is within


def test_one_wrong_bit_anywhere_is_refused_as_botocore_refuses_it() -> None:
    first, second = event_frame("messageStart", {"role": "assistant"}), event_frame("messageStop", {})
    for place in range(len(second) * 8):
        wrong = bytearray(second)
        wrong[place // 8] ^= 1 << place % 8
        told, refused = ours([first + wrong + first])
        assert (told, refused) == botocores([first + wrong + first])
        assert refused
        assert len(told) == 1


def test_a_wrong_prelude_is_refused_before_the_rest_has_come() -> None:
    assert ours([event_frame("messageStop", {})[:11] + b"x"]) == ([], True)


@pytest.mark.parametrize(
    ("headers", "payload", "refused"),
    [
        (eventstream.MAX_HEADERS_BYTES, 0, False),
        (eventstream.MAX_HEADERS_BYTES + 1, 0, True),
        (0, eventstream.MAX_PAYLOAD_BYTES, False),
        (0, eventstream.MAX_PAYLOAD_BYTES + 1, True),
    ],
)
def test_what_is_too_large_is_refused_by_its_prelude(headers: int, payload: int, refused: bool) -> None:
    lengths = struct.pack(">II", 16 + headers + payload, headers)
    prelude = lengths + struct.pack(">I", zlib.crc32(lengths))
    assert ours([prelude]) == botocores([prelude]) == ([], refused)


def test_a_message_that_is_shorter_than_itself_is_refused() -> None:
    lengths = struct.pack(">II", 20, 8)
    assert ours([lengths + struct.pack(">I", zlib.crc32(lengths)) + bytes(100)]) == ([], True)


def sized(value: bytes, width: int) -> bytes:
    return len(value).to_bytes(width, "big") + value


NAMES = st.sampled_from(
    [":event-type", ":message-type", ":exception-type", ":error-code", ":error-message", "x"]
) | st.text(max_size=5)
TEXTS = st.sampled_from(["event", "exception", "error", "contentBlockDelta"]) | st.text(max_size=5)
VALUES = st.one_of(
    st.sampled_from([b"\x00", b"\x01"]),
    *(
        st.binary(min_size=size, max_size=size).map(bytes([kind]).__add__)
        for kind, size in ((2, 1), (3, 2), (4, 4), (5, 8), (8, 8), (9, 16))
    ),
    st.binary(max_size=5).map(lambda value: b"\x06" + sized(value, 2)),
    TEXTS.map(lambda value: b"\x07" + sized(value.encode(), 2)),
)
HEADERS = st.lists(st.builds(lambda name, value: sized(name.encode(), 1) + value, NAMES, VALUES), max_size=5)


@given(HEADERS, st.binary(max_size=20))
def test_headers_of_every_type_are_read_as_botocore_reads_them(headers: list[bytes], payload: bytes) -> None:
    frame = framed(b"".join(headers), payload)
    assert ours([frame]) == botocores([frame])


@given(st.binary(max_size=40) | HEADERS.map(lambda headers: b"".join(headers)[:-1]))
def test_headers_that_botocore_refuses_are_refused(headers: bytes) -> None:
    frame = framed(headers)
    told = ours([frame])
    assert told[1] or told == botocores([frame])
