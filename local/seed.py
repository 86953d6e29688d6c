"""What a new local state has: a user, agents and a key. What exists already is left as it is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from antiphon.access import decide, keys, roles
from antiphon.access.principal import Principal
from antiphon.ports import Services
from antiphon.records import Agent, Grant, Limits, User
from antiphon.run.models import visible_agents
from local.tools import seed_clock

TENANT: Final = "default"
USER: Final = "you"

WEATHER_TOOL: Final = {
    "type": "function",
    "name": "get_weather",
    "description": "Tell the weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}},
        "required": ["city", "unit"],
        "additionalProperties": False,
    },
    "strict": True,
}


@dataclass(frozen=True, slots=True)
class FurtherModel:
    """A further agent to seed: its id, and the provider and model behind it."""

    agent: str
    provider: str
    model: str
    description: str


def agents(now: int, models: list[FurtherModel]) -> list[Agent]:
    """Return the agents to seed: two on the demo model, and one for each further model."""
    seeded = partial(Agent, tenant=TENANT, author=USER, created_at=now, updated_at=now)
    return [
        seeded(
            id="assistant",
            name="Assistant",
            description="Talks. Runs on the built-in demo model.",
            provider="demo",
            model="demo",
            instructions="You are a friendly guide to Antiphon.",
        ),
        seeded(
            id="weather",
            name="Weather",
            description="Asks its caller for the weather by a function call. Runs on the built-in demo model.",
            provider="demo",
            model="demo",
            instructions="Answer questions about the weather. Use the tool.",
            tools=(WEATHER_TOOL,),
        ),
        *(
            seeded(
                id=model.agent,
                name=model.agent,
                description=model.description,
                provider=model.provider,
                model=model.model,
                instructions="You are a helpful assistant.",
            )
            for model in models
        ),
    ]


async def seed(
    services: Services, key_file: Path, models: list[FurtherModel], tools_at: str = ""
) -> tuple[str, list[str]]:
    """Seed what is missing.

    Args:
        services: the stores.
        key_file: where the local key is kept in clear, readable by its owner alone, so that every start can show it.
        models: further agents.
        tools_at: the host and port of the MCP server on this machine; empty for none.

    Returns:
        The key, and the ids of the agents that it can use.
    """
    now = int(services.clock())
    directory = services.directory
    if await directory.account(TENANT, USER) is None:
        await directory.put(User(TENANT, USER, name="You", role=roles.ADMIN))
    there = {agent.id for agent in await directory.list_agents(TENANT)}
    for agent in agents(now, models):
        if agent.id not in there and await directory.deleted_agent(TENANT, agent.id) is None:
            await directory.put_agent(agent)
            await directory.put(Grant(TENANT, agent.id, "public", 1))
    if tools_at:
        await seed_clock(services, tools_at, TENANT, USER)
    key = await _key(services, key_file, now)
    return key, await _usable(services, key)


async def _usable(services: Services, key: str) -> list[str]:
    record = await services.keys.get(keys.digest(key))
    account = await services.directory.account(record.tenant, record.user) if record else None
    if record is None or account is None:
        return []
    principal = Principal.from_account(account, record, Limits())
    if not decide.may_use(principal, write=True).allowed:
        return []
    return [agent.id for agent in await visible_agents(services, principal)]


async def _key(services: Services, key_file: Path, now: int) -> str:
    key = _read(key_file)
    stored = await services.keys.get(keys.digest(key)) if keys.is_key(key) else None
    if stored is not None and decide.key_state(stored, now).allowed:
        return key
    key = keys.make_key(services.settings.environment, services.entropy)
    await services.keys.add(keys.record(key, tenant=TENANT, user=USER, now=now, name="local"))
    _write(key_file, key)
    return key


def _read(file: Path) -> str:
    return file.read_text().strip() if file.exists() else ""


def _write(file: Path, key: str) -> None:
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(key + "\n")
