"""`make lambda`: the same API as `make run`, through the real functions and their event formats, on a DynamoDB.

State lasts as long as the process: the DynamoDB is moto's, in memory.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from antiphon.bootstrap import build_services, build_stores
from antiphon.errors import SettingsError
from antiphon.providers.configured import Providers, openai_key
from antiphon.settings import Settings
from local.banner import banner
from local.lambda_host.dynamodb import create_tables, serve_apart
from local.lambda_host.host import Host
from local.lambda_host.layers import ROOT, CannotBuild, find_python313, lay_out
from local.lambda_host.template import Template, read_template
from local.seed import USER, FurtherModel, seed
from local.state import LAMBDA, folder, in_use, make_private, variables_of

PASSED: Final = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTIPHON_SEAL_KEYS")
"""The variables of this process that the functions get, besides the providers and their keys."""

CREDENTIALS: Final = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": "eu-central-1",
}
"""The DynamoDB takes any."""

HIGHEST_PORT: Final = 65_535
"""The REST API takes the port that is asked for, the Function URL the next one."""


def main() -> int:
    """Serve until Ctrl-C. Return the exit code."""
    port = os.environ.get("PORT", "8000")
    if not port.isdecimal() or int(port) >= HIGHEST_PORT:
        return _fail(f"PORT must be a number below {HIGHEST_PORT}: `make lambda PORT=8001`, not {port!r}.")
    state = folder(os.environ) / LAMBDA
    python313 = find_python313()
    print("Laying out the functions and layers ...", file=sys.stderr)
    try:
        providers = variables_of(os.environ, state.parent)
        layout = lay_out(state, python313)
    except (CannotBuild, SettingsError) as error:
        return _fail(str(error))
    with ExitStack() as stack:
        make_private(state.parent)
        stack.enter_context(in_use(state))
        origins = os.environ.get("ANTIPHON_ALLOWED_ORIGINS", "")
        template = read_template(ROOT / "template.yaml", FunctionUrl="on", WebSocketApi="on", AllowedOrigins=origins)
        database = stack.enter_context(serve_apart())
        create_tables(database, template.tables)
        environ = {name: os.environ[name] for name in PASSED if os.environ.get(name)} | providers
        try:
            host = stack.enter_context(
                Host(layout, template, database, log=state / "logs", port=int(port), environ=environ, scheduled=True)
            )
        except OSError:
            return _fail(f"Port {port} or the next one is in use. `make lambda PORT={int(port) + 10}` takes others.")
        key, agents = _seed(template, database)
        print(banner(f"{host.rest.root}/v1", key, agents, "in memory, gone with Ctrl-C"))
        print(f"  Function URL   {host.url.root}/v1")
        if host.socket is not None and template.socket is not None:
            print(f"  WebSocket API  {host.socket.root.replace('http', 'ws', 1)}/{template.socket.stage}")
        print(f"  DynamoDB       {database}, with the tables CoreTable and ResponsesTable")
        print(f"  functions run  Python {'3.13 and the built layers' if python313 else _own_version()}")
        print(f"  logs           {state / 'logs'}\n")
        print(_administering(database, template), flush=True)
        _until_told()
    print("\nStopped.")
    return 0


def _seed(template: Template, database: str) -> tuple[str, list[str]]:
    """Seed what a newcomer finds; the key is new each time, as the tables are."""
    os.environ |= CREDENTIALS
    tables = _tables(template)
    settings = Settings(
        environment=template.environment,
        core_table=tables["CORE_TABLE"],
        responses_table=tables["RESPONSES_TABLE"],
        aws_endpoint_url=database,
    )
    model = os.environ.get("OPENAI_MODEL", "gpt-4.1-mini")
    further = [FurtherModel("openai", "openai", model, f"{model} through its Chat Completions API.")]
    stores = build_stores(settings)
    services = build_services(settings, stores, Providers({}, {}))

    async def work(folder: str) -> tuple[str, list[str]]:
        seeded = await seed(services, Path(folder) / "key", further if openai_key(os.environ) else [])
        await stores.aclose()
        return seeded

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(work(folder))


def _administering(database: str, template: Template) -> str:
    """Return the commands that add an agent while this runs."""
    environ = {**CREDENTIALS, "ANTIPHON_AWS_ENDPOINT_URL": database, "ANTIPHON_ENVIRONMENT": template.environment}
    tables = " ".join(f"ANTIPHON_{name}={table}" for name, table in _tables(template).items())
    variables = " ".join(f"{name}={value}" for name, value in environ.items())
    return f"""Add an agent, from another terminal in this folder (it is gone with Ctrl-C, too):

  export {variables}
  export {tables}
  .venv/bin/antiphon agents apply examples/echo.yaml --author {USER}
"""


def _tables(template: Template) -> dict[str, str]:
    variables = next(iter(template.functions.values()))["Environment"]["Variables"]
    return {name: variables[f"ANTIPHON_{name}"] for name in ("CORE_TABLE", "RESPONSES_TABLE")}


def _own_version() -> str:
    return (
        f"{sys.version_info.major}.{sys.version_info.minor}, for want of 3.13 (PYTHON313=/path/to/python3.13 names one)"
    )


def _until_told() -> None:
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    told.wait()


def _fail(line: str) -> int:
    print(line, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
