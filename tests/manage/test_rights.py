"""The role of the manage function allows what all operations ask of DynamoDB, and no more."""

from __future__ import annotations

import secrets
import time
from fnmatch import fnmatchcase
from typing import Any

import httpx2

from antiphon.access import keys
from antiphon.access.rights import ALL
from antiphon.bootstrap import build_services, build_stores
from antiphon.ports import Subject
from antiphon.providers.configured import Providers
from antiphon.records import Agent, EventDelivery, Grant, Group, Owner, Period, Role, User
from antiphon.run.tally import day_of
from antiphon.settings import Settings
from antiphon.web.app import build_app
from antiphon.web.routes import admin
from tests.support.managing import OPERATIONS, asking, waiting, webhook
from tests.support.stored import claimed, noise
from tests.support.tables import CORE, RESPONSES
from tests.support.translated import permitted, translated

TABLES = {"CoreTable": CORE, "ResponsesTable": RESPONSES}
LARGE = {"show a response", "read what a response says", "delete a response"}
"""Operations whose response has parts."""

FREE = frozenset({"USE", "CREATE", "SHARE", "SHARE_PUBLIC"})


def asked_of(arguments: dict[str, Any], operation: str):
    """Yield the place, the operation and the partition of all that a call asks."""
    for write in arguments.get("TransactItems", ()):
        ((kind, item),) = write.items()
        yield item["TableName"], f"{kind}Item", (item.get("Item") or item["Key"])["pk"]["S"]
    for table, request in arguments.get("RequestItems", {}).items():
        rows = request["Keys"] if "Keys" in request else [next(iter(each.values())) for each in request]
        yield from ((table, operation, row.get("Key", row)["pk"]["S"]) for row in rows)
    if "TableName" in arguments:
        row, index = arguments.get("Key") or arguments.get("Item"), arguments.get("IndexName")
        key = row["pk"]["S"] if row else arguments["ExpressionAttributeValues"][":pk"]["S"]
        yield arguments["TableName"] + (f"/{index}" if index else ""), operation, key


def allowed():
    rights = {}
    for (resource, patterns), actions in permitted(translated(), "Manage").items():
        table = next((TABLES[name] for name in TABLES if name in resource), None)
        place = f"{table}/gsi1" if "/index/" in resource else table
        for action in actions if table else ():
            for pattern in patterns or ("*",):
                rights[place, action.removeprefix("dynamodb:"), pattern] = False
    return rights


async def test_the_role_allows_what_the_operations_ask_and_no_more(emulator):
    settings = Settings(core_table=CORE, responses_table=RESPONSES, aws_endpoint_url=emulator.url, cache_seconds=0)
    stores = build_stores(settings)
    services = build_services(settings, stores, Providers({}, {}))
    key = keys.make_management_key("dev", secrets.token_bytes)
    await stores.directory.put(Role("default", "FREE", FREE, manage=ALL))
    await stores.directory.put(User("default", "root", role="FREE"))
    await stores.keys.add(keys.record(key, tenant="default", user="root", now=1, management=True))
    asked: set[tuple[str, str, str]] = set()
    app = httpx2.ASGITransport(build_app(services, admin.routers))
    client = httpx2.AsyncClient(transport=app, base_url="http://here", headers={"authorization": f"Bearer {key}"})

    def listen(call):
        asked.update(asked_of(call.arguments, call.operation))
        return emulator.ask(call)

    async def ask(**request):
        emulator.handle = listen
        answer = await client.request(**request)
        emulator.handle = emulator.ask
        assert answer.status_code == 200, answer.text

    for name in ("first", "second", None, "third"):  # what a new agent of an old name finds is removed
        fields = {"json": {"provider": "demo", "model": "demo", "author": "root", "name": name}} if name else {}
        await ask(method="PUT" if name else "DELETE", url="/v1/admin/agents/again", **fields)
    await ask(method="GET", url="/v1/admin/audit?kind=agent")
    for number, operation in enumerate(OPERATIONS):
        staged = await _staged(stores, number, purpose=operation.name)
        await ask(**operation.request(staged))
    await client.aclose()
    await stores.aclose()
    assert "Scan" not in {operation for _, operation, _ in asked}
    rights = allowed()
    missing = set()
    for place, operation, partition in asked:
        fits = [right for right in rights if right[:2] == (place, operation) and fnmatchcase(partition, right[2])]
        rights |= dict.fromkeys(fits, True)
        missing |= set() if fits else {(place, operation, partition.partition("#")[0])}
    assert missing == set()
    assert {right for right, used in rights.items() if not used} == set()


async def _staged(stores, number, *, purpose):
    names = {kind: f"{kind}-{number}" for kind in ("agent", "deleted", "group", "role", "idle", "user")}
    await stores.directory.put(Group("default", names["group"]))
    await stores.directory.put(Role("default", names["role"]))
    await stores.directory.put(User("default", names["idle"], groups=(names["group"],)))
    await stores.directory.put(User("default", names["user"], role="FREE"))
    for agent in (names["agent"], names["deleted"]):
        for instructions in ("Be brief.", "Be kind."):
            record = Agent("default", agent, "demo", "demo", author=names["user"], instructions=instructions)
            await stores.directory.put_agent(record)
    await stores.directory.delete_agent("default", names["deleted"])
    for principal in ("public", f"user:{names['idle']}"):
        await stores.directory.put(Grant("default", names["agent"], principal, 1))
    made = keys.make_key("dev", secrets.token_bytes)
    for user in (names["user"], names["idle"]):
        text = made if user == names["user"] else keys.make_key("dev", secrets.token_bytes)
        await stores.keys.add(keys.record(text, tenant="default", user=user, now=1))
    now = int(time.time())
    said = [{"id": "msg_1", "text": noise(900_000 if purpose in LARGE else 10, number)}]
    of_user = {"owner": Owner("default", names["user"]), "agent": "echo", "created_at": now, "expires_at": now + 999}
    turn = claimed(
        seed=number, lease_until=now + (900.0 if purpose == "cancel a response" else 0.0), **of_user, input=said
    )
    await stores.responses.claim(turn)
    other = claimed(seed=number + 10_000, lease_until=now, **of_user)
    approval = waiting(other.owner, now, other.id)
    await stores.responses.claim(other)
    await stores.responses.commit(asking(other, approval, {**other.response, "status": "completed"}))
    await stores.approvals.save(approval)
    of_tenant = webhook("default", f"we_{number}")
    webhooks = stores.webhooks()
    for old in await webhooks.list_all("default"):
        await webhooks.delete("default", old.id)
    await webhooks.put(of_tenant)
    for user in (names["user"], names["idle"]):
        subject = Subject("default", "user", user)
        await stores.meter.take(subject, Period.at("requests", 60, now), 9)
        await stores.usage.add(turn.id, day_of(now), now + 999, [(subject, {"requests": 1})])
        await stores.webhooks().give_up(EventDelivery("default", "we_1", user, turn.id, "response.failed", now, 9))
    ids = {"response": turn.id, "approval": approval.id, "webhook": of_tenant.id}
    return {**names, "key": "key_" + keys.digest(made)[:16], **ids}
