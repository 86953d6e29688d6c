"""A store that fails when told to, and counts what it is asked: wraps a real one."""

from __future__ import annotations

from collections import Counter
from typing import Any

from antiphon.errors import StorageUnavailable


class Faulty:
    """Passes every call on to a real store, unless its name is in ``broken``.

    Attributes:
        broken: names of methods that raise ``StorageUnavailable``; ``name:N`` only for the next N calls.
        calls: how often each method was called.
    """

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.broken: set[str] = set()
        self.failing: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            self.calls[name] += 1
            if name in self.broken:
                raise StorageUnavailable(name)
            if self.failing[name] > 0:
                self.failing[name] -= 1
                raise StorageUnavailable(name)
            return await method(*args, **kwargs)

        return call
