"""Names that no record can have are refused, and never reach a store that cannot look for them."""

from __future__ import annotations

import secrets

import httpx2

from antiphon.access import keys
from antiphon.bootstrap import build_services, table_stores
from antiphon.providers.configured import Providers
from antiphon.records import Agent, User
from antiphon.settings import Settings
from antiphon.store.dynamodb.client import DynamoDB
from antiphon.web.app import build_app
from antiphon.web.routes import admin
from tests.support.tables import CORE, RESPONSES

ODD = ["x" * 3000, "a#b", "%00", "%20", "key_", "é" * 300, "..", "user:" + "x" * 2100]
PATHS = [
    ("GET", "keys?after={}"),
    ("GET", "keys?user={}"),
    ("GET", "users?after={}"),
    ("GET", "agents?after={}"),
    ("GET", "users/ada/responses?after={}"),
    ("GET", "agents/echo/grants?after={}"),
    ("GET", "agents/echo/why?user={}"),
    ("GET", "keys/{}"),
    ("DELETE", "keys/{}"),
    ("GET", "users/{}"),
    ("DELETE", "roles/{}"),
    ("GET", "groups/{}"),
    ("GET", "agents/{}"),
    ("DELETE", "agents/{}"),
    ("GET", "users/{}/responses"),
    ("GET", "users/{}/responses/resp_1"),
    ("GET", "users/ada/responses/{}/content"),
    ("DELETE", "agents/echo/grants/{}"),
    ("GET", "approvals/{}"),
    ("GET", "approvals?after={}"),
    ("GET", "usage?by=agent&after={}"),
    ("GET", "usage/days?by=agent&of={}"),
    ("GET", "usage/days?by=key&of={}"),
    ("GET", "usage/days?by=model&of={}"),
    ("GET", "usage/limits?by=user&of={}"),
    ("GET", "usage/limits?by=agent&of={}"),
    ("GET", "audit?actor={}"),
    ("GET", "audit?target={}"),
    ("GET", "audit?after={}"),
    ("GET", "deleted-agents?after={}"),
    ("POST", "deleted-agents/{}/restore"),
    ("GET", "agents/{}/versions/1"),
    ("GET", "agents/echo/versions/{}"),
    ("GET", "agents/echo/versions?after={}"),
]


async def test_a_name_that_no_record_can_have_is_refused_or_finds_nothing(emulator):
    database = DynamoDB(endpoint_url=emulator.url)
    stores = table_stores(database, CORE, RESPONSES)
    services = build_services(Settings(core_table=CORE, responses_table=RESPONSES), stores, Providers({}, {}))
    key = keys.make_management_key("dev", secrets.token_bytes)
    await stores.directory.put(User("default", "ada", role="ADMIN"))
    await stores.directory.put_agent(Agent("default", "echo", "demo", "demo", author="ada"))
    await stores.keys.add(keys.record(key, tenant="default", user="ada", now=1, management=True))
    app = httpx2.ASGITransport(build_app(services, admin.routers), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=app, base_url="http://here") as client:
        for method, path in PATHS:
            for odd in ("", *ODD) if "?" in path else ODD:
                url = f"/v1/admin/{path.format(odd.replace('#', '%23'))}"
                answer = await client.request(method, url, headers={"authorization": f"Bearer {key}"})
                assert answer.status_code < 500, (method, path, odd[:20], answer.text)
    await database.aclose()
