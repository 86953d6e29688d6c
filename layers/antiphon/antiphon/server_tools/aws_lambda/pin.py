"""Pins the tools of a Lambda function: the one that the entry describes, or those that the function lists."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from antiphon.fetch.egress import EgressError
from antiphon.ports import Pinned, ToolResult
from antiphon.records import ServerTool, ToolServer
from antiphon.server_tools.aws import AwsService, missing
from antiphon.server_tools.aws_lambda.entry import LambdaEntry, LambdaSource
from antiphon.server_tools.aws_lambda.invocation import invoke
from antiphon.server_tools.aws_lambda.messages import WrongAnswer, request, result_of
from antiphon.server_tools.failures import why
from antiphon.server_tools.pinning import CannotPin, Means, digest_of
from antiphon.server_tools.references import NoCredentials

SETTING = "ANTIPHON_TOOL_FUNCTIONS (on AWS: ToolFunctionArns)"


async def pin(entry: LambdaEntry, means: Means) -> Pinned:
    """Pin the tools of a function.

    Raises:
        CannotPin: the deployment does not allow the function, or it lists no tools.
    """
    source = entry.source
    for problem in missing("function", means.settings.tool_functions, source.function, SETTING):
        raise CannotPin(f"{source.named}: {problem}")
    settings = {"function": source.function, "payload": source.payload, "durable": source.durable}
    found = await _listed(source, settings, means) if source.payload == "mcp" else [_described(source)]
    try:
        tools = entry.governed(found)
    except ValueError as error:
        raise CannotPin(f"{source.named}: {error}") from None
    if source.durable:  # the second call of one name gets what came of the first
        tools = tuple(replace(tool, repeatable=True) for tool in tools)
    server = ToolServer("lambda", source.named, tools, {**settings, "entry": entry.written()}, {}, digest_of(tools))
    return Pinned(server)


def _described(source: LambdaSource) -> ServerTool:
    return ServerTool(source.name or source.named, source.description, source.parameters)


async def _listed(source: LambdaSource, settings: dict[str, Any], means: Means) -> list[ServerTool]:
    listed = await _ask(source, settings, means)
    tools = [_tool(tool) for tool in listed if source.allow is None or tool.get("name") in source.allow]
    names = [tool.name for tool in tools]
    if absent := sorted({*(source.allow or ())} - {*names}):
        raise CannotPin(f"{source.named}: the function has no tool {absent[0]}")
    if not tools or len(set(names)) < len(names):
        raise CannotPin(f"{source.named}: the function lists {'a tool twice' if tools else 'no tools'}")
    return sorted(tools, key=lambda tool: tool.name)


async def _ask(source: LambdaSource, settings: dict[str, Any], means: Means) -> list[dict[str, Any]]:
    """Ask a function for its tools. A listing changes nothing, so it is no execution of a durable function."""
    service = AwsService(means.settings, "lambda", "lambda")
    asked = {**settings, "durable": False}
    try:
        answer = await invoke(service, asked, request("tools/list", {}), "tools-list", means.deadline)
        if isinstance(answer, ToolResult):
            assert answer.failure is not None
            raise CannotPin(f"{source.named}: {answer.failure.message} {answer.output}".rstrip())
        listed = result_of(answer).get("tools")
    except WrongAnswer as error:
        raise CannotPin(f"{source.named}: {error.failure.message}") from None
    except (EgressError, NoCredentials) as error:
        raise CannotPin(f"{source.named}: {why(error)}") from None
    finally:
        await service.aclose()
    if not isinstance(listed, list):
        raise CannotPin(f"{source.named}: the function lists no tools")
    return [tool for tool in listed if isinstance(tool, dict) and isinstance(tool.get("name"), str)]


def _tool(tool: dict[str, Any]) -> ServerTool:
    schema, description = tool.get("inputSchema"), tool.get("description")
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise CannotPin(f"the tool {tool['name']} has no schema of an object")
    return ServerTool(tool["name"], description if isinstance(description, str) else "", schema)
