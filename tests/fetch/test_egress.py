"""The client of tools against real listeners on loopback: what may be called, what is sent, and what is made of it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator, Sequence

import pytest

from antiphon.errors import FetchError
from antiphon.fetch.egress import MAX_REPLY_BYTES, Egress, EgressError, Reason, ToolRequest
from antiphon.fetch.hosts import ToolHosts
from tests.support.files import Files
from tests.support.upstream import CUT, Gate, Script, Upstream

JSON = {"content-type": "application/json"}
CANARY = "canary-secret"


@pytest.fixture
def server() -> Iterator[Upstream]:
    with Upstream([Script([b'{"a":1}'], headers=JSON)]) as upstream:
        yield upstream


def hosts(server: Upstream) -> ToolHosts:
    return ToolHosts([server.base_url.split("/")[2]])


async def asked(egress: Egress, url: str, *, seconds: float = 20, method: str = "POST", **more: str) -> bytes:
    request = ToolRequest(url, method, {**JSON, "authorization": CANARY, **more}, b"{}" if method == "POST" else b"")
    deadline = asyncio.get_running_loop().time() + seconds
    try:
        async with egress.send(request, deadline=deadline) as reply:
            return await reply.read()
    finally:
        await egress.aclose()


async def failure(egress: Egress, url: str, **more: float) -> EgressError:
    with pytest.raises(EgressError) as caught:
        await asked(egress, url, **more)
    assert CANARY not in repr(caught.value) + str(caught.value) + caught.value.failure.message
    return caught.value


async def test_a_request_reaches_a_listed_host_once_with_its_headers(server: Upstream) -> None:
    assert await asked(Egress(hosts(server)), f"{server.base_url}/mcp") == b'{"a":1}'
    (request,) = server.requests
    assert (request.method, request.path, request.body) == ("POST", "/v1/mcp", {})
    assert request.headers["authorization"] == CANARY
    assert request.headers["accept-encoding"] == "identity"
    assert not {"cookie", "referer"} & request.headers.keys()


async def test_a_path_and_a_query_leave_as_they_are_written(server: Upstream) -> None:
    """A signature covers them as they are, and ``%2F`` is not the same as a slash."""
    path = "/a%3Ab%2Fc/%2e%2E/d;v=1?q=%3A%2F&r[x]=1&s=a%7Cb"
    await asked(Egress(hosts(server)), f"{server.base_url}{path}")
    assert server.requests[0].path == f"/v1{path}"


@pytest.mark.parametrize(
    "url",
    [
        "http://{place}/",
        "https://{place}/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::ffff:127.0.0.1]/",
        "https://2130706433/",
        "https://169.254.169.254/latest/meta-data/",
        "http://example.com/",
        "https://example.com:8443/",
        "https://user:password@example.com/",
        "file:///etc/passwd",
        "https://exa mple.com/",
    ],
)
async def test_without_a_list_only_public_hosts_over_https_may_be_called(server: Upstream, url: str) -> None:
    refused = await failure(Egress(ToolHosts()), url.format(place=server.base_url.split("/")[2]))
    assert (refused.reason, refused.sent, refused.failure.cause) == ("not_allowed", False, "refused")
    assert server.connections == 0


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::1"], []], ids=str)
async def test_a_name_with_a_private_address_is_not_connected_to(addresses: list[str]) -> None:
    async def resolve(_host: str) -> Sequence[str]:
        return addresses

    for listed in ((), ("other.example",)):
        refused = await failure(Egress(ToolHosts(listed), resolve=resolve), "https://tools.example/")
        assert refused.reason == ("not_allowed" if addresses or listed else "unresolved")
        assert refused.failure.message == "The operator does not allow this address."


async def test_a_list_excludes_every_other_host_and_every_other_port(server: Upstream) -> None:
    egress = Egress(ToolHosts(["mcp.example.com", "other.example:444", "127.0.0.1:1"]))
    for url in (f"{server.base_url}/", "https://other.example/", "https://example.com/", "https://mcp.example.com:1/"):
        assert (await failure(egress, url)).reason == "not_allowed"
    assert server.connections == 0


def test_a_star_in_the_list_stands_for_every_public_host_and_for_no_other() -> None:
    hosts = ToolHosts(["*", "127.0.0.1:9000"])
    assert str(hosts.read("https://example.com/mcp")) == "https://example.com/mcp"
    assert str(hosts.read("http://127.0.0.1:9000/mcp")) == "http://127.0.0.1:9000/mcp"
    for url in ("http://example.com/", "https://10.0.0.1/", "http://127.0.0.1:9001/"):
        with pytest.raises(FetchError):
            hosts.read(url)


async def test_a_listed_name_may_be_private_and_is_connected_to_at_the_address_that_was_resolved(
    server: Upstream,
) -> None:
    port = int(server.base_url.split(":")[2].split("/")[0])
    answers = iter([["127.0.0.1"], ["192.0.2.7"]])

    async def resolve(_host: str) -> Sequence[str]:
        return next(answers)

    egress = Egress(ToolHosts([f"Tools.Internal:{port}"]), resolve=resolve)
    assert await asked(egress, f"http://tools.internal:{port}/") == b'{"a":1}'


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_failure_and_carries_no_credentials_anywhere(status: int) -> None:
    """Sources: vercel/ai#20578 and adcontextprotocol/adcp-client#2427, secrets that went along a redirect."""
    with Files() as elsewhere:
        moved = Script([], status, {"location": elsewhere.url("/stolen")})
        with Upstream([moved]) as server:
            told = await failure(
                Egress(ToolHosts([f"127.0.0.1:{elsewhere.port}", server.base_url.split("/")[2]])), server.base_url
            )
            got = await failure(Egress(hosts(server)), server.base_url, method="GET")
        assert (told.reason, told.failure.cause, told.failure.code) == ("redirect", "http", status)
        assert got.reason == "redirect"
        assert elsewhere.connections == 0


