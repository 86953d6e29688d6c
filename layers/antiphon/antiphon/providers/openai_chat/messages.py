"""Writes a conversation as Chat Completions messages.

Pure: it must not know settings, tools or HTTP. One turn of the model is one message there: its text and all its calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from antiphon.errors import ApiError
from antiphon.media import is_text_file, text_of
from antiphon.records import Item

Message = dict[str, Any]

_UNNAMED: Final = "document.pdf"
"""OpenAI requires a name beside a file's content."""


def messages(instructions: str, items: Sequence[Item], *, modern: bool, reasoning: bool = False) -> list[Message]:
    """Translate instructions and items, in order. A compaction item is something that the model said.

    Args:
        instructions: the system text; empty for none.
        items: the whole context, oldest first.
        modern: the endpoint knows the role ``developer`` and the field ``refusal``.
        reasoning: the endpoint takes reasoning back as ``reasoning_content``. Reasoning items are left out else: the
            protocol itself has no place for them.

    Raises:
        ApiError: an item or part that the protocol cannot carry.
    """
    out: list[Message] = [{"role": "system", "content": instructions}] if instructions else []
    for item in items:
        kind = item.get("type", "message")
        if kind == "message":
            _add_message(out, item, modern)
        elif kind == "function_call":
            _add_call(out, item)
        elif kind == "function_call_output":
            out.append({"role": "tool", "tool_call_id": item["call_id"], "content": _tool_text(item["output"])})
        elif kind == "compaction":
            _add_assistant(out, item["summary"], modern)
        elif kind == "reasoning":
            _add_reasoning(out, item if reasoning else {})
        else:
            raise ApiError("unsupported_value", f"This model cannot read items of type {kind}.")
    return out


def _add_message(out: list[Message], item: Item, modern: bool) -> None:
    role = item["role"]
    if role == "assistant":
        _add_assistant(out, item["content"], modern)
    elif role == "user":
        out.append({"role": "user", "content": _content(item["content"])})
    else:
        known = role if modern else "system"
        out.append({"role": known, "content": _content(item["content"])})


def _add_assistant(out: list[Message], content: str | list[dict[str, Any]], modern: bool) -> None:
    parts = [{"type": "output_text", "text": content}] if isinstance(content, str) else content
    refusals = [part["refusal"] for part in parts if part["type"] == "refusal"]
    texts = [part["text"] for part in parts if part["type"] != "refusal"]
    if out and ("tool_calls" in out[-1] or "reasoning_content" in out[-1]):  # the same turn goes on
        earlier = out[-1]["content"]
        out[-1]["content"] = "\n".join(([earlier] if earlier else []) + texts + refusals)
    elif refusals and modern:
        out.append({"role": "assistant", "content": "\n".join(texts) or None, "refusal": "\n".join(refusals)})
    else:
        out.append({"role": "assistant", "content": "\n".join(texts + refusals)})


def _add_reasoning(out: list[Message], item: Item) -> None:
    """Begin the turn that the reasoning led to; what the model then said or called is added to it."""
    text = "\n".join(part["text"] for part in item.get("summary") or ())
    if text:
        out.append({"role": "assistant", "content": None, "reasoning_content": text})


def _add_call(out: list[Message], item: Item) -> None:
    if not out or out[-1]["role"] != "assistant":
        out.append({"role": "assistant", "content": None})
    function = {"name": item["name"], "arguments": item["arguments"]}
    calls = out[-1].setdefault("tool_calls", [])
    calls.append({"id": item["call_id"], "type": "function", "function": function})


def _content(content: str | list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    if isinstance(content, str):
        return content
    if all(part["type"] == "input_text" for part in content):
        return "\n".join(part["text"] for part in content)
    return [_part(part) for part in content]


def _part(part: dict[str, Any]) -> dict[str, Any]:
    if part["type"] == "input_text":
        return {"type": "text", "text": part["text"]}
    if part["type"] == "input_image" and part.get("image_url"):
        detail = {"detail": part["detail"]} if part.get("detail") else {}
        return {"type": "image_url", "image_url": {"url": part["image_url"], **detail}}
    if is_text_file(part):
        return {"type": "text", "text": _file_text(part)}
    if part["type"] == "input_file" and part.get("file_data"):
        name = part.get("filename") or _UNNAMED
        return {"type": "file", "file": {"filename": name, "file_data": part["file_data"]}}
    raise ApiError("unsupported_value", f"This model cannot read this part of type {part['type']}.")


def _tool_text(output: str | list[dict[str, Any]]) -> str:
    if isinstance(output, str):
        return output
    if all(part["type"] == "input_text" or is_text_file(part) for part in output):
        return "\n".join(_file_text(part) if is_text_file(part) else part["text"] for part in output)
    raise ApiError("unsupported_value", "This model reads only text in the output of a function call.")


def _file_text(part: dict[str, Any]) -> str:
    """Give a text file as text: Chat Completions takes no files but PDF."""
    text = text_of(part["file_data"])
    return f"{part['filename']}:\n{text}" if part.get("filename") else text
