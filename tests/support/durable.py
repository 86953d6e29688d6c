"""Readers of running responses, and waiting for a background response, as clients do it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx2

from antiphon.access import keys
from antiphon.access.configuration import deployment_limits
from antiphon.access.principal import Principal
from antiphon.records import Owner
from tests.support.caller import Caller
from tests.support.service import Service
from tests.support.streams import assert_stream, sent_events
from tests.support.upstream import Gate, Script, finish, usage

LEASE = 2.0
"""Seconds: short, so that a loss shows soon."""

SOON = {"lease_seconds": LEASE, "watch_seconds": 0.05}
"""The settings of a process in which a loss and a cancellation show soon."""

FAR = 1000.0
"""Seconds by which a process is ahead that takes another for dead."""

ADA = Owner("default", "ada")
PLAIN = {"include_obfuscation": False}

Open = Callable[..., Service]
"""Opens one more process with the same store; takes its settings."""


def follow(service: Caller, key: str, response_id: str, query: str = "") -> httpx2.Response:
    return service.get(f"/v1/responses/{response_id}?stream=true&include_obfuscation=false{query}", key)


class Reader(threading.Thread):
    """Follows a response in a thread of its own."""

    def __init__(self, service: Caller, key: str, response_id: str, query: str = "") -> None:
        super().__init__(daemon=True)
        self.got = b""
        self._arguments = (service, key, response_id, query)
        self.start()

    def run(self) -> None:
        service, key, response_id, query = self._arguments
        path = f"/v1/responses/{response_id}?stream=true&include_obfuscation=false{query}"
        with service.client.stream("GET", path, headers={"authorization": f"Bearer {key}"}) as answer:
            for piece in answer.iter_bytes():
                self.got += piece

    def until(self, wanted: bytes) -> None:
        end = time.monotonic() + 15
        while wanted not in self.got:
            assert time.monotonic() < end, self.got
            time.sleep(0.01)

    @property
    def events(self) -> list[dict[str, Any]]:
        self.join(15)
        assert not self.is_alive()
        return sent_events(self.got)


def held(*before: Any, after: tuple[Any, ...] = ()) -> tuple[Script, Gate]:
    gate = Gate()
    return Script.stream(*before, gate, *after, finish("stop"), usage(3, 2)), gate


def ended(service: Caller, key: str, response_id: str) -> dict[str, Any]:
    """Poll until a response has ended, as a client does."""
    end = time.monotonic() + 15
    while (found := service.retrieve(key, response_id))["status"] in {"queued", "in_progress"}:
        assert time.monotonic() < end, found
        time.sleep(0.05)
    return found


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def queue(service: Service, key: str, **fields: Any) -> dict[str, Any]:
    """Queue a background response whose worker's invocation is lost."""
    service.has_workers = False
    return service.create(key, input="Hi", background=True, **fields)


async def authenticated(service: Service, key: str) -> Principal:
    """Return who calls with a key."""

    known = await service.keys.get(keys.digest(key))
    account = await service.directory.account(known.tenant, known.user)
    return Principal.from_account(account, known, deployment_limits(service.settings))


class Running:
    """A stream that is read as it comes; ``raw`` is all of it once it has ended."""

    def __init__(self, stream: httpx2.Response) -> None:
        self._chunks = stream.iter_bytes()
        self.raw = b""
        self.id = ""

    def until(self, said: bytes) -> None:
        while said not in self.raw:
            self.raw += next(self._chunks)
        created = self.raw.split(b'"response":{"id":"')[1]
        self.id = created.split(b'"')[0].decode()

    def ended(self) -> list[dict[str, Any]]:
        self.raw += b"".join(self._chunks)
        return assert_stream(self.raw)


def watch(service: Service, name: str) -> threading.Event:
    """Return an event that is set when a call of the response store has succeeded."""
    done = threading.Event()
    original = getattr(service.responses, name)

    async def call(*args: Any) -> Any:
        result = await original(*args)
        done.set()
        return result

    setattr(service.responses, name, call)
    return done


def replayed(service: Service, key: str, response_id: str, after: int = -1) -> list[dict[str, Any]]:
    query = "?stream=true" if after < 0 else f"?stream=true&starting_after={after}"
    read = service.get(f"/v1/responses/{response_id}{query}", key)
    assert read.status_code == 200, read.text
    lines = [line.removeprefix("data: ") for line in read.text.splitlines() if line.startswith("data: {")]
    return [json.loads(line) for line in lines]
