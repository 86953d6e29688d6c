"""`python -m local.sam_local [PORT]`: the DynamoDB of `sam local invoke`, with the data of the sample events.

The tables are the template's, by their logical names; in them are a user, the agent and the key of `events/*.json`. It
listens on all addresses, because the functions call from containers, and is in memory: it ends with Ctrl-C.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import Final

from antiphon.access import keys, roles
from antiphon.bootstrap import build_stores
from antiphon.records import Agent, User
from antiphon.settings import Settings
from local.lambda_host.dynamodb import create_tables, serve_here
from local.lambda_host.layers import ROOT
from local.lambda_host.template import read_template

ENVIRONMENT: Final = ROOT / "events/env.json"
PORT: Final = 8005
USER: Final = "ada"
AGENT: Final = "greeter"
"""The agent that the sample events name."""


def sample_key() -> str:
    """Return the key of the sample events: made up, and public."""
    event = json.loads((ROOT / "events/list-models.rest.json").read_text())
    return str(event["headers"]["Authorization"]).removeprefix("Bearer ")


async def fill(url: str) -> None:
    """Store the caller of the sample events, as the functions' variables in ``events/env.json`` say where."""
    variables = json.loads(ENVIRONMENT.read_text())["CreateResponse"]
    tables = {name: variables[f"ANTIPHON_{name.upper()}"] for name in ("core_table", "responses_table")}
    stores = build_stores(Settings(**tables, aws_endpoint_url=url))
    await stores.directory.put(User("default", USER, role=roles.ADMIN))
    await stores.directory.put_agent(Agent("default", AGENT, "demo", "demo", author=USER))
    await stores.keys.add(keys.record(sample_key(), tenant="default", user=USER, now=1))
    await stores.aclose()


def main(arguments: list[str]) -> int:
    """Serve until Ctrl-C. Return the exit code."""
    port = int(arguments[0]) if arguments else PORT
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # before there are threads, which inherit it
    os.environ |= {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": "eu-central-1"}
    try:
        with serve_here(("0.0.0.0", port)) as server:  # noqa: S104 - containers call it
            create_tables(server.url, read_template(ROOT / "template.yaml").tables)
            asyncio.run(fill(server.url))
            print(f"{server.url} has the tables and the caller of events/*.json. Ctrl-C ends it.", flush=True)
            signal.sigwait(ends)
    except OSError:
        print(f"Port {port} is in use: `python -m local.sam_local {port + 1}`, and the same in events/env.json.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
