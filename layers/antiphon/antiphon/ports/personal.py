"""The interface of what is stored of one user: the parts that no other port lists, and how all of it is removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from antiphon.ports.stores import Page
from antiphon.records import Approval, Conversation, Key, Owner


class PersonalData(Protocol):
    """What is stored of one user.

    Every method may raise ``StorageUnavailable``. Each removal can be repeated, and removes nothing of another user.
    """

    async def conversations(self, owner: Owner, limit: int, *, after: str = "") -> Page[Conversation]:
        """List at most ``limit`` conversations by id, those behind the id ``after``; expired ones may be among them."""

    async def approvals(self, owner: Owner, limit: int, *, after: str = "") -> Page[Approval]:
        """List at most ``limit`` approvals by id, those behind the id ``after``, decided and expired ones included."""

    async def erase_turns(self, owner: Owner, response_ids: Sequence[str]) -> None:
        """Remove the segments in which responses are: all turns of them, with their logs and reservations."""

    async def erase_others(self, owner: Owner) -> int:
        """Remove some of what is stored beside listed responses; return how much, 0 if nothing is left.

        These are conversations, approvals, reservations and notes for workers.
        """

    async def erase_account(self, owner: Owner, keys: Sequence[Key], first_day: str, last_day: str) -> None:
        """Remove the roll-ups and counters of a user and its keys, deliveries that failed, and last of all the keys.

        Args:
            owner: the user.
            keys: its keys.
            first_day: the first day whose roll-ups may be stored.
            last_day: the last one.
        """
