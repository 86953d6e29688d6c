"""Antiphon, as a process: as `make run` serves it, on SQLite, with a key and an agent for every load."""

from __future__ import annotations

import asyncio
import json
import os
import sys

from antiphon.access import keys, roles
from antiphon.bootstrap import build_services, build_stores, start_tracing
from antiphon.ports import Services
from antiphon.providers.configured import Providers
from antiphon.records import Agent, Grant, User
from antiphon.settings import ProviderEndpoint, read_settings
from antiphon.spans import tracer
from antiphon.web.app import build_app
from antiphon.web.routes import about, chat, create, models, responses
from benchmarks.load import LOADS
from local.server import listen, serve

TENANT, USER = "default", "bench"


async def seed(services: Services) -> str:
    """Make what a request needs, and return the key."""
    await services.directory.put(User(TENANT, USER, role=roles.ADMIN))
    for name in LOADS:
        await services.directory.put_agent(
            Agent(TENANT, name, "bench", name, "somebody-else", instructions="You are a helpful assistant.")
        )
        await services.directory.put(Grant(TENANT, name, "public", 1))
    await services.directory.put_agent(Agent(TENANT, "demo", "demo", "demo", "somebody-else"))
    await services.directory.put(Grant(TENANT, "demo", "public", 1))
    key = keys.make_key("bench", services.entropy)
    await services.keys.add(keys.record(key, tenant=TENANT, user=USER, now=int(services.clock())))
    return key


def main() -> None:
    """Serve until the process is ended."""
    database, base_url, run_log, traces = (*sys.argv[1:], "", "")[:4]
    settings = read_settings({"ANTIPHON_DATABASE": database, "ANTIPHON_RUN_LOG": run_log})
    providers = Providers({"bench": ProviderEndpoint(base_url=base_url)}, os.environ)
    start_tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": traces}, settings, providers)
    stores = build_stores(settings)
    services = build_services(settings, stores, providers)
    key = asyncio.run(seed(services))
    listener = listen("127.0.0.1", 0)
    ready = json.dumps({"port": listener.getsockname()[1], "key": key})

    async def aclose() -> None:
        await providers.aclose()
        await stores.aclose()

    sending = tracer()
    routers = [create.router, chat.router, models.router, responses.router, about.router]
    app = build_app(services, routers, aclose, beside=sending.run if sending is not None else None)
    serve(app, listener, lambda: print(ready, flush=True), settings.max_body_bytes)


if __name__ == "__main__":
    main()
