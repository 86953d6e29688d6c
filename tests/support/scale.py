"""A deployment in an SQLite file of any size, and what each operation of management reads of it.

with Deployment(tmp_path / "antiphon.db", TEN) as deployment:
    cost = deployment.cost("GET", "/v1/admin/keys")
"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

import httpx2

from antiphon.access import keys
from antiphon.access.rights import ALL
from antiphon.audit import Trail
from antiphon.bootstrap import build_services, build_stores
from antiphon.ids import first_response_id
from antiphon.providers.configured import Providers
from antiphon.records import Actor, Agent, Group, Key, Owner, Role, User, Webhook, WebhookSecret, dump
from antiphon.settings import Settings
from antiphon.store.sqlite.database import SQLite
from antiphon.store.sqlite.responses import row_values
from antiphon.web.app import build_app
from antiphon.web.routes import admin
from tests.support.listening import on_each
from tests.support.managing import waiting
from tests.support.stored import claimed

EACH: Final = 10
"""How many virtual instructions of SQLite are counted at once."""

TENANT: Final = "default"
VERBS: Final = {"SELECT", "INSERT", "UPDATE", "DELETE"}
COUNT: Final = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :count - 1)"


@dataclass(frozen=True)
class Size:
    """How much a deployment has. Each user has keys and responses in the same number."""

    users: int
    keys: int
    agents: int
    responses: int
    audit: int


TEN: Final = Size(users=10, keys=10, agents=10, responses=10, audit=10)
MANY: Final = Size(users=2_000, keys=4_000, agents=2_000, responses=8_000, audit=4_000)
FULL: Final = Size(users=10_000, keys=100_000, agents=10_000, responses=1_000_000, audit=1_000_000)


@dataclass(frozen=True)
class Cost:
    """What an operation asked of SQLite.

    Attributes:
        statements: how many queries and changes it ran.
        steps: how many virtual instructions SQLite executed, which grows with every row that it looks at.
        scans: the steps of its queries' plans that read a whole table, or sort.
        seconds: how long it took.
    """

    statements: int
    steps: int
    scans: tuple[str, ...]
    seconds: float


class Deployment:
    """A file with everything an operator looks at, behind the routes of management; a context manager.

    Args:
        path: the file, which does not exist yet.
        size: how much it has.
    """

    def __init__(self, path: Path, size: Size) -> None:
        self._path = path
        self._size = size
        self._loop = asyncio.new_event_loop()
        self._asked: list[str] = []
        self._ticks = 0

    def __enter__(self) -> Self:
        stores = build_stores(Settings(database=str(self._path)))
        self._stores = stores
        self._database: SQLite = stores.keys._database  # type: ignore[attr-defined] # the file of all stores
        self._loop.run_until_complete(self._first())
        _fill(self._path, self._size)
        settings = Settings(database=str(self._path), cache_seconds=0, webhook_hosts=("127.0.0.1:9",))
        services = build_services(settings, stores, Providers({}, {}))
        app = httpx2.ASGITransport(build_app(services, admin.routers))
        headers = {"authorization": f"Bearer {self._key}"}
        self._client = httpx2.AsyncClient(transport=app, base_url="http://here", headers=headers, timeout=600)
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.run_until_complete(self._client.aclose())
        self._loop.run_until_complete(self._stores.aclose())
        self._loop.close()

    def ask(self, method: str, path: str, body: Any = None) -> httpx2.Response:
        """Send a request with a management key that has all rights."""
        answer = self._loop.run_until_complete(self._client.request(method, f"/v1/admin/{path}", json=body))
        assert answer.status_code == 200, (path, answer.text)
        return answer

    def costs(self) -> dict[str, Cost]:
        """Return what each of ``requests_of`` asks of SQLite."""
        return {name: self.cost(*asked) for name, asked in requests_of(self.key, self.response).items()}

    def cost(self, method: str, path: str, body: Any = None) -> Cost:
        """Return what a request asks of SQLite."""
        self._asked.clear()
        self._ticks = 0
        self._loop.run_until_complete(on_each(self._database, self._listen))
        began = time.perf_counter()
        self.ask(method, path, body)
        seconds = time.perf_counter() - began
        self._loop.run_until_complete(on_each(self._database, _listen_no_longer))
        asked = [sql for sql in self._asked if sql.split(None, 1)[0] in VERBS]
        return Cost(len(asked), self._ticks * EACH, self._scans(asked), seconds)

    def _listen(self, db: sqlite3.Connection) -> None:
        db.set_trace_callback(self._asked.append)
        db.set_progress_handler(self._tick, EACH)

    def _tick(self) -> int:
        self._ticks += 1
        return 0

    def _scans(self, asked: list[str]) -> tuple[str, ...]:
        with sqlite3.connect(self._path) as db:
            plans = [row[3] for sql in asked for row in db.execute(f"EXPLAIN QUERY PLAN {sql}")]
        return tuple(step for step in plans if step.startswith("SCAN") or "TEMP B-TREE" in step)

    async def _first(self) -> None:
        """Store one record of each kind, which the others are copies of."""
        directory, now = self._stores.directory, int(time.time())
        self._key = keys.make_management_key("dev", secrets.token_bytes)
        await directory.put(Role(TENANT, "ROOT", frozenset({"USE", "CREATE", "SHARE", "SHARE_PUBLIC"}), manage=ALL))
        await directory.put(User(TENANT, "root", role="ROOT"))
        await self._stores.keys.add(keys.record(self._key, tenant=TENANT, user="root", now=now, management=True))
        await directory.put(User(TENANT, "ada", groups=("staff",)))
        await directory.put(User(TENANT, "idle"))
        await directory.put(Group(TENANT, "staff"))
        for instructions in ("Be brief.", "Be kind."):
            await directory.put_agent(Agent(TENANT, "shared", "demo", "demo", author="root", instructions=instructions))
        text = keys.make_key("dev", secrets.token_bytes)
        self.key = "key_" + keys.digest(text)[:16]
        await self._stores.keys.add(keys.record(text, tenant=TENANT, user="ada", now=now))
        secret = WebhookSecret("whsec_QUJD")
        hook = Webhook(TENANT, "we_1", "http://127.0.0.1:9/", ("response.failed",), (secret,), now, now)
        await self._stores.webhooks().put(hook)
        turn = replace(claimed(), owner=Owner(TENANT, "ada"), id=first_response_id(secrets.token_bytes))
        turn = replace(turn, created_at=now, expires_at=now + 10**6, lease_until=0.0, status="completed", lease="")
        self.response = turn.id
        await self._stores.responses.claim(turn)


def requests_of(key: str = "", response: str = "") -> dict[str, tuple[Any, ...]]:
    """Return what the pages of the console and the operations ask, by their names.

    Args:
        key: the id of a key.
        response: the id of a response of ada's.
    """
    reads = {
        "today": "usage/days",
        "usage by user": "usage?by=user&limit=50",
        "usage by key": "usage?by=key&limit=50",
        "usage of a user": "usage/days?by=user&of=n000001",
        "limits of a user": "usage/limits?by=user&of=n000001",
        "approvals": "approvals?limit=50",
        "agents": "agents?limit=50",
        "agents, a further page": "agents?limit=5&after=n000003",
        "an agent": "agents/shared",
        "versions of an agent": "agents/shared/versions",
        "grants on an agent": "agents/shared/grants?limit=50",
        "why may she not": "agents/shared/why?user=n000001",
        "deleted agents": "deleted-agents",
        "keys": "keys?limit=50",
        "keys, a further page": f"keys?limit=5&after={key}",
        "keys of a user": "keys?user=ada&limit=50",
        "a key": f"keys/{key}",
        "users": "users?limit=50",
        "a user": "users/ada",
        "a user's own limits": "users/ada/limits",
        "roles": "roles?limit=50",
        "groups": "groups?limit=50",
        "the tenant": "tenant",
        "responses of a user": "users/ada/responses?limit=50",
        "a response": f"users/ada/responses/{response}",
        "audit": "audit?limit=50",
        "audit of a kind": "audit?limit=50&kind=user",
        "audit of an actor and a record": "audit?limit=50&actor=root&target=user:ada",
        "audit of what is not there": "audit?limit=50&actor=nobody",
        "webhooks": "webhooks",
        "a webhook": "webhooks/we_1",
        "failed deliveries": "failed-deliveries?limit=50",
    }
    writes = {
        "create a key": ("POST", "keys", {"user": "ada"}),
        "limit a key": ("PUT", f"keys/{key}/limits", {"tokens_per_day": 5}),
        "revoke a key": ("DELETE", f"keys/{key}"),
        "change a user": ("PUT", "users/n000001", {"name": "Bob"}),
        "limit a user": ("PUT", "users/n000001/limits", {"tokens_per_day": 5}),
        "delete a user": ("DELETE", "users/idle"),
        "change an agent": ("PUT", "agents/shared", {"provider": "demo", "model": "demo", "name": "Shared"}),
        "grant": ("PUT", "agents/shared/grants/user:n000001", {"level": "editor"}),
        "delete an agent": ("DELETE", "agents/n000002"),
        "limit the tenant": ("PUT", "tenant", {"limits": {"retention_days": 3000}}),
        "delete a response": ("DELETE", f"users/ada/responses/{response}"),
    }
    return {**{name: ("GET", path) for name, path in reads.items()}, **writes}


def _listen_no_longer(db: sqlite3.Connection) -> None:
    db.set_trace_callback(None)
    db.set_progress_handler(None, 0)


def _fill(path: Path, size: Size) -> None:
    """Store copies of records under other names, by SQL alone: a million take seconds."""
    now = int(time.time())
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA synchronous = OFF")
    db.execute("BEGIN")
    for kind, record, count in (
        ("user", User(TENANT, "#", groups=("staff",)), size.users),
        ("role", Role(TENANT, "#"), size.users),
        ("group", Group(TENANT, "#"), size.users),
        ("agent", Agent(TENANT, "#", "demo", "demo", author="root"), size.agents),
    ):
        into = "INSERT INTO directory (tenant, kind, id, document)"
        values = f"SELECT '{TENANT}', :kind, printf('n%06d', i), replace(:document, '#', printf('n%06d', i)) FROM n"
        document = dump(record).decode()
        db.execute(f"{into} {COUNT} {values}", {"count": count, "kind": kind, "document": document})
    grants = "INSERT INTO grants (tenant, agent, principal, bits)"
    db.execute(f"{grants} {COUNT} SELECT '{TENANT}', printf('n%06d', i), 'public', 1 FROM n", {"count": size.agents})
    db.execute(
        f"{grants} {COUNT} SELECT '{TENANT}', 'shared', printf('user:n%06d', i), 1 FROM n", {"count": size.users}
    )
    key = Key("#", "key_#", TENANT, "n000000", "ap_", created_at=now)
    db.execute(
        f"""INSERT INTO keys (digest, tenant, id, document, user, created_at) {COUNT}
        SELECT printf('%064x', i), '{TENANT}', printf('key_%016x', i),
            replace(replace(:document, 'key_#', printf('key_%016x', i)), '#', printf('%064x', i)),
            CASE i % 2 WHEN 0 THEN 'ada' ELSE printf('n%06d', i % :users) END, :now - 1 - i FROM n""",
        {"count": size.keys, "users": size.users, "document": dump(key).decode(), "now": now},
    )
    _responses(db, size, now)
    trail = Trail(lambda: now, secrets.token_bytes)
    entry = trail.note(Actor(TENANT, "root", "cli"), TENANT, "user.changed", "user:ada", None, {"name": "Ada"})
    db.execute(
        f"""INSERT INTO audit (tenant, id, actor, kind, target, document, expires_at) {COUNT}
        SELECT '{TENANT}', printf('%016d%08x', (:now - 1 - i) * 1000000, i), 'root', 'user', 'user:ada', :document,
            :expires FROM n""",
        {"count": size.audit, "document": dump(entry), "expires": entry.expires_at, "now": now},
    )
    day = time.strftime("%Y-%m-%d", time.gmtime(now))
    for kind, of in (("user", "n%06d"), ("key", "key_%016x"), ("agent", "n%06d")):
        db.execute(
            f"""INSERT INTO usage (tenant, kind, id, day, name, amount, expires_at) {COUNT}
            SELECT '{TENANT}', :kind, printf(:of, i), :day, 'requests', 1, :expires FROM n""",
            {"count": size.users, "kind": kind, "of": of, "day": day, "expires": now + 10**6},
        )
    asked = replace(waiting(Owner(TENANT, "ada"), now, "resp_x"), id="mcpr_#")
    db.execute(
        f"""INSERT INTO approvals (tenant, id, revision, is_pending, created_at, expires_at, document) {COUNT}
        SELECT '{TENANT}', printf('mcpr_%016x', i), 0, 1, :now - i, :expires,
            replace(:document, 'mcpr_#', printf('mcpr_%016x', i)) FROM n""",
        {"count": size.users, "now": now, "expires": asked.expires_at, "document": dump(asked).decode()},
    )
    db.execute(
        f"""INSERT INTO outbox {COUNT}
        SELECT '{TENANT}', 'we_1', printf('resp_%016x', i), 'response.failed', 'ada', :now - i, 9, '503', NULL
        FROM n""",
        {"count": size.users, "now": now},
    )
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    db.close()


def _responses(db: sqlite3.Connection, size: Size, now: int) -> None:
    """Store responses: half of them are ada's."""
    owner = Owner(TENANT, "ada")
    turn = replace(claimed(), owner=owner, id=first_response_id(secrets.token_bytes), created_at=now)
    values = row_values(replace(turn, expires_at=now + 10**6, status="completed", lease=""))
    names = [name for name in values if name not in {"user", "segment", "id", "listed_at", "created_at"}]
    db.execute(
        f"""INSERT INTO responses (user, segment, id, listed_at, {", ".join(names)}) {COUNT}
        SELECT CASE i % 2 WHEN 0 THEN 'ada' ELSE printf('n%06d', i % :users) END, printf('%024x', i),
            printf('resp_%040x', i), :now - 1 - i / 100, {", ".join(f":{name}" for name in names)} FROM n""",
        {**values, "count": size.responses, "users": size.users, "now": now},
    )
