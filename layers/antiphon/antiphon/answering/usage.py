"""What the models of one response used: one entry for each call, in the order of the calls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from antiphon.ports import UsageDelta


@dataclass(slots=True)
class ModelUse:
    """One call of a model: what it used, if that was reported, and why it failed, if it did.

    Attributes:
        maker: the ``provider`` and the ``model``.
        is_turn: it was asked to answer, and not to write a summary.
        estimate: what it used by estimate, which counts and is not shown; None if it was reported, or is not estimated.
    """

    maker: dict[str, str]
    usage: UsageDelta | None = None
    error: str | None = None
    is_turn: bool = True
    estimate: UsageDelta | None = None

    @property
    def counted(self) -> UsageDelta | None:
        """What counts against limits."""
        return self.estimate if self.usage is None else self.usage


class Ledger:
    """The calls of one response."""

    def __init__(self) -> None:
        self._entries: list[ModelUse] = []

    def begin(self, maker: dict[str, str], *, is_turn: bool = True) -> ModelUse:
        """Open the entry of a call."""
        self._entries.append(ModelUse(maker, is_turn=is_turn))
        return self._entries[-1]

    @property
    def last(self) -> ModelUse:
        """The entry that was opened last."""
        return self._entries[-1]

    @property
    def usage(self) -> UsageDelta | None:
        """What all calls used together, as far as it was reported; None if none was."""
        told = [entry.usage for entry in self._entries if entry.usage is not None]
        return UsageDelta(*map(sum, zip(*told, strict=True))) if told else None

    def turns(self) -> list[dict[str, Any]]:
        """Return what each model turn used that was reported, in order."""
        return [
            {**entry.maker, "input_tokens": entry.usage.input_tokens, "output_tokens": entry.usage.output_tokens}
            for entry in self._entries
            if entry.usage is not None and entry.is_turn
        ]

    def stored(self) -> list[list[Any]]:
        """Return the entries as they are stored with a response that another worker may go on with."""
        return [_stored(entry) for entry in self._entries]

    def restore(self, stored: Iterable[list[Any]]) -> None:
        """Begin with the entries of earlier workers."""
        self._entries += map(_read, stored)

    def reported(self) -> list[tuple[dict[str, str], UsageDelta]]:
        """Return what each call used of which that was reported."""
        return [(entry.maker, entry.usage) for entry in self._entries if entry.usage is not None]

    def counted(self, first: int = 0, *, without_last: bool = False) -> list[tuple[dict[str, str], UsageDelta]]:
        """Return what counts of the calls from a number on, also by estimate; on request without the last call."""
        return _counted(self._entries[first : -1 if without_last else None])

    def models(self) -> list[dict[str, Any]]:
        """Return what each model used, and why its last call failed, if it did."""
        models: dict[tuple[str, str], dict[str, Any]] = {}
        for entry in self._entries:
            maker, usage = entry.maker, entry.usage or UsageDelta(0, 0)
            key = (maker["provider"], maker["model"])
            shown = models.setdefault(key, {**maker, "input_tokens": 0, "output_tokens": 0})
            shown["input_tokens"] += usage.input_tokens
            shown["output_tokens"] += usage.output_tokens
            shown["error"] = entry.error
        return list(models.values())


def counted_of(stored: Iterable[list[Any]]) -> list[tuple[dict[str, str], UsageDelta]]:
    """Return what counts of the calls that are stored with a response."""
    return _counted(map(_read, stored))


def _counted(entries: Iterable[ModelUse]) -> list[tuple[dict[str, str], UsageDelta]]:
    return [(entry.maker, entry.counted) for entry in entries if entry.counted is not None]


def _stored(entry: ModelUse) -> list[Any]:
    usage, estimate = entry.usage and list(entry.usage), [] if entry.estimate is None else [list(entry.estimate)]
    return [entry.maker, usage, entry.error, entry.is_turn, *estimate]


def _read(stored: list[Any]) -> ModelUse:
    maker, usage, error, is_turn, *estimate = stored
    return ModelUse(maker, usage and UsageDelta(*usage), error, is_turn, UsageDelta(*estimate[0]) if estimate else None)
