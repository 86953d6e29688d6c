"""The checks of ``antiphon check`` for the WebSocket, which a server may have."""

from __future__ import annotations

from cli import official
from cli.events import Event, check_events
from cli.remote import CheckedServer
from cli.socket import connected

Problems = list[str]
GONE = "previous_response_not_found"


async def websocket(server: CheckedServer) -> Problems:
    """A WebSocket, if there is one, sends the events of a stream, one response after the other."""
    async with connected(server) as socket:
        first = check_events(await socket.ask(input="Count from 1 to 5."))
        return first or check_events(await socket.ask(input="Say hello.", store=False))


async def websocket_memory(server: CheckedServer) -> Problems:
    """A WebSocket, if there is one, continues its newest response, and forgets it if that fails."""
    async with connected(server) as socket:
        first = await socket.ask(input="My name is Alice.", store=False)
        if problems := check_events(first):
            return problems
        second = await socket.ask(input="What is my name?", store=False, previous_response_id=_id(first))
        if problems := check_events(second):
            return problems
        output = [{"type": "function_call_output", "call_id": "call_absent", "output": "none"}]
        failed = await socket.ask(input=output, store=False, previous_response_id=_id(second))
        retried = await socket.ask(input="Go on.", store=False, previous_response_id=_id(second))
        return _refused("an output without a call", failed) + _refused("a failed continuation", retried, GONE)


def _id(events: list[Event]) -> str:
    return str(events[-1]["response"]["id"])


def _refused(name: str, events: list[Event], code: str | None = None) -> Problems:
    """Return what is wrong with a refusal, which is one ``error``."""
    last = events[-1] if events else {}
    if last.get("type") != "error":
        return [f"{name}: no error, but {str(last.get('type'))[:80]}"]
    wrong = official.problem("WebSocketErrorEvent", last)
    if wrong is not None:
        return [f"{name}: {wrong}"]
    return [] if code in {None, last["error"]["code"]} else [f"{name}: the code is not {code}"]
