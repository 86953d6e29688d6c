"""Puts a conversation into the order that endpoints accept, and leaves out what they refuse.

Pure. Clients put a user's message, instructions or reasoning between a call and its output, and turns that were cut
leave reasoning without an answer: one such history would be refused on every later turn.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from antiphon.ports import CALL_STATE
from antiphon.records import Item

_OF_THE_MODEL: Final = frozenset({"function_call", "reasoning", "compaction"})


def ordered(items: Sequence[Item], *, is_empty: Callable[[Item], bool]) -> list[Item]:
    """Return the items in order, each call with the data that its provider needs back (``upstream``).

    Args:
        items: the whole context, oldest first.
        is_empty: whether an item is left out because the protocol has nothing to send for it.
    """
    kept = [item for item in _with_upstream(items) if item.get("type") == "reasoning" or not is_empty(item)]
    return _without_loose_reasoning(_paired(kept))


def is_models(item: Item) -> bool:
    """Return whether the model made an item."""
    return item.get("type", "message") in _OF_THE_MODEL or item.get("role") == "assistant"


def is_blank(item: Item) -> bool:
    """Return whether an item is a message without anything but white space."""
    if item.get("type", "message") == "compaction":
        return not any(part["text"].strip() for part in item["summary"])
    if item.get("type", "message") != "message":
        return False
    content = item["content"]
    if isinstance(content, str):
        return not content.strip()
    return not any(_has_content(part) for part in content)


def reasoning_of(item: Item) -> str:
    """Return the text of a reasoning item: its summary, or its content if it has no summary."""
    parts = item.get("summary") or item.get("content") or ()
    return "\n".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))


def _has_content(part: dict[str, object]) -> bool:
    text = part.get("text", part.get("refusal"))
    return not isinstance(text, str) or bool(text.strip())


def _with_upstream(items: Iterable[Item]) -> Iterable[Item]:
    """Move the data that a provider needs back with a call from the reasoning item that carried it to the call."""
    upstream: dict[str, str] = {}
    for item in items:
        state = item.get("state") or {}
        if state.get("kind") == CALL_STATE:
            upstream = upstream | state
            continue
        yield {**item, "upstream": upstream} if upstream and item.get("type") == "function_call" else item
        if item.get("type") != "reasoning":
            upstream = {}


def _paired(items: Sequence[Item]) -> list[Item]:
    """Put outputs directly after the turn that made their calls. An output ends a turn of the model."""
    answers, answered = _answers(items)
    out: list[Item] = []
    waiting: list[Item] = []
    used: Counter[str] = Counter()
    for index, item in enumerate(items):
        if index in answered or not is_models(item):
            out += waiting
            waiting = []
        if index in answered:
            continue
        own = _own_id(item, used) if item.get("type") == "function_call" else {}
        out.append({**item, **own} if own else item)
        if index in answers:
            answer = items[answers[index]]
            waiting.append({**answer, **own} if own else answer)
    return out + waiting


def _own_id(call: Item, used: Counter[str]) -> dict[str, Any]:
    """Return what a call and its output need so that no other call of the history has their id.

    Some servers number the calls of each turn anew; most endpoints refuse an id that occurs twice.
    """
    call_id = call["call_id"]
    used[call_id] += 1
    own = {"upstream": call["upstream"]} if "upstream" in call else {}
    return own if used[call_id] == 1 else {**own, "call_id": f"{call_id}-{used[call_id]}"}


def _answers(items: Sequence[Item]) -> tuple[dict[int, int], set[int]]:
    """Return which item answers which call, by index, and all that answer one."""
    open_calls: dict[str, deque[int]] = {}
    answers: dict[int, int] = {}
    for index, item in enumerate(items):
        kind = item.get("type")
        if kind == "function_call":
            open_calls.setdefault(item["call_id"], deque()).append(index)
        elif kind == "function_call_output" and open_calls.get(item["call_id"]):
            answers[open_calls[item["call_id"]].popleft()] = index
    return answers, set(answers.values())


def _without_loose_reasoning(items: Sequence[Item]) -> list[Item]:
    """Leave out reasoning that nothing of the same turn follows."""
    kept: list[Item] = []
    is_followed = False
    for item in reversed(items):
        if item.get("type") != "reasoning":
            is_followed = is_models(item)
        elif not is_followed:
            continue
        kept.append(item)
    return kept[::-1]
