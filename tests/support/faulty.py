"""A store that fails when told to, and counts what it is asked: wraps a real one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from antiphon.errors import StorageUnavailable


class Faulty:
    """Passes every call on to a real store, unless its name is in ``broken``.

    Attributes:
        broken: names of methods that raise ``StorageUnavailable``; ``name:N`` only for the next N calls.
        calls: how often each method was called.
        around: makes each call in the place of the store, given its name, its arguments and what makes it; None for
            nobody.
    """

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.broken: set[str] = set()
        self.failing: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.around: Around | None = None

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            self.calls[name] += 1
            if name in self.broken:
                raise StorageUnavailable(name)
            if self.failing[name] > 0:
                self.failing[name] -= 1
                raise StorageUnavailable(name)
            if self.around is not None:
                return await self.around(name, args, lambda: method(*args, **kwargs))
            return await method(*args, **kwargs)

        return call


Around = Callable[[str, tuple[Any, ...], Callable[[], Awaitable[Any]]], Awaitable[Any]]
