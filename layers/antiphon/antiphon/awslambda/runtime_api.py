"""A client of the Lambda Runtime API (2018-06-01): take an invocation, stream its answer, report a failure.

Standard library only, because every cold start pays for its imports.
Each exchange has a connection of its own: an environment is frozen between invocations, and a kept socket may be dead
after.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_VERSION: Final = "2018-06-01"
_STREAMING: Final = {
    "content-type": "application/vnd.awslambda.http-integration-response",
    "lambda-runtime-function-response-mode": "streaming",
    "transfer-encoding": "chunked",
    "trailer": "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
}


class RuntimeApiError(Exception):
    """The Runtime API refused an exchange, or spoke something that is not HTTP/1.1."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """One invocation as the Runtime API hands it out.

    Attributes:
        request_id: AWS's id of it.
        deadline: when it ends, in seconds since the epoch.
        attempt: ``Lambda-Runtime-Invocation-Id``, to be echoed; empty if it was not given.
        trace: X-Ray's tracing header; empty if there is none.
        event: the payload, whatever JSON it is.
    """

    request_id: str
    deadline: float
    attempt: str
    trace: str
    event: Any


@dataclass(frozen=True, slots=True)
class Failure:
    """What is reported of a failure.

    Attributes:
        type: its class.
        message: one line; never a value from a request.
        trace: one line a frame, outermost first.
    """

    type: str
    message: str
    trace: tuple[str, ...] = ()

    def document(self) -> bytes:
        """Write it in the form that Lambda takes (Developer Guide, "Runtime API", invocation error)."""
        document = {"errorType": self.type, "errorMessage": self.message, "stackTrace": self.trace}
        return json.dumps(document, separators=(",", ":")).encode()


class AnswerStream:
    """A response body that is being streamed to the Runtime API. Made by ``RuntimeApi.answer``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def write(self, data: bytes) -> None:
        """Send bytes as one chunk, in one write.

        Raises:
            OSError: the Runtime API closed the connection.
        """
        if data:  # an empty chunk would be the last one
            self._writer.write(b"%x\r\n%b\r\n" % (len(data), data))
            await self._writer.drain()

    async def end(self) -> None:
        """End the body.

        Raises:
            OSError: the Runtime API closed the connection.
            RuntimeApiError: it refused the answer.
        """
        await self._finish(b"0\r\n\r\n")

    async def fail(self, failure: Failure) -> None:
        """End the body as failed: the failure goes in the trailers, which no client takes for data.

        Raises:
            OSError: the Runtime API closed the connection.
            RuntimeApiError: it refused the answer.
        """
        body = base64.b64encode(failure.document())
        await self._finish(
            b"0\r\nLambda-Runtime-Function-Error-Type: %b\r\nLambda-Runtime-Function-Error-Body: %b\r\n\r\n"
            % (failure.type.encode("ascii", "replace"), body)
        )

    async def _finish(self, last: bytes) -> None:
        try:
            self._writer.write(last)
            await self._writer.drain()
            await _read_accepted(self._reader)
        finally:
            self._writer.close()


class RuntimeApi:
    """The Runtime API at an address.

    Args:
        address: ``host:port``, the value of ``AWS_LAMBDA_RUNTIME_API``.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._host, _, self._port = address.rpartition(":")

    async def next(self) -> Invocation:
        """Wait for the next invocation, however long it takes.

        Raises:
            OSError: the connection failed.
            RuntimeApiError: the answer is not an invocation.
        """
        reader, writer = await self._send("GET", "invocation/next", {})
        try:
            headers = await _read_head(reader, expected=200)
            payload = await _read_body(reader, headers)
        finally:
            writer.close()
        return Invocation(
            request_id=headers["lambda-runtime-aws-request-id"],
            deadline=int(headers["lambda-runtime-deadline-ms"]) / 1000,
            attempt=headers.get("lambda-runtime-invocation-id", ""),
            trace=headers.get("lambda-runtime-trace-id", ""),
            event=json.loads(payload),
        )

    async def answer(self, invocation: Invocation) -> AnswerStream:
        """Begin the streamed answer to an invocation.

        Raises:
            OSError: the connection failed.
        """
        path = f"invocation/{invocation.request_id}/response"
        return AnswerStream(*await self._send("POST", path, _STREAMING | _echo(invocation)))

    async def reply(self, invocation: Invocation, document: Mapping[str, Any]) -> None:
        """Answer an invocation in one piece.

        Raises:
            OSError: the connection failed.
            RuntimeApiError: the answer was refused.
        """
        headers = {"content-type": "application/json"} | _echo(invocation)
        body = json.dumps(document).encode()
        reader, writer = await self._send("POST", f"invocation/{invocation.request_id}/response", headers, body)
        try:
            await _read_accepted(reader)
        finally:
            writer.close()

    async def fail(self, invocation: Invocation, failure: Failure) -> None:
        """Report that an invocation failed before the first byte of its answer.

        Raises:
            OSError: the connection failed.
            RuntimeApiError: the report was refused.
        """
        await self._report(f"invocation/{invocation.request_id}/error", failure, _echo(invocation), failure.type)

    async def fail_init(self, failure: Failure, kind: str) -> None:
        """Report that the function could not start, or could not get ready for its snapshot.

        Raises:
            OSError: the connection failed.
            RuntimeApiError: the report was refused.
        """
        await self._report("init/error", failure, {}, kind)

    async def restored(self) -> None:
        """Report that the snapshot may be taken, and wait until this process is a copy restored from it.

        Raises:
            OSError: the connection failed.
            RuntimeApiError: the answer is not the word to go on.
        """
        reader, writer = await self._send("GET", "restore/next", {})
        try:
            await _read_body(reader, await _read_head(reader, expected=200))
        finally:
            writer.close()

    async def fail_restore(self, failure: Failure, kind: str) -> None:
        """Report that a restored copy could not begin.

        Raises:
            OSError: the connection failed.
            RuntimeApiError: the report was refused.
        """
        await self._report("restore/error", failure, {}, kind)

    async def _report(self, path: str, failure: Failure, headers: Mapping[str, str], kind: str) -> None:
        own = {"content-type": "application/json", "lambda-runtime-function-error-type": kind}
        reader, writer = await self._send("POST", path, own | dict(headers), failure.document())
        try:
            await _read_accepted(reader)
        finally:
            writer.close()

    async def _send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(self._host, int(self._port))
        framing = {} if "transfer-encoding" in headers else {"content-length": str(len(body))}
        lines = [f"{method} /{_VERSION}/runtime/{path} HTTP/1.1", f"host: {self._address}", "connection: close"]
        lines += [f"{name}: {value}" for name, value in (dict(headers) | framing).items()]
        writer.write("\r\n".join([*lines, "", ""]).encode("ascii", "replace") + body)
        return reader, writer


def _echo(invocation: Invocation) -> dict[str, str]:
    return {"lambda-runtime-invocation-id": invocation.attempt} if invocation.attempt else {}


async def _read_accepted(reader: asyncio.StreamReader) -> None:
    headers = await _read_head(reader, expected=202)
    await _read_body(reader, headers)


async def _read_head(reader: asyncio.StreamReader, *, expected: int) -> dict[str, str]:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        raise RuntimeApiError("the Runtime API closed the connection") from error
    status, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    if status.split(" ")[:2] != ["HTTP/1.1", str(expected)]:
        raise RuntimeApiError(f"the Runtime API answered {status}")
    fields = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in fields}


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return await reader.readexactly(int(headers.get("content-length", "0")))
    body = bytearray()
    while size := int((await reader.readline()).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return bytes(body)
