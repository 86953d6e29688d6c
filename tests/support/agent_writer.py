"""A process that stores versions of one agent as fast as it can: ``agent_writer.py STORE NAME COUNT``.

STORE is the path of an SQLite file, or the URL of an emulated DynamoDB. It begins when a line comes on standard input,
so that several begin at once.
"""

from __future__ import annotations

import asyncio
import sys

from antiphon.records import Actor, Agent
from tests.support.tables import CORE, RESPONSES


async def main(store: str, name: str, count: int) -> None:
    """Store the versions."""
    if store.startswith("http"):
        from antiphon.store.dynamodb import open_stores as open_tables

        _, directory, *_ = open_tables(CORE, RESPONSES, endpoint_url=store)
    else:
        from antiphon.store.sqlite import open_stores as open_file

        _, directory, *_ = open_file(store)  # type: ignore[assignment]  # the other adapter of the same port
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for number in range(count):
        agent = Agent("acme", "guide", "demo", "demo", author="ann", instructions=f"{name} {number}")
        await directory.put_agent(agent, Actor("acme", name, "cli"))
    await directory.aclose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
