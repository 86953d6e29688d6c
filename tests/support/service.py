"""The whole service on a real socket, with SQLite behind it and a scripted model endpoint beside it.

with Service(tmp_path, upstream) as service:
    key = service.key()
    events = service.stream(key, model="agent", input="Hi")
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import socket
import threading
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import uvicorn

from antiphon.bootstrap import build_services, build_stores
from antiphon.ports import Services, ToolRunner
from antiphon.providers.configured import Providers
from antiphon.records import Owner
from antiphon.run.shutdown import settle
from antiphon.run.worker import start_here
from antiphon.server_tools.runners import close_runners
from antiphon.settings import ProviderEndpoint, Settings
from antiphon.web.app import build_app
from antiphon.web.routers import ROUTERS
from antiphon.web.routes import admin, websocket
from local.console.host import Console, ConsoleFacts, operator_of
from tests.support.caller import Caller
from tests.support.faulty import Faulty
from tests.support.upstream import Upstream

SEAL_KEY = base64.b64encode(bytes(range(32))).decode()


CONSOLE = ConsoleFacts("default", "a database", "http://127.0.0.1:8000/v1", "ada", ("demo", "up"))
"""What the console shows of a service."""


class Clock:
    """Time that a test moves.

    Attributes:
        ahead: seconds that have passed beside the real ones.
        set_by: seconds by which somebody has set the clock; no time passes by that.
    """

    def __init__(self) -> None:
        self.ahead = 0.0
        self.set_by = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead + self.set_by

    def steady(self) -> float:
        return time.monotonic() + self.ahead


TICK = 0.1
"""Seconds from one tick of uvicorn to the next, of which each tenth sets the ``Date`` of answers."""


class Server(uvicorn.Server):
    """A server that ends as soon as nothing is left to wait for; uvicorn's own waits a tenth of a second twice."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Begin to shut down; on the server's loop."""
        self._stopped.set()

    async def main_loop(self) -> None:
        for tick in itertools.count():
            await self.on_tick(tick)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), TICK)
                return

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.001)
        await self.lifespan.shutdown()


class Service(Caller):
    """The server in a thread; a context manager.

    Attributes:
        keys, directory, responses, meter, runs, approvals, usage: the stores, which can be broken and count calls.
        has_workers: whether a worker that is started also runs; if not, its invocation is lost.
        invoked: the ids for which a worker was started.
        clock: ``ahead`` moves the service's time.

    Args:
        console: the token of its console, which it has not without one.
    """

    def __init__(
        self,
        state: Path,
        upstream: Upstream | None = None,
        *,
        ws: str = "auto",
        runner: ToolRunner | None = None,
        manages: bool = True,
        console: str = "",
        **settings: Any,
    ) -> None:
        self.upstream = upstream
        self.clock = Clock()
        self.settings = Settings(**{"database": str(state / "antiphon.db"), "seal_keys": SEAL_KEY, **settings})
        endpoints = {"up": ProviderEndpoint(base_url=upstream.base_url)} if upstream else {}
        if upstream:
            endpoints["plain"] = ProviderEndpoint(base_url=upstream.base_url, reads=())
        self._providers = Providers({**endpoints, **self.settings.providers}, {})
        stores = build_stores(self.settings)
        self._close_stores = stores.aclose
        self.keys, self.directory, self.responses, self.meter, self.runs, *late = map(Faulty, stores[:7])
        self.approvals, self.usage = late
        faulty = stores._replace(
            keys=self.keys,
            directory=self.directory,
            responses=self.responses,
            meter=self.meter,
            runs=self.runs,
            approvals=self.approvals,
            usage=self.usage,
        )
        self.services = services = replace(
            build_services(self.settings, faulty, self._providers, self._start_worker),
            clock=self.clock,
            steady=self.clock.steady,
        )
        if runner is not None:
            self.services = services = replace(services, runners=lambda _: runner)
        self.has_workers = True
        self.invoked: list[str] = []
        routers = [*ROUTERS, websocket.router, *(admin.routers if manages else ())]
        app = build_app(services, routers, self._aclose, operators=operator_of)
        config = uvicorn.Config(
            Console(app, console, CONSOLE, "olga", alone=False) if console else app,
            port=0,
            log_level="critical",
            http="httptools",
            ws=ws,
            ws_max_size=self.settings.max_body_bytes,
            ws_per_message_deflate=False,
            lifespan="on",
        )
        self._server = Server(config)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            time.sleep(0.005)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.connect(f"http://127.0.0.1:{port}")
        self.run(self.people())
        return self

    def __exit__(self, *exc: object) -> None:
        self.client.close()
        self._loop.call_soon_threadsafe(self._server.stop)
        self._thread.join()
        self._loop.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._server.serve())

    async def _aclose(self) -> None:
        await settle(5)
        await close_runners(self.services)
        await self._providers.aclose()
        await self._close_stores()

    async def _start_worker(self, services: Services, owner: Owner, response_id: str) -> None:
        self.invoked.append(response_id)
        if self.has_workers:
            await start_here(services, owner, response_id)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine on the server's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def settle(self, seconds: float) -> None:
        """End the running responses, as a shutdown does."""
        self.run(settle(seconds))

    def forget_calls(self) -> None:
        for store in (self.keys, self.directory, self.responses, self.meter, self.runs, self.approvals, self.usage):
            store.calls.clear()

    @property
    def store_calls(self) -> int:
        stores = (self.keys, self.directory, self.responses, self.meter, self.runs, self.approvals, self.usage)
        return sum(sum(store.calls.values()) for store in stores)
