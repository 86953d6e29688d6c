"""Calls of tools that Antiphon runs, as items, and as what the model reads of them. Pure.

    mcp_call            a tool of any kind of server but these two
    web_search_call     a search of the web
    file_search_call    a search in a knowledge base

The form is that of OpenAI's API ("Responses", output items); fields that have no value are left out, as some clients
refuse null. What an item has no place for is held beside it, and never shown.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from antiphon.ports import ToolFailure, ToolResult
from antiphon.records import Approval, Item, ToolServer
from antiphon.tools.table import OfferedTool

HELD: Final = "held"
"""The field of an item with what is stored of it and never shown."""
FOUND: Final = "found"
"""The field of what is held of a search with the address and title of everything that was found, in its order."""

TYPES: Final = {"web_search": "web_search_call", "knowledge_base": "file_search_call"}
SERVER_CALLS: Final = frozenset({"mcp_call", *TYPES.values()})

MAX_OUTPUT_BYTES: Final = 65_536
"""The most of a tool's output that a model is shown: three quarters from its beginning, one from its end."""

REQUEST: Final = "mcp_approval_request"
SOURCES: Final = "web_search_call.action.sources"
RESULTS: Final = "file_search_call.results"
"""Values of ``include`` that show more of a search."""

CUT_OFF: Final = "The call was cut off. It is not known whether the tool ran."
_DONE: Final = "done"
_WITH_OTHERS: Final = "with_others"
_LEFT_OUT: Final = "\n[... {count} bytes left out ...]\n"
_CAUSES: Final = {"protocol": "mcp_protocol_error", "http": "http_error", "execution": "mcp_tool_execution_error"}
_OUR_CODE: Final = -32000
"""JSON-RPC 2.0, section 5.1: the first code that an implementation may define."""


def type_of(server: ToolServer) -> str:
    """Return the type of the items that calls of a server's tools are."""
    return TYPES.get(server.kind, "mcp_call")


def begun(tool: OfferedTool, own_id: str, arguments: str, *, with_others: bool = False) -> Item:
    """Return the item of a call that is about to be made.

    Args:
        tool: the tool.
        own_id: the item's id.
        arguments: as the model wrote them.
        with_others: the model made it at once with the call before it.
    """
    assert tool.server is not None
    kind = type_of(tool.server)
    head: Item = {"type": kind, "id": own_id, "status": "in_progress"}
    held = {_WITH_OTHERS: True} if with_others else {}
    made = {"server_label": tool.server.label, "name": tool.name, "arguments": arguments}
    if kind == "mcp_call":
        return {**head, **made, **({HELD: held} if held else {})}
    query = _query(arguments)
    searches: Item = {"queries": [query]}
    if kind == "web_search_call":
        searches = {"action": {"type": "search", "query": query, "queries": [query]}}
    return {**head, **searches, HELD: {**made, **held}}


def made_with_others(item: Item) -> bool:
    """Return whether a model made a call at once with the call before it."""
    return _WITH_OTHERS in item.get(HELD, ())


def ended(item: Item, result: ToolResult, include: Collection[str] = ()) -> Item:
    """Return the item of a call with its result.

    Args:
        item: as it was begun.
        result: what came of it.
        include: what the request asked to see of searches.
    """
    status = "completed" if result.failure is None else "failed"
    output = bounded(result.output)
    if item["type"] != "mcp_call":
        return _searched({**item, "status": status}, result, output, include)
    images = {HELD: {**item.get(HELD, {}), "images": list(result.images)}} if result.images else {}
    if result.failure is None:
        return {**item, "status": status, "output": output, **images}
    return {**item, "status": status, "error": _error(result.failure, output), **images}


def hidden(item: Item, at: int) -> dict[str, Any]:
    """Return a call that its response does not show, as it is stored with it.

    Args:
        item: as it would be shown.
        at: how many items of the output were before it.
    """
    return {_DONE: item, "at": at}


def hidden_items(calls: Iterable[dict[str, Any]]) -> list[Item]:
    """Return the calls that a response does not show, of what is stored with it."""
    return [call[_DONE] for call in calls if _DONE in call]


