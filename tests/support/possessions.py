"""A user who has everything that can be stored of one, and a search for it through all that a store holds."""

from __future__ import annotations

import json
import secrets
import sqlite3
import zlib
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from antiphon.access import keys
from antiphon.access.grants import OWNER
from antiphon.ids import added_id, conversation_id, first_response_id, parse_conversation_id
from antiphon.ports import Services, Subject
from antiphon.records import (
    Actor,
    Agent,
    Conversation,
    EventDelivery,
    Grant,
    Group,
    LogBatch,
    OpenRun,
    Owner,
    Period,
    Reservation,
    Role,
    ServerTool,
    StoredResponse,
    ToolServer,
    User,
    Webhook,
    WebhookSecret,
)
from antiphon.run.approvals import decide
from local.lambda_host.dynamodb import Command, Emulator
from tests.support.managing import waiting
from tests.support.stored import noise
from tests.support.tables import CORE, RESPONSES

TENANT = "default"
USER = "u-canary-7f3d"
CANARY = "the-canary-sings-at-noon"
OTHER = "bob"
DAY = 86_400


async def settle(services: Services, user: str = USER) -> dict[str, str]:
    """Store everything that a user can have, and the same for another user. Return the ids of the first user's."""
    directory = services.directory
    types, secret = ("response.completed", "approval.requested"), WebhookSecret("whsec_QQ==")
    await services.webhooks().put(Webhook(TENANT, "we_1", "https://example.com", types, (secret,), 1, 1))
    await directory.put(Group(TENANT, "staff"))
    await directory.put(Role(TENANT, "MAKER", frozenset({"USE", "CREATE", "SHARE"})))
    for name in (OTHER, user):
        await directory.put(User(TENANT, name, f"{CANARY} of {name}" if name == user else "Bob", "MAKER", ("staff",)))
    await _agent(services, "others", OTHER)
    await directory.put(Grant(TENANT, "others", f"user:{user}", 1))
    for agent in ("theirs", "gone"):
        await _agent(services, agent, user)
        await directory.put(Grant(TENANT, agent, f"user:{OTHER}", OWNER))
    await directory.delete_agent(TENANT, "gone")
    await _stored(services, OTHER, "of Bob")
    return await _stored(services, user, CANARY)


async def _agent(services: Services, agent: str, author: str) -> None:
    said = CANARY if author != OTHER else "Be brief."
    for version in ("one", "two"):
        record = Agent(TENANT, agent, "demo", "demo", author=author, instructions=f"{said} {version}")
        await services.directory.put_agent(record, Actor(TENANT, author, "http"))


async def _stored(services: Services, user: str, said: str) -> dict[str, str]:
    owner, now = Owner(TENANT, user), int(services.clock())
    key = keys.make_key("test", secrets.token_bytes)
    made = keys.record(key, tenant=TENANT, user=user, now=now, name=said)
    await services.keys.add(made)
    await services.keys.touch(TENANT, made.digest, now)
    ids = {"secret": key, "key": made.id}
    ids["response"] = (await _response(services, owner, said, reservation=f"{made.id}#sent")).id
    ids["large"] = (await _response(services, owner, f"{said} {noise(900_000)}")).id
    expired = await _response(services, owner, said, expires_at=now - 5)
    ids["expired"] = expired.id
    await services.responses.reserve(
        Reservation(owner, f"{made.id}#sent", "d", ids["response"], now + 60.0, now + DAY), now
    )
    deleted = await _response(services, owner, said)
    await services.responses.delete(owner, deleted.id)
    await _conversations(services, owner, said, ids)
    await services.runs.append(owner, ids["response"], LogBatch(0, 0, float(now), said.encode()), now + DAY)
    await services.runs.open(OpenRun(owner, ids["response"], float(now)))
    ids["approval"] = await _approvals(services, user, said)
    subjects = [Subject(TENANT, "user", user), Subject(TENANT, "key", made.id)]
    await services.usage.add(ids["response"], "2026-11-29", now + DAY, [(each, {"requests": 1}) for each in subjects])
    for each in subjects:
        await services.meter.take(each, Period.at("requests", 60, now), 9)
    await services.webhooks().give_up(EventDelivery(TENANT, "we_1", user, ids["response"], "response.failed", now, 9))
    return ids


