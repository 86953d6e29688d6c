"""What a line or two can show of an item, and which items wait for the client."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

Item = dict[str, Any]

SHORT: Final = 300
"""The most characters of arguments or an output that a line has."""

_TEXTS: Final = frozenset({"output_text", "input_text", "text", "summary_text", "reasoning_text"})


def lines_of(item: Item) -> list[str]:
    """Return what to show of an item that is no message and no reasoning: a call, an output, a compaction."""
    kind = str(item.get("type"))
    name = ".".join(str(item[field]) for field in ("server_label", "name") if item.get(field)) or kind
    if kind == "mcp_list_tools":
        lines = [f"tools of {name}: {len(item.get('tools') or ())}"]
    elif kind == "mcp_approval_request":
        lines = [f"asks to call {name} {_short(item.get('arguments'))}"]
    elif kind == "compaction":
        lines = ["the conversation was compacted"]
    elif kind.endswith("_output"):
        return [f"output {_short(item.get('output'))}"]
    else:
        asked = next((item[field] for field in ("arguments", "input", "action", "queries") if item.get(field)), "")
        lines = [f"call {name} {_short(asked)}".rstrip()]
    if item.get("output"):
        lines.append(f"output {_short(item['output'])}")
    if item.get("error"):
        lines.append(f"error {_short(item['error'])}")
    return lines


def text_of(item: Item) -> str:
    """Return the text of a message or of reasoning."""
    content = item.get("content")
    if isinstance(content, str):
        return content
    parts = [*(item.get("summary") or ()), *(content or ())]
    return "".join(str(_part(part)) for part in parts if isinstance(part, dict))


def waiting(output: Iterable[Item]) -> list[Item]:
    """Return the calls and questions of an output that the next input has to answer."""
    items = list(output)
    answered = {item.get("call_id") for item in items if str(item.get("type")).endswith("_output")}
    calls = {"function_call", "custom_tool_call"}
    return [
        item
        for item in items
        if item.get("type") == "mcp_approval_request"
        or (item.get("type") in calls and item.get("call_id") not in answered)
    ]


def questions(response: dict[str, Any]) -> list[Item]:
    """Return the approvals that Antiphon asks of the caller beside the output, as items that the next input answers."""
    shown = {item.get("id") for item in response.get("output") or ()}
    return [
        {**approval, "type": "mcp_approval_request"}
        for approval in _approvals(response)
        if approval.get("by") == "caller" and approval.get("id") not in shown
    ]


def waits_for_others(response: dict[str, Any]) -> list[str]:
    """Return a line for each call that somebody else has to approve."""
    return [
        f"{approval['server_label']}.{approval['name']} waits for {approval['by']}: approval {approval['id']}"
        for approval in _approvals(response)
        if approval.get("by") != "caller"
    ]


def _approvals(response: dict[str, Any]) -> list[dict[str, Any]]:
    own = response.get("antiphon")
    return own.get("approvals") or [] if isinstance(own, dict) else []


def answer_to(item: Item, text: str) -> Item:
    """Return the input item that answers one that waits: the output of a call, or yes or no."""
    if item["type"] == "mcp_approval_request":
        approve = text.strip().lower() in {"y", "yes"}
        return {"type": "mcp_approval_response", "approval_request_id": item["id"], "approve": approve}
    return {"type": f"{item['type']}_output", "call_id": item["call_id"], "output": text}


def plain(text: str) -> str:
    """Return a text without control characters, which could move the cursor or worse, but with its lines and tabs."""
    return "".join(one for one in text if one in "\n\t" or not (ord(one) < 32 or 127 <= ord(one) < 160))  # noqa: PLR2004 (C0, DEL and C1)


def _part(part: dict[str, Any]) -> str:
    kind = part.get("type")
    if kind in _TEXTS:
        return str(part.get("text") or "")
    return str(part.get("refusal") or "") if kind == "refusal" else f"[{kind}]"


def _text_in(value: Any) -> str:
    """Return the text of an error or of content in parts; empty if it has none."""
    if isinstance(value, dict):
        return str(value["message"]) if value.get("message") else text_of(value)
    return text_of({"content": value}) if isinstance(value, list) else ""


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else _text_in(value) or json.dumps(value, ensure_ascii=False)
    line = " ".join(plain(text).split())
    return line if len(line) <= SHORT else f"{line[:SHORT]}..."
