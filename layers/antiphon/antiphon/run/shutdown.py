"""An orderly end of the process: what runs ends first, and each response is stored."""

from __future__ import annotations

import asyncio

from antiphon.run.registry import all_running, close
from antiphon.run.unstored import store_now


async def settle(seconds: float) -> None:
    """Let the running responses end, then end the rest: each is stored as failed. For an orderly shutdown.

    Args:
        seconds: the longest wait for each of these: that they end by themselves, that the rest ends, that what could
            not be stored is.
    """
    close()
    runs = {run.task: run for run in all_running() if run.task}
    if runs:
        _, late = await asyncio.wait(runs, timeout=seconds)
        for task in late:
            runs[task].stop()
        if late:
            await asyncio.wait(late, timeout=seconds)
    await store_now(seconds)
