"""The tools of an agent's servers: as they were pinned, and what the servers changed since."""

from __future__ import annotations

import asyncio
from typing import Any

from antiphon.access.grants import EDIT
from antiphon.errors import ApiError
from antiphon.manage.agents import editable
from antiphon.manage.changes import Document
from antiphon.manage.document import AgentDocument, write_agent
from antiphon.manage.operator import Operator
from antiphon.ports import Services
from antiphon.records import ToolServer
from antiphon.server_tools.differences import differences


async def show_tools(services: Services, operator: Operator, agent_id: str) -> Document:
    """Return the pinned tools of each server of an agent, with what the server changed since; nothing is written.

    All servers are asked at once. One that cannot be asked from here has the reason as its ``failure``.

    Raises:
        NotFound: there is no such agent for this operator.
        ApiError: 403: a user may use it, and not change it.
    """
    agent = await editable(services, operator, agent_id, EDIT, write=False)
    entries = AgentDocument.model_validate(write_agent(agent, [])).servers
    pairs = zip(entries, agent.servers, strict=True)
    servers = await asyncio.gather(*(_compared(services, entry, pinned) for entry, pinned in pairs))
    return {"id": agent.id, "servers": sorted(servers, key=lambda server: str(server["label"]))}


async def _compared(services: Services, entry: Any, pinned: ToolServer) -> Document:
    failure: str | None = None
    changes: list[str] = []
    try:
        now = await services.pin_tools([entry])
        changes = list(differences([pinned], [found.server for found in now]))
    except ApiError as error:
        failure = error.message
    return {
        "label": pinned.label,
        "kind": pinned.kind,
        "tools": [tool.name for tool in pinned.tools],
        "differences": changes,
        "failure": failure,
    }
