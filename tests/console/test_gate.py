"""What opens the console's operations: the token, from this machine, by its name, from no other page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from local.console.files import HEADERS
from local.console.forwarding import forwarder
from local.console.host import Console
from tests.support.browser import TOKEN
from tests.support.service import CONSOLE, Service


def ask(service: Service, path: str = "/v1/admin/agents", method: str = "GET", **headers: str) -> httpx2.Response:
    return service.client.request(method, path, headers={"x-antiphon-console": TOKEN, **headers})


def refusal(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_the_token_opens_the_operations_and_the_audit_log_has_the_account(service: Service) -> None:
    who = ask(service, "/v1/admin/me").json()
    assert (who["tenant"], who["user"], who["key"]) == ("default", "olga", None)
    assert "keys:write" in who["manage"]


@pytest.mark.parametrize("token", ["", "another", TOKEN + "x", "é"])
def test_another_token_opens_nothing(service: Service, token: str) -> None:
    for path in ("/v1/admin/agents", "/v1/responses/resp_1", "/console/facts"):
        answer = service.client.get(path, headers=[("x-antiphon-console", token.encode())])
        assert refusal(answer) == (401, "invalid_api_key")


def test_without_a_token_the_operations_need_a_key_and_the_facts_a_token(service: Service) -> None:
    assert refusal(service.client.get("/v1/admin/agents")) == (401, "missing_api_key")
    assert refusal(service.client.get("/console/facts")) == (401, "invalid_api_key")


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:8000", "localhost.evil.example", "169.254.1.1", "", "[", "a@b"]
)
def test_a_name_that_somebody_lets_point_to_this_machine_opens_nothing(service: Service, host: str) -> None:
    """DNS rebinding: CVE-2018-5702 (Transmission), CVE-2025-49596 (MCP Inspector) were reached like this."""
    for path in ("/v1/admin/agents", "/console/"):
        assert refusal(ask(service, path, host=host)) == (403, "origin_not_allowed")


@pytest.mark.parametrize("host", ["127.0.0.1:9", "localhost:9", "LOCALHOST:9", "[::1]:9"])
def test_the_names_of_this_machine_open_it_at_any_port_that_a_tunnel_has(service: Service, host: str) -> None:
    assert ask(service, host=host, origin=f"http://{host}").status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://localhost"])
def test_a_page_of_another_origin_opens_nothing_even_with_the_token(service: Service, origin: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE"):
        assert refusal(ask(service, method=method, origin=origin)) == (403, "origin_not_allowed")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_request_that_a_browser_marks_as_of_another_site_opens_nothing(service: Service, site: str) -> None:
    headers = {"sec-fetch-site": site}
    assert refusal(ask(service, "/console/", **headers)) == (403, "origin_not_allowed")


def test_another_machine_opens_nothing_though_the_server_listens_to_it() -> None:
    async def never(*_: Any) -> None:
        raise AssertionError

    console = Console(never, TOKEN, CONSOLE, "olga", alone=False)
    for path in ("/console/", "/v1/admin/agents"):
        client = TestClient(console, "http://127.0.0.1:8000", client=("192.0.2.7", 5))
        assert refusal(client.get(path, headers={"x-antiphon-console": TOKEN})) == (403, "origin_not_allowed")


def test_every_file_of_the_page_is_sent_with_its_type_and_the_headers_that_confine_it(service: Service) -> None:
    types = {"": "text/html", "main.js": "text/javascript", "vendor/preact.mjs": "text/javascript"}
    types |= {"style.css": "text/css", "icon.svg": "image/svg+xml"}
    for name, kind in types.items():
        answer = service.client.get(f"/console/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].split(";")[0] == kind
        assert {header: answer.headers[header] for header in HEADERS} == HEADERS
    policy = HEADERS["content-security-policy"]
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy


def test_nothing_of_the_page_is_inline() -> None:
    page = (Path(__file__).parents[2] / "local/console/page/index.html").read_text()
    assert "style=" not in page
    assert "<style" not in page
    assert "<script>" not in page
    assert page.count("<script") == page.count("src=") == 1


@pytest.mark.parametrize(
    "path", ["../host.py", "%2e%2e/host.py", "vendor", "vendor/", "vendor/README.md", "..%2f..%2fstate.py", "nothing"]
)
def test_only_the_files_of_the_page_are_there(service: Service, path: str) -> None:
    answer = service.client.get(f"/console/{path}")
    assert refusal(answer) in {(404, "route_not_found"), (401, "missing_api_key")}


@pytest.mark.parametrize("place", ["agents", "agents/my%20helper/try", "agents/v1.2", "nothing"])
def test_a_browser_that_asks_for_a_place_of_the_page_by_its_path_gets_to_it(service: Service, place: str) -> None:
    answer = service.client.get(f"/console/{place}", headers={"accept": "text/html,*/*;q=0.8"})
    assert (answer.status_code, answer.headers["location"]) == (307, f"/console/#/{place}")


@pytest.mark.parametrize("path", ["pages/nothing.js", "nothing.js"])
def test_a_file_that_the_page_does_not_have_is_answered_with_where_the_console_is(service: Service, path: str) -> None:
    answer = service.client.get(f"/console/{path}")
    assert refusal(answer) == (404, "route_not_found")
    assert "The console is at `/console/`" in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/nothing", "/console/nothing.js", "/admin", "/docs"])
def test_a_path_that_a_console_alone_does_not_have_is_no_matter_of_the_token(path: str) -> None:
    console = Console(forwarder(""), TOKEN, CONSOLE, "olga", alone=True)
    answer = TestClient(console, "http://127.0.0.1:8000", client=("127.0.0.1", 1)).get(path)
    assert refusal(answer) == (404, "route_not_found")
    assert "The console is at `/console/`" in answer.json()["error"]["message"]


def test_the_page_takes_no_other_method_and_its_folder_has_one_address(service: Service) -> None:
    assert refusal(service.client.post("/console/")) == (405, "method_not_allowed")
    answer = service.client.get("/console")
    assert (answer.status_code, answer.headers["location"]) == (307, "/console/")


def test_a_response_of_the_service_needs_a_key_beside_the_token(service: Service) -> None:
    answer = ask(service, "/v1/models")
    assert refusal(answer) == (401, "missing_api_key")
    assert ask(service, "/v1/models", authorization=f"Bearer {service.key()}").status_code == 200
