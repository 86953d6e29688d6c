"""A request to an agent that acts, in one of two processes with the same store, and what comes of it.

The model answers with text and a call of a tool, then with text and a call that needs an approval, then with text.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import httpx2

from antiphon.ports import Subject
from antiphon.records import DAY, StoredResponse
from antiphon.run.tally import day_of
from antiphon.run.worker import sweep
from antiphon.usage.counters import total
from tests.support.caller import TENANT
from tests.support.durable import ADA, FAR, authenticated, until
from tests.support.moments import Calls, is_quiet
from tests.support.server_tools import Tools, says, server
from tests.support.service import Service
from tests.support.upstream import Request, Script, Upstream, answer, finish, text, tool_call, usage

PATIENCE = 20.0
QUIET = 0.7
"""Seconds after which a response of which nothing is heard counts as stuck."""

TOKENS = (1000, 2000, 4000)
"""What the model reads in each of its turns; so much that no estimate is above it."""


def calling(words: str, tool: str, tokens: int) -> Script:
    return Script.stream(text(words), tool_call(0, "call_a", tool, "{}"), finish("tool_calls"), usage(tokens, 5))


TURNS = (
    calling("I look. ", "crm__find", TOKENS[0]),
    calling("I update it. ", "crm__update", TOKENS[1]),
    answer("Done.", TOKENS[2]),
)


def turn_of(request: Request) -> int:
    """Return which turn of the model a request asks for: one for each result of a tool."""
    return min(sum(message["role"] == "tool" for message in request.body["messages"]), len(TURNS) - 1)


class Model(Upstream):
    """A model that finds something, then wants to update it, which needs an approval, and is done."""

    def take(self, request: Request) -> Script:
        super().take(request)
        return TURNS[turn_of(request)]


class Pair:
    """Two processes with the same store; a context manager. The first one gets the request.

    Attributes:
        is_slow: the store is an emulator.
    """

    def __init__(self, path: Path, model: Model, settings: dict[str, object]) -> None:
        self.is_slow = bool(settings)
        self.model = model
        self.tools = Tools(find=says("Ada"), update=says("updated"))
        options: dict[str, Any] = {"runner": self.tools, "watch_seconds": 0.02, "check_streams": True, **settings}
        self.one, self.other = Service(path, model, **options), Service(path, model, **options)

    def __enter__(self) -> Self:
        self.one.__enter__()
        self.other.__enter__()
        find, update = server("find"), server("update", approval="caller")
        tools = replace(find, tools=find.tools + update.tools)
        self.one.agent("shown", servers=(tools,))
        self.one.agent("hidden", servers=(tools,), show_tools=False)
        return self

    def __exit__(self, *exc: object) -> None:
        self.other.__exit__(*exc)
        self.one.__exit__(*exc)

    @property
    def is_quiet(self) -> bool:
        return is_quiet(self.one) and is_quiet(self.other)

    def of_store(self, read: Callable[[Service], Any]) -> Any:
        """Return what the second process reads of a store."""
        return self.other.run(read(self.other))

    def sweep(self) -> None:
        """Sweep, and wait until what that has begun is over."""
        self.of_store(lambda other: sweep(other.services))
        until(lambda: self.is_quiet)

    @contextlib.contextmanager
    def later(self, *services: Service) -> Iterator[None]:
        """Let every lease be over for a while, as far as these processes can tell."""
        for service in services:
            service.clock.ahead = FAR
        yield
        for service in services:
            service.clock.ahead = 0


@dataclass
class Asked:
    """A request, and what has come of it.

    Attributes:
        calls: the calls of stores of the process that runs it.
        answers: the answer to it, once it is there.
        waited: nobody went on with the response until its lease was over.
        ids: the responses that were run.
        beside: what was begun beside it.
    """

    pair: Pair
    agent: str
    background: bool
    calls: Calls
    answers: list[httpx2.Response] = field(default_factory=list)
    waited: bool = False
    ids: set[str] = field(default_factory=set)
    beside: list[asyncio.Future[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.key = self.pair.one.key()
        self.pair.tools.calls.clear()
        self.pair.model.requests.clear()

    @property
    def id(self) -> str:
        return self.calls.claimed

    def send(self) -> httpx2.Response:
        fields = {"model": self.agent, "input": "Go", "stream": True, "background": self.background}
        return self.pair.one.post(self.key, headers={"Idempotency-Key": "moment"}, **fields)

    def run(self) -> None:
        """Send it, and wait until it has ended; after a while with the lease over."""
        reading = threading.Thread(target=lambda: self.answers.append(self.send()))
        reading.start()
        end, heard = time.monotonic() + PATIENCE, time.monotonic()
        while reading.is_alive() or not self.is_over:
            assert time.monotonic() < end, "it does not end"
            time.sleep(0.02)
            if not self.pair.is_quiet or self.is_over:
                heard = time.monotonic()
            elif time.monotonic() - heard > QUIET:
                self.waited = True
                with self.pair.later(self.pair.other):
                    self.pair.other.get(f"/v1/responses/{self.id}", self.key)
                    self.pair.sweep()
            else:
                self.pair.of_store(lambda other: sweep(other.services))
        for task in self.beside:
            self.pair.one.run(_joined(task))
        until(lambda: self.is_over)

    @property
    def is_refused(self) -> bool:
        """Whether its caller was told that nothing is stored."""
        return bool(self.answers) and self.answers[0].status_code == httpx2.codes.SERVICE_UNAVAILABLE

    @property
    def is_over(self) -> bool:
        if not self.pair.is_quiet:
            return False
        found = self.stored() if self.id and not self.is_refused else None
        return found is None or found.has_ended

    def stored(self) -> StoredResponse | None:
        found: StoredResponse | None = self.pair.of_store(
            lambda other: other.responses.inner.get(ADA, self.id, other.clock())
        )
        return found

    def used(self) -> dict[str, int]:
        """Return what was counted."""
        other = self.pair.other
        subject = Subject(TENANT, "key", other.run(authenticated(other, self.key)).key_id)
        first, last = day_of(time.time() - DAY), day_of(time.time() + DAY)
        return total(other.run(other.usage.inner.of(subject, first, last)))


async def _joined(task: asyncio.Future[None]) -> None:
    await asyncio.wait_for(task, PATIENCE)
