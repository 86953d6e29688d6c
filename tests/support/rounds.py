"""Rounds of chance: how many, and by which seed, so that a run that failed can be run again.

ANTIPHON_ROUNDS=200 ANTIPHON_SEED=7 pytest tests/races
"""

from __future__ import annotations

import logging
import os
import random
import secrets


def rounds(usual: int) -> range:
    """Return the rounds of a test: the usual number, unless ``ANTIPHON_ROUNDS`` asks for another."""
    return range(int(os.environ.get("ANTIPHON_ROUNDS") or usual))


def chance() -> random.Random:
    """Return a source of chance, and log its seed: pytest shows it with a failure."""
    seed = int(os.environ.get("ANTIPHON_SEED") or secrets.randbelow(2**32))
    logging.getLogger(__name__).warning("ANTIPHON_SEED=%d", seed)
    return random.Random(seed)
