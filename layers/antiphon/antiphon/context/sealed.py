"""Sealed content of items: reasoning and compacted conversations (``encrypted_content``).

Sealed content opens for one tenant and user only; anything else is refused. It names the agent that it was made with.
Reasoning of another agent is valid and of no use, so it is left out: agents hand conversations over to each other. A
compaction is text of the user's own conversation, which every agent may read.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol

from antiphon.errors import ApiError
from antiphon.ports import Services
from antiphon.records import Item, Owner, StoredResponse
from antiphon.seal import Binding, Seal
from antiphon.stream.kept import KEPT

MAX_BYTES: Final = 4_000_000
"""The largest content of one item that is opened."""

EARLIER: Final = "previous_response_id"
"""The parameter of an error in an earlier turn."""


class Sealer(Protocol):
    """Seals the content of items."""

    def __call__(self, kind: str, texts: Sequence[str], state: dict[str, str] | None = None) -> str:
        """Seal the texts of an item of a type, and the state that its provider needs back."""


Sealing = Callable[[], Awaitable[Sealer | None]]
"""Returns what seals; None if nothing can be sealed."""


async def sealer(services: Services, owner: Owner, agent: str) -> Sealer:
    """Return what seals for an owner and an agent.

    Raises:
        ApiError: ``seal_not_configured``.
    """
    seal = await asyncio.to_thread(services.seal)

    def sealed(kind: str, texts: Sequence[str], state: dict[str, str] | None = None) -> str:
        content = {"agent": agent, "texts": list(texts), "state": state}
        return seal.seal(json.dumps(content, ensure_ascii=False), Binding(kind, owner.tenant, owner.user))

    return sealed


async def sealed_states(sealing: Sealing, states: Sequence[dict[str, str] | None]) -> list[str | None]:
    """Return what a provider must be given back with each of some calls, sealed; None for nothing."""
    seal = await sealing() if any(states) else None
    return [seal("reasoning", (), state=state) if seal is not None and state else None for state in states]


async def opened(
    services: Services, owner: Owner, agent: str, chain: list[StoredResponse], new: list[Item]
) -> tuple[list[StoredResponse], list[Item]]:
    """Open what is sealed in stored turns and new input: a ``summary`` replaces ``encrypted_content``.

    Reasoning that is left out stays as an item without text, so that the other items keep their places.

    Raises:
        ApiError: 400 ``invalid_encrypted_content``, one answer for whatever is wrong; ``context_length_exceeded``;
            ``seal_not_configured``.
    """
    if not any(map(_is_sealed, _all(chain, new))):
        return chain, new
    return await asyncio.to_thread(_opened, services, owner, agent, chain, new)


def _all(chain: Sequence[StoredResponse], new: Sequence[Item]) -> list[Item]:
    return [*(item for turn in chain for item in (*turn.input, *turn.response["output"])), *new]


def _opened(
    services: Services, owner: Owner, agent: str, chain: Sequence[StoredResponse], new: Sequence[Item]
) -> tuple[list[StoredResponse], list[Item]]:
    opening = _Opening(services.seal(), owner, services.settings.max_chain_bytes)
    turns = []
    for turn in chain:
        items = {side: opening.items(values, turn.agent or agent) for side, values in _sides(turn)}
        turns.append(replace(turn, input=items["input"], response={**turn.response, "output": items["output"]}))
    return turns, opening.items(new, agent, "input")


def _sides(turn: StoredResponse) -> tuple[tuple[str, list[Item]], ...]:
    return ("input", turn.input), ("output", turn.response["output"])


class _Opening:
    """Opens items, up to a number of bytes altogether."""

    def __init__(self, seal: Seal, owner: Owner, max_bytes: int) -> None:
        self._seal = seal
        self._owner = owner
        self._left = max_bytes

    def items(self, items: Sequence[Item], agent: str, name: str | None = None) -> list[Item]:
        """Open a list of items; ``name`` is the parameter that they came in, or None for an earlier turn."""
        return [
            self._item(item, agent, f"{name}[{index}].encrypted_content" if name else None)
            if _is_sealed(item)
            else item
            for index, item in enumerate(items)
        ]

    def _item(self, item: Item, agent: str, param: str | None) -> Item:
        reasoning = item["type"] == "reasoning"
        content = self._seal.open(
            _sealed(item) or "", Binding(item["type"], self._owner.tenant, self._owner.user), MAX_BYTES
        )
        if content is None and reasoning and param is None:  # it was valid when it was stored; its key is gone
            return _with_texts(item, [])
        if content is None:
            raise ApiError("invalid_encrypted_content", param=param or EARLIER)
        self._left -= len(content)
        if self._left < 0:
            raise ApiError("context_length_exceeded", param=param or EARLIER)
        held = json.loads(content)
        if reasoning and held["agent"] != agent:
            return _with_texts(item, [])
        opened_item = _with_texts(item, held["texts"])
        return opened_item if held["state"] is None else {**opened_item, "state": held["state"]}


def _sealed(item: Item) -> str | None:
    """Return what is sealed in an item, whether its caller asked for it or not."""
    sealed: str | None = item.get("encrypted_content", item.get(KEPT))
    return sealed


def _is_sealed(item: Item) -> bool:
    return item["type"] in ("reasoning", "compaction") and _sealed(item) is not None


def _with_texts(item: Item, texts: Sequence[str]) -> Item:
    plain = {name: value for name, value in item.items() if name not in ("encrypted_content", KEPT)}
    return {**plain, "summary": [{"type": "summary_text", "text": text} for text in texts]}
