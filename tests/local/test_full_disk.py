"""The real server while no file can grow, as on a full disk (getrlimit(2), RLIMIT_FSIZE), and once it can again."""

from __future__ import annotations

import random
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.support.caller import refused
from tests.support.local_server import Running, running, start
from tests.support.streams import assert_stream

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="prlimit(2) is Linux's")

UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
NOISE = random.Random(7).randbytes(400_000).hex()
"""What no compression makes small: storing it needs room."""


def largest(state: Path) -> int:
    return max(file.stat().st_size for file in state.iterdir())


def limit(server: Running, size: int) -> None:
    """Let the server write nothing behind so many bytes of any file."""
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def make_room(server: Running) -> None:
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, UNLIMITED)


@contextmanager
def calling(server: Running) -> Iterator[httpx2.Client]:
    headers = {"authorization": f"Bearer {server.key}"}
    with httpx2.Client(base_url=server.base_url, headers=headers, timeout=30, trust_env=False) as client:
        yield client


def create(client: httpx2.Client, text: str, **more: object) -> httpx2.Response:
    return client.post("/responses", json={"model": "assistant", "input": text, **more})


@pytest.mark.parametrize("stream", [True, False])
def test_a_full_disk_is_a_clear_error_and_service_goes_on_once_there_is_room(tmp_path: Path, *, stream: bool) -> None:
    keyed = {"idempotency-key": "once"}
    body = {"model": "assistant", "input": NOISE, "stream": stream}
    with running(tmp_path) as server, calling(server) as client:
        before = create(client, "Hi").json()
        limit(server, largest(tmp_path))
        refused(client.post("/responses", json=body, headers=keyed), 503, "storage_unavailable")
        assert client.get("/models").status_code == 200
        assert client.get(f"/responses/{before['id']}").json() == before
        make_room(server)
        again = client.post("/responses", json=body, headers=keyed)
        assert again.status_code == 200, again.text
        if stream:
            assert assert_stream(again.content)[-1]["type"] == "response.completed"
        assert client.delete(f"/responses/{before['id']}").status_code == 200
        assert client.get(f"/responses/{before['id']}").status_code == 404


def test_a_disk_that_fills_up_during_a_run_fails_its_stream_and_its_response_once_there_is_room(tmp_path: Path) -> None:
    keyed = {"idempotency-key": "once"}
    with running(tmp_path) as server, calling(server) as client:
        sent, body = b"", {"model": "assistant", "input": "Hi", "stream": True}
        with client.stream("POST", "/responses", json=body, headers=keyed) as answer:
            for piece in answer.iter_raw():
                if b"output_text.delta" in piece and b"output_text.delta" not in sent:
                    limit(server, 0)
                sent += piece
        last = assert_stream(sent)[-1]
        assert last["type"] == "response.failed"
        response = last["response"]
        assert response["error"]["code"] == "storage_unavailable"
        make_room(server)
        while (stored := client.get(f"/responses/{response['id']}").json())["status"] == "in_progress":
            assert server.process.poll() is None
        assert stored == response
        again = client.post("/responses", json=body, headers=keyed)
        assert assert_stream(again.content)[-1]["type"] == "response.completed"


def test_a_server_starts_on_a_full_disk_reads_what_is_stored_and_refuses_the_rest(tmp_path: Path) -> None:
    with running(tmp_path) as server, calling(server) as client:
        before = create(client, "Hi").json()
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    own = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest(tmp_path), own[1]))  # what is started has it, too
    try:
        process = start(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, own)
    try:
        server = Running(process)
        with calling(server) as client:
            assert client.get(f"/responses/{before['id']}").json() == before
            refused(create(client, NOISE), 503, "storage_unavailable")
            make_room(server)
            assert create(client, NOISE).status_code == 200
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
