"""Writes a conversation as the Messages protocol's ``messages``.

Pure. Source: Anthropic's API reference, "Create a Message".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from antiphon.media import is_text_file
from antiphon.media import text_of as file_text
from antiphon.providers.turns import (
    Block,
    RoleTurn,
    arguments_of,
    call_id_of,
    parts_of,
    said,
    split,
    state_of,
    text_of,
    turns,
)
from antiphon.records import Item

KIND: Final = "anthropic"
"""Marks the states of reasoning that this protocol made."""


def messages(
    items: Sequence[Item], maker: str | None, *, instructed: bool, prefill: bool, citations: bool
) -> tuple[list[str], list[RoleTurn]]:
    """Return the instructions that stand before all else, and the messages.

    Args:
        items: the whole context, oldest first.
        maker: the model and its endpoint, whose own thinking goes back to it; None if no thinking goes back.
        instructed: the model reads the role ``system`` after a user's turn.
        prefill: the model takes a history that ends with its own text.
        citations: the model is asked which stretch of a document it quotes.

    Raises:
        ApiError: an item that has no place there.
    """
    leading, written = turns(
        items, lambda item: _blocks(item, maker, citations), instructed=instructed, prefill=prefill
    )
    last = written[-1]["content"][-1]
    if written[-1]["role"] == "assistant" and last["type"] == "text":
        last["text"] = last["text"].rstrip()  # the protocol refuses white space at the end
    return leading, written


def is_thinking(block: Block) -> bool:
    """Return whether a block is signed thinking."""
    return block["type"] in {"thinking", "redacted_thinking"}


def is_result(block: Block) -> bool:
    """Return whether a block is the output of a call."""
    return bool(block["type"] == "tool_result")


def _blocks(item: Item, maker: str | None, citations: bool) -> list[Block]:
    kind = item.get("type", "message")
    if kind == "reasoning":
        return [] if maker is None else _thinking(item, maker)
    if kind == "function_call":
        return [{"type": "tool_use", "id": call_id_of(item), "name": item["name"], "input": arguments_of(item)}]
    if kind == "function_call_output":
        return [_result(item)]
    if kind == "compaction" or item["role"] == "assistant":
        return _text(said(item))
    if item["role"] != "user":
        return _text(text_of(item["content"]))
    return [block for part in parts_of(item["content"]) for block in _part(part, citations)]


def _thinking(item: Item, maker: str) -> list[Block]:
    """Write thinking as it was signed; the protocol refuses it without its signature."""
    state = state_of(item, KIND, maker)
    if state is None:
        return []
    if "redacted" in state:
        return [{"type": "redacted_thinking", "data": state["redacted"]}]
    text = "".join(part["text"] for part in item.get("summary") or ())
    return [{"type": "thinking", "thinking": text, "signature": state["signature"]}]


def _result(item: Item) -> Block:
    result: Block = {"type": "tool_result", "tool_use_id": call_id_of(item)}
    output = item["output"]
    content: str | list[Block] = output
    if not isinstance(output, str):
        content = [block for part in output for block in _part(part, citations=False)]
    return {**result, "content": content} if content else result


def _part(part: dict[str, Any], citations: bool) -> list[Block]:
    if part["type"] == "input_text":
        return _text(part["text"])
    if part["type"] == "input_image":
        media_type, data = split(part["image_url"])
        return [{"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}]
    return [_document(part, citations)]


def _document(part: dict[str, Any], citations: bool) -> Block:
    if is_text_file(part):
        source = {"type": "text", "media_type": "text/plain", "data": file_text(part["file_data"])}
    else:
        media_type, data = split(part["file_data"])
        source = {"type": "base64", "media_type": media_type, "data": data}
    document: Block = {"type": "document", "source": source}
    if part.get("filename"):
        document["title"] = part["filename"]
    if citations:
        document["citations"] = {"enabled": True}
    return document


def _text(text: str) -> list[Block]:
    """Return a text block; the protocol refuses one without visible text."""
    return [{"type": "text", "text": text}] if text.strip() else []
