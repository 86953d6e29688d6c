"""Calls of browsers through the real functions: the same answers behind the REST API and the Function URL."""

from __future__ import annotations

import httpx2
import pytest

from tests.support.hosted import AGENT, hosted
from tests.support.streams import assert_stream

PAGE = "https://app.example.com"
ASKED = {
    "origin": PAGE,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
}


@pytest.fixture(scope="module")
def host(stored, tmp_path_factory):
    environ = {"ANTIPHON_ALLOWED_ORIGINS": f"{PAGE},http://localhost:5173"}
    with hosted(stored.url, tmp_path_factory.mktemp("logs"), environ=environ) as host:
        yield host


@pytest.fixture(params=["rest", "url"])
def door(host, request):
    with httpx2.Client(base_url=getattr(host, request.param).root, timeout=60, trust_env=False) as client:
        yield client


def permission(answer):
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/responses/resp_1", "/v1/models", "/v1/nothing"])
def test_a_preflight_gets_the_same_permission_on_every_path(door, path):
    answer = door.options(path, headers=ASKED)
    assert (answer.status_code, answer.content) == (200, b"")
    assert permission(answer) == {
        "access-control-allow-origin": PAGE,
        "access-control-expose-headers": "*",
        "access-control-allow-methods": "DELETE, GET, POST, PUT",
        "access-control-allow-headers": "authorization,content-type",
        "access-control-max-age": "7200",
    }
    other = door.options(path, headers={**ASKED, "origin": "https://evil.example"})
    assert (other.status_code, permission(other)) == (403, {})


def test_answers_errors_and_streams_can_be_read_by_an_allowed_page(door, stored):
    own = {"origin": PAGE, "authorization": f"Bearer {stored.ada}"}
    made = door.post("/v1/responses", json={"model": AGENT, "input": "Hi"}, headers=own)
    stream = door.post("/v1/responses", json={"model": AGENT, "input": "Hi", "stream": True}, headers=own)
    assert_stream(stream.content)
    answers = [
        made,
        stream,
        door.get(f"/v1/responses/{made.json()['id']}", headers=own),
        door.get("/v1/models", headers=own),
        door.post("/v1/responses", json={}, headers={"origin": PAGE}),
        door.get("/v1/responses/resp_none", headers={"origin": PAGE}),
        door.get("/v1/nothing", headers=own),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 401, 401, 404]
    for answer in answers:
        assert permission(answer) == {"access-control-allow-origin": PAGE, "access-control-expose-headers": "*"}
        assert answer.headers["vary"] == "origin"


def test_an_answer_without_a_body_leaves_the_connection_usable(door):
    """A 304 has no body and no framing (RFC 9112, section 6.3)."""
    etag = door.get("/openapi.json").headers["etag"]
    for _ in range(2):
        answer = door.get("/openapi.json", headers={"if-none-match": etag})
        assert (answer.status_code, answer.content) == (304, b"")
    assert door.get("/healthz").json() == {"status": "ok"}
