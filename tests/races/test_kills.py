"""``kill -9`` of the local process at random times, again and again over one database file.

What must hold of every stream that a kill cut, by what its client had received:

- the file opens, and is sound
- an item whose ``response.output_item.done`` came can be read, as it was
- a response whose terminal event came is stored exactly as it said
- nothing is completed that is not whole
- what was not stored counts as lost once its lease has ended; its conversation goes on, and its ``Idempotency-Key``
  can be used again

``ANTIPHON_ROUNDS`` sets the number of kills, ``ANTIPHON_SEED`` repeats their times.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from antiphon.stream.fold import ENDINGS
from tests.support.local_server import Running, start
from tests.support.rounds import chance, rounds
from tests.support.service import Service

LONG_AFTER = 10_000.0
"""Seconds: past every lease, and within the day of an idempotency key."""

STREAMS = 3
TOOL = {"parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
TOOLS = [{"type": "function", "name": name, **TOOL} for name in ("look_up", "compare", "decide")]
BODY: dict[str, Any] = {
    "model": "assistant",
    "input": "look_up Paris, compare Rome, then decide Oslo.",
    "reasoning": {"effort": "low"},
    "tools": TOOLS,
    "stream": True,
}
"""The demo model answers it with four items, some forty deltas, 20 ms apart."""


@dataclass
class Victim:
    """A stream that a kill may have cut."""

    name: str
    raw: bytes = b""
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def headers(self) -> dict[str, str]:
        return {"Idempotency-Key": self.name}

    @property
    def id(self) -> str | None:
        return self.events[0]["response"]["id"] if self.events else None

    @property
    def done(self) -> list[dict[str, Any]]:
        return [event["item"] for event in self.events if event["type"] == "response.output_item.done"]

    @property
    def ending(self) -> dict[str, Any] | None:
        return next((event["response"] for event in self.events if event["type"] in ENDINGS), None)


class Killer:
    """Kills a process once its clients have received so many events altogether."""

    def __init__(self, server: Running, after: int) -> None:
        self._server = server
        self._left = after
        self._lock = threading.Lock()

    def count(self, events: int) -> None:
        with self._lock:
            self._left -= events
            if self._left <= 0:
                self._server.process.kill()


def read(server: Running, victim: Victim, killer: Killer) -> None:
    """Read a stream to its end, or to that of the server."""
    headers = {"authorization": f"Bearer {server.key}", **victim.headers}
    try:
        with httpx2.stream("POST", f"{server.base_url}/responses", json=BODY, headers=headers, timeout=30) as stream:
            for chunk in stream.iter_bytes():
                victim.raw += chunk
                killer.count(chunk.count(b"\n\n"))
    except httpx2.HTTPError:
        pass


def whole_events(raw: bytes) -> list[dict[str, Any]]:
    """Return the events that came whole."""
    frames = [frame for frame in raw.split(b"\n\n")[:-1] if frame.startswith(b"event: ")]
    return [httpx2.Response(200, content=frame.partition(b"\ndata: ")[2]).json() for frame in frames]


def kill_once(state: Path, victims: list[Victim], after: int) -> str:
    """Start the server, open a stream for each victim, and kill it. Return its key."""
    server = Running(start(state, ANTIPHON_RUN_SECONDS="3600"))
    killer = Killer(server, after)
    threads = [threading.Thread(target=read, args=(server, victim, killer)) for victim in victims]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.process.kill()
    server.process.communicate(timeout=20)
    for victim in victims:
        victim.events = whole_events(victim.raw)
    return server.key


def test_whatever_a_killed_server_said_was_done_is_there_and_nothing_stays_blocked(tmp_path: Path) -> None:
    luck = chance()
    victims: list[Victim] = []
    key = ""
    for number in rounds(6):
        new = [Victim(f"round {number} stream {stream}") for stream in range(STREAMS)]
        key = kill_once(tmp_path, new, luck.randint(1, 75 * STREAMS))
        victims += new
    with closing(sqlite3.connect(tmp_path / "antiphon.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with Service(tmp_path) as service:
        before = {victim.name: service.retrieve(key, victim.id) for victim in victims if victim.id}
        for victim in victims:
            if victim.id:
                judge(victim, before[victim.name])
        service.clock.ahead = LONG_AFTER
        for victim in victims:
            heal(service, key, victim, before.get(victim.name))


def judge(victim: Victim, stored: dict[str, Any]) -> None:
    """Hold what is stored against what was sent."""
    items = {item["id"]: item for item in stored["output"]}
    assert [items.get(item["id"]) for item in victim.done] == victim.done
    if victim.ending is not None:
        assert stored == victim.ending
    elif stored["status"] == "completed":
        assert [item["status"] for item in stored["output"] if "status" in item] == ["completed"] * 3
        assert len(stored["output"]) == 4
    else:  # after many rounds, the lease of the first ones has ended
        assert stored["status"] == "in_progress" or stored["error"]["code"] == "worker_lost"


def heal(service: Service, key: str, victim: Victim, before: dict[str, Any] | None) -> None:
    """Require that nothing stays blocked once the lease has ended."""
    done = before is not None and before["status"] == "completed"
    if before is not None and not done:
        lost = service.retrieve(key, before["id"])
        assert (lost["status"], lost["error"]["code"]) == ("failed", "worker_lost")
        kept = len(before["output"])
        assert lost["output"][:kept] == before["output"], "and at most the item that was open, as far as it was logged"
        assert len(lost["output"]) <= kept + 1
    again = service.post(key, headers=victim.headers, **BODY)
    assert again.status_code == 200, again.text
    response = whole_events(again.content)[-1]["response"]
    assert response["status"] == "completed"
    assert ("idempotent-replayed" in again.headers) == done
    if before is not None:
        assert (response["id"] == before["id"]) == done
        outputs = [
            {"type": "function_call_output", "call_id": item["call_id"], "output": "Yes."}
            for item in before["output"]
            if done and item["type"] == "function_call"
        ]
        on = [*outputs, {"role": "user", "content": "Go on"}]
        reply = service.post(key, model="assistant", input=on, previous_response_id=before["id"])
        assert reply.status_code == 200, reply.text
