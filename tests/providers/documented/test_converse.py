"""Every field of the Converse protocol in botocore is read, skipped on purpose, or an error."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from botocore.eventstream import EventStream
from botocore.exceptions import EventStreamError
from botocore.model import Shape, StructureShape
from botocore.parsers import EventStreamJSONParser
from botocore.session import Session

from antiphon.errors import ProviderError
from antiphon.ports import (
    CitationDelta,
    Delta,
    ReasoningDelta,
    ReasoningStateDelta,
    StopDelta,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from antiphon.providers.bedrock.deltas import ConverseReader
from antiphon.providers.bedrock.eventstream import MessageReader
from tests.support.documented import pieces
from tests.support.protocols import event_frame, exception_frame

# Bedrock's Converse


CONVERSE = Session().get_service_model("bedrock-runtime").operation_model("ConverseStream")


STREAM: StructureShape = CONVERSE.output_shape.members["stream"]


class Raw:
    """A body of an event stream, as urllib3 gives it: in pieces."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces

    def stream(self) -> Iterator[bytes]:
        yield from self._pieces

    def close(self) -> None:
        """It holds nothing."""


def parsed(pieces: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    yield from EventStream(Raw(pieces), STREAM, EventStreamJSONParser(), "ConverseStream")


def read_by_us(chunks: Iterable[bytes]) -> list[dict[str, Any]]:
    messages = MessageReader()
    return [{kind.name: json.loads(payload)} for chunk in chunks for kind, payload in messages.feed(chunk)]


def encoded(value: Any) -> Any:
    """Write blobs as the protocol does: botocore reads them as bytes."""
    if isinstance(value, dict):
        return {name: encoded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [encoded(each) for each in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def converse(*frames: bytes, reason: str = "end_turn") -> list[Delta]:
    """Read a stream, of which botocore must say the same as we do."""
    data = b"".join((*frames, event_frame("messageStop", {"stopReason": reason})))
    if not any(b"exception" in frame for frame in frames):
        assert read_by_us([data]) == [encoded(event) for event in parsed([data])]
    return pieces(lambda: ConverseReader("me"), data)


def paths(shape: Shape, prefix: str = "", depth: int = 4) -> Iterator[str]:
    """Return the path of every leaf below a shape."""
    if shape.type_name == "list":
        yield from paths(shape.member, prefix + "[]", depth)
    elif shape.type_name == "structure" and shape.members and depth:
        for name, member in shape.members.items():
            yield from paths(member, f"{prefix}.{name}" if prefix else name, depth - 1)
    else:
        yield prefix


def began(**fields: Any) -> bytes:
    return event_frame("contentBlockStart", {"start": fields, "contentBlockIndex": 0})


def given(**fields: Any) -> bytes:
    return event_frame("contentBlockDelta", {"delta": fields, "contentBlockIndex": 0})


STOPPED = event_frame("contentBlockStop", {"contentBlockIndex": 0})


USE = {"toolUseId": "t", "name": "f"}


CONVERSE_EVENTS = {
    "messageStart",
    "contentBlockStart",
    "contentBlockDelta",
    "contentBlockStop",
    "messageStop",
    "metadata",
}


CONVERSE_STARTS: dict[str, tuple[dict[str, Any], list[Delta]]] = {
    "toolUse.toolUseId": ({"toolUse": USE}, [ToolCallDelta(0, "t", "f")]),
    "toolUse.name": ({"toolUse": USE}, [ToolCallDelta(0, "t", "f")]),
    "toolUse.type": ({"toolUse": {**USE, "type": "server_tool_use"}}, []),
    "toolResult.toolUseId": ({"toolResult": {"toolUseId": "t"}}, []),
    "toolResult.type": ({"toolResult": {"toolUseId": "t", "type": "x"}}, []),
    "toolResult.status": ({"toolResult": {"toolUseId": "t", "status": "error"}}, []),
    "image.format": ({"image": {"format": "png"}}, []),
}
"""All but functions are of tools and media that are never asked for."""


CONVERSE_DELTAS: dict[str, tuple[list[bytes], list[Delta]]] = {
    "text": ([given(text="Hi")], [TextDelta("Hi")]),
    "toolUse.input": (
        [began(toolUse=USE), given(toolUse={"input": "{}"})],
        [ToolCallDelta(0, "t", "f"), ToolCallDelta(0, arguments="{}")],
    ),
    "toolResult[].text": ([began(toolResult={"toolUseId": "t"}), given(toolResult=[{"text": "x"}])], []),
    "toolResult[].json": ([began(toolResult={"toolUseId": "t"}), given(toolResult=[{"json": {}}])], []),
    "reasoningContent.text": ([given(reasoningContent={"text": "Hm"})], [ReasoningDelta("Hm")]),
    "reasoningContent.redactedContent": (
        [given(reasoningContent={"redactedContent": "ZA=="})],
        [ReasoningStateDelta({"kind": "bedrock", "maker": "me", "redacted": "ZA=="})],
    ),
    "reasoningContent.signature": (
        [given(reasoningContent={"signature": "s"})],
        [ReasoningStateDelta({"kind": "bedrock", "maker": "me", "signature": "s"})],
    ),
    "image.source.bytes": ([began(image={"format": "png"}), given(image={"source": {"bytes": "AA=="}})], []),
    "image.source.s3Location": ([given(image={"source": {"s3Location": {"uri": "s3://b/k"}}})], []),
    "image.error.message": ([given(image={"error": {"message": "canary"}})], []),
}


CONVERSE_CITATIONS: dict[str, tuple[dict[str, Any], str]] = {
    "web": ({"url": "https://a.example", "domain": "a.example"}, "https://a.example"),
    "documentChar": ({"documentIndex": 0, "start": 4, "end": 9}, "A#char=4,9"),
    "documentPage": ({"documentIndex": 0, "start": 2, "end": 3}, "A#page=2"),
    "documentChunk": ({"documentIndex": 0, "start": 0, "end": 1}, "A"),
    "searchResultLocation": ({"searchResultIndex": 0, "start": 0, "end": 1}, "https://b.example"),
}


CONVERSE_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}


CONVERSE_GARBLED = {"malformed_model_output", "malformed_tool_use"}


CONVERSE_METADATA = {"usage", "metrics", "trace", "performanceConfig", "serviceTier"}


CONVERSE_USAGE = {
    "inputTokens",
    "outputTokens",
    "totalTokens",
    "cacheReadInputTokens",
    "cacheWriteInputTokens",
    "cacheDetails",
}


CONVERSE_EXCEPTIONS = {
    "internalServerException",
    "modelStreamErrorException",
    "serviceUnavailableException",
    "throttlingException",
    "validationException",
}
"""``test_bedrock`` has their codes, and those of the exceptions before a stream."""


def test_every_event_of_converse_is_decided():
    assert set(STREAM.members) == CONVERSE_EVENTS | CONVERSE_EXCEPTIONS
    assert converse(event_frame("messageStart", {"role": "assistant"})) == [StopDelta("stop")]
    for name in CONVERSE_EXCEPTIONS:
        with pytest.raises(EventStreamError, match=name):
            list(parsed([exception_frame(name, {"message": "canary"})]))
        with pytest.raises(ProviderError):
            converse(exception_frame(name, {"message": "canary"}))


def test_every_start_of_converse_is_decided():
    assert set(paths(STREAM.members["contentBlockStart"].members["start"])) == set(CONVERSE_STARTS)
    for start_, told in CONVERSE_STARTS.values():
        assert converse(began(**start_), given(toolUse={"input": ""}), STOPPED)[: len(told)] == told


def test_what_the_service_runs_itself_is_no_call_of_ours():
    served = began(toolUse={**USE, "type": "server_tool_use"})
    assert converse(served, given(toolUse={"input": "{}"}), STOPPED, given(text="Hi"), STOPPED) == [
        TextDelta("Hi"),
        StopDelta("stop"),
    ]


def test_every_delta_of_converse_is_decided():
    known = {
        path for path in paths(STREAM.members["contentBlockDelta"].members["delta"]) if not path.startswith("citation")
    }
    known = {path.removesuffix(".uri").removesuffix(".bucketOwner") for path in known}
    assert known == set(CONVERSE_DELTAS)
    for frames, told in CONVERSE_DELTAS.values():
        assert converse(*frames, STOPPED)[:-1] == told


def test_every_citation_of_converse_is_decided():
    cited = STREAM.members["contentBlockDelta"].members["delta"].members["citation"]
    assert set(cited.members) == {"title", "source", "sourceContent", "location"}
    assert set(cited.members["location"].members) == set(CONVERSE_CITATIONS)
    for kind, (place, url) in CONVERSE_CITATIONS.items():
        citation = {
            "title": "A",
            "source": "https://b.example",
            "sourceContent": [{"text": "x"}],
            "location": {kind: place},
        }
        frames = (given(text="word"), given(citation=citation), STOPPED)
        assert converse(*frames)[1] == CitationDelta(url, "A", 0, 4)


def test_every_reason_of_converse_is_decided():
    documented = set(STREAM.members["messageStop"].members["stopReason"].enum)
    assert documented == set(CONVERSE_REASONS) | CONVERSE_GARBLED
    for reason, told in CONVERSE_REASONS.items():
        assert converse(reason=reason) == [StopDelta(told)]
    for reason in CONVERSE_GARBLED:
        with pytest.raises(ProviderError):
            converse(reason=reason)


def test_all_metadata_of_converse_is_decided():
    shape = STREAM.members["metadata"]
    assert set(shape.members) == CONVERSE_METADATA
    assert set(shape.members["usage"].members) == CONVERSE_USAGE
    usage_ = {
        "inputTokens": 10,
        "outputTokens": 5,
        "totalTokens": 25,
        "cacheReadInputTokens": 7,
        "cacheWriteInputTokens": 3,
    }
    usage_ |= {"cacheDetails": [{"ttl": "5m", "inputTokens": 3}]}
    metadata = {
        "usage": usage_,
        "metrics": {"latencyMs": 1},
        "trace": {"guardrail": {"actionReason": "canary"}, "promptRouter": {"invokedModelId": "canary"}},
        "performanceConfig": {"latency": "standard"},
        "serviceTier": {"type": "default"},
    }
    assert converse(event_frame("metadata", metadata)) == [UsageDelta(20, 5, 7), StopDelta("stop")]
