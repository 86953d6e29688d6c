"""``kill -9`` of the local process behind every batch of a log, in the foreground and in the background.

What must hold for a client of the response that the kill cut:

- it resumes with the number that it saw last, and gets every number once and a proper ending
- what it was told to be done is in the stored response
- a background response of which nothing was said runs again, and completes
- afterwards the conversation goes on
"""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.durable import ended
from tests.support.local_server import Running, start
from tests.support.service import Service
from tests.support.streams import assert_events, sent_events

QUESTION = "Say a good deal about the sea, the wind, the ships and the people who live by them. " * 4
"""The demo model repeats much of it: some hundred deltas, 20 ms apart, in about eight batches."""


class Client(threading.Thread):
    """Reads a stream until it ends or breaks."""

    def __init__(self, server: Running, *, background: bool) -> None:
        super().__init__(daemon=True)
        self.raw = b""
        self._url = f"{server.base_url}/responses"
        self._headers = {"authorization": f"Bearer {server.key}"}
        self._body = {"model": "assistant", "input": QUESTION, "stream": True, "background": background}
        self.start()

    def run(self) -> None:
        try:
            with httpx2.stream("POST", self._url, json=self._body, headers=self._headers, timeout=30) as stream:
                for chunk in stream.iter_bytes():
                    self.raw += chunk
        except httpx2.HTTPError:
            pass

    @property
    def events(self) -> list[dict[str, Any]]:
        """What came in whole frames."""
        return sent_events(self.raw[: self.raw.rfind(b"\n\n")])


def wait_for_batches(database: Path, count: int, client: Client) -> None:
    """Wait until the log has so many batches, or the response has ended."""
    while client.is_alive() and not (client.events and count_batches(database) >= count):
        time.sleep(0.002)


def count_batches(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("SELECT count(*) FROM logs").fetchone()[0])


@pytest.mark.parametrize("background", [False, True], ids=["foreground", "background"])
@pytest.mark.parametrize("batches", range(5))
def test_a_kill_behind_any_batch_costs_nobody_a_number_or_an_ending(
    tmp_path: Path, batches: int, background: bool
) -> None:
    server = Running(start(tmp_path, ANTIPHON_LEASE_SECONDS="1"))
    client = Client(server, background=background)
    wait_for_batches(tmp_path / "antiphon.db", batches, client)
    server.process.kill()
    server.process.communicate(timeout=20)
    client.join(20)
    logged = count_batches(tmp_path / "antiphon.db")
    seen = client.events
    response_id, last = seen[0]["response"]["id"], seen[-1]["sequence_number"]
    with Service(tmp_path, lease_seconds=1.0) as service:
        path = f"/v1/responses/{response_id}?stream=true&starting_after={last}"
        resumed = service.get(path, server.key)
        assert resumed.content.endswith(b"data: [DONE]\n\n")
        whole = seen + sent_events(resumed.content)
        stored = ended(service, server.key, response_id)
        assert [event["sequence_number"] for event in whole] == list(range(len(whole)))
        assert whole[-1]["response"] == stored
        told = [event["item"] for event in seen if event["type"] == "response.output_item.done"]
        assert stored["output"][: len(told)] == told
        if background and not logged:
            assert stored["status"] == "completed"
        if stored["status"] == "completed" or background:
            assert_events(whole)
        on = service.create(server.key, model="assistant", input="Go on", previous_response_id=response_id)
        assert on["status"] == "completed"
