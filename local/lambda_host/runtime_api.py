"""A strict Lambda Runtime API on a real socket, for one execution environment.

    with RuntimeApiServer() as api:                  # a process is started with AWS_LAMBDA_RUNTIME_API=api.address
        answer = api.invoke(event)
        for chunk in answer.pieces(): ...      # as they arrive

It checks that a runtime keeps to the protocol (AWS Lambda Developer Guide, "Runtime API"
and "Response streaming"; for SnapStart the source of awslambdaric) and collects every breach in ``breaches``.
"""

from __future__ import annotations

import json
import queue
import select
import socketserver
import threading
import time
from collections.abc import Iterator
from typing import Any, Final, Self

from local.lambda_host.answer import InvocationAnswer
from local.lambda_host.template import ARN

PREFIX: Final = "/2018-06-01/runtime/"
STREAMING: Final = {
    "content-type": "application/vnd.awslambda.http-integration-response",
    "lambda-runtime-function-response-mode": "streaming",
    "transfer-encoding": "chunked",
    "trailer": "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
}
FAILURE: Final = frozenset({"errorType", "errorMessage", "stackTrace"})
SNAPSHOT_ERRORS: Final = frozenset({"Runtime.BeforeSnapshotError", "Runtime.AfterRestoreError"})
DRAIN_SECONDS: Final = 5.0
"""How long what a process sent before its end may take to be read; its sockets are closed: it comes at once."""


class Breach(Exception):
    """The function broke the protocol."""


