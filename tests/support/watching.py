"""What AWS reads of a function: metrics out of its standard output, traces out of datagrams."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

PATIENCE: Final = 20.0
UNITS: Final = {"Milliseconds", "Count", "None"}
"""The units of CloudWatch (``MetricDatum``) that are in use here."""

SUBSEGMENT: Final = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "name", "start_time", "end_time", "trace_id", "parent_id", "type"],
    "properties": {
        "type": {"const": "subsegment"},
        "id": {"pattern": "^[0-9a-f]{16}$"},
        "parent_id": {"pattern": "^[0-9a-f]{16}$"},
        "trace_id": {"pattern": "^1-[0-9a-f]{8}-[0-9a-f]{24}$"},
        "name": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^[\w\s.:/%&#=+\\@-]+$"},
        "start_time": {"type": "number"},
        "end_time": {"type": "number"},
        "namespace": {"enum": ["aws", "remote"]},
        "aws": {"type": "object", "properties": {"operation": {"type": "string", "maxLength": 250}}},
        "error": {"type": "boolean"},
        "throttle": {"type": "boolean"},
        "fault": {"type": "boolean"},
        "annotations": {
            "type": "object",
            "maxProperties": 50,
            "propertyNames": {"pattern": "^[A-Za-z0-9_]+$"},
            "additionalProperties": {"type": ["string", "number", "boolean"]},
        },
    },
}
"""A subsegment that is sent by itself (AWS X-Ray Developer Guide, "Segment documents")."""


def lines_of(log: Path) -> list[dict[str, Any]]:
    """Return what a function has logged: every line is JSON."""
    return [json.loads(line) for line in log.read_text().splitlines()]


def check_metrics(document: dict[str, Any]) -> dict[str, float]:
    """Hold a document against the embedded metric format's specification. Return its metrics.

    (Amazon CloudWatch User Guide, "Specification: Embedded metric format".)
    """
    about = document["_aws"]
    assert set(about) == {"Timestamp", "CloudWatchMetrics"}
    assert type(about["Timestamp"]) is int
    assert about["Timestamp"] > 1_500_000_000_000, "not in milliseconds"
    found: dict[str, float] = {}
    for directive in about["CloudWatchMetrics"]:
        assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
        assert re.fullmatch(".{1,255}", directive["Namespace"])
        assert len(directive["Metrics"]) <= 100
        for dimensions in directive["Dimensions"]:
            assert len(dimensions) <= 9
            assert all(isinstance(document[name], str) and document[name] for name in dimensions)
        for metric in directive["Metrics"]:
            assert set(metric) <= {"Name", "Unit", "StorageResolution"}
            assert metric["Unit"] in UNITS
            value = document[metric["Name"]]
            values = value if isinstance(value, list) else [value]
            assert 1 <= len(values) <= 100
            assert all(type(each) in {int, float} for each in values)
            found[metric["Name"]] = sum(values)
    return found


class Daemon:
    """A socket in the place of X-Ray's daemon."""

    def __init__(self, inbox: socket.socket) -> None:
        self._inbox = inbox
        self.address = f"127.0.0.1:{inbox.getsockname()[1]}"

    def take(self, until: str) -> list[dict[str, Any]]:
        """Read the documents that come, up to the first one of that name."""
        found: list[dict[str, Any]] = []
        while not found or found[-1]["name"] != until:
            head, _, body = self._inbox.recv(65536).partition(b"\n")
            assert json.loads(head) == {"format": "json", "version": 1}
            found.append(json.loads(body))
        return found


@contextmanager
def daemon() -> Iterator[Daemon]:
    """Listen for datagrams."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inbox:
        inbox.settimeout(PATIENCE)
        inbox.bind(("127.0.0.1", 0))
        yield Daemon(inbox)
