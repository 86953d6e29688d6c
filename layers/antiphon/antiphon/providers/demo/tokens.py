"""Counts as the demo model counts, exactly: the same text always has the same number of tokens.

Pure. A token is up to twelve letters or digits, or one other character, with the white space before it. What the
model is given counts as follows: the text of instructions, messages, reasoning summaries, calls (name and arguments)
and outputs; every tool, and the schema of the answer, as compact JSON; 85 for every image or file, whatever its size.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from antiphon.ports import ModelCall
from antiphon.records import Item

ATTACHMENT_TOKENS: Final = 85

_TOKEN: Final = re.compile(r"\s*(?:\w{1,12}|[^\w\s])|\s+")


def pieces(text: str) -> list[str]:
    """Cut a text into its tokens; together they are the text."""
    return _TOKEN.findall(text)


def count_tokens(call: ModelCall) -> int:
    """Count the tokens that the model reads in a call."""
    form = (call.settings.get("text") or {}).get("format") or {}
    texts = [call.instructions, *map(_compact, call.tools), *([_compact(form["schema"])] if form.get("schema") else [])]
    total = sum(map(_count, texts))
    return total + sum(_count_item(item) for item in call.items)


def texts_of(content: str | list[dict[str, Any]] | None) -> list[str]:
    """List the texts in the content of a message, a reasoning item or an output."""
    if isinstance(content, str):
        return [content]
    return [text for part in content or () for text in (part.get("text"), part.get("refusal")) if text]


def attachments_of(content: str | list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """List the parts that are no text."""
    if isinstance(content, str):
        return []
    return [part for part in content or () if part["type"] in ("input_image", "input_file", "input_video")]


def _count(text: str) -> int:
    """Count one by one: a search for all of them at once would keep every other thread waiting until its end."""
    return sum(1 for _ in _TOKEN.finditer(text))


def _count_item(item: Item) -> int:
    return sum(map(_count, _item_texts(item))) + ATTACHMENT_TOKENS * sum(
        len(attachments_of(item.get(name))) for name in ("content", "output")
    )


def _item_texts(item: Item) -> Iterator[str]:
    for name in ("content", "output", "summary"):
        yield from texts_of(item.get(name))
    for name in ("name", "arguments"):
        yield item.get(name) or ""


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
