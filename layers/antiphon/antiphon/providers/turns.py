"""Groups a conversation into turns, for protocols whose messages alternate between a user and a model.

Pure. It must not know any protocol. One turn is one message there: all that one side said before the other spoke.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, NamedTuple

from antiphon.errors import ApiError
from antiphon.records import Item

Role = Literal["user", "assistant", "system"]

_KNOWN_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_BY_KIND: Final[dict[str, Role]] = {
    "function_call_output": "user",
    "function_call": "assistant",
    "reasoning": "assistant",
    "compaction": "assistant",
}
_BY_ROLE: Final[dict[str, Role]] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
}


class Turn(NamedTuple):
    """What one side said, in order; outputs of calls first."""

    role: Role
    items: list[Item]


def turns(items: Sequence[Item], *, instructed: bool) -> tuple[list[str], list[Turn]]:
    """Give the instructions that stand before all else, and the turns after them.

    Args:
        items: the whole context.
        instructed: the protocol reads instructions after a user's turn as such. They are marked in a user's text else.

    Raises:
        ApiError: an item that has no place there.
    """
    leading: list[str] = []
    grouped: list[Turn] = []
    for item in items:
        role = _role(item)
        if role == "system" and not grouped:
            leading.append(text_of(item["content"]))
            continue
        if role == "system" and not (instructed and grouped[-1].role != "assistant"):
            role, item = "user", _marked(item)  # noqa: PLW2901
        if not grouped or grouped[-1].role != role:
            grouped.append(Turn(role, []))
        grouped[-1].items.append(item)
    for turn in grouped:
        if turn.role == "user":
            turn.items.sort(key=lambda item: item.get("type") != "function_call_output")
    return leading, grouped


def text_of(content: str | Iterable[dict[str, Any]]) -> str:
    """Give the text of a message that has only text."""
    return content if isinstance(content, str) else "\n".join(part["text"] for part in content)


def parts_of(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the parts of a content in its long form."""
    return [{"type": "input_text", "text": content}] if isinstance(content, str) else content


def said(item: Item) -> str:
    """Give the text of a model's message or compaction; a refusal is what it said, too."""
    parts = item["summary"] if item.get("type") == "compaction" else item["content"]
    if isinstance(parts, str):
        return parts
    return "\n".join(part["refusal"] if part["type"] == "refusal" else part["text"] for part in parts)


def arguments_of(item: Item) -> dict[str, Any]:
    """Read a call's arguments as the object that they are; what a model garbled is kept as one text."""
    try:
        arguments = json.loads(item["arguments"] or "{}")
    except ValueError:
        arguments = None
    return arguments if isinstance(arguments, dict) else {"INVALID_JSON": item["arguments"]}


def maker_of(model: str, host: str = "") -> str:
    """Name who makes reasoning, for its state."""
    return f"{model}@{host}" if host else model


def state_of(item: Item, kind: str, maker: str) -> dict[str, str] | None:
    """Give what a protocol asked to have back with a reasoning item; None where it, or its maker, is another.

    No model reads another's signature: it would refuse the whole request.
    """
    state: dict[str, str] = item.get("state") or {}
    return state if state.get("kind") == kind and state.get("maker", maker) == maker else None


def call_id_of(item: Item) -> str:
    """Give a call's id in the alphabet that every protocol takes; the same for the call and its output."""
    call_id: str = item["call_id"]
    if _KNOWN_ID.fullmatch(call_id):
        return call_id
    return "call_" + hashlib.sha256(call_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def tools_of(tools: Sequence[dict[str, Any]], items: Iterable[Item]) -> tuple[list[dict[str, Any]], bool]:
    """Give the tools to declare, and whether they may be called.

    A protocol that is shown calls wants to be told of functions, also where none may be called now.
    """
    if tools:
        return list(tools), True
    names = dict.fromkeys(item["name"] for item in items if item.get("type") == "function_call")
    return [{"type": "function", "name": name} for name in names], False


def split(url: str) -> tuple[str, str]:
    """Give the media type and the base64 of a data URL."""
    head, _, payload = url.partition(",")
    return head.removeprefix("data:").partition(";")[0], payload


def _role(item: Item) -> Role:
    kind = item.get("type", "message")
    role = _BY_ROLE.get(item["role"]) if kind == "message" else _BY_KIND.get(kind)
    if role is None:
        raise ApiError("unsupported_value", f"This model cannot read items of type {kind}.")
    return role


def _marked(item: Item) -> Item:
    text = f"<system>\n{text_of(item['content'])}\n</system>"
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
