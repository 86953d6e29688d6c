"""Who answers, where a test has a provider and nothing else of a service."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, cast

from antiphon.answering.failover import Failover
from antiphon.circuits import Circuits
from antiphon.ports import ModelProvider
from antiphon.records import Agent, Limits


def zeros(count: int) -> bytes:
    """Draw by lot, and always the least: no pause, no spread."""
    return b"\0" * count


def answering(provider: ModelProvider, model: str = "m") -> Failover:
    """Return an agent's models: one, of one provider."""
    services: dict[str, Any] = {
        "providers": lambda _name: provider,
        "circuits": Circuits(5, 10.0, zeros),
        "clock": time.time,
        "steady": time.monotonic,
        "entropy": zeros,
    }
    agent = Agent("default", "agent", "up", model, "author")
    return Failover(cast("Any", SimpleNamespace(**services)), Limits(), agent)
