"""Groups a conversation into turns, for protocols whose messages alternate between a user and a model.

Pure. One turn is one message there: all that one side said before the other side answered.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Literal

from antiphon.errors import ApiError
from antiphon.providers.order import is_blank, is_models, ordered
from antiphon.records import Item

Role = Literal["user", "assistant", "system"]
Block = dict[str, Any]
RoleTurn = dict[str, Any]
"""A message: its ``role``, and its ``content``, a list of blocks."""

_KNOWN_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_TYPED_OTHERWISE: Final = ("$ref", "anyOf", "oneOf", "allOf", "enum", "const", "not")
_KINDS: Final = frozenset({"function_call", "function_call_output", "reasoning", "compaction"})

BEGIN: Final = "Begin."
"""The user's message before a history that does not begin with one: these protocols refuse any other beginning."""
CONTINUE: Final = "Continue."
"""The user's message after a history that ends with the model, for models that do not continue their own text."""


def turns(
    items: Sequence[Item], write: Callable[[Item], list[Block]], *, instructed: bool, prefill: bool
) -> tuple[list[str], list[RoleTurn]]:
    """Return the instructions that stand before all else, and the turns after them.

    What has no content is left out before neighbours of one role are merged, so that roles alternate.

    Args:
        items: the whole context.
        write: writes an item as blocks.
        instructed: the model reads instructions after a user's turn as such. Otherwise they are marked in a user's
            text.
        prefill: the model takes a history that ends with its own text.

    Raises:
        ApiError: an item that has no place there.
    """
    leading: list[str] = []
    grouped: list[RoleTurn] = []
    for item in ordered(items, is_empty=is_blank):
        role = _role(item)
        if role == "system" and not grouped:
            leading.append(text_of(item["content"]))
            continue
        if role == "system" and not (instructed and grouped[-1]["role"] != "assistant"):
            role, item = "user", marked(item)  # noqa: PLW2901
        _add(grouped, role, write(item))
    return leading, _bounded(grouped, write, prefill=prefill)


def is_unsigned_loop(
    grouped: Sequence[RoleTurn], is_thinking: Callable[[Block], bool], is_result: Callable[[Block], bool]
) -> bool:
    """Return whether a history ends within a loop of calls that began without thinking.

    Claude's manual thinking is refused there: such a loop is one turn of the model, which has to begin with thinking.
    """
    if not any(map(is_result, grouped[-1]["content"])):
        return False
    first = grouped[-1]
    for turn in reversed(grouped[:-1]):
        if turn["role"] == "user" and not all(map(is_result, turn["content"])):
            break
        first = turn if turn["role"] == "assistant" else first
    return not is_thinking(first["content"][0])


def marked(item: Item) -> Item:
    """Return instructions as a user's message that is marked as such."""
    text = f"<system>\n{text_of(item['content'])}\n</system>"
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def text_of(content: str | Iterable[dict[str, Any]]) -> str:
    """Return the text of a message that has only text."""
    return content if isinstance(content, str) else "\n".join(part["text"] for part in content)


def parts_of(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return content as parts, also if it is one text."""
    return [{"type": "input_text", "text": content}] if isinstance(content, str) else content


def said(item: Item) -> str:
    """Return the text of a model's message or compaction, refusals included."""
    parts = item["summary"] if item.get("type") == "compaction" else item["content"]
    if isinstance(parts, str):
        return parts
    return "\n".join(part["refusal"] if part["type"] == "refusal" else part["text"] for part in parts)


def arguments_of(item: Item) -> dict[str, Any]:
    """Return a call's arguments as an object. Arguments that are not valid JSON are kept as one text."""
    try:
        arguments = json.loads(item["arguments"] or "{}")
    except ValueError:
        arguments = None
    return arguments if isinstance(arguments, dict) else {"INVALID_JSON": item["arguments"]}


def maker_of(model: str, host: str = "") -> str:
    """Return the name of a model at an endpoint, by which its reasoning is recognised later."""
    return f"{model}@{host}" if host else model


def state_of(item: Item, kind: str, maker: str) -> dict[str, str] | None:
    """Return what a provider needs back with a reasoning item; None if another protocol or model made the item.

    A model refuses the whole request if it holds another model's signature.
    """
    state: dict[str, str] = item.get("state") or {}
    return state if state.get("kind") == kind and state.get("maker", maker) == maker else None


def call_id_of(item: Item, known: re.Pattern[str] = _KNOWN_ID) -> str:
    """Return the id of a call, the same for the call and its output.

    An id that the provider made goes back as it came. Any other has the form that the protocol takes.
    """
    upstream: str | None = item.get("upstream", {}).get("call_id")
    call_id: str = upstream or item["call_id"]
    if upstream or known.fullmatch(call_id):
        return call_id
    digest = hashlib.sha256(call_id.encode("utf-8", "surrogatepass")).hexdigest()
    ours = f"call_{digest[:32]}"
    return ours if known.fullmatch(ours) else digest[:9]  # Mistral's have nine characters


def schema_of(tool: dict[str, Any]) -> dict[str, Any]:
    """Return a function's parameters as the schema of an object: protocols refuse one without that ``type``."""
    schema: dict[str, Any] = tool.get("parameters") or {}
    return schema if schema.get("type") is not None else {**schema, "type": "object"}


def with_type(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with its ``type`` if it lacks one and cannot be of any other type than an object."""
    if schema.get("type") is not None or any(word in schema for word in _TYPED_OTHERWISE):
        return schema
    return {**schema, "type": "object"}


def tools_of(tools: Sequence[dict[str, Any]], items: Iterable[Item]) -> tuple[list[dict[str, Any]], bool]:
    """Return the tools to declare, and whether they may be called.

    Protocols require a declaration of every function in the history, even if none may be called now.
    """
    if tools:
        return list(tools), True
    names = dict.fromkeys(item["name"] for item in items if item.get("type") == "function_call")
    return [{"type": "function", "name": name} for name in names], False


def split(url: str) -> tuple[str, str]:
    """Return the media type and the base64 of a data URL."""
    head, _, payload = url.partition(",")
    return head.removeprefix("data:").partition(";")[0], payload


def _role(item: Item) -> Role:
    kind = item.get("type", "message")
    if is_models(item):
        return "assistant"
    if kind not in {"message", *_KINDS}:
        raise ApiError("unsupported_value", f"This model cannot read items of type {kind}.")
    return "system" if item.get("role") in {"system", "developer"} else "user"


def _add(grouped: list[RoleTurn], role: Role, blocks: list[Block]) -> None:
    if not blocks:
        return
    if not grouped or grouped[-1]["role"] != role:
        grouped.append({"role": role, "content": []})
    grouped[-1]["content"] += blocks


def _bounded(grouped: list[RoleTurn], write: Callable[[Item], list[Block]], *, prefill: bool) -> list[RoleTurn]:
    """Let a history begin with the user, and end with the user unless the model takes another end."""
    if not grouped or grouped[0]["role"] != "user":
        grouped.insert(0, {"role": "user", "content": write({"role": "user", "content": BEGIN})})
    if grouped[-1]["role"] == "assistant" and not prefill:
        grouped.append({"role": "user", "content": write({"role": "user", "content": CONTINUE})})
    return grouped
