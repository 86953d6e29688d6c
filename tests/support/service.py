"""The whole service on a real socket, with SQLite behind it and a scripted model endpoint beside it.

with Service(tmp_path, upstream) as service:
    key = service.key()
    events = service.stream(key, model="agent", input="Hi")
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import secrets
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import httpx2
import uvicorn

from antiphon.access import keys, roles
from antiphon.bootstrap import LazyDoor, Providers, Seals, build_stores
from antiphon.errors import CODES
from antiphon.ports import Services
from antiphon.records import Agent, Grant, Group, Role, Tenant, User
from antiphon.run.execution import settle
from antiphon.settings import ProviderEndpoint, Settings
from antiphon.web.app import build_app
from antiphon.web.routes import about, create, models, responses
from tests.support.faulty import Faulty
from tests.support.schema import check_error, check_response
from tests.support.streams import assert_stream
from tests.support.upstream import Upstream

TENANT = "default"
SEAL_KEY = base64.b64encode(bytes(range(32))).decode()


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class Service:
    """The server in a thread; a context manager.

    Attributes:
        base_url: up to and with ``/v1``.
        keys, directory, responses, meter: the stores, which can be broken and count their calls.
        clock: ``ahead`` moves the service's time.
    """

    def __init__(self, state: Path, upstream: Upstream | None = None, **settings: Any) -> None:
        self.upstream = upstream
        self.clock = Clock()
        self.settings = Settings(**{"database": str(state / "antiphon.db"), "seal_keys": SEAL_KEY, **settings})
        endpoints = {"up": ProviderEndpoint(base_url=upstream.base_url)} if upstream else {}
        if upstream:
            endpoints["plain"] = ProviderEndpoint(base_url=upstream.base_url, reads=())
        self._providers = Providers({**endpoints, **self.settings.providers}, {})
        stores = build_stores(self.settings)
        self._close_stores = stores.aclose
        self.keys, self.directory, self.responses, self.meter = (Faulty(store) for store in stores[:4])
        services = Services(
            keys=self.keys,
            directory=self.directory,
            door=LazyDoor(self.settings),
            responses=self.responses,
            meter=self.meter,
            providers=self._providers,
            seal=Seals(self.settings),
            clock=self.clock,
            entropy=secrets.token_bytes,
            settings=self.settings,
            capabilities=self._providers.capabilities,
        )
        app = build_app(services, [create.router, models.router, responses.router, about.router], self._aclose)
        config = uvicorn.Config(app, port=0, log_level="critical", http="httptools", ws="none", lifespan="on")
        self._server = uvicorn.Server(config)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.base_url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            time.sleep(0.005)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.root = f"http://127.0.0.1:{port}"
        self.base_url = f"{self.root}/v1"
        self.client = httpx2.Client(base_url=self.root, timeout=30, trust_env=False)
        self.run(self._people())
        return self

    def __exit__(self, *exc: object) -> None:
        self.client.close()
        self._server.should_exit = True
        self._thread.join()
        self._loop.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._server.serve())

    async def _aclose(self) -> None:
        await settle(5)
        await self._providers.aclose()
        await self._close_stores()

    async def _people(self) -> None:
        await self.directory.put(User(TENANT, "ada", role=roles.ADMIN))
        await self.put_agent("agent")

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine on the server's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def settle(self, seconds: float) -> None:
        """End the running responses, as a shutdown does."""
        self.run(settle(seconds))

    async def put_agent(self, agent: str, author: str = "ada", **fields: Any) -> None:
        provider = "up" if self.upstream else "demo"
        whole = {"provider": provider, "model": "m", **fields}
        await self.directory.put_agent(Agent(TENANT, agent, author=author, **whole))

    def agent(self, agent: str, author: str = "ada", **fields: Any) -> None:
        self.run(self.put_agent(agent, author, **fields))

    def put(self, record: Tenant | Role | Group | User | Grant) -> None:
        self.run(self.directory.put(record))

    def user(self, user: str, role: str = roles.ADMIN, **fields: Any) -> None:
        self.put(User(TENANT, user, role=role, **fields))

    def key(self, user: str = "ada", **fields: Any) -> str:
        key = keys.make_key("test", secrets.token_bytes)
        now = int(self.clock())
        self.run(self.keys.add(keys.record(key, tenant=TENANT, user=user, now=now, **fields)))
        return key

    def forget_calls(self) -> None:
        for store in (self.keys, self.directory, self.responses, self.meter):
            store.calls.clear()

    @property
    def store_calls(self) -> int:
        return sum(sum(store.calls.values()) for store in (self.keys, self.directory, self.responses, self.meter))

    # requests

    def post(self, key: str | None, body: bytes | None = None, headers: Mapping[str, str] | None = None, **fields: Any):
        own = {"content-type": "application/json"}
        if key is not None:
            own["authorization"] = f"Bearer {key}"
        content = body if body is not None else httpx2.Request("POST", "http://x", json=fields).content
        return self.client.post("/v1/responses", content=content, headers={**own, **(headers or {})})

    def create(self, key: str, **fields: Any) -> dict[str, Any]:
        """Create a response in one JSON body, which must be valid."""
        answer = self.post(key, **{"model": "agent", **fields})
        assert answer.status_code == 200, answer.text
        body = answer.json()
        check_response(body)
        return body

    def stream(self, key: str, **fields: Any) -> list[dict[str, Any]]:
        """Create a response as a stream, which must be valid."""
        answer = self.post(key, **{"model": "agent", **fields, "stream": True})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "text/event-stream"
        return assert_stream(answer.content)

    @contextlib.contextmanager
    def streaming(self, key: str, headers: Mapping[str, str] | None = None, **fields: Any) -> Iterator[httpx2.Response]:
        """Open a stream and read it as it comes."""
        own = {"authorization": f"Bearer {key}", **(headers or {})}
        body = {"model": "agent", **fields, "stream": True}
        with self.client.stream("POST", "/v1/responses", json=body, headers=own) as answer:
            yield answer

    def get(self, path: str, key: str | None = None, **headers: str) -> httpx2.Response:
        own = {"authorization": f"Bearer {key}"} if key else {}
        return self.client.get(path, headers={**own, **headers})

    def retrieve(self, key: str, response_id: str) -> dict[str, Any]:
        answer = self.get(f"/v1/responses/{response_id}", key)
        assert answer.status_code == 200, answer.text
        check_response(answer.json())
        return answer.json()


def refused(answer: httpx2.Response, status: int, code: str, param: str | None = None) -> dict[str, Any]:
    """Require an error in the one envelope; gives it."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    check_error(body)
    error = body["error"]
    assert error["code"] == code, error
    if param is not None:
        assert error["param"] == param
    assert answer.headers["x-request-id"]
    assert answer.headers["x-should-retry"] == ("true" if "retry-after" in answer.headers else "false")
    assert (CODES[code].retry_after is None) == ("retry-after" not in answer.headers)
    assert answer.headers["content-type"] == "application/json"
    return error
