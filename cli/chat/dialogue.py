"""A conversation as its client keeps it: the turns of the present branch, and from where the next one continues."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cli.chat.items import Item, questions, waiting


@dataclass(frozen=True, slots=True)
class Continuation:
    """Where the next request continues.

    Attributes:
        previous: the id of a stored response, if there is one.
        items: what is sent before the new input: the conversation, if the server does not keep it.
    """

    previous: str | None = None
    items: tuple[Item, ...] = ()

    def fields(self, new: list[Item] = []) -> dict[str, Any]:  # noqa: B006 (it is only read)
        """Return the fields of a request that continues here."""
        fields: dict[str, Any] = {"input": [*self.items, *new]} if self.items or new else {}
        return fields | ({"previous_response_id": self.previous} if self.previous else {})

    @property
    def is_empty(self) -> bool:
        """Whether it has no turn yet."""
        return self.previous is None and not self.items


@dataclass(frozen=True, slots=True)
class AskedTurn:
    """What was asked, the place after its answer, and the calls of the answer that the next input has to answer."""

    asked: str
    place: Continuation
    waits: tuple[Item, ...] = ()


@dataclass(slots=True)
class Dialogue:
    """A conversation.

    Attributes:
        keeps: whether the server keeps the responses.
        start: where it began.
        turns: the turns of this branch.
    """

    keeps: bool = True
    start: Continuation = Continuation()
    turns: list[AskedTurn] = field(default_factory=list)

    @property
    def place(self) -> Continuation:
        """Where the next request continues."""
        return self.turns[-1].place if self.turns else self.start

    @property
    def waits(self) -> list[Item]:
        """The calls and questions that the next input has to answer."""
        return list(self.turns[-1].waits) if self.turns else []

    def add(self, asked: str, sent: list[Item], response: dict[str, Any]) -> None:
        """Add a turn that was answered."""
        if self.keeps:
            place = Continuation(str(response["id"]))
        else:
            kept = [item for item in response.get("output") or () if _can_be_sent(item)]
            place = Continuation(None, (*self.place.items, *sent, *kept))
        waits = (*waiting(response.get("output") or ()), *questions(response))
        self.turns.append(AskedTurn(asked, place, waits))

    def back_to(self, number: int) -> None:
        """Continue after the turn of a number, from 1; 0 is the beginning."""
        del self.turns[number:]

    def restart(self, place: Continuation = Continuation()) -> None:
        """Begin anew, at a place."""
        self.start, self.turns = place, []


def message(text: str) -> Item:
    """Return a user's message."""
    return {"type": "message", "role": "user", "content": text}


def _can_be_sent(item: Item) -> bool:
    """Return whether an item can be sent back to a server that has not kept it: not reasoning without its seal."""
    return item.get("type") != "reasoning" or bool(item.get("encrypted_content"))
