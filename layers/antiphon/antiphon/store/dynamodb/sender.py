"""A call to DynamoDB, sent once: signed, carried by HTTP, checked and read."""

from __future__ import annotations

import logging
import os
import time
from typing import Any, Final

from antiphon.aws import connections
from antiphon.aws.caller import find_caller
from antiphon.aws.connections import Connections
from antiphon.aws.signature import Scope, sign
from antiphon.store.dynamodb import protocol
from antiphon.store.dynamodb.protocol import Garbled, Refusal

NO_ANSWER: Final = (*connections.NO_ANSWER, Garbled)
"""What is raised if no answer came, or a damaged one."""

_SERVICE: Final = "dynamodb"
_REQUEST_ID: Final = "x-amzn-requestid"
_CHECKSUM: Final = "x-amz-crc32"

_log: Final = logging.getLogger("antiphon.store.dynamodb")


class Sender:
    """Sends calls, each once, from any thread.

    Args:
        endpoint_url: another endpoint than AWS's own.

    Raises:
        BotoCoreError: see ``find_caller``.
    """

    def __init__(self, endpoint_url: str | None) -> None:
        place, self._credentials, _ = find_caller(_SERVICE, endpoint_url, os.environ)
        self._scope = Scope(place.region, _SERVICE)
        self._connections = Connections(place.url)

    def send(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Send a call and read its answer. What failed is logged: DynamoDB's id of it, and nothing of its content.

        Raises:
            Refusal: DynamoDB did not do it.
            OSError, HTTPException, Garbled: there was no answer, or no whole one (``NO_ANSWER``).
            BotoCoreError: there are no credentials, or they could not be renewed.
        """
        connections, body = self._connections, protocol.write(arguments)
        headers = {"host": connections.host, **protocol.headers(operation)}
        signed = sign(self._credentials(), self._scope, connections.path, headers, body, time.time())
        request_id = ""
        try:
            answer = connections.post(signed, body)
            request_id = answer.headers.get(_REQUEST_ID, request_id)
            return protocol.read(answer.status, answer.body, answer.headers.get(_CHECKSUM))
        except (Refusal, *NO_ANSWER) as error:
            _note(operation, error, request_id)
            raise

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()


def _note(operation: str, error: Exception, request_id: str) -> None:
    refusal = error if isinstance(error, Refusal) else None
    level = logging.DEBUG if refusal is not None and refusal.is_condition else logging.WARNING
    code = refusal.code if refusal is not None else type(error).__name__
    known = {"operation": operation, "code": code, "dynamodb_request_id": request_id}
    _log.log(level, "DynamoDB call failed", extra=known)
