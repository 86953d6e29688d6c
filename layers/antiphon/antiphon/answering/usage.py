"""What the models of one response used: one entry for each call, in the order of the calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from antiphon.answering.bound_model import BoundModel
from antiphon.ports import UsageDelta


@dataclass(slots=True)
class ModelUse:
    """One call of a model: what it used, if that was reported, and why it failed, if it did."""

    candidate: BoundModel
    usage: UsageDelta | None = None
    error: str | None = None


class Ledger:
    """The calls of one response."""

    def __init__(self) -> None:
        self._entries: list[ModelUse] = []

    def begin(self, candidate: BoundModel) -> ModelUse:
        """Open the entry of a call."""
        self._entries.append(ModelUse(candidate))
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

    def models(self) -> list[dict[str, Any]]:
        """Return what each model used, and why its last call failed, if it did."""
        models: dict[tuple[str, str], dict[str, Any]] = {}
        for entry in self._entries:
            of, usage = entry.candidate, entry.usage or UsageDelta(0, 0)
            shown = models.setdefault((of.name, of.model), {**of.maker, "input_tokens": 0, "output_tokens": 0})
            shown["input_tokens"] += usage.input_tokens
            shown["output_tokens"] += usage.output_tokens
            shown["error"] = entry.error
        return list(models.values())
