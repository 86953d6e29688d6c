"""The whole service as the real Lambda functions, behind a local front door, with a DynamoDB of their own.

It is called as ``tests.support.service`` is. What only a service in this process can do, such as to move its time or to
break its stores, skips the test that asks for it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NoReturn, Self

import pytest

from antiphon.bootstrap import build_stores
from antiphon.settings import Settings
from local.lambda_host.dynamodb import create_tables, serve_apart
from tests.support.caller import Caller
from tests.support.hosted import AWS, hosted, template
from tests.support.service import SEAL_KEY
from tests.support.upstream import Upstream

DOORS: Final = ("rest", "url")
"""The front doors: the REST API and the Function URL."""


class Elsewhere:
    """What is in the processes of the functions, where a test cannot reach it."""

    def __getattr__(self, name: str) -> NoReturn:
        pytest.skip(f"{name} is in the process of a function")

    def __getitem__(self, name: str) -> NoReturn:
        pytest.skip(f"{name} is in the process of a function")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        pytest.skip(f"{name} is in the process of a function")


class Store:
    """A store of who may do what: it can be written, but does not see what the functions do."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.calls = Elsewhere()
        self.broken = Elsewhere()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class RealClock(Elsewhere):
    """The time, which nobody moves."""

    def __call__(self) -> float:
        return time.time()


class Functions(Caller):
    """The functions in processes; a context manager.

    Args:
        state: the directory of their logs.
        upstream: the scripted model endpoint, if any.
        door: the front door that requests go through: one of ``DOORS``.
    """

    responses = Elsewhere()
    meter = Elsewhere()
    settings = Elsewhere()
    clock = RealClock()

    def __init__(self, state: Path, upstream: Upstream | None = None, *, door: str = "rest") -> None:
        self.upstream = upstream
        self._state = state
        self._door = door
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        patch = self._stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in AWS.items():
            patch.setenv(name, value)
        url = self._stack.enter_context(serve_apart())
        create_tables(url, template().tables)
        self._stores = build_stores(
            Settings(core_table="CoreTable", responses_table="ResponsesTable", aws_endpoint_url=url)
        )
        self.keys, self.directory = Store(self._stores.keys), Store(self._stores.directory)
        base_url = self.upstream.base_url if self.upstream else "http://127.0.0.1:9"
        providers = {"up": {"base_url": base_url}, "plain": {"base_url": base_url, "reads": []}}
        environ = {"ANTIPHON_SEAL_KEYS": SEAL_KEY, "ANTIPHON_PROVIDERS": json.dumps(providers)}
        host = self._stack.enter_context(hosted(url, self._state, environ=environ))
        self.connect(getattr(host, self._door).root)
        self.run(self.people())
        return self

    def __exit__(self, *exc: object) -> None:
        self.client.close()
        self.run(self._stores.aclose())
        self._stack.__exit__(*exc)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in a loop of its own."""
        return asyncio.run(work)

    def settle(self, seconds: float) -> NoReturn:
        pytest.skip(f"a shutdown after {seconds} s is nothing that Lambda has")

    def forget_calls(self) -> NoReturn:
        pytest.skip("the calls are in the process of a function")

    @property
    def store_calls(self) -> NoReturn:
        pytest.skip("the calls are in the process of a function")
