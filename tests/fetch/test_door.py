"""The guarded door against real listeners on loopback: what is refused is never connected to."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import itertools
import socket
import threading
import tracemalloc
from collections.abc import Iterator, Sequence

import pytest

from antiphon.errors import FetchError
from antiphon.fetch.door import GuardedDoor
from antiphon.fetch.resolution import RESOLVERS, system_addresses
from antiphon.ports import Fetched
from tests.support.files import PNG, File, Files, redirect


@pytest.fixture
def files() -> Iterator[Files]:
    with Files({"/a.png": File(PNG, "Image/PNG; charset=x")}) as server:
        yield server


async def fetch(door: GuardedDoor, url: str, max_bytes: int = 10_000, seconds: float = 20) -> Fetched:
    deadline = asyncio.get_running_loop().time() + seconds
    return await door.fetch(url, max_bytes=max_bytes, deadline=deadline)


async def refusal(door: GuardedDoor, url: str, **more: float) -> str:
    with pytest.raises(FetchError) as caught:
        await fetch(door, url, **more)
    return caught.value.reason


def resolving(*answers: Sequence[str]) -> tuple[GuardedDoor, list[str]]:
    """Return a door whose names have these addresses, one answer after the other; and the names that were asked."""
    asked: list[str] = []
    given = itertools.chain(answers, itertools.repeat(answers[-1]))

    async def resolve(host: str) -> Sequence[str]:
        asked.append(host)
        return next(given)

    return GuardedDoor(http=True, resolve=resolve), asked


OPEN = GuardedDoor(http=True, private=True)


async def test_a_url_is_read_with_its_declared_type(files: Files) -> None:
    assert await fetch(OPEN, files.url("/a.png")) == Fetched(PNG, "image/png")
    path, headers = files.requests[0]
    assert path == "/a.png"
    assert headers["accept-encoding"] == "identity"
    assert headers["user-agent"] == "Antiphon"
    assert not {"cookie", "authorization", "referer"} & headers.keys()


async def test_a_name_is_resolved_and_connected_to(files: Files) -> None:
    assert (await fetch(OPEN, files.url("/a.png", "localhost"))).content == PNG


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "0",
        "127.1",
        "0x7f.1",
        "2130706433",
        "017700000001",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "127.0.0.1.",
        "\uff11\uff12\uff17.1",
    ],
)
async def test_loopback_in_any_form_is_refused_without_a_connection(files: Files, host: str) -> None:
    assert await refusal(GuardedDoor(http=True), files.url("/a.png", host)) == "not_allowed"
    assert files.connections == 0


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["2002:7f00:1::"],
        ["fe80::1%2"],
        ["8.8.8.8", "127.0.0.1"],
        ["127.0.0.1", "8.8.8.8"],
        [],
    ],
    ids=str,
)
async def test_a_name_with_any_address_that_is_not_public_is_refused_without_a_connection(
    files: Files, addresses: list[str]
) -> None:
    door, asked = resolving(addresses)
    door._read = lambda url: _with_port(url, files.port)  # the listener's port is none that is allowed
    assert await refusal(door, "http://evil.example/a.png") == "not_allowed"
    assert asked == ["evil.example"]
    assert files.connections == 0


async def test_a_name_that_changes_its_address_after_the_check_gains_nothing(files: Files) -> None:
    """Two look-ups would see a public and then a private address; there is one, and what it gave is connected to."""
    door, asked = resolving(["192.0.2.7"], ["127.0.0.1"])
    door._private = True  # so that the first answer passes the check, though nobody is there
    assert await refusal(door, files.url("/a.png", "rebinding.example"), seconds=0.2) == "unreachable"
    assert asked == ["rebinding.example"]
    assert files.connections == 0


async def test_the_connection_goes_to_the_address_that_was_checked(files: Files) -> None:
    door, asked = resolving(["127.0.0.1"], ["192.0.2.7"])
    door._private = True
    assert (await fetch(door, files.url("/a.png", "pinned.example"))).content == PNG
    assert asked == ["pinned.example"]


async def test_a_name_without_an_address_is_refused_like_a_private_one() -> None:
    assert await refusal(GuardedDoor(), "https://nobody.invalid/") == "not_allowed"


async def test_the_system_gives_addresses() -> None:
    assert "127.0.0.1" in (await system_addresses("localhost"))


async def test_a_redirect_is_followed_and_checked_again(files: Files) -> None:
    files.files["/start"] = redirect("/next", 301)
    files.files["/next"] = redirect(files.url("/a.png", "localhost"), 307)
    assert (await fetch(OPEN, files.url("/start"))).content == PNG
    assert [path for path, _ in files.requests] == ["/start", "/next", "/a.png"]


async def test_a_fourth_redirect_is_not_followed(files: Files) -> None:
    files.files |= {f"/{n}": redirect(f"/{n + 1}") for n in range(9)}
    assert await refusal(OPEN, files.url("/0")) == "unreachable"
    assert len(files.requests) == 4


@pytest.mark.parametrize(
    "to",
    [
        "http://127.0.0.1:{port}/a.png",
        "http://2130706433:{port}/a.png",
        "http://private.example/a.png",
        "//127.0.0.1:{port}/a.png",
        "file:///etc/passwd",
        "http://u:p@elsewhere.example/",
        "http://[::1",
        "",
    ],
)
async def test_a_redirect_to_what_is_not_allowed_is_not_followed(files: Files, to: str) -> None:
    """The first host is let through by its name, as a public one would be; where it leads to is not."""
    with Files() as private:
        files.files["/start"] = redirect(to.format(port=private.port))
        door = _Doorway(files)
        reason = await refusal(door, "http://public.example/start")
        assert reason in {"not_allowed", "unreachable"}
        assert len(files.requests) <= 4
        assert {path for path, _ in files.requests} == {"/start"}
        assert private.connections == 0


async def test_a_body_that_says_it_is_too_long_is_not_read(files: Files) -> None:
    assert await refusal(OPEN, files.url("/a.png"), max_bytes=len(PNG) - 1) == "too_large"
    assert (await fetch(OPEN, files.url("/a.png"), max_bytes=len(PNG))).content == PNG


async def test_a_body_without_end_is_left_at_the_limit(files: Files) -> None:
    sent: list[int] = []

    def endless() -> Iterator[bytes]:
        while True:
            sent.append(65_536)
            yield bytes(65_536)

    files.files["/endless"] = File(endless(), "image/png")
    assert await refusal(OPEN, files.url("/endless"), max_bytes=1_000_000) == "too_large"
    assert sum(sent) < 20_000_000  # what the sockets' buffers took


async def test_a_silent_server_is_left_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert await refusal(OPEN, f"http://127.0.0.1:{silent.getsockname()[1]}/", seconds=0.05) == "unreachable"


async def test_a_deadline_that_has_passed_connects_to_nobody(files: Files) -> None:
    assert await refusal(OPEN, files.url("/a.png"), seconds=-1) == "unreachable"
    assert files.connections == 0


@pytest.mark.parametrize(
    "file",
    [
        File(b"no", "text/plain", 404),
        File(b"no", "text/plain", 500),
        File(b"", "image/png", 204),
        File(PNG, "image/png", 206),
        File(PNG, "image/png", headers={"content-encoding": "gzip"}),
        File(status=300, headers={"location": "/a.png"}),
    ],
    ids=lambda file: f"{file.status}",
)
async def test_an_answer_that_is_no_plain_content_is_unreachable(files: Files, file: File) -> None:
    files.files["/x"] = file
    assert await refusal(OPEN, files.url("/x")) == "unreachable"


BOMB = gzip.compress(bytes(50_000_000))
"""48 KB that are a thousand times as much once they are decompressed."""


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", "br", "zstd", "gzip, gzip", "identity, gzip", "?"])
async def test_compressed_content_is_refused_and_never_decompressed(files: Files, encoding: str) -> None:
    files.files["/bomb"] = File(BOMB, "image/png", headers={"content-encoding": encoding})
    tracemalloc.start()
    try:
        assert await refusal(OPEN, files.url("/bomb"), max_bytes=100_000_000) == "unreachable"
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


async def test_compressed_content_that_is_not_declared_stays_as_it_is(files: Files) -> None:
    files.files["/bomb"] = File(BOMB, "image/png")
    assert (await fetch(OPEN, files.url("/bomb"), max_bytes=100_000)).content == BOMB


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nshorts",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 100_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 1_000_000 + b"\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n",
        b"not HTTP at all",
        b"",
    ],
    ids=lambda answer: repr(answer[:70]),
)
async def test_an_answer_whose_framing_lies_is_unreachable(answer: bytes) -> None:
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            writer.write(answer)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert await refusal(OPEN, f"http://127.0.0.1:{port}/", seconds=5) == "unreachable"
        for writer in writers:
            writer.transport.abort()  # the client has gone; what it did not read would keep the connection open
        await asyncio.sleep(0)


async def test_nobody_listening_is_unreachable(files: Files) -> None:
    with Files() as gone:
        url = gone.url("/")
    assert await refusal(OPEN, url) == "unreachable"


async def test_no_cookie_is_kept_and_no_proxy_is_asked(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    with Files() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(""))
        monkeypatch.delenv("no_proxy", raising=False)
        files.files["/start"] = File(status=302, headers={"location": "/a.png", "set-cookie": "a=b"})
        assert (await fetch(OPEN, files.url("/start"))).content == PNG
        assert proxy.connections == 0
        assert all("cookie" not in headers for _, headers in files.requests)


class _Doorway(GuardedDoor):
    """A door that takes ``public.example`` to the test's listener, and is as strict as ever about all else."""

    def __init__(self, files: Files) -> None:
        super().__init__(http=True, resolve=self._lookup)
        self._files = files

    async def _lookup(self, host: str) -> list[str]:
        return ["10.0.0.1"] if host == "private.example" else ["8.8.8.8"]

    async def _addresses(self, host: str) -> list[str]:
        checked = await super()._addresses(host)
        return ["127.0.0.1"] if host == "public.example" else checked

    def _read(self, url: str):
        read = super()._read(url)
        return read.with_port(self._files.port) if read.host == "public.example" else read


def _with_port(url: str, port: int):
    from antiphon.fetch.addresses import read_url

    return read_url(url, http=True, private=False).with_port(port)


async def test_names_that_do_not_answer_hold_up_no_other_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dead names filled the threads that everything else shares: a request without URLs waited 29 s."""
    asked, go = threading.Semaphore(0), threading.Event()

    def dead(*_: object, **__: object) -> None:
        asked.release()
        go.wait(10)
        raise OSError

    monkeypatch.setattr("socket.getaddrinfo", dead)

    async def story() -> str:
        looking = [asyncio.create_task(system_addresses(f"dead{n}.example")) for n in range(100)]
        for _ in range(RESOLVERS):
            assert await asyncio.to_thread(asked.acquire, timeout=10)
        name = await asyncio.to_thread(lambda: threading.current_thread().name)
        go.set()
        await asyncio.gather(*looking, return_exceptions=True)
        return name

    assert (await story()).startswith("asyncio_")
