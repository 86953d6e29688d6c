"""The executions of this process, by event loop and response. It keeps their tasks alive: a loop holds them weakly."""

from __future__ import annotations

import asyncio
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from antiphon.run.execution import Execution

_executions: dict[tuple[asyncio.AbstractEventLoop, str], Execution] = {}
_closing: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()


def close() -> None:
    """Note that the process is about to end: nobody follows a response here any more."""
    _closing.add(asyncio.get_running_loop())


def is_closing() -> bool:
    """Return whether the process is about to end."""
    return asyncio.get_running_loop() in _closing


def register(response_id: str, execution: Execution, task: asyncio.Task[None]) -> None:
    """Keep an execution until its task has ended."""
    place = (task.get_loop(), response_id)
    _executions[place] = execution
    task.add_done_callback(lambda _: _executions.pop(place))


def running(response_id: str) -> Execution | None:
    """Return the execution of a response, if it runs in this event loop."""
    return _executions.get((asyncio.get_running_loop(), response_id))


def all_running() -> list[Execution]:
    """List what runs in this event loop."""
    loop = asyncio.get_running_loop()
    return [execution for (owner, _), execution in _executions.items() if owner is loop]
