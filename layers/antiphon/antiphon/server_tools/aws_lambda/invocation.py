"""One synchronous invocation of a Lambda function (AWS Lambda API Reference, "Invoke")."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import orjson

from antiphon.ports import ToolFailure, ToolResult
from antiphon.server_tools.aws import AwsService, refused, region_of

MAX_EVENT_BYTES: Final = 6 * 1024 * 1024
"""The largest event of a synchronous invocation (AWS Lambda Developer Guide, "Lambda quotas")."""
TOKEN: Final = "antiphon_idempotency_key"  # noqa: S105 - the name of a field
"""The field of ``context.client_context.custom`` that marks a call: the same for every attempt of it."""

_PATH: Final = "/2015-03-31/functions/{}/invocations"
_ODD: Final = re.compile(r"[^a-zA-Z0-9_-]")
_LONGEST_NAME: Final = 64


async def invoke(
    service: AwsService, settings: Mapping[str, Any], event: Mapping[str, Any], token: str, deadline: float
) -> bytes | ToolResult:
    """Invoke a function once. Return what it returned, or its failure.

    Args:
        service: Lambda.
        settings: the function, as it is pinned.
        event: what it is invoked with.
        token: marks the call.
        deadline: until when to wait, in the event loop's time.

    Raises:
        EgressError, NoCredentials: no answer came.
    """
    body = orjson.dumps(event)
    if len(body) > MAX_EVENT_BYTES:
        return ToolResult(failure=ToolFailure("refused", f"The arguments are larger than {MAX_EVENT_BYTES} bytes."))
    function = settings["function"]
    headers = {"x-amz-invocation-type": "RequestResponse", "x-amz-client-context": _context(token)}
    if settings.get("durable"):
        headers["x-amz-durable-execution-name"] = _ODD.sub("-", token)[:_LONGEST_NAME]
    path = _PATH.format(quote(function, safe=""))
    async with service.post(path, body, region=region_of(function), deadline=deadline, headers=headers) as reply:
        if reply.status != HTTPStatus.OK:
            return ToolResult(failure=refused("Lambda", reply))
        answer = await reply.read()
        return answer if "x-amz-function-error" not in reply.headers else _error(answer)


def _context(token: str) -> str:
    return b64encode(orjson.dumps({"custom": {TOKEN: token}})).decode()


def _error(answer: bytes) -> ToolResult:
    """Return the failure of a function that raised an error, without its stack trace."""
    try:
        said = orjson.loads(answer)
    except ValueError:
        said = None
    texts = [str(said[name]) for name in ("errorType", "errorMessage") if said.get(name)] if _is_object(said) else []
    return ToolResult(": ".join(texts), ToolFailure("execution", "The function failed."))


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)
