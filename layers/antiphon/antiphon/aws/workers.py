"""Starts workers on AWS: asynchronous invocations of the function that runs queued responses.

Lambda keeps an invocation in a queue of its own, may deliver it late or twice, and takes it in some 20 ms. One that
fails is a line in the log and no error of the caller: a response that stays queued is found by its next reader, and
once a minute by the sweeper. Source: AWS Lambda API Reference, "Invoke".
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import orjson

from antiphon.aws.caller import find_caller, is_without_credentials
from antiphon.aws.connections import NO_ANSWER, Connections
from antiphon.aws.signature import Credentials, Scope, sign
from antiphon.ports import Services
from antiphon.records import Owner

TRIES: Final = 2
"""How often an invocation is sent. If both arrive, the second worker finds the response taken."""

_SERVICE: Final = "lambda"
_PATH: Final = "/2015-03-31/functions/{}/invocations"
_ASYNCHRONOUS: Final = "Event"

_log: Final = logging.getLogger("antiphon.aws.workers")


class Workers:
    """Starts workers by invoking a function.

    Args:
        function: its name or ARN, with an alias.
    """

    def __init__(self, function: str) -> None:
        self._function = function
        self._lock = threading.Lock()
        self._sender: _Sender | None = None

    async def start(self, services: Services, owner: Owner, response_id: str) -> None:  # noqa: ARG002 - StartWorker
        """Invoke the function for a response, and wait until Lambda has taken that; see ``ports.StartWorker``."""
        event = {"run": {"tenant": owner.tenant, "user": owner.user, "response_id": response_id}}
        failure = await asyncio.to_thread(self._invoke, orjson.dumps(event))
        if failure:
            _log.error("worker not started", extra={"response_id": response_id, "code": failure})

    def renew(self) -> None:
        """Close the connections and forget the credentials: the next invocation finds new ones."""
        with self._lock:
            if self._sender is not None:
                self._sender.close()
                self._sender = None

    def _invoke(self, event: bytes) -> str:
        """Send an invocation until Lambda takes it; return why it did not, or an empty text."""
        failure = ""
        for _ in range(TRIES):
            failure = self._try(event)
            if not failure:
                break
            self.renew()
        return failure

    def _try(self, event: bytes) -> str:
        try:
            status = self._connected().send(event)
        except NO_ANSWER as error:
            return type(error).__name__
        except Exception as error:
            if not is_without_credentials(error):
                raise
            return type(error).__name__
        return "" if status == HTTPStatus.ACCEPTED else f"HTTP {status}"

    def _connected(self) -> _Sender:
        with self._lock:
            if self._sender is None:
                self._sender = _Sender(self._function)
            return self._sender


class _Sender:
    """Sends signed invocations of one function, each once, from any thread."""

    def __init__(self, function: str) -> None:
        place, credentials, _ = find_caller(_SERVICE, None, os.environ)
        self._credentials: Callable[[], Credentials] = credentials
        self._scope = Scope(place.region, _SERVICE)
        self._connections = Connections(place.url.rstrip("/") + _PATH.format(quote(function, safe="")))

    def send(self, event: bytes) -> int:
        """Send an invocation and return the status of the answer."""
        connections = self._connections
        headers = {
            "host": connections.host,
            "content-type": "application/json",
            "x-amz-invocation-type": _ASYNCHRONOUS,
        }
        signed = sign(self._credentials(), self._scope, connections.path, headers, event, time.time())
        return connections.post(signed, event).status

    def close(self) -> None:
        self._connections.close()
