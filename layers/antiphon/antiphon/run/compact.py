"""Compact a conversation: messages of its user stay, and one sealed item replaces everything else.

No model is called, so it costs nothing, the result is always the same, and nothing is invented. Texts and calls of the
model and outputs of functions are shortened; reasoning is left out. The result has at most half of the tokens:

    1. all messages of user, system and developer stay, the rest is shortened a little
    2. the newest messages of the user stay, the rest is shortened more and more
    3. the oldest lines are left out

If none of this halves the conversation, the first result is returned, and marked as not halved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from antiphon.access.principal import Principal
from antiphon.answering.bound_model import BoundModel
from antiphon.answering.turn import usage_resource
from antiphon.context.sealed import sealer
from antiphon.errors import ApiError
from antiphon.ids import item_id
from antiphon.ports import ModelCall, Services, UsageDelta
from antiphon.records import Item
from antiphon.run.aside import aside
from antiphon.run.prepare import Prepared, preview
from antiphon.run.run_request import RunRequest
from antiphon.spec.request import CompactResponse, CreateResponse

Count = Callable[[Sequence[Item]], int]
"""Counts the tokens of items."""

MAX_CHARACTERS: Final = 32_000
"""The longest text. If the agent's window has fewer tokens, its number is the limit: about a quarter of the window."""

SAID: Final = 2000
CALLED: Final = 400
TOLD: Final = 800
"""How many characters are kept of a message, of a call's arguments and of its output."""

SHARES: Final = (1.0, 0.5, 0.25, 0.125)
"""Which parts of these are kept, one after the other, until the conversation is halved."""

LEAST: Final = 100
"""The shortest limit, in characters, that is tried for the whole text."""

_MARK: Final = 40
"""About how long the mark for left out characters is: a text that is longer by no more is not shortened."""

INTRODUCTION: Final = "What I said and did so far, in short. The messages that I answered stand before this."
_EARLIER: Final = "[What came before is left out.]"


class Compacted(NamedTuple):
    """A conversation in short.

    Attributes:
        kept: the places of the items that stay.
        text: what replaces the others.
        before, after: the tokens of the conversation.
    """

    kept: list[int]
    text: str
    before: int
    after: int

    @property
    def halved(self) -> bool:
        """Whether it has at most half of the tokens."""
        return 2 * self.after <= self.before


