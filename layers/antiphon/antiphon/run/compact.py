"""Compact a conversation: the messages of its user stay, one sealed item stands for everything else.

No model is asked, so it costs nothing, always gives the same text, and cannot invent. What the model said, called and
was told is kept in short; its reasoning is not. ``transcript`` says how. It must not know HTTP or any adapter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from antiphon.access.principal import Principal
from antiphon.answering.turn import usage_resource
from antiphon.context.sealed import sealer
from antiphon.errors import ApiError
from antiphon.ids import item_id
from antiphon.ports import Services, UsageDelta
from antiphon.records import Item
from antiphon.run.aside import aside
from antiphon.run.prepare import Prepared, preview
from antiphon.spec.request import CompactResponse, CreateResponse

MAX_CHARACTERS: Final = 32_000
"""The longest transcript; or as many characters as the agent's window has tokens, about a quarter of it, if fewer."""

SAID: Final = 2000
CALLED: Final = 400
TOLD: Final = 800
"""How many characters are kept of what the model said, of a call's arguments and of its output."""

INTRODUCTION: Final = "What I said and did so far, in short. The messages that I answered stand before this."
_EARLIER: Final = "[What came before is left out.]"


async def compact(services: Services, principal: Principal, request: CompactResponse, until: float) -> dict[str, Any]:
    """Give the ``response.compaction`` of a conversation. Nothing is stored.

    Its usage counts what was compacted as input and what the compaction item will weigh as output.

    Args:
        services: the adapters.
        principal: the caller, already allowed to use the API.
        request: the conversation.
        until: when the host ends the process's turn, in seconds since the epoch.

    Raises:
        ApiError: it cannot be done.
        StorageUnavailable: a store did not answer.
    """
    asked = CreateResponse.model_construct(**dict(request), store=False)
    prepared = await preview(services, principal, asked, until)
    if not prepared.call.items:
        raise ApiError("missing_required_parameter", "There is nothing to compact.", param="input")
    limit = min(MAX_CHARACTERS, prepared.agent.context_tokens or MAX_CHARACTERS)
    kept = [_shown(item) for item in prepared.items if is_kept(item)]
    text = await aside(prepared.call, lambda: transcript(prepared.call.items, limit))
    seal = await sealer(services, principal.owner, prepared.agent.id)
    own = item_id(prepared.record.id, "compaction", "o", len(kept))
    item = {"type": "compaction", "id": own, "encrypted_content": seal("compaction", [text])}
    return {
        "id": prepared.record.id,
        "object": "response.compaction",
        "created_at": prepared.record.created_at,
        "output": [*kept, item],
        "usage": await aside(prepared.call, lambda: _usage(prepared, text)),
    }


def is_kept(item: Item) -> bool:
    """Whether an item stays as it is: a message of anybody but the model."""
    return item["type"] == "message" and bool(item["role"] != "assistant")


def transcript(items: Sequence[Item], limit: int) -> str:
    """Write in short what was said and done between the messages that are kept, and after which of them.

    A function's output stands with its call. An earlier compaction is taken over. Over the limit, the oldest goes.

    Args:
        items: the whole conversation; compaction items are open.
        limit: the longest text, in characters, beside the introduction.
    """
    lines, answered, marked = [], 0, 0
    for item in items:
        if is_kept(item):
            answered += 1
        for line in _lines(item):
            if marked != answered and item["type"] != "compaction":
                lines.append(f"[After message {answered}]")
                marked = answered
            lines.append(line)
    text = "\n".join(lines)
    return "\n".join([INTRODUCTION, text if len(text) <= limit else f"{_EARLIER}\n{text[-limit:]}"])


def _lines(item: Item) -> Iterator[str]:
    kind = item["type"]
    if kind == "message" and item["role"] == "assistant":
        yield f"I said: {_short(_text(item['content']), SAID)}"
    elif kind == "function_call":
        yield f"I called {item['name']}({_short(item['arguments'], CALLED)}), call {item['call_id']}"
    elif kind == "function_call_output":
        yield f"Call {item['call_id']} gave: {_short(_text(item['output']), TOLD)}"
    elif kind == "compaction":
        yield _text(item["summary"]).removeprefix(INTRODUCTION).strip()


def _text(content: str | list[dict[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part.get("text") or part.get("refusal") or f"[{part['type']}]" for part in content)


def _short(text: str, limit: int) -> str:
    """Keep the beginning and the end: two thirds and one third of the limit."""
    if len(text) <= limit:
        return text
    head, tail = limit - limit // 3, limit // 3
    return f"{text[:head]} [... {len(text) - limit} characters left out ...] {text[-tail:]}"


def _shown(item: Item) -> Item:
    return {**item, "status": item.get("status", "completed")}


def _usage(prepared: Prepared, text: str) -> dict[str, Any] | None:
    count = prepared.answering.current.count_tokens
    compacted = {"type": "compaction", "summary": [{"type": "summary_text", "text": text}]}
    alone = replace(prepared.call, instructions="", tools=[], settings={}, items=[compacted])
    return usage_resource(UsageDelta(count(prepared.call), count(alone)))
