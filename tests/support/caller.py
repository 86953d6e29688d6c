"""Whoever calls Antiphon in a test: sets up who may do what, sends requests, and holds every answer to its form.

It must not know where Antiphon runs: ``tests.support.service`` has it in this process, ``tests.support.functions`` in
the real Lambda functions.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any

import httpx2

from antiphon.access import keys, roles
from antiphon.errors import CODES
from antiphon.records import Agent, Grant, Group, Role, Tenant, User
from tests.support.schema import check_error, check_response
from tests.support.streams import assert_stream
from tests.support.upstream import Upstream

TENANT = "default"


class Caller:
    """What a test does with a running service.

    Attributes:
        upstream: the scripted model endpoint, which is the provider ``up``; None for the demo model.
        root: where it answers; ``base_url`` is the same with ``/v1``.
        client: an HTTP client of ``root``.
        keys, directory: the stores of who may do what.
        clock: gives the service's time.
    """

    upstream: Upstream | None
    root: str
    base_url: str
    client: httpx2.Client
    keys: Any
    directory: Any
    clock: Callable[[], float]

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine where the stores are used."""
        raise NotImplementedError

    def connect(self, root: str) -> None:
        """Note where the service answers."""
        self.root, self.base_url = root, f"{root}/v1"
        self.client = httpx2.Client(base_url=root, timeout=30, trust_env=False)

    async def people(self) -> None:
        await self.directory.put(User(TENANT, "ada", role=roles.ADMIN))
        await self.put_agent("agent")

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


def misspelt(key: str) -> str:
    """Return a key with another last character, so its checksum is wrong."""
    return key[:-1] + ("a" if key[-1] != "a" else "b")


def refused(answer: httpx2.Response, status: int, code: str, param: str | None = None) -> dict[str, Any]:
    """Require an error in the one envelope. Return it."""
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