def only_hidden(calls: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what stays stored with a response after its end."""
    return [call for call in calls if _DONE in call]


def with_hidden(output: Sequence[Item], calls: Iterable[dict[str, Any]], begins: int = 0) -> list[Item]:
    """Return output items with the calls among them that the response does not show.

    Args:
        output: the items.
        calls: as they are stored with the response.
        begins: the index of the first of the items.
    """
    merged: list[Item] = []
    waiting = [(call["at"], call[_DONE]) for call in calls if _DONE in call and call["at"] >= begins]
    for index, item in enumerate(output, begins):
        while waiting and waiting[0][0] <= index:
            merged.append(waiting.pop(0)[1])
        merged.append(item)
    return merged + [item for _, item in waiting]


def approved_call(approval: Approval, own_id: str, *, with_others: bool) -> Item:
    """Return the item of a call that was approved, and is about to be made.

    Args:
        approval: which holds the call.
        own_id: the item's id.
        with_others: the model made it at once with the call before it.
    """
    made = {"server_label": approval.label, "name": approval.tool, "arguments": approval.arguments}
    held = {HELD: {_WITH_OTHERS: True}} if with_others else {}
    head = {"type": "mcp_call", "id": own_id, "status": "in_progress"}
    return {**head, **made, "approval_request_id": approval.id, **held}


def requested(own_id: str, label: str, name: str, arguments: str) -> Item:
    """Return the item that asks for an approval.

    Args:
        own_id: the item's id, which is the approval's.
        label: of the server.
        name: of the tool.
        arguments: of the call.
    """
    return {"type": REQUEST, "id": own_id, "server_label": label, "name": name, "arguments": arguments}


def listed(server: ToolServer, own_id: str) -> Item:
    """Return the item that lists the tools of a server.

    Args:
        server: the server.
        own_id: the item's id.
    """
    tools = [
        {"name": tool.name, "description": tool.description, "input_schema": tool.parameters} for tool in server.tools
    ]
    return {"type": "mcp_list_tools", "id": own_id, "server_label": server.label, "tools": tools}


def cut(item: Item) -> Item:
    """Return the item of a call whose outcome nobody waits for any more."""
    return {**item, "status": "failed" if item["type"] == "web_search_call" else "incomplete"}


def called(item: Item) -> tuple[str, str, str] | None:
    """Return the label, the tool's name and the arguments of a call; None if its item came back without them."""
    if item["type"] == "mcp_call":
        return item["server_label"], item["name"], item["arguments"]
    held = item.get(HELD)
    return None if held is None else (held["server_label"], held["name"], held["arguments"])


def output_of(item: Item) -> str | list[dict[str, Any]]:
    """Return what a model reads as the output of a call."""
    held = item.get(HELD) or {}
    text = held.get("output") or item.get("output") or _text_of(item.get("error"))
    if text is None:
        text = "" if item.get("status") == "completed" else CUT_OFF
    images = [{"type": "input_image", "image_url": url, "detail": "auto"} for url in held.get("images", ())]
    return [{"type": "input_text", "text": text}, *images] if images else text


def bounded(text: str) -> str:
    """Return a text, with a note in its middle if that had to be left out."""
    whole = text.encode("utf-8", "replace")
    left = len(whole) - MAX_OUTPUT_BYTES
    if left <= 0:
        return whole.decode()
    head, tail = whole[: MAX_OUTPUT_BYTES * 3 // 4], whole[-(MAX_OUTPUT_BYTES // 4) :]
    return head.decode(errors="ignore") + _LEFT_OUT.format(count=left) + tail.decode(errors="ignore")


def _searched(item: Item, result: ToolResult, output: str, include: Collection[str]) -> Item:
    failure = result.failure
    text = output if failure is None else "\n".join(filter(None, [failure.message, output]))
    sources = {FOUND: [(found.url, found.title) for found in result.found]} if result.found else {}
    item = {**item, HELD: {**item[HELD], "output": text, **sources}}
    if item["type"] == "web_search_call":
        if SOURCES in include:
            pages = [{"type": "url", "url": found.url} for found in result.found if found.url]
            item["action"] = {**item["action"], "sources": pages}
        return item
    if RESULTS in include:
        item["results"] = [
            {"file_id": found.id or found.url, "filename": found.title, "score": found.score or 0.0, "text": found.text}
            for found in result.found
        ]
    return item


def _error(failure: ToolFailure, output: str) -> dict[str, Any]:
    if failure.cause == "execution":
        text = output or failure.message
        return {"type": _CAUSES["execution"], "content": [{"type": "text", "text": text}]}
    kind = _CAUSES.get(failure.cause, _CAUSES["protocol"])
    message = f"{failure.message}\n{output}" if output else failure.message
    return {"type": kind, "code": failure.code or _OUR_CODE, "message": message}


def _text_of(error: Any) -> str | None:
    """Return an error as text, whatever form a client sends back."""
    if isinstance(error, dict):
        content = error.get("content")
        if isinstance(content, list):
            return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
        return str(error.get("message") or "The tool failed.")
    return error if isinstance(error, str) and error else None


def _query(arguments: str) -> str:
    try:
        given = json.loads(arguments, strict=False)
    except (ValueError, RecursionError):
        return arguments
    query = given.get("query") if isinstance(given, dict) else None
    return query if isinstance(query, str) else arguments
