"""Invokes Lambda functions."""

from __future__ import annotations

from typing import Any

import orjson

from antiphon.fetch.egress import EgressError
from antiphon.ports import ToolCall, ToolFailure, ToolResult
from antiphon.server_tools.aws import AwsService, allowed
from antiphon.server_tools.aws_lambda.invocation import TOKEN, invoke
from antiphon.server_tools.aws_lambda.messages import WrongAnswer, request, result_of
from antiphon.server_tools.failures import failed
from antiphon.server_tools.references import NoCredentials
from antiphon.settings import Settings


class LambdaRunner:
    """A ``ToolRunner`` for Lambda functions.

    Args:
        settings: of the deployment.
    """

    def __init__(self, settings: Settings) -> None:
        self._functions = settings.tool_functions
        self._service = AwsService(settings, "lambda", "lambda")

    async def call(self, call: ToolCall) -> ToolResult:
        """Invoke a function; see ``ToolRunner.call``."""
        said = call.server.settings
        if not allowed(said["function"], self._functions):
            return ToolResult(failure=ToolFailure("refused", "The operator does not allow this function."))
        is_mcp = said["payload"] == "mcp"
        event = _mcp_event(call) if is_mcp else call.arguments
        try:
            answer = await invoke(self._service, said, event, call.token, call.deadline)
            if isinstance(answer, ToolResult):
                return answer
            return _mcp_result(answer) if is_mcp else ToolResult(_text(answer))
        except WrongAnswer as error:
            return ToolResult(failure=error.failure)
        except (EgressError, NoCredentials) as error:
            return failed(error)

    async def aclose(self) -> None:
        """Close connections that are kept open."""
        await self._service.aclose()


def build(settings: Settings) -> LambdaRunner:
    """Return a runner for a deployment."""
    return LambdaRunner(settings)


def _mcp_event(call: ToolCall) -> dict[str, Any]:
    params = {"name": call.tool.name, "arguments": call.arguments, "_meta": {TOKEN: call.token}}
    return request("tools/call", params)


def _mcp_result(answer: bytes) -> ToolResult:
    from antiphon.server_tools.mcp.content import read_result

    return read_result(result_of(answer))


def _text(answer: bytes) -> str:
    """Return what a function returned: a text as it is, everything else as JSON."""
    try:
        said = orjson.loads(answer)
    except ValueError:
        said = None
    return said if isinstance(said, str) else answer.decode("utf-8", "replace")