class RuntimeApiServer:
    """The Runtime API of one execution environment.

    Args:
        name: the function's.
        attempts: whether invocations carry ``Lambda-Runtime-Invocation-Id``.
        chunked: whether ``/next`` sends its payload in chunks.
        sampled: whether X-Ray is to trace the invocations.

    Attributes:
        address: ``host:port``, for ``AWS_LAMBDA_RUNTIME_API``.
        breaches: where the protocol was broken, one line each.
        init_error, restore_error: what the function reported of a start or a restore that failed.
        asked: set once the function has asked for an invocation: it has started.
        at_snapshot: set once the function waits to be restored from a snapshot.
    """

    def __init__(
        self, name: str = "create-response", *, attempts: bool = True, chunked: bool = False, sampled: bool = False
    ) -> None:
        self.name = name
        self.attempts = attempts
        self.chunked = chunked
        self.sampled = sampled
        self.breaches: list[str] = []
        self.init_error: dict[str, Any] | None = None
        self.restore_error: dict[str, Any] | None = None
        self.asked = threading.Event()
        self.at_snapshot = threading.Event()
        self.restored = threading.Event()
        self.pending: queue.Queue[InvocationAnswer] = queue.Queue()
        self.handed_out: dict[str, InvocationAnswer] = {}
        self._count = 0
        self._asking = 0
        self._changed = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), _Connection)
        self._server.api = self
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        """Begin to serve."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.socket.close()

    def invoke(self, event: Any, *, seconds: float = 900.0) -> InvocationAnswer:
        """Queue an invocation, which may take that many seconds from when it is taken."""
        self._count += 1
        name = f"{self._count:08x}-0000-4000-8000-{id(self) & 0xFFFFFFFFFFFF:012x}"
        answer = InvocationAnswer(name, f"attempt-{self._count}" * self.attempts, json.dumps(event).encode(), seconds)
        self.pending.put(answer)
        return answer

    def asking(self, change: int) -> None:
        """Count who asks for an invocation."""
        with self._changed:
            self._asking += change
            self._changed.notify_all()

    def settled(self, slots: int, patience: float = DRAIN_SECONDS) -> bool:
        """Wait until a number of them ask for an invocation, with all earlier work done. Return whether they did."""
        with self._changed:
            return self._changed.wait_for(lambda: self._asking >= slots, patience)

    def cut(self) -> None:
        """End all open invocations, because the process has ended. What it had sent is still read."""
        end = time.monotonic() + DRAIN_SECONDS
        while self._server.is_busy() and time.monotonic() < end:
            time.sleep(0.001)
        while not self.pending.empty():
            self.pending.get().change("cut")
        for answer in list(self.handed_out.values()):
            if answer.state in {"waiting", "streaming"}:
                answer.change("cut")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128
    api: RuntimeApiServer

    def __init__(self, *arguments: Any) -> None:
        self._exchanges = 0
        self._lock = threading.Lock()
        super().__init__(*arguments)

    def is_busy(self) -> bool:
        """Whether an exchange is running or a connection waits. Waiting for an invocation does not count."""
        unheard, _, _ = select.select([self.socket], [], [], 0)
        return bool(unheard) or self._exchanges > 0

    def count(self, change: int) -> None:
        """Count the exchanges."""
        with self._lock:
            self._exchanges += change

    def get_request(self) -> tuple[Any, Any]:
        """Accept a connection. It counts as an exchange before it leaves the queue."""
        self.count(1)
        try:
            return super().get_request()
        except OSError:
            self.count(-1)
            raise


class _Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    server: _Server

    def handle(self) -> None:
        self.api = self.server.api
        try:
            self._exchange()
        except (EOFError, ConnectionError):
            return  # the process was ended
        except Breach as breach:
            self.api.breaches.append(str(breach))
            self._respond(400, b"")
        finally:
            self.server.count(-1)

    def _exchange(self) -> None:
        method, path, version = self._line().split(" ")
        headers = dict(self._fields())
        _hold(version == "HTTP/1.1" and headers.get("host") == self.api.address, f"not HTTP/1.1 with host: {path}")
        match method, path.removeprefix(PREFIX).split("/"):
            case "GET", ["invocation", "next"]:
                self._next()
            case "POST", ["invocation", name, "response"]:
                self._response(self._answer(name, headers), headers)
            case "POST", ["invocation", name, "error"]:
                answer = self._answer(name, headers)
                answer.error = self._failure(headers)
                self._respond(202, b"{}")
                answer.change("error")
            case "POST", ["init", "error"]:
                self.api.init_error = self._failure(headers)
                self._respond(202, b"{}")
            case "GET", ["restore", "next"]:
                self.api.at_snapshot.set()
                self.server.count(-1)
                self.api.restored.wait()
                self.server.count(1)
                self._respond(200, b"")
            case "POST", ["restore", "error"]:
                self.api.restore_error = self._failure(headers)
                self._respond(202, b"{}")
            case _:
                raise Breach(f"no such route: {method} {path}")

    def _next(self) -> None:
        self.api.asked.set()
        self.server.count(-1)
        self.api.asking(1)
        answer = self.api.pending.get()
        self.api.asking(-1)
        self.server.count(1)
        answer.deadline = time.time() + answer.seconds
        self.api.handed_out[answer.request_id] = answer
        lines = {
            "Lambda-Runtime-Aws-Request-Id": answer.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(answer.deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": ARN.format(self.api.name),
            "Lambda-Runtime-Trace-Id": self._trace(answer.request_id),
            "Content-Type": "application/json",
        }
        if answer.attempt:
            lines["Lambda-Runtime-Invocation-Id"] = answer.attempt
        self._respond(200, answer.payload, lines, chunked=self.api.chunked)

    def _trace(self, request_id: str) -> str:
        """Return a tracing header; the ids in it end with the invocation's."""
        root = f"Root=1-{int(time.time()):08x}-{request_id[:8]:0>24}"
        return f"{root};Parent={request_id[:8]:0>16};Sampled=1" if self.api.sampled else f"{root};Sampled=0"

    def _answer(self, name: str, headers: dict[str, str]) -> InvocationAnswer:
        answer = self.api.handed_out.get(name)
        if answer is None or answer.state != "waiting":
            raise Breach(f"not open for an answer: {name}")
        _hold(headers.get("lambda-runtime-invocation-id", "") == answer.attempt, "another attempt's answer")
        return answer

    def _failure(self, headers: dict[str, str]) -> dict[str, Any]:
        failure: dict[str, Any] = json.loads(self.rfile.read(int(headers["content-length"])))
        _hold(set(failure) >= FAILURE, f"not an error document: {failure}")
        kind = headers.get(
            "lambda-runtime-function-error-type", failure["errorType"]
        )  # the managed runtime leaves it out
        _hold(kind == failure["errorType"] or kind in SNAPSHOT_ERRORS, "two types of one error")
        failure["kind"] = kind
        return failure

    def _response(self, answer: InvocationAnswer, headers: dict[str, str]) -> None:
        if "lambda-runtime-function-response-mode" not in headers:
            self._whole(answer, headers)
            return
        for name, value in STREAMING.items():
            _hold(headers.get(name) == value, f"{name}: {headers.get(name)}")
        _hold("content-length" not in headers, "a length beside chunks")
        answer.change("streaming")
        try:
            while chunk := self._chunk():
                answer.change(chunk=chunk)
            answer.trailers = dict(self._fields())
        except (EOFError, ConnectionError):
            answer.change("cut")
            return
        announced = {name.strip().lower() for name in STREAMING["trailer"].split(",")}
        _hold(set(answer.trailers) in (set(), announced), f"trailers {answer.trailers}")
        head, _, _ = b"".join(answer.chunks).partition(b"\0" * 8)
        _hold(set(json.loads(head)) <= {"statusCode", "headers", "cookies"}, f"prelude {head!r}")
        self._respond(202, b"{}")
        answer.change("complete")

    def _whole(self, answer: InvocationAnswer, headers: dict[str, str]) -> None:
        """Read an answer in one piece, as the managed runtime sends it."""
        answer.document = json.loads(self.rfile.read(int(headers["content-length"])))
        self._respond(202, b"{}")
        answer.change("complete")

    def _chunk(self) -> bytes:
        size = int(self._line(), 16)
        if size == 0:
            return b""
        chunk = self.rfile.read(size)
        _hold(self._line() == "", "a chunk without its end")
        return chunk

    def _line(self) -> str:
        line = self.rfile.readline()
        if not line:
            raise EOFError
        _hold(line.endswith(b"\r\n"), f"a line without its end: {line!r}")
        return line[:-2].decode("ascii")

    def _fields(self) -> Iterator[tuple[str, str]]:
        while line := self._line():
            name, _, value = line.partition(":")
            yield name.lower(), value.strip()

    def _respond(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, *, chunked: bool = False
    ) -> None:
        framing = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(len(body))}
        own = (headers or {}) | framing | {"Connection": "close"}
        lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in own.items())]
        half = len(body) // 2
        pieces = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (body[:half], body[half:]))
        self.wfile.write("\r\n".join([*lines, "", ""]).encode() + (pieces + b"0\r\n\r\n" if chunked else body))


def _hold(truth: bool, otherwise: str) -> None:
    if not truth:
        raise Breach(otherwise)