@pytest.mark.parametrize(
    ("script", "reason", "cause"),
    [
        (Script([b"x" * (MAX_REPLY_BYTES + 1)], headers=JSON), "too_large", "protocol"),
        (Script([b"x" * 65536] * 800, headers=JSON), "too_large", "protocol"),
        (Script([b"half", CUT], headers=JSON), "cut", "unknown"),
        (Script([b"\x1f\x8b"], headers={**JSON, "content-encoding": "gzip"}), "encoded", "protocol"),
        (Script([CUT], raw=True), "cut", "unknown"),
    ],
)
async def test_an_answer_that_cannot_be_used_is_named_by_what_happened(
    script: Script, reason: Reason, cause: str
) -> None:
    with Upstream([script]) as server:
        told = await failure(Egress(hosts(server)), server.base_url)
    assert (told.reason, told.sent, told.failure.cause) == (reason, True, cause)
    assert len(server.requests) == 1


@pytest.mark.parametrize("steps", [[], [b"half"]], ids=["silent", "silent in its answer"])
async def test_a_server_that_falls_silent_is_left_at_the_deadline_and_the_outcome_is_unknown(
    steps: list[bytes],
) -> None:
    gate = Gate()
    with Upstream([Script([*steps, gate], headers=JSON)]) as server:
        told = await failure(Egress(hosts(server)), server.base_url, seconds=0.3)
        assert (told.reason, told.sent, told.failure.cause) == ("timeout", True, "unknown")
        assert server.closed_early.wait(10)


async def test_nothing_was_sent_to_a_server_that_is_not_there() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{nobody.getsockname()[1]}"
        told = await failure(Egress(ToolHosts([place])), f"http://{place}/")
    assert (told.reason, told.sent, told.failure.cause) == ("unreachable", False, "refused")


async def test_a_call_whose_deadline_has_passed_is_not_sent(server: Upstream) -> None:
    told = await failure(Egress(hosts(server)), server.base_url, seconds=-1)
    assert (told.sent, server.connections) == (False, 0)


async def test_a_cancelled_call_closes_its_connection() -> None:
    gate = Gate()
    with Upstream([Script([b"half", gate], headers=JSON)]) as server:
        call = asyncio.create_task(asked(Egress(hosts(server)), server.base_url))
        await asyncio.to_thread(gate.reached.wait, 10)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert server.closed_early.wait(10)


async def test_connections_are_used_again_and_no_cookie_is_kept() -> None:
    with Upstream([Script([b"{}"], headers={**JSON, "set-cookie": "a=b"})]) as server:
        egress = Egress(hosts(server))
        for _ in range(3):
            deadline = asyncio.get_running_loop().time() + 20
            async with egress.send(ToolRequest(server.base_url, body=b"{}"), deadline=deadline) as reply:
                assert (reply.status, reply.media_type, await reply.read()) == (200, "application/json", b"{}")
        await egress.aclose()
    assert server.connections == 1
    assert all("cookie" not in request.headers for request in server.requests)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "GET"])
async def test_a_request_on_a_connection_that_the_server_closes_meanwhile_is_not_sent_again(method: str) -> None:
    """aiohttp repeats some methods by itself; a server may have done what they ask before it closed."""
    with Upstream([Script([b"{}"], headers=JSON), Script([CUT], raw=True), Script([b"{}"], headers=JSON)]) as server:
        egress = Egress(hosts(server))
        deadline = asyncio.get_running_loop().time() + 20
        async with egress.send(ToolRequest(server.base_url, body=b"{}"), deadline=deadline) as reply:
            await reply.read()
        with pytest.raises(EgressError) as caught:
            async with egress.send(ToolRequest(server.base_url, method, body=b"{}"), deadline=deadline):
                pass
        await egress.aclose()
    assert (caught.value.failure.cause, server.connections, len(server.requests)) == ("unknown", 1, 2)


async def test_a_header_that_holds_a_line_end_is_not_sent(server: Upstream) -> None:
    request = ToolRequest(server.base_url, headers={"x-key": "a\r\nx-other: b"}, body=b"{}")
    egress = Egress(hosts(server))
    with pytest.raises(EgressError) as caught:
        async with egress.send(request, deadline=asyncio.get_running_loop().time() + 20):
            pass
    await egress.aclose()
    assert not caught.value.sent
    assert server.requests == []


async def test_a_proxy_of_the_environment_is_used_and_a_private_url_is_refused_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                seen.append(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 502 no\r\ncontent-length: 0\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:pass@127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert (await failure(Egress(ToolHosts()), "https://10.0.0.1/")).reason == "not_allowed"
        assert (await failure(Egress(ToolHosts()), "https://tools.example/")).reason == "unreachable"
        thread.join()
    assert seen[0].startswith(b"CONNECT tools.example:443 ")
    assert b"authorization: Basic" in seen[0].replace(b"Authorization", b"authorization")
    assert CANARY.encode() not in seen[0]
