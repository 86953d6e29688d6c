"""An orderly end of the process: what runs ends first, and each response is stored."""

from __future__ import annotations

import asyncio

from antiphon.run.registry import all_running, close
from antiphon.run.unstored import store_now
from antiphon.run.worker import all_workers


async def settle(seconds: float) -> None:
    """Let the running responses end, then end the rest: each is stored as failed. For an orderly shutdown.

    Args:
        seconds: the longest wait for each of these: that they end by themselves, that the rest ends, that what could
            not be stored is.
    """
    close()
    if await _are_late(seconds):
        for run in all_running():
            run.stop()
        await _are_late(seconds)
    await store_now(seconds)


async def _are_late(seconds: float) -> bool:
    """Wait for runs, and for workers, which may be about to begin one; return whether some are left."""
    tasks = {run.task for run in all_running() if run.task} | all_workers()
    return bool(tasks and (await asyncio.wait(tasks, timeout=seconds))[1])
