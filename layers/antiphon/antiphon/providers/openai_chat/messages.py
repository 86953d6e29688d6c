"""Writes a conversation as Chat Completions messages.

Pure. One turn of the model is one message there: its text and all its calls. The outputs of the calls come next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from antiphon.errors import ApiError
from antiphon.media import is_text_file
from antiphon.media import text_of as file_text
from antiphon.providers.openai_chat.dialects import Dialect
from antiphon.providers.order import is_blank, ordered, reasoning_of
from antiphon.providers.turns import BEGIN, CONTINUE, call_id_of, marked, text_of
from antiphon.records import Item

Message = dict[str, Any]

_UNNAMED: Final = "document.pdf"
"""The name of a file without one; OpenAI requires a name with a file's content."""
_INSTRUCTING: Final = frozenset({"system", "developer"})
_PLAIN: Final = {"role", "content"}
_ONLY_REASONING: Final = {"role", "content", "reasoning_content"}
_UNSIGNED: Final = "skip_thought_signature_validator"
"""What Google documents for a call that another model made."""


def messages(instructions: str, items: Sequence[Item], dialect: Dialect, *, reasoning: bool = False) -> list[Message]:
    """Return instructions and items as messages. A compaction item becomes a message of the model.

    Args:
        instructions: the system text; empty for none.
        items: the whole context, oldest first.
        dialect: how the endpoint deviates.
        reasoning: the endpoint takes reasoning back as ``reasoning_content``. Reasoning items are left out otherwise:
            the protocol itself has no place for them.

    Raises:
        ApiError: an item or part that the protocol cannot carry.
    """
    out: list[Message] = [{"role": "system", "content": instructions}] if instructions else []
    for item in ordered(items, is_empty=_is_empty):
        kind = item.get("type", "message")
        if kind == "message":
            _add_message(out, item, dialect)
        elif kind == "function_call":
            _add_call(out, item, dialect)
        elif kind == "function_call_output":
            call_id = call_id_of(item, dialect.call_ids)
            out.append({"role": "tool", "tool_call_id": call_id, "content": _tool_text(item["output"])})
        elif kind == "compaction":
            _add_assistant(out, item["summary"], dialect)
        elif kind == "reasoning":
            _add_reasoning(out, item if reasoning else {})
        else:
            raise ApiError("unsupported_value", f"This model cannot read items of type {kind}.")
    if reasoning and dialect.reasoning_always:
        out = [{"reasoning_content": "", **message} if message["role"] == "assistant" else message for message in out]
    return _alternating(_bounded(out, dialect)) if dialect.alternating else _bounded(out, dialect)


def _alternating(out: list[Message]) -> list[Message]:
    """Merge neighbours of one role, but for outputs and calls, which templates take in any number."""
    merged: list[Message] = []
    for message in out:
        mergeable = merged and message["role"] == merged[-1]["role"] and message.keys() == merged[-1].keys() == _PLAIN
        if mergeable:
            merged[-1] = {**message, "content": _joined(merged[-1]["content"], message["content"])}
        else:
            merged.append(message)
    return merged


def _joined(first: str | list[Any], second: str | list[Any]) -> str | list[Any]:
    if isinstance(first, str) and isinstance(second, str):
        return f"{first}\n\n{second}"
    parts = [[{"type": "text", "text": each}] if isinstance(each, str) else each for each in (first, second)]
    return [*parts[0], *parts[1]]


def _is_empty(item: Item) -> bool:
    """Return whether an item has no content; a user's message counts even then, as some clients send an empty one."""
    return item.get("role") != "user" and is_blank(item)


def _bounded(out: list[Message], dialect: Dialect) -> list[Message]:
    """Let a history begin and end with the user, for endpoints that refuse any other."""
    first = next((index for index, message in enumerate(out) if message["role"] not in _INSTRUCTING), len(out))
    if not out or (dialect.user_first and (first == len(out) or out[first]["role"] == "assistant")):
        out.insert(first, {"role": "user", "content": BEGIN})
    if dialect.user_last and out[-1]["role"] == "assistant":
        out.append({"role": "user", "content": CONTINUE})
    return out


def _add_message(out: list[Message], item: Item, dialect: Dialect) -> None:
    role = item["role"]
    if role == "assistant":
        _add_assistant(out, item["content"], dialect)
    elif role == "user":
        out.append({"role": "user", "content": _content(item["content"])})
    elif dialect.developer:
        out.append({"role": role, "content": _content(item["content"])})
    else:
        _add_system(out, item, dialect)


def _add_system(out: list[Message], item: Item, dialect: Dialect) -> None:
    """Add instructions for an endpoint that has one role for them. Those at the front are one message."""
    text = text_of(item["content"])
    if len(out) == 1 and out[0]["role"] == "system":
        out[0]["content"] = f"{out[0]['content']}\n\n{text}"
    elif out and dialect.leading_system:
        out.append({"role": "user", "content": _content(marked(item)["content"])})
    else:
        out.append({"role": "system", "content": text})


def _add_assistant(out: list[Message], content: str | list[dict[str, Any]], dialect: Dialect) -> None:
    parts = [{"type": "output_text", "text": content}] if isinstance(content, str) else content
    refusals = [part["refusal"] for part in parts if part["type"] == "refusal"]
    texts = [part["text"] for part in parts if part["type"] != "refusal"]
    if out and ("tool_calls" in out[-1] or "reasoning_content" in out[-1]):  # the same turn goes on
        earlier = out[-1]["content"]
        out[-1]["content"] = "\n".join(([earlier] if earlier else []) + texts + refusals)
    elif refusals and dialect.developer:
        out.append({"role": "assistant", "content": "\n".join(texts) or None, "refusal": "\n".join(refusals)})
    else:
        out.append({"role": "assistant", "content": "\n".join(texts + refusals)})


def _add_reasoning(out: list[Message], item: Item) -> None:
    """Begin a message with reasoning, unless calls of the same turn came before: their outputs come next."""
    text = reasoning_of(item)
    if not text:
        return
    if out and "tool_calls" in out[-1]:
        earlier = out[-1].get("reasoning_content")
        out[-1]["reasoning_content"] = f"{earlier}\n{text}" if earlier else text
    elif out and out[-1].keys() == _ONLY_REASONING and out[-1]["content"] is None:
        out[-1]["reasoning_content"] += f"\n{text}"
    else:
        out.append({"role": "assistant", "content": None, "reasoning_content": text})


def _add_call(out: list[Message], item: Item, dialect: Dialect) -> None:
    if not out or out[-1]["role"] != "assistant":
        out.append({"role": "assistant", "content": None})
    function = {"name": item["name"], "arguments": item["arguments"]}
    calls = out[-1].setdefault("tool_calls", [])
    call = {"id": call_id_of(item, dialect.call_ids), "type": "function", "function": function}
    signature = item.get("upstream", {}).get("thought_signature")
    if signature is None and dialect.signed_calls and not calls:
        signature = _UNSIGNED
    if signature is not None:
        call["extra_content"] = {"google": {"thought_signature": signature}}
    calls.append(call)


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
    """Return a text file as text: Chat Completions takes no files but PDF."""
    text = file_text(part["file_data"])
    return f"{part['filename']}:\n{text}" if part.get("filename") else text
