"""What clients keep for us, sealed: reasoning and compacted conversations (``encrypted_content``).

A sealed content belongs to one purpose, tenant, user and agent. What was stored with an earlier turn opens as that
turn's agent's. It must not know how sealing is done, nor what is said in it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

from antiphon.errors import ApiError
from antiphon.ports import Services
from antiphon.records import Item, Owner, StoredResponse
from antiphon.seal import Binding, Seal

MAX_BYTES: Final = 4_000_000
"""The largest content of one item that is opened."""


class Sealer(Protocol):
    """Seals what an item holds."""

    def __call__(self, kind: str, texts: Sequence[str], state: dict[str, str] | None = None) -> str:
        """Seal the texts of an item of a type, and what its provider is to be given back with them."""


async def sealer(services: Services, owner: Owner, agent: str) -> Sealer:
    """Give what seals for an owner and an agent.

    Raises:
        ApiError: ``seal_not_configured``.
    """
    seal = await asyncio.to_thread(services.seal)

    def sealed(kind: str, texts: Sequence[str], state: dict[str, str] | None = None) -> str:
        content = list(texts) if state is None else {"texts": list(texts), "state": state}
        return seal.seal(json.dumps(content, ensure_ascii=False), Binding(kind, owner.tenant, owner.user, agent))

    return sealed


async def opened(
    services: Services, owner: Owner, agent: str, chain: list[StoredResponse], new: list[Item]
) -> tuple[list[StoredResponse], list[Item]]:
    """Open what is sealed in stored turns and new input: a ``summary`` takes the place of ``encrypted_content``.

    Nothing is done, and nothing copied, where nothing is sealed.

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
        items = {side: opening.items(values, turn.agent) for side, values in _sides(turn)}
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
        """Open a list of items; ``name`` is the parameter that they came in, None for an earlier turn's."""
        return [
            self._item(item, agent, f"{name}[{index}].encrypted_content" if name else "previous_response_id")
            if _is_sealed(item)
            else item
            for index, item in enumerate(items)
        ]

    def _item(self, item: Item, agent: str, param: str) -> Item:
        binding = Binding(item["type"], self._owner.tenant, self._owner.user, agent)
        content = self._seal.open(item["encrypted_content"], binding, MAX_BYTES)
        if content is None:
            raise ApiError("invalid_encrypted_content", param=param)
        self._left -= len(content)
        if self._left < 0:
            raise ApiError("context_length_exceeded", param=param)
        held = json.loads(content)
        texts, state = (held, None) if isinstance(held, list) else (held["texts"], held["state"])
        plain = {name: value for name, value in item.items() if name != "encrypted_content"}
        plain["summary"] = [{"type": "summary_text", "text": text} for text in texts]
        return plain if state is None else {**plain, "state": state}


def _is_sealed(item: Item) -> bool:
    return item["type"] in ("reasoning", "compaction") and item.get("encrypted_content") is not None
