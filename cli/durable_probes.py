"""The checks of ``antiphon check`` for responses that outlive their connection."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from cli import official
from cli.events import Event, check_stream
from cli.remote import CheckedServer, Reply

Problems = list[str]

PATIENCE: Final = 60.0
"""How long a background response may take, in seconds."""

LOOK_SECONDS: Final = 0.2
LIVE: Final = ("queued", "in_progress")
ENDED: Final = ("completed", "cancelled", "incomplete", "failed")
OK: Final = 200


async def background(server: CheckedServer) -> Problems:
    """A background response is returned at once, runs without its request, and is read until it has ended."""
    created = await server.create(input="Say hello.", background=True)
    if problems := _resource(created, LIVE):
        return problems
    if created.json()["background"] is not True:
        return ["background is not echoed"]
    ended = await _ended(server, created.json()["id"])
    return _resource(ended, ("completed",))


async def background_stream(server: CheckedServer) -> Problems:
    """A background stream keeps the grammar, and is read again as it was, as JSON too."""
    events, problems = _streamed(await server.create(input="Count from 1 to 5.", background=True, stream=True))
    if problems:
        return problems
    response = events[-1]["response"]
    read = await server.request("GET", f"/responses/{response['id']}")
    again, problems = _streamed(await _stream(server, response["id"]))
    problems += [] if read.json() == response else ["the stored response differs from what was streamed"]
    return problems + _differences(again, events)


async def resume(server: CheckedServer) -> Problems:
    """A stored stream is read from any event on, with the same numbers and the same deltas."""
    events, problems = _streamed(await server.create(input="Count from 1 to 5.", stream=True))
    if problems:
        return problems
    response_id, last = events[-1]["response"]["id"], len(events) - 1
    for after in (None, 0, 1, last // 2, last - 1):
        reply = await _stream(server, response_id, after)
        if reply.status != OK:
            return [f"starting_after={after}: status {reply.status}"]
        expected = events if after is None else events[after + 1 :]
        problems += [f"starting_after={after}: {wrong}" for wrong in _differences(_events(reply), expected)]
    past = await _stream(server, response_id, last)
    problems += ["starting_after the last event: there are events"] if _events(past) else []
    odd = await server.request("GET", f"/responses/{response_id}?stream=true&starting_after=x")
    return problems + ([] if odd.status in {400, 422} else [f"starting_after=x: status {odd.status}"])


async def cancel(server: CheckedServer) -> Problems:
    """A background response is cancelled, stays so, and can be cancelled again; or it has ended before."""
    created = await server.create(input="Count from 1 to 100.", background=True)
    if problems := _resource(created, LIVE):
        return problems
    path = f"/responses/{created.json()['id']}"
    first = await server.request("POST", f"{path}/cancel")
    if first.status == 400:  # noqa: PLR2004
        return _resource(await server.request("GET", path), ENDED)
    if problems := _resource(first, ENDED):
        return problems
    if first.json()["status"] != "cancelled":
        return []
    again = await server.request("POST", f"{path}/cancel")
    read = await server.request("GET", path)
    problems = _resource(again, ("cancelled",)) + _resource(read, ("cancelled",))
    return problems or ([] if again.json() == first.json() == read.json() else ["it changed after it was cancelled"])


async def _ended(server: CheckedServer, response_id: str) -> Reply:
    """Read a response until it has ended, or has taken too long."""
    end = time.monotonic() + PATIENCE
    while True:
        reply = await server.request("GET", f"/responses/{response_id}")
        body = reply.json()
        if not isinstance(body, dict) or body.get("status") not in LIVE or time.monotonic() > end:
            return reply
        await asyncio.sleep(LOOK_SECONDS)


async def _stream(server: CheckedServer, response_id: str, after: int | None = None) -> Reply:
    query = "" if after is None else f"&starting_after={after}"
    return await server.request("GET", f"/responses/{response_id}?stream=true{query}")


def _streamed(reply: Reply) -> tuple[list[Event], Problems]:
    if reply.status != OK or reply.kind != "text/event-stream":
        return [], [f"status {reply.status}, {reply.kind or 'no content type'}"]
    return check_stream(reply.body)


def _events(reply: Reply) -> list[Event]:
    """Return the events of a part of a stream, which does not keep the grammar of a whole one."""
    return check_stream(reply.body)[0]


def _differences(events: list[Event], expected: list[Event]) -> Problems:
    """Return what differs from the first stream, apart from padding."""
    if len(events) != len(expected):
        return [f"{len(events)} events instead of {len(expected)}"]
    pairs = ((_plain(event), _plain(first)) for event, first in zip(events, expected, strict=True))
    return next(([f"another {first['type']}"] for event, first in pairs if event != first), [])


def _plain(event: Event) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != "obfuscation"}


def _resource(reply: Reply, statuses: tuple[str, ...]) -> Problems:
    """Return what is wrong with a response in one body."""
    body = reply.json()
    if reply.status != OK or not isinstance(body, dict):
        return [f"status {reply.status}, {reply.kind or 'no content type'}"]
    wrong = official.response_problem(body)
    if wrong is not None:
        return [wrong]
    return [] if body["status"] in statuses else [f"the response is {body['status']}"]
