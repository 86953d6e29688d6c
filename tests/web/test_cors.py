"""Calls of browsers, over real HTTP, only from origins that the deployment allows (Fetch, "CORS protocol")."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.caller import refused
from tests.support.service import Service
from tests.support.streams import assert_stream

PAGE = "https://app.example.com"
ASKED = "authorization, content-type, idempotency-key, x-stainless-retry-count"


@pytest.fixture
def service(tmp_path: Path):
    with Service(tmp_path, allowed_origins=(PAGE, "http://localhost:5173")) as service:
        yield service


def preflight(service: Service, path: str, origin: str = PAGE, method: str = "POST"):
    headers = {
        "origin": origin,
        "access-control-request-method": method,
        "access-control-request-headers": ASKED,
    }
    return service.client.options(path, headers=headers)


def assert_readable(answer, origin: str = PAGE) -> None:
    """Require what lets a page read an answer and its headers, such as ``x-request-id`` and ``retry-after``."""
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-expose-headers"] == "*"
    assert answer.headers["x-request-id"]
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/responses/resp_1/cancel", "/v1/models", "/v1/nothing"])
@pytest.mark.parametrize("origin", [PAGE, "http://localhost:5173"])
def test_a_preflight_needs_no_key_and_takes_every_header_of_a_client(service: Service, path: str, origin: str) -> None:
    service.forget_calls()
    answer = preflight(service, path, origin)
    assert (answer.status_code, answer.content) == (200, b"")
    assert_readable(answer, origin)
    assert set(answer.headers["access-control-allow-methods"].split(", ")) >= {"GET", "POST", "DELETE"}
    assert answer.headers["access-control-allow-headers"] == ASKED
    assert answer.headers["access-control-max-age"] == "7200"
    assert "origin" in answer.headers["vary"]
    assert service.store_calls == 0


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "https://app.example.com.evil.example", "http://app.example.com", "null", PAGE + ":444"],
)
def test_a_page_of_another_origin_gets_no_permission(service: Service, origin: str) -> None:
    answer = preflight(service, "/v1/responses", origin)
    refused(answer, 403, "origin_not_allowed")
    listed = service.get("/v1/models", service.key(), origin=origin)
    for headers in (answer.headers, listed.headers):
        assert not [name for name in headers if name.startswith("access-control-")]
        assert "origin" in headers["vary"]


def test_without_allowed_origins_no_page_gets_permission(tmp_path: Path) -> None:
    with Service(tmp_path) as service:
        refused(preflight(service, "/v1/responses"), 403, "origin_not_allowed")
        listed = service.get("/v1/models", service.key(), origin=PAGE)
        assert not [name for name in listed.headers if name.startswith(("access-control-", "vary"))]


def test_answers_and_errors_alike_can_be_read_by_an_allowed_page(service: Service) -> None:
    key = service.key()
    assert_readable(service.post(key, headers={"origin": PAGE}, model="agent", input="Hi"))
    errors = [
        (service.post(None, headers={"origin": PAGE}, model="agent", input="Hi"), 401),
        (service.post(key, headers={"origin": PAGE}, model="agent"), 400),
        (service.get("/v1/models/nothing", key, origin=PAGE), 404),
        (service.get("/v1/nothing", key, origin=PAGE), 404),
        (service.client.put("/v1/models", headers={"origin": PAGE}), 405),
    ]
    service.keys.broken.add("get")
    errors.append((service.get("/v1/models", service.key(), origin=PAGE), 503))
    for answer, status in errors:
        assert answer.status_code == status
        assert_readable(answer)


def test_a_stream_can_be_read_by_an_allowed_page(service: Service) -> None:
    with service.streaming(service.key(), {"origin": PAGE}, input="Hi") as answer:
        assert_readable(answer)
        assert_stream(b"".join(answer.iter_raw()))


def test_with_a_star_every_page_gets_permission(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Service(tmp_path, allowed_origins=("*",)) as service:
        assert_readable(preflight(service, "/v1/responses", "null"), "*")
        answer = service.get("/v1/models", service.key(), origin="https://any.example")
        assert_readable(answer, "*")
        assert "vary" not in answer.headers, "the answer is the same for all"
    assert "any web page can call" in caplog.text


def test_what_is_no_preflight_is_no_route(service: Service) -> None:
    refused(service.client.options("/v1/responses", headers={"origin": PAGE}), 405, "method_not_allowed")
    refused(service.client.options("/v1/responses"), 405, "method_not_allowed")
