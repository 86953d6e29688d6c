"""A strict Lambda Runtime API on a real socket, and the streaming function as a real process behind it.

    with LocalRuntimeApi() as api, api.function("tests.support.lambda_app.handler", log=tmp_path / "log"):
        answer = api.invoke(event)
        answer.wait(lambda: b"data: 0" in answer.body)      # as it arrived, chunk by chunk
        answer.ended()                                      # and to its end

It must not know our runtime: it holds whatever speaks to it to the protocol (AWS Lambda Developer Guide, "Runtime API"
and "Response streaming") and collects every breach in ``breaches``, which is asserted empty at the end.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]
WRAPPER = ROOT / "layers/antiphon/antiphon-runtime"
PATIENCE = 30.0
"""How long a test waits, in seconds, for what never comes when the code is wrong."""

PREFIX = "/2018-06-01/runtime/"
REQUIRED = {
    "content-type": "application/vnd.awslambda.http-integration-response",
    "lambda-runtime-function-response-mode": "streaming",
    "transfer-encoding": "chunked",
    "trailer": "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
}


class Answer:
    """What came back for one invocation, as far as it came."""

    def __init__(self, request_id: str, attempt: str, payload: bytes, seconds: float) -> None:
        self.request_id = request_id
        self.attempt = attempt
        self.payload = payload
        self.seconds = seconds
        self.deadline = 0.0
        self.chunks: list[bytes] = []
        self.trailers: dict[str, str] = {}
        self.error: dict[str, Any] | None = None
        self.state = "waiting"  # waiting, streaming, complete, error or cut
        self._changed = threading.Condition()

    def change(self, state: str | None = None, chunk: bytes | None = None) -> None:
        with self._changed:
            self.state = state or self.state
            if chunk is not None:
                self.chunks.append(chunk)
            self._changed.notify_all()

    def wait(self, come_true: Callable[[], bool]) -> None:
        """Wait until something holds of this answer."""
        with self._changed:
            if not self._changed.wait_for(come_true, PATIENCE):
                raise AssertionError(f"never came: state {self.state}, chunks {self.chunks}")

    def ended(self) -> Answer:
        """Wait for the end, however it ends."""
        self.wait(lambda: self.state in {"complete", "error", "cut"})
        return self

    @property
    def prelude(self) -> dict[str, Any]:
        """What the prelude says."""
        head: dict[str, Any] = json.loads(b"".join(self.chunks).split(b"\0" * 8, 1)[0])
        return head

    @property
    def body(self) -> bytes:
        """The payload so far."""
        whole = b"".join(self.chunks)
        return whole.split(b"\0" * 8, 1)[1] if b"\0" * 8 in whole else b""

    @property
    def trailer_error(self) -> dict[str, Any]:
        """The failure that the trailers report."""
        body: dict[str, Any] = json.loads(base64.b64decode(self.trailers["lambda-runtime-function-error-body"]))
        return body


class Breach(Exception):
    """The function broke the protocol."""


class LocalRuntimeApi:
    """The Runtime API of one execution environment.

    Args:
        attempts: whether invocations carry ``Lambda-Runtime-Invocation-Id``.
        chunked: whether ``/next`` sends its payload in chunks.
    """

    def __init__(self, *, attempts: bool = True, chunked: bool = False) -> None:
        self.attempts = attempts
        self.chunked = chunked
        self.breaches: list[str] = []
        self.init_error: dict[str, Any] | None = None
        self.pending: queue.Queue[Answer] = queue.Queue()
        self.handed_out: dict[str, Answer] = {}
        self._count = 0
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Connection)
        self._server.daemon_threads = True
        self._server.api = self  # type: ignore[attr-defined]
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.socket.close()
        assert self.breaches == []

    def invoke(self, event: Any, *, seconds: float = 900.0) -> Answer:
        """Queue an invocation, which may take that many seconds from when it is taken."""
        self._count += 1
        name = f"{self._count:08x}-0000-4000-8000-000000000000"
        answer = Answer(name, f"attempt-{self._count}" * self.attempts, json.dumps(event).encode(), seconds)
        self.pending.put(answer)
        return answer

    @contextmanager
    def function(
        self, handler: str, *, log: Path, task_root: Path = ROOT, environ: dict[str, str] | None = None
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run a function as Lambda does: the wrapper is given the interpreter and the runtime's own bootstrap."""
        own = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT / 'layers/antiphon'}:{ROOT}",
            "LAMBDA_TASK_ROOT": str(task_root),
            "AWS_LAMBDA_RUNTIME_API": self.address,
            "_HANDLER": handler,
        }
        command = [str(WRAPPER), sys.executable, "/var/runtime/bootstrap.py"]
        with log.open("wb") as output:
            process = subprocess.Popen(command, cwd=task_root, env=own | (environ or {}), stdout=output, stderr=output)
            try:
                yield process
            finally:
                process.kill()
                process.wait(PATIENCE)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a function as the platform does at a time-out: at once."""
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE)


class _Connection(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.api: LocalRuntimeApi = self.server.api  # type: ignore[attr-defined]
        try:
            self._exchange()
        except (EOFError, ConnectionError):
            return  # the process was ended
        except Breach as breach:
            self.api.breaches.append(str(breach))
            self._respond(400, b"")

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
            case _:
                raise Breach(f"no such route: {method} {path}")

    def _next(self) -> None:
        answer = self.api.pending.get()
        answer.deadline = time.time() + answer.seconds
        self.api.handed_out[answer.request_id] = answer
        lines = {
            "Lambda-Runtime-Aws-Request-Id": answer.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(answer.deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:123456789012:function:create-response",
        }
        if answer.attempt:
            lines["Lambda-Runtime-Invocation-Id"] = answer.attempt
        self._respond(200, answer.payload, lines, chunked=self.api.chunked)

    def _answer(self, name: str, headers: dict[str, str]) -> Answer:
        answer = self.api.handed_out.get(name)
        if answer is None or answer.state != "waiting":
            raise Breach(f"not open for an answer: {name}")
        _hold(headers.get("lambda-runtime-invocation-id", "") == answer.attempt, "another attempt's answer")
        return answer

    def _failure(self, headers: dict[str, str]) -> dict[str, Any]:
        failure: dict[str, Any] = json.loads(self.rfile.read(int(headers["content-length"])))
        _hold(set(failure) == {"errorType", "errorMessage", "stackTrace"}, f"not an error document: {failure}")
        _hold(headers["lambda-runtime-function-error-type"] == failure["errorType"], "two types of one error")
        return failure

    def _response(self, answer: Answer, headers: dict[str, str]) -> None:
        for name, value in REQUIRED.items():
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
        announced = {name.strip().lower() for name in REQUIRED["trailer"].split(",")}
        _hold(set(answer.trailers) in (set(), announced), f"trailers {answer.trailers}")
        head, _, _ = b"".join(answer.chunks).partition(b"\0" * 8)
        _hold(set(json.loads(head)) <= {"statusCode", "headers", "cookies"}, f"prelude {head!r}")
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
            name, _, value = line.partition(": ")
            yield name.lower(), value

    def _respond(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, *, chunked: bool = False
    ) -> None:
        framing = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(len(body))}
        lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in ((headers or {}) | framing).items())]
        half = len(body) // 2
        pieces = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (body[:half], body[half:]))
        self.wfile.write("\r\n".join([*lines, "", ""]).encode() + (pieces + b"0\r\n\r\n" if chunked else body))


def _hold(truth: bool, otherwise: str) -> None:
    if not truth:
        raise Breach(otherwise)