async def _response(services: Services, owner: Owner, said: str, **fields: Any) -> StoredResponse:
    now, new = int(services.clock()), first_response_id(secrets.token_bytes)
    resource = {"id": new, "status": "in_progress", "previous_response_id": None, "output": [], "background": False}
    turn = StoredResponse(
        owner=owner,
        id=new,
        agent="theirs",
        status="in_progress",
        created_at=now,
        expires_at=fields.pop("expires_at", now + DAY),
        lease="lease",
        lease_until=now + 60,
        lineage=(),
        input=[{"type": "message", "role": "user", "content": said}],
        response=resource,
        logged=True,
        **fields,
    )
    await services.responses.claim(turn)
    ended = replace(turn, status="completed", response={**resource, "status": "completed", "output": [_message(said)]})
    await services.responses.commit(ended)
    return ended


async def _conversations(services: Services, owner: Owner, said: str, ids: dict[str, str]) -> None:
    """Keep a conversation that no agent answered in, and what is left of one that was deleted."""
    now = int(services.clock())
    for name in ("conversation", "closed"):
        ids[name] = conversation_id(secrets.token_bytes)
        record = Conversation(owner, ids[name], now, now + DAY, {"topic": said[:60]})
        await services.responses.save_conversation(record)
        added = await _added(services, owner, ids[name], said)
        if name == "closed":
            await services.responses.clear_conversation(owner, ids[name], added)


async def _added(services: Services, owner: Owner, conversation: str, said: str) -> str:
    now, segment = int(services.clock()), parse_conversation_id(conversation) or ""
    new = added_id(segment, 0, secrets.token_bytes)
    item = {"id": f"msg_{secrets.token_hex(4)}", "type": "message", "role": "user", "content": said}
    resource = {"id": new, "status": "completed", "previous_response_id": None, "output": []}
    turn = StoredResponse(owner, new, "", "completed", now, now + DAY, "", 0.0, (), [item], resource)
    await services.responses.claim(turn)
    return new


async def _approvals(services: Services, user: str, said: str) -> str:
    """Keep an approval of the user that waits and one that was decided; the user decides on those of others."""
    now = int(services.clock())
    own = replace(waiting(Owner(TENANT, user), now, "resp_x"), arguments=json.dumps({"said": said}))
    await services.approvals.save(own)
    decided = replace(waiting(Owner(TENANT, user), now, "resp_x"), arguments=json.dumps({"said": said}))
    await services.approvals.save(decided)
    await decide(services, decided, approve=True, by=Actor(TENANT, OTHER, "http"), reason="")
    for_others = waiting(Owner(TENANT, "zoe"), now, "resp_x")
    await services.approvals.save(for_others)
    await decide(services, for_others, approve=False, by=Actor(TENANT, user, "http"), reason="No.")
    await services.approvals.save(replace(waiting(Owner(TENANT, "zoe"), now, "resp_x"), by=f"user:{user}"))
    return own.id


def needs(user: str) -> tuple[ToolServer, ...]:
    """Return a server of tools whose calls a user has to approve."""
    tool = ServerTool("update", approval=f"user:{user}")
    return (ToolServer("mcp", "crm", (tool,), {"entry": {"type": "mcp", "server_label": "crm"}}),)


def _message(said: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": said, "annotations": [], "logprobs": []}
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}


def rows_of_file(path: Path) -> Iterator[tuple[str, str]]:
    """Yield every row of a database as text, with its table; of the audit log none."""
    with closing(sqlite3.connect(path)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in database.execute(f"SELECT * FROM {table}"):
                if table != "audit":
                    yield table, " ".join(_text(value) for value in row)


def rows_of_tables(emulator: Emulator) -> Iterator[tuple[str, str]]:
    """Yield every item of both tables as text, with its table; of the audit log none."""
    for table in (CORE, RESPONSES):
        for item in _scanned(emulator, table):
            if not item["pk"]["S"].startswith("AUDIT#"):
                values = [next(iter(value.items())) for value in item.values()]
                yield table, " ".join(_text(b64decode(value) if kind == "B" else value) for kind, value in values)


def _scanned(emulator: Emulator, table: str) -> Iterator[dict[str, Any]]:
    begin: dict[str, Any] = {}
    while True:
        status, found = emulator.ask(Command("Scan", {"TableName": table, **begin}))
        assert status == 200
        yield from found["Items"]
        if "LastEvaluatedKey" not in found:
            return
        begin = {"ExclusiveStartKey": found["LastEvaluatedKey"]}


def _text(value: Any) -> str:
    if not isinstance(value, bytes):
        return str(value)
    try:
        return (
            zlib.decompressobj().decompress(value).decode(errors="replace") if value[:1] == b"\x78" else value.decode()
        )
    except (zlib.error, UnicodeDecodeError):
        return value.decode(errors="replace")


def bytes_of_file(path: Path) -> bytes:
    """Return all bytes of a database and of its write-ahead log."""
    files = [path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")]
    return b"".join(file.read_bytes() for file in files if file.exists())
