"""Searches knowledge bases (Amazon Bedrock API Reference, "Retrieve")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlsplit

import orjson

from antiphon.fetch.egress import EgressError
from antiphon.ports import Found, ToolCall, ToolFailure, ToolResult
from antiphon.server_tools.aws import AwsService, refused, region_of
from antiphon.server_tools.failures import failed
from antiphon.server_tools.found import search_result
from antiphon.server_tools.knowledge_base.permission import is_allowed
from antiphon.server_tools.references import NoCredentials
from antiphon.settings import Settings

LONGEST_QUERY: Final = 20_000

_PATH: Final = "/knowledgebases/{}/retrieve"
_NAME: Final = "x-amz-bedrock-kb-source-file-name"


class KnowledgeBaseRunner:
    """A ``ToolRunner`` for knowledge bases.

    Args:
        settings: of the deployment.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._service = AwsService(settings, "bedrock-agent-runtime", "bedrock")

    async def call(self, call: ToolCall) -> ToolResult:
        """Search; see ``ToolRunner.call``."""
        base, query = call.server.settings["id"], call.arguments.get("query")
        if not isinstance(query, str) or not query.strip():
            return ToolResult(failure=ToolFailure("refused", "The argument query is missing."))
        if not is_allowed(base, self._settings):
            return ToolResult(failure=ToolFailure("refused", "The operator does not allow this knowledge base."))
        body = orjson.dumps(_request(call.server.settings, query[:LONGEST_QUERY]))
        path = _PATH.format(quote(base, safe=""))
        try:
            async with self._service.post(path, body, region=region_of(base), deadline=call.deadline) as reply:
                if reply.status != HTTPStatus.OK:
                    return ToolResult(failure=refused("The knowledge base", reply))
                return _result(await reply.read())
        except (EgressError, NoCredentials) as error:
            return failed(error)

    async def aclose(self) -> None:
        """Close connections that are kept open."""
        await self._service.aclose()


def build(settings: Settings) -> KnowledgeBaseRunner:
    """Return a runner for a deployment."""
    return KnowledgeBaseRunner(settings)


def _request(said: Mapping[str, Any], query: str) -> dict[str, Any]:
    search: dict[str, Any] = {"numberOfResults": said["results"]}
    if said.get("filter"):
        search["filter"] = said["filter"]
    if said.get("search"):
        search["overrideSearchType"] = said["search"].upper()
    return {
        "retrievalQuery": {"text": query},
        "retrievalConfiguration": {"vectorSearchConfiguration": search},
    }


def _result(body: bytes) -> ToolResult:
    try:
        answer = orjson.loads(body)
        results = answer["retrievalResults"]
        return search_result([_found(result) for result in results])
    except (ValueError, TypeError, KeyError, AttributeError):
        return ToolResult(failure=ToolFailure("protocol", "The knowledge base's answer cannot be used."))


def _found(result: Mapping[str, Any]) -> Found:
    url = _url(result.get("location") or {})
    metadata = result.get("metadata") or {}
    title = metadata.get(_NAME)
    if not isinstance(title, str) or not title:
        title = urlsplit(url).path.rstrip("/").rpartition("/")[2] or url
    score = result.get("score")
    return Found(
        url,
        title,
        "\n".join(_texts(result.get("content") or {})),
        str(result.get("documentId") or url),
        float(score) if isinstance(score, int | float) else None,
    )


def _url(location: Mapping[str, Any]) -> str:
    """Return where a passage is from: each kind of source has its own field for that."""
    for name, place in location.items():
        if name.endswith("Location") and isinstance(place, dict):
            return next((str(place[key]) for key in ("uri", "url", "id") if place.get(key)), "")
    return ""


def _texts(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts of a passage: the cells of a table's row, the transcript of a recording."""
    if isinstance(content.get("text"), str) and content["text"]:
        yield content["text"]
    for cell in content.get("row") or ():
        yield f"{cell.get('columnName', '')}: {cell.get('columnValue', '')}"
    for kind, field in (("audio", "transcription"), ("video", "summary")):
        said = (content.get(kind) or {}).get(field)
        if isinstance(said, str) and said:
            yield said
