"""Estimates of the tokens that a model reads in a call, without calling it: every model counts differently.

Pure. One token for four bytes of UTF-8 (OpenAI's rule of thumb for English; scripts of several bytes a character have
more tokens a character too), 4 around each item, 85 for an image in low detail and 765 in any other (OpenAI's "Images
and vision", one of 1024 x 1024), 1500 for a file. The usage of a run is the provider's own count.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from antiphon.ports import ModelCall
from antiphon.records import Item

BYTES_A_TOKEN: Final = 4
ITEM_TOKENS: Final = 4
LOW_IMAGE_TOKENS: Final = 85
IMAGE_TOKENS: Final = 765
FILE_TOKENS: Final = 1500


def estimate_tokens(call: ModelCall, *, reasoning: bool) -> int:
    """Estimate the tokens of a call; with ``reasoning``, the endpoint is also sent reasoning items."""
    form = (call.settings.get("text") or {}).get("format") or {}
    values = [*call.tools, *([form["schema"]] if form.get("schema") else [])]
    texts = [call.instructions, *(json.dumps(value, ensure_ascii=False) for value in values)]
    read = [item for item in call.items if reasoning or item.get("type") != "reasoning"]
    return sum(map(_text_tokens, texts)) + sum(map(_item_tokens, read))


def _item_tokens(item: Item) -> int:
    parts = [part for name in ("content", "output", "summary") for part in _parts(item.get(name))]
    texts = [item.get("name") or "", item.get("arguments") or ""]
    return ITEM_TOKENS + sum(map(_text_tokens, texts)) + sum(map(_part_tokens, parts))


def _parts(content: str | list[dict[str, Any]] | None) -> Iterator[dict[str, Any]]:
    yield from [{"type": "input_text", "text": content}] if isinstance(content, str) else content or ()


def _part_tokens(part: dict[str, Any]) -> int:
    if part["type"] == "input_image":
        return LOW_IMAGE_TOKENS if part.get("detail") == "low" else IMAGE_TOKENS
    if part["type"] == "input_file":
        return FILE_TOKENS
    return _text_tokens(part.get("text") or part.get("refusal") or "")


def _text_tokens(text: str) -> int:
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_A_TOKEN)
