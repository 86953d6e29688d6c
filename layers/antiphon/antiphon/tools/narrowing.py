"""How a request may narrow the servers of an agent: fewer tools, more approvals, and nothing else. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from antiphon.errors import ApiError
from antiphon.records import ServerTool, ToolServer

Tool = dict[str, Any]

BY_CALLER: Final = "caller"
"""Who approves a call if only the request asks for an approval."""


def narrowed(server: ToolServer, tool: Tool, param: str) -> ToolServer:
    """Return a server as a request narrows it.

    Args:
        server: one of the agent's.
        tool: the request's tool of the type ``mcp`` with its label.
        param: where that tool is in the request.

    Raises:
        ApiError: 400: it asks for another server, for a tool that there is not, or for fewer approvals.
    """
    url = tool.get("server_url")
    if url is not None and url != server.settings.get("url"):
        raise _invalid("The agent's server of this label has another URL. Leave it out.", f"{param}.server_url")
    tools = _allowed(server.tools, tool.get("allowed_tools"), f"{param}.allowed_tools")
    return replace(server, tools=_approved(tools, tool.get("require_approval"), f"{param}.require_approval"))


def _allowed(tools: Sequence[ServerTool], allowed: Any, param: str) -> tuple[ServerTool, ...]:
    if isinstance(allowed, dict):
        allowed = allowed.get("tool_names")
    if allowed is None:
        return tuple(tools)
    _require_known(tools, allowed, param)
    return tuple(tool for tool in tools if tool.name in allowed)


def _approved(tools: Sequence[ServerTool], wanted: Any, param: str) -> tuple[ServerTool, ...]:
    if wanted is None:
        return tuple(tools)
    if isinstance(wanted, str):
        always = {tool.name for tool in tools} if wanted == "always" else set[str]()
        never = {tool.name for tool in tools} if wanted == "never" else set[str]()
    else:
        always, never = (set((wanted.get(side) or {}).get("tool_names") or ()) for side in ("always", "never"))
        _require_known(tools, always | never, param)
    if any(tool.approval is not None for tool in tools if tool.name in never):
        raise _invalid("The agent requires an approval for a tool of this server.", param)
    return tuple(
        replace(tool, approval=BY_CALLER) if tool.name in always and tool.approval is None else tool for tool in tools
    )


def _require_known(tools: Sequence[ServerTool], names: Any, param: str) -> None:
    unknown = sorted({*names} - {tool.name for tool in tools})
    if unknown:
        raise _invalid("The agent's server has no tool of one of these names.", param)


def _invalid(message: str, param: str) -> ApiError:
    return ApiError("invalid_value", message, param=param)
