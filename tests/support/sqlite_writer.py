"""Claims and commits responses in a SQLite file for ever, and prints each id once it was acknowledged. To be killed."""

from __future__ import annotations

import asyncio
import itertools
import sys

from antiphon.store.sqlite import open_stores
from tests.support.stored import claimed, ended, noise


async def write_for_ever(path: str) -> None:
    """Write to a file until the process ends."""
    _, _, responses, *_ = open_stores(path)
    for seed in itertools.count():
        turn = claimed(seed=seed)
        await responses.claim(turn)
        await responses.commit(ended(turn, noise(5000, seed)))
        sys.stdout.write(turn.id + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(write_for_ever(sys.argv[1]))
