"""Clients of the real functions that read a byte now and then, or nothing: nobody else waits, and nothing is lost."""

from __future__ import annotations

import json
import re
import socket
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.support.hosted import AGENT, UPSTREAM
from tests.support.streams import assert_stream
from tests.support.upstream import Script, finish, text, usage

PIECES = 1000
PIECE = "x" * 6000
"""Six megabytes: more than the sockets between a function and a client hold."""


@pytest.fixture(params=["rest", "url"])
def root(host, request):
    return getattr(host, request.param).root


@pytest.fixture
def talkative(upstream):
    upstream.scripts = [Script.stream(*[text(PIECE)] * PIECES, finish(), usage(1, 2))]


def asking(root, key):
    """Ask for a stream on a connection that holds little which is not read."""
    address = urlsplit(root)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(60)
    connection.connect((address.hostname, address.port))
    body = json.dumps({"model": UPSTREAM, "input": "Hi", "stream": True})
    head = (
        f"POST /v1/responses HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    connection.sendall((head + body).encode())
    return connection


def serve_others(root, key, count):
    """Yield after each of some requests of another client, all of which are answered."""
    with httpx2.Client(
        base_url=root, headers={"authorization": f"Bearer {key}"}, timeout=30, trust_env=False
    ) as client:
        for _ in range(count):
            assert client.get("/v1/models").status_code == 200
            made = client.post("/v1/responses", json={"model": AGENT, "input": "Hi"})
            assert made.json()["status"] == "completed"
            assert client.get(f"/v1/responses/{made.json()['id']}").json() == made.json()
            yield


def dechunked(raw):
    """Return the body of an answer in chunks (RFC 9112, section 7.1)."""
    head, _, _ = raw.partition(b"\r\n\r\n")
    assert b" 200 " in head
    start, pieces = len(head) + 4, []
    while start < len(raw):
        line = raw.index(b"\r\n", start)
        begin, size = line + 2, int(raw[start:line], 16)
        pieces.append(raw[begin : begin + size])
        start = begin + size + 2
    return b"".join(pieces)


def test_a_client_that_reads_a_byte_now_and_then_gets_its_whole_stream_and_no_other_waits(root, stored, talkative):
    with asking(root, stored.bob) as connection:
        read = [connection.recv(1) for _ in serve_others(root, stored.ada, 5)]
        while piece := connection.recv(1_000_000):
            read.append(piece)
    response = assert_stream(dechunked(b"".join(read)))[-1]["response"]
    assert response["output"][0]["content"][0]["text"] == PIECE * PIECES
    kept = httpx2.get(
        f"{root}/v1/responses/{response['id']}", headers={"authorization": f"Bearer {stored.bob}"}, timeout=60
    )
    assert kept.json() == response


def test_the_answer_of_a_client_that_reads_nothing_and_leaves_is_stored(host, root, stored, talkative):
    with asking(root, stored.bob) as connection:
        for _ in serve_others(root, stored.ada, 3):
            """The connection is not read meanwhile."""
        raw = b""
        while (found := re.search(rb'"id":"(resp_\w+)"', raw)) is None:
            raw += connection.recv(100)
    with httpx2.Client(base_url=root, headers={"authorization": f"Bearer {stored.bob}"}, timeout=60) as client:
        while (kept := client.get(f"/v1/responses/{found[1].decode()}").json())["status"] == "in_progress":
            """It runs on."""
    assert kept["status"] == "completed"
    assert kept["output"][0]["content"][0]["text"] == PIECE * PIECES
    for environment in host.pools["CreateResponse"].environments:
        assert environment.peak < 300, "megabytes"
