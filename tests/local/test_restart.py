"""The local server is killed and started again: what it ran is put right at once, without waiting for a lease."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest

from local.state import in_use
from tests.support.local_server import Running, start
from tests.support.streams import assert_events, sent_events

QUESTION = "Say a good deal about the sea, the wind, the ships and the people who live by them. " * 4
LEASE = {"ANTIPHON_LEASE_SECONDS": "300"}


def cut(server: Running, *, background: bool) -> list[dict[str, Any]]:
    """Kill a server whose client has had some deltas; return the events that the client has."""
    got = b""
    body = {"model": "assistant", "input": QUESTION, "stream": True, "background": background}
    headers = {"authorization": f"Bearer {server.key}"}
    try:
        with httpx2.stream("POST", f"{server.base_url}/responses", json=body, headers=headers, timeout=30) as stream:
            for chunk in stream.iter_bytes():
                got += chunk
                if got.count(b"output_text.delta") > 20:
                    server.process.kill()
    except httpx2.HTTPError:
        pass
    server.process.communicate(timeout=20)
    return sent_events(got[: got.rfind(b"\n\n") + 1])


@pytest.mark.parametrize("background", [False, True], ids=["foreground", "background"])
def test_what_a_killed_server_ran_is_ended_when_it_is_started_again(tmp_path: Path, background: bool) -> None:
    seen = cut(Running(start(tmp_path, **LEASE)), background=background)
    server = Running(start(tmp_path, **LEASE))
    try:
        path = f"{server.base_url}/responses/{seen[0]['response']['id']}"
        query = f"?stream=true&starting_after={seen[-1]['sequence_number']}"
        rest = httpx2.get(path + query, headers={"authorization": f"Bearer {server.key}"}, timeout=30)
    finally:
        server.process.terminate()
        server.process.communicate(timeout=20)
    whole = seen + sent_events(rest.content)
    assert whole[-1]["response"]["error"]["code"] == "worker_lost"
    assert_events(whole)
    assert rest.content.endswith(b"data: [DONE]\n\n")


def test_a_server_is_alone_unless_another_one_uses_its_folder(tmp_path: Path) -> None:
    with in_use(tmp_path) as first:
        second: list[bool] = []

        def begin() -> None:
            with in_use(tmp_path) as is_first:
                second.append(is_first)

        thread = threading.Thread(target=begin)
        thread.start()
        thread.join()
    assert (first, second) == (True, [False])
    with in_use(tmp_path) as again:
        assert again
