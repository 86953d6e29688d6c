"""The names of models by which the processes of the benchmarks ask for a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Load:
    """A way to stream.

    Attributes:
        model: the name that asks the upstream for it; our server has an agent of the same name.
        streams: how many run at once.
        deltas: how many text deltas each has.
        pause: seconds between two deltas of a stream; 0 is as fast as it can.
    """

    model: str
    streams: int
    deltas: int
    pause: float


BURST: Final = Load("burst", streams=16, deltas=2000, pause=0.0)
PACED: Final = Load("paced", streams=64, deltas=400, pause=0.01)
SHORT: Final = Load("short", streams=1, deltas=10, pause=0.0)
LONG: Final = Load("long", streams=50, deltas=20_000, pause=0.0)
JSON: Final = Load("json", streams=1, deltas=50, pause=0.0)
APART: Final = Load("apart", streams=1, deltas=50, pause=0.002)
LOADS: Final = {load.model: load for load in (BURST, PACED, SHORT, LONG, JSON, APART)}
