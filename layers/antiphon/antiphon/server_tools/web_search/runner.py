"""Searches the web (Amazon Bedrock AgentCore API Reference, "InvokeWebSearch")."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson

from antiphon.fetch.egress import EgressError
from antiphon.ports import Found, ToolCall, ToolFailure, ToolResult
from antiphon.server_tools.aws import AwsService, refused
from antiphon.server_tools.failures import failed
from antiphon.server_tools.found import search_result
from antiphon.server_tools.references import NoCredentials
from antiphon.settings import Settings

LONGEST_QUERY: Final = 200
OFF: Final = "off"
_HERE: Final = "on"
_PATH: Final = "/web-search/web-search.v1/invoke"


class WebSearchRunner:
    """A ``ToolRunner`` for the web search.

    Args:
        settings: of the deployment.
    """

    def __init__(self, settings: Settings) -> None:
        self._where = settings.web_search
        self._service = AwsService(settings, "bedrock-agentcore", "bedrock-agentcore")

    async def call(self, call: ToolCall) -> ToolResult:
        """Search; see ``ToolRunner.call``."""
        query, said = call.arguments.get("query"), call.server.settings
        if not isinstance(query, str) or not query.strip():
            return ToolResult(failure=ToolFailure("refused", "The argument query is missing."))
        if self._where == OFF:
            return ToolResult(failure=ToolFailure("refused", "The operator does not allow searches of the web."))
        body = orjson.dumps(_request(said, query.strip()[:LONGEST_QUERY]))
        try:
            async with self._service.post(_PATH, body, region=self._region, deadline=call.deadline) as reply:
                if reply.status != HTTPStatus.OK:
                    return ToolResult(failure=refused("The web search", reply))
                return _result(await reply.read())
        except (EgressError, NoCredentials) as error:
            return failed(error)

    @property
    def _region(self) -> str | None:
        return None if self._where == _HERE else self._where

    async def aclose(self) -> None:
        """Close connections that are kept open."""
        await self._service.aclose()


def build(settings: Settings) -> WebSearchRunner:
    """Return a runner for a deployment."""
    return WebSearchRunner(settings)


def _request(said: Mapping[str, Any], query: str) -> dict[str, Any]:
    domains = {name: said[name] for name in ("include", "exclude") if said.get(name)}
    filters = {"filters": {"domainFilter": domains}} if domains else {}
    return {"searchQuery": query, "maxResults": said["results"], **filters}


def _result(body: bytes) -> ToolResult:
    try:
        results = orjson.loads(body)["results"]
        return search_result([_found(result) for result in results])
    except (ValueError, TypeError, KeyError, AttributeError):
        return ToolResult(failure=ToolFailure("protocol", "The answer of the web search cannot be used."))


def _found(result: Mapping[str, Any]) -> Found:
    url = str(result.get("url") or "")
    return Found(url, str(result.get("title") or url), str(result.get("text") or ""), url)
