"""Why a tool's request got no answer: in full for the operator. The model reads less."""

from __future__ import annotations

from antiphon.fetch.egress import EgressError
from antiphon.ports import ToolResult
from antiphon.server_tools.references import NoCredentials


def failed(error: EgressError | NoCredentials) -> ToolResult:
    """Return the result of a call that got no answer."""
    reason, failure = why(error), error.failure
    return ToolResult(failure=failure, reason="" if reason == failure.message else reason)


def why(error: EgressError | NoCredentials) -> str:
    """Return why a request got no answer; it may name a setting, and the place of a secret."""
    if isinstance(error, NoCredentials):
        return str(error)
    if error.reason == "unresolved":
        return "The name of its host cannot be resolved."
    if error.reason == "not_allowed":
        return f"{error.failure.message} List its host in ANTIPHON_TOOL_HOSTS (on AWS: ToolHosts)."
    return error.failure.message
