"""The memory of a connection: the newest response, if it is not stored, with the unstored turns that it continues.

It wraps the response store, so a continuation on the connection is prepared as any other. What is stored is always read
from the store: it may have been deleted meanwhile.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from antiphon.records import Owner, StoredResponse, dump

if TYPE_CHECKING:
    from antiphon.ports import ConversationStore


class Memory:
    """A response store that also has the unstored turns of one connection.

    Args:
        store: what has every other response.
        max_bytes: the most that is remembered; a conversation that is larger is forgotten.
    """

    def __init__(self, store: ConversationStore, max_bytes: int) -> None:
        self._store = store
        self._max_bytes = max_bytes
        self._turns: tuple[StoredResponse, ...] = ()

    def __getattr__(self, name: str) -> Any:
        """Pass on to the store whatever is not about the remembered turns."""
        return getattr(self._store, name)

    def has(self, response_id: str | None) -> bool:
        """Return whether a response is the newest one, and only here."""
        return bool(self._turns) and self._turns[-1].id == response_id

    def keep(self, turn: StoredResponse) -> None:
        """Take the newest response. It replaces every other that it does not continue.

        One that has read a conversation is not taken: it can be continued by the conversation alone.
        """
        earlier = self._turns if self.has(turn.previous_response_id) else ()
        forget = turn.response["store"] or "conversation" in turn.response
        self._turns = () if forget else (*earlier, replace(turn, size=len(dump(turn))))
        if sum(kept.size for kept in self._turns) > self._max_bytes:
            self._turns = ()

    def evict(self, response_id: str | None) -> None:
        """Forget a response whose continuation failed."""
        if self.has(response_id):
            self._turns = ()

    async def get(self, owner: Owner, response_id: str, now: float) -> StoredResponse | None:
        """Read a response; see ``ResponseStore.get``."""
        for turn in self._turns:
            if turn.id == response_id and turn.owner == owner:
                return turn
        return await self._store.get(owner, response_id, now)

    async def chain(self, owner: Owner, response_id: str, now: float, max_bytes: int) -> list[StoredResponse] | None:
        """Read a response with all turns before it; see ``ResponseStore.chain``."""
        if not self.has(response_id) or self._turns[-1].owner != owner:
            return await self._store.chain(owner, response_id, now, max_bytes)
        begun = self._turns[0].previous_response_id
        if begun is None:
            return list(self._turns)
        left = max_bytes - sum(turn.size for turn in self._turns)
        stored = await self._store.chain(owner, begun, now, left)
        return None if stored is None else [*stored, *self._turns]
