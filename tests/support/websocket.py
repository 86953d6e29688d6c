"""A WebSocket client of the service: one JSON message to ask, and the events of its answer."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any, Self

from websockets.sync.client import connect

from antiphon.stream.fold import ENDINGS
from tests.support.schema import check
from tests.support.streams import assert_events

Event = dict[str, Any]
PATIENCE = 30


class Socket:
    """A connection to ``/v1/responses``; a context manager.

    Attributes:
        wire: the connection of the library, for what is not the protocol's.
    """

    def __init__(self, root: str, key: str | None, path: str = "/v1/responses", **options: Any) -> None:
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        url = root.replace("http", "ws", 1) + path
        self.wire = connect(url, additional_headers=headers, proxy=None, **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wire.close()

    def send(self, **fields: Any) -> None:
        """Ask the agent; a field that is None is left out."""
        message = {"type": "response.create", "model": "agent", **fields}
        self.wire.send(json.dumps({name: value for name, value in message.items() if value is not None}))

    def receive(self) -> Event:
        """Read the next event."""
        event: Event = json.loads(self.wire.recv(PATIENCE))
        return event

    def events(self) -> list[Event]:
        """Read a whole answer, which must keep the grammar, the schema and the fold."""
        events = [self.receive()]
        while events[-1]["type"] not in ENDINGS:
            assert events[-1]["type"] != "error", events[-1]
            events.append(self.receive())
        assert [event["sequence_number"] for event in events] == list(range(len(events)))
        assert_events(events)
        return events

    def create(self, **fields: Any) -> Event:
        """Ask, and return the response at the end."""
        self.send(**fields)
        response: Event = self.events()[-1]["response"]
        return response

    def refused(self, status: int, code: str, param: str | None = None, **fields: Any) -> Event:
        """Ask, and require one error in the form of the specification."""
        if fields:
            self.send(**fields)
        return is_refusal(self.receive(), status, code, param)


def is_refusal(event: Event, status: int, code: str, param: str | None = None) -> Event:
    """Require an error that answers a message; return it."""
    check("WebSocketErrorEvent", event)
    assert (event["status"], event["error"]["code"]) == (status, code), event
    assert set(event["error"]) == {"type", "code", "message", "param"}
    assert param is None or event["error"]["param"] == param
    assert event["headers"]["x-request-id"]
    assert event["headers"]["x-should-retry"] == ("true" if "retry-after" in event["headers"] else "false")
    return event
