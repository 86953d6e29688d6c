"""Requests of MCP to a Lambda function: each is the event, and the answer is what the function returns.

It is the form of Amazon Bedrock's own tools on the server ("Server-side tool use"): stateless, without a handshake.
"""

from __future__ import annotations

from typing import Any

import orjson

from antiphon.errors import AntiphonError
from antiphon.ports import ToolFailure

_LONGEST_MESSAGE = 500


class WrongAnswer(AntiphonError):
    """What a function returned is no result.

    Args:
        failure: of the call.
    """

    def __init__(self, failure: ToolFailure) -> None:
        self.failure = failure
        super().__init__(failure.message)


def request(method: str, params: dict[str, Any]) -> dict[str, Any]:
    """Return a request as the event of an invocation."""
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def result_of(answer: bytes) -> dict[str, Any]:
    """Return the result that a function returned.

    Raises:
        WrongAnswer: it returned an error, or something else.
    """
    try:
        said = orjson.loads(answer)
    except ValueError:
        said = None
    error = said.get("error") if isinstance(said, dict) else None
    if isinstance(error, dict):
        code, text = error.get("code"), error.get("message")
        message = text[:_LONGEST_MESSAGE] if isinstance(text, str) and text else "The function refused the call."
        raise WrongAnswer(ToolFailure("protocol", message, code if isinstance(code, int) else 0))
    result = said.get("result") if isinstance(said, dict) else None
    if not isinstance(result, dict):
        raise WrongAnswer(ToolFailure("protocol", "The function did not return an answer of MCP."))
    return result
