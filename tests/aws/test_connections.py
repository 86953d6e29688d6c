from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from antiphon.aws import connections
from antiphon.aws.connections import NO_ANSWER, Connections
from antiphon.errors import SettingsError
from tests.support.certificates import self_signed


class Server(ThreadingHTTPServer):
    """Echoes each body.

    Attributes:
        opened: how many connections were.
        closing: say to each client that its connection ends, and close it.
        cutting: end each connection after its answer and say nothing of it before.
        silent: answer nothing, until closed.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Echo)
        self.opened = 0
        self.closing = self.cutting = self.silent = False
        self.cut = threading.Semaphore(0)
        self.ended = threading.Event()

    def process_request(self, request: object, client_address: object) -> None:
        self.opened += 1
        super().process_request(request, client_address)  # type: ignore[arg-type]

    def shutdown_request(self, request: object) -> None:
        super().shutdown_request(request)  # type: ignore[arg-type]
        self.cut.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Log nothing of a client that does not trust us."""


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.server.silent:
            self.server.ended.wait(20)
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.send_header("x-host", self.headers["host"])
        if self.server.closing:
            self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.server.closing or self.server.cutting

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Server()) as server:
        yield server


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.lower().endswith(("_proxy", "_ca_bundle")):
            monkeypatch.delenv(name)


def to(server: Server, scheme: str = "http") -> Connections:
    return Connections(f"{scheme}://127.0.0.1:{server.server_port}")


def echo(there: Connections, body: bytes = b"hello") -> bytes:
    return there.post({"host": there.host}, body).body


def test_a_connection_is_kept_and_used_again(server: Server) -> None:
    there = to(server)
    assert [echo(there, bytes([number])) for number in range(5)] == [bytes([number]) for number in range(5)]
    assert server.opened == 1
    there.close()


def test_no_two_threads_share_a_connection(server: Server) -> None:
    there = to(server)
    bodies = [bytes([number]) * 100_000 for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda body: echo(there, body), bodies)) == bodies
    assert 1 <= server.opened <= 8
    there.close()


def test_a_connection_that_the_server_has_closed_is_not_used_again(server: Server) -> None:
    there = to(server)
    server.cutting = True
    for _ in range(3):
        assert echo(there) == b"hello"
        server.cut.acquire()
    assert server.opened == 3
    there.close()


def test_a_connection_that_the_server_wants_closed_is_closed(server: Server) -> None:
    there = to(server)
    server.closing = True
    assert [echo(there), echo(there)] == [b"hello", b"hello"]
    assert server.opened == 2


def test_after_closing_it_connects_anew(server: Server) -> None:
    there = to(server)
    echo(there)
    there.close()
    there.close()
    assert echo(there) == b"hello"
    assert server.opened == 2
    there.close()


def test_a_silent_server_is_not_waited_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "READ_SECONDS", 0.01)
    server.silent = True
    with pytest.raises(TimeoutError):
        echo(to(server))


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"])
def test_half_an_answer_is_none(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        told = pool.submit(tell_once, listener, answer)
        with pytest.raises(NO_ANSWER):
            echo(Connections(f"http://127.0.0.1:{listener.getsockname()[1]}"))
        told.result()


def tell_once(listener: socket.socket, answer: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(answer)


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("https://dynamodb.eu-central-1.amazonaws.com", "dynamodb.eu-central-1.amazonaws.com", "/"),
        ("https://example.com:443/", "example.com", "/"),
        ("http://example.com:443/under/here", "example.com:443", "/under/here"),
        ("http://[::1]:8000", "[::1]:8000", "/"),
    ],
)
def test_a_url_gives_host_and_path(url: str, host: str, path: str) -> None:
    there = Connections(url)
    assert (there.host, there.path) == (host, path)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def secure(certificate: Path) -> Iterator[Server]:
    server = Server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server):
        yield server


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(secure: Server) -> None:
    with pytest.raises(ssl.SSLCertVerificationError) as refused:
        echo(to(secure, "https"))
    assert isinstance(refused.value, NO_ANSWER)


def test_a_certificate_is_not_trusted_for_another_name(
    secure: Server, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    with pytest.raises(ssl.SSLCertVerificationError):
        echo(Connections(f"https://localhost:{secure.server_port}"))


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_the_environment_names_certificates_to_trust(
    secure: Server, certificate: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(certificate))
    there = to(secure, "https")
    assert [echo(there), echo(there)] == [b"hello", b"hello"]
    assert secure.opened == 1
    there.close()


def test_amazons_own_roots_are_trusted() -> None:
    names = {dict(part[0] for part in root["subject"]).get("commonName") for root in trusted()}  # type: ignore[misc]
    assert {f"Amazon Root CA {number}" for number in (1, 2, 3, 4)} < names
    assert "Starfield Services Root Certificate Authority - G2" in names


def trusted() -> list[dict[str, object]]:
    return connections.trust().get_ca_certs()


class Tunnel:
    """A proxy that lets one ``CONNECT`` through."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://ada:s%40fe@127.0.0.1:{self.listener.getsockname()[1]}"
        self.asked = b""

    def carry(self) -> None:
        client, _ = self.listener.accept()
        with client:
            while b"\r\n\r\n" not in self.asked:
                self.asked += client.recv(65536)
            port = int(self.asked.split()[1].rpartition(b":")[2])
            with socket.create_connection(("127.0.0.1", port)) as server:
                client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                back = threading.Thread(target=pass_on, args=(server, client))
                back.start()
                pass_on(client, server)
                back.join()


def pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):  # who has closed takes no more
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def test_a_proxy_is_gone_through_where_one_is_named(
    secure: Server, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tunnel = Tunnel()
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    monkeypatch.setenv("HTTPS_PROXY", tunnel.url)
    with tunnel.listener, ThreadPoolExecutor(1) as pool:
        carried = pool.submit(tunnel.carry)
        there = to(secure, "https")
        assert [echo(there), echo(there)] == [b"hello", b"hello"]
        there.close()
        carried.result()
    assert tunnel.asked.startswith(f"CONNECT 127.0.0.1:{secure.server_port} HTTP/1.".encode())
    assert b"proxy-authorization: Basic YWRhOnNAZmU=\r\n" in tunnel.asked


def test_a_proxy_over_tls_is_refused_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "https://canary:canary@proxy.example")
    with pytest.raises(SettingsError, match="HTTPS_PROXY: begins with https://") as refused:
        Connections("https://dynamodb.eu-central-1.amazonaws.com")
    assert "canary" not in str(refused.value)
    monkeypatch.setenv("NO_PROXY", ".amazonaws.com")
    Connections("https://dynamodb.eu-central-1.amazonaws.com")


def test_a_proxy_is_left_out_where_the_environment_says_so(
    secure: Server, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    monkeypatch.setenv("HTTPS_PROXY", "127.0.0.1:1")
    with pytest.raises(ConnectionRefusedError):
        echo(to(secure, "https"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with closing(to(secure, "https")) as there:
        assert echo(there) == b"hello"


def test_an_endpoint_without_tls_is_one_nearby_and_needs_no_proxy(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with closing(to(server)) as there:
        assert echo(there) == b"hello"
