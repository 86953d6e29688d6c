"""The moments of a run, at any of which a test can do something: when it waits, and when it calls a store.

with Waits(service, 7, stop): ...                as the run begins to wait for the eighth time
with Waits(service, 7, stop, late=True): ...     once that has come for which it waits, and before it goes on
with Calls(service, 7, fail): ...                in the place of the eighth call of a store
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Self

from tests.support.service import Service

RUNS = ("Execution._spanned", "_work")
"""The coroutines whose waits are counted: those of a run and of its worker."""

TASKS = {*RUNS, "_store"}
"""All that belongs to a run; the last one is that of an ending that waits for its store."""

Call = Callable[[], Awaitable[Any]]


def is_quiet(service: Service) -> bool:
    """Return whether nothing runs in a process."""

    async def look() -> bool:
        return not any(getattr(task.get_coro(), "__qualname__", "") in TASKS for task in asyncio.all_tasks())

    return bool(service.run(look()))


class _Watched(Coroutine[Any, Any, Any]):
    """A coroutine that calls back whenever it waits."""

    def __init__(self, inner: Coroutine[Any, Any, Any], waits: Callable[[Any], None]) -> None:
        self.__qualname__ = inner.__qualname__
        self._inner = inner
        self._waits = waits

    def send(self, value: Any) -> Any:
        return self._noted(self._inner.send(value))

    def throw(self, *error: Any) -> Any:
        return self._noted(self._inner.throw(*error))

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._inner.__await__()

    def _noted(self, awaited: Any) -> Any:
        self._waits(awaited)
        return awaited


class Waits:
    """Counts how often the runs of a process wait, and does something at one of these moments.

    Args:
        service: the process.
        at: the number of the moment; None for none.
        do: what is done, in the event loop.
        late: do it once that has come for which the run waits, and before the run goes on.

    Attributes:
        count: how often a run has waited.
    """

    def __init__(
        self, service: Service, at: int | None = None, do: Callable[[], None] = lambda: None, *, late: bool = False
    ) -> None:
        self._service = service
        self._at = at
        self._do = do
        self._late = late
        self.count = 0

    def __enter__(self) -> Self:
        self._service.run(self._set(self._task))
        return self

    def __exit__(self, *exc: object) -> None:
        self._service.run(self._set(None))

    async def _set(self, factory: Any) -> None:
        asyncio.get_running_loop().set_task_factory(factory)

    def _task(self, loop: asyncio.AbstractEventLoop, work: Any, **named: Any) -> asyncio.Task[Any]:
        is_run = getattr(work, "__qualname__", "") in RUNS
        return asyncio.Task(_Watched(work, self._waits) if is_run else work, loop=loop, **named)

    def _waits(self, awaited: Any) -> None:
        self.count += 1
        if self.count - 1 != self._at:
            return
        if self._late and awaited is not None:
            awaited.add_done_callback(lambda _: self._do())
        else:
            asyncio.get_running_loop().call_soon(self._do)


class Calls:
    """Counts the calls of the stores of a process, and does something in the place of some of them.

    Args:
        service: the process.
        at: the number of the first of them; None for none.
        do: makes a call, or not.
        many: how many there are.

    Attributes:
        names: what was called, in order.
        claimed: the id of the first response that was claimed, or is about to be; empty for none.
    """

    def __init__(
        self, service: Service, at: int | None = None, do: Callable[[Call], Awaitable[Any]] | None = None, many: int = 1
    ) -> None:
        self._stores = (service.responses, service.runs, service.approvals, service.usage, service.meter)
        self._places = range(0) if at is None else range(at, at + many)
        self._do = do
        self.names: list[str] = []
        self.claimed = ""

    def __enter__(self) -> Self:
        for store in self._stores:
            store.around = self._around
        return self

    def __exit__(self, *exc: object) -> None:
        for store in self._stores:
            store.around = None

    async def _around(self, name: str, arguments: tuple[Any, ...], call: Call) -> Any:
        self.names.append(name)
        if name == "claim":
            self.claimed = self.claimed or arguments[0].id
        if len(self.names) - 1 in self._places and self._do is not None:
            return await self._do(call)
        return await call()