async def compact(services: Services, principal: Principal, request: CompactResponse, until: float) -> dict[str, Any]:
    """Return the ``response.compaction`` of a conversation. Nothing is stored.

    Its usage counts what was compacted as input and the compaction item as output.

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
    prepared = await preview(services, RunRequest(principal, asked, until))
    if not prepared.call.items:
        raise ApiError("missing_required_parameter", "There is nothing to compact.", param="input")
    limit = min(MAX_CHARACTERS, prepared.agent.context_tokens or MAX_CHARACTERS)
    found = await aside(
        prepared.call, lambda: compacted(prepared.call.items, limit, counter(prepared.call, prepared.answering.current))
    )
    kept = [_shown(prepared.items[place]) for place in found.kept]
    seal = await sealer(services, principal.owner, prepared.agent.id)
    own = item_id(prepared.record.id, "compaction", "o", len(kept))
    item = {"type": "compaction", "id": own, "encrypted_content": seal("compaction", [found.text])}
    return {
        "id": prepared.record.id,
        "object": "response.compaction",
        "created_at": prepared.record.created_at,
        "output": [*kept, item],
        "usage": await aside(prepared.call, lambda: _usage(prepared, found.text)),
        "antiphon": {"tokens_before": found.before, "tokens_after": found.after, "halved": found.halved},
    }


def compacted(items: Sequence[Item], limit: int, count: Count) -> Compacted:
    """Shorten a conversation until it has at most half of its tokens.

    Args:
        items: the whole conversation; compaction items are open.
        limit: the longest text, in characters, beside the introduction.
        count: counts the tokens of items.
    """
    before = count(items)
    first: Compacted | None = None
    for kept, share, longest in _attempts(items, limit, before // 2, count):
        text = transcript(items, longest, kept, share)
        found = Compacted(kept, text, before, count([*(items[place] for place in kept), summary_item(text)]))
        if found.halved:
            return found
        first = first or found
    assert first is not None
    return first


def is_kept(item: Item) -> bool:
    """Whether an item can stay as it is: a message of anybody but the model."""
    return item["type"] == "message" and bool(item["role"] != "assistant")


def transcript(items: Sequence[Item], limit: int, kept: Sequence[int] | None = None, share: float = 1.0) -> str:
    """Write texts and calls in short, marked with the kept message that each followed.

    A function's output stands with its call. An earlier compaction is taken over. Over the limit, the oldest lines are
    left out.

    Args:
        items: the whole conversation; compaction items are open.
        limit: the longest text, in characters, beside the introduction.
        kept: the places of the items that stay; by default every message that can.
        share: the part of the usual length that each text keeps.
    """
    staying = {place for place, item in enumerate(items) if is_kept(item)} if kept is None else set(kept)
    lines, answered, marked = [], 0, 0
    for place, item in enumerate(items):
        if place in staying:
            answered += 1
            continue
        for line in _lines(item, share):
            if marked != answered and item["type"] != "compaction":
                lines.append(f"[After message {answered}]")
                marked = answered
            lines.append(line)
    text = "\n".join(lines)
    return "\n".join([INTRODUCTION, text if len(text) <= limit else f"{_EARLIER}\n{_ending(text, limit)}"])


def _attempts(items: Sequence[Item], limit: int, budget: int, count: Count) -> Iterator[tuple[list[int], float, int]]:
    """Yield what stays, the share of each text and the limit of all text, from much to little."""
    every = [place for place, item in enumerate(items) if is_kept(item)]
    yield every, SHARES[0], limit
    newest = _newest(items, every, budget * 2 // 3, count)
    for share in SHARES:
        yield newest, share, limit
    while limit > LEAST:
        limit //= 2
        yield newest, SHARES[-1], limit


def _newest(items: Sequence[Item], every: Sequence[int], room: int, count: Count) -> list[int]:
    """List the messages of system and developer, and the newest of the user that have room, at least one."""
    kept = [place for place in every if items[place]["role"] != "user"]
    room -= sum(count([items[place]]) for place in kept)
    users = [place for place in reversed(every) if items[place]["role"] == "user"]
    for number, place in enumerate(users):
        room -= count([items[place]])
        if number and room < 0:
            break
        kept.append(place)
    return sorted(kept)


def _lines(item: Item, share: float) -> Iterator[str]:
    kind = item["type"]
    if kind == "message":
        who = "I" if item["role"] == "assistant" else f"The {item['role']}"
        yield f"{who} said: {_short(_text(item['content']), SAID, share)}"
    elif kind == "function_call":
        yield f"I called {item['name']}({_short(item['arguments'], CALLED, share)}), call {item['call_id']}"
    elif kind == "function_call_output":
        yield f"Call {item['call_id']} gave: {_short(_text(item['output']), TOLD, share)}"
    elif kind == "compaction":
        yield _text(item["summary"]).removeprefix(INTRODUCTION).strip()


def _ending(text: str, limit: int) -> str:
    """Return the last whole lines of a text; of a single line, its end."""
    end = text[-limit:]
    return end.partition("\n")[2] or end


def _text(content: str | list[dict[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part.get("text") or part.get("refusal") or f"[{part['type']}]" for part in content)


def _short(text: str, most: int, share: float) -> str:
    """Keep the beginning and the end: two thirds and one third of the limit."""
    limit = int(most * share)
    if len(text) <= limit + _MARK:
        return text
    head, tail = limit - limit // 3, limit // 3
    return f"{text[:head]} [... {len(text) - limit} characters left out ...] {text[-tail:]}"


def _shown(item: Item) -> Item:
    return {**item, "status": item.get("status", "completed")}


def summary_item(text: str) -> Item:
    """Return an open compaction item."""
    return {"type": "compaction", "summary": [{"type": "summary_text", "text": text}]}


def counter(call: ModelCall, model: BoundModel) -> Count:
    """Return what counts the tokens of items alone, as a model counts them."""
    alone = replace(call, instructions="", tools=[], settings={})
    return lambda items: model.count_tokens(replace(alone, items=items, asked=0))


def _usage(prepared: Prepared, text: str) -> dict[str, Any] | None:
    whole = prepared.answering.current.count_tokens(prepared.call)
    return usage_resource(UsageDelta(whole, counter(prepared.call, prepared.answering.current)([summary_item(text)])))
