"""`make run`: the whole service in one process. Apps, routes and pipeline are those of Lambda; the store is SQLite."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from starlette.middleware import Middleware

from antiphon.bootstrap import build_services, build_stores, deliver_webhooks, start_tracing
from antiphon.errors import SettingsError
from antiphon.ports import Services
from antiphon.providers.configured import Providers, openai_key
from antiphon.providers.demo.model import Demo
from antiphon.run.worker import sweep_forever
from antiphon.server_tools.runners import close_runners
from antiphon.settings import ProviderEndpoint
from antiphon.spans import tracer
from antiphon.web.app import build_app
from antiphon.web.routers import ROUTERS
from antiphon.web.routes import admin, websocket
from local import log
from local.account import account_name
from local.banner import banner
from local.console.gate import new_token
from local.console.host import Console, ConsoleFacts, address_of, operator_of
from local.limits import FewAtOnce
from local.sealing import seal_keys
from local.seed import TENANT, USER, FurtherModel, seed
from local.server import PortInUseError, listen, serve
from local.state import (
    DATABASE,
    HOSTS_VARIABLE,
    KEY,
    PROVIDERS,
    VARIABLE,
    folder,
    in_use,
    make_private,
    serving,
    settings_of,
)
from local.tools import tool_server

DEFAULTS = {"ANTIPHON_ENVIRONMENT": "local", "ANTIPHON_CACHE_SECONDS": "0"}
"""With SQLite a cache gains nothing, and without one each change by the command line takes effect at once."""

LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""Hosts that no other machine can reach. On these, management is served unless a variable turns it off."""

FLUSH_SECONDS = 2.0
"""How long the last spans are sent to OpenTelemetry when the server stops."""

DEMO_PAUSE = 0.02
"""Seconds between the demo model's deltas, so that a person can see them stream."""


def main() -> int:
    """Serve until Ctrl-C. Return the exit code."""
    log.configure()
    host, port = os.environ.get("HOST", "127.0.0.1"), os.environ.get("PORT", "8000")
    if not port.isdecimal():
        return _fail(f"PORT must be a number: `make run PORT=8001`, not {port!r}.")
    try:
        listener = listen(host, int(port))
    except PortInUseError:
        return _fail(f"Port {port} is in use. `make run PORT={int(port) + 1}` takes another.")
    with ExitStack() as stack:
        stack.callback(listener.close)
        is_first = stack.enter_context(in_use(_state()))
        try:
            endpoints, further = _further_models(stack.enter_context)
            tools_at = stack.enter_context(tool_server(_state()))
            services, aclose = _open(endpoints, host, tools_at, is_first=is_first)
            key, agents = asyncio.run(seed(services, _state() / KEY, further, tools_at))
        except SettingsError as error:
            return _fail(str(error))
        port = listener.getsockname()[1]
        base_url = f"http://{host}:{port}/v1"
        token = new_token() if services.settings.management else ""
        address = address_of(port, token) if token else ""
        text = banner(base_url, key, agents, f"{_state()} (`make reset` forgets it)", address)
        routers = [*ROUTERS, websocket.router]
        if services.settings.management:
            routers += admin.routers
        beside = partial(_look_after, services)
        app = log.logged(build_app(services, routers, aclose, [Middleware(FewAtOnce)], beside, operator_of))
        facts = ConsoleFacts(TENANT, str(_state()), base_url, USER, tuple(sorted(services.provider_names or ())))
        served = Console(app, token, facts, account_name(), alone=False) if token else app
        stack.enter_context(serving(_state(), base_url))
        serve(served, listener, lambda: print(text, flush=True), services.settings.max_body_bytes)
    print("\nStopped.")
    return 0


async def _look_after(services: Services) -> None:
    """Do what on AWS a schedule and a queue do."""
    traces = tracer()
    sending = [] if traces is None else [traces.run()]
    await asyncio.gather(sweep_forever(services), deliver_webhooks(services.settings, services), *sending)


def _state() -> Path:
    return folder(os.environ)


def _open(
    endpoints: dict[str, ProviderEndpoint], host: str, tools_at: str, *, is_first: bool
) -> tuple[Services, Callable[[], Awaitable[None]]]:
    """Open the stores and providers. Return them with the function that closes them.

    If no other server uses the folder, what still runs in its database was left by one that is gone.
    """
    state = _state()
    make_private(state)
    environ = {**DEFAULTS, "ANTIPHON_DATABASE": str(state / DATABASE), **os.environ}
    environ.setdefault("ANTIPHON_MANAGEMENT", str(host in LOOPBACK).lower())
    environ.setdefault("ANTIPHON_SEAL_KEYS", seal_keys(state / "seal-keys"))
    if environ.get(HOSTS_VARIABLE):
        environ[HOSTS_VARIABLE] += f",{tools_at}"
    settings = settings_of(environ, state)
    builders = {"demo": lambda _endpoint, _key: Demo(pause=DEMO_PAUSE)}
    named_in = VARIABLE if environ.get(VARIABLE) else str(state / PROVIDERS)
    providers = Providers(settings.providers | endpoints, environ, builders=builders, named_in=named_in)
    providers.require_keys()
    start_tracing(os.environ, settings, providers)
    stores = build_stores(settings)
    alone = is_first and settings.database == str(state / DATABASE)
    services = replace(build_services(settings, stores, providers), alone_since=int(time.time()) if alone else None)

    async def aclose() -> None:
        await close_runners(services)
        await providers.aclose()
        await stores.aclose()
        traces = tracer()
        if traces is not None:
            await traces.aclose(FLUSH_SECONDS)

    return services, aclose


def _further_models(
    enter: Callable[[AbstractContextManager[tuple[str, str]]], tuple[str, str]],
) -> tuple[dict[str, ProviderEndpoint], list[FurtherModel]]:
    """Return the providers and agents that the environment adds to the demo model."""
    endpoints: dict[str, ProviderEndpoint] = {}
    further: list[FurtherModel] = []
    if openai_key(os.environ):
        name = os.environ.get("OPENAI_MODEL", "gpt-4.1-mini")
        further.append(FurtherModel("openai", "openai", name, f"{name} through its Chat Completions API."))
    elif os.environ.get("OPENAI_API_KEY"):
        print("OPENAI_API_KEY holds a key of Antiphon, so there is no provider openai.", file=sys.stderr)
    if os.environ.get("LOCAL_MODEL"):
        from local.model import serve_model  # noqa: PLC0415 - an optional package

        base_url, api_key = enter(serve_model(os.environ.get("LOCAL_MODEL_PATH")))
        os.environ["LOCAL_MODEL_KEY"] = api_key
        endpoints["local"] = ProviderEndpoint(base_url=base_url, api_key_env="LOCAL_MODEL_KEY", reads=())
        further.append(FurtherModel("local-model", "local", "local", "A small real model on this machine."))
    return endpoints, further


def _fail(line: str) -> int:
    print(line, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
