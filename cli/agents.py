"""`antiphon agents`: keep agents as files say, list them, write them down again, delete them."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from dataclasses import dataclass
from typing import Any

from antiphon.records import Agent, Grant
from cli import files, fitting
from cli.answer import Answer, Refused, columns, moment, table
from cli.commands import Commands
from cli.document import AgentDocument, InvalidDocument, read_agent, write_agent
from cli.grants import check_authors_grant
from cli.session import Session


def add(commands: Commands) -> None:
    """Describe the commands."""
    agents = commands.group("agents", "agents, which clients address as `model`")
    command = agents.command("apply", "create or update the agents of a file", apply)
    command.add_argument("file", metavar="FILE", help="YAML or JSON, one or several documents; - for stdin")
    command.add_argument("--author", metavar="U", help="who owns a new agent; by default the document's `author`")
    agents.command("list", "list all agents", list_agents)
    command = agents.command("show", "write an agent down as a file that `apply` takes", show)
    command.add_argument("id", metavar="ID", help="the agent's id")
    command = agents.command("delete", "delete an agent with all its grants", delete)
    command.add_argument("id", metavar="ID", help="the agent's id")


@dataclass(frozen=True, slots=True)
class _Change:
    """What one document asks for, checked; nothing is written before all documents are."""

    agent: Agent
    stored: Agent | None
    grants: list[Grant]

    @property
    def same(self) -> bool:
        """Whether the agent is stored already just as the document says."""
        return (
            self.stored is not None
            and dataclasses.replace(self.agent, updated_at=self.stored.updated_at) == self.stored
        )


async def apply(session: Session, args: Namespace) -> Answer:
    """Make the stored agents be as the documents say. Doing it again changes nothing."""
    documents = _read(args.file)
    changes = [await _plan(session, document, args.author) for document in documents]
    results = [{"id": change.agent.id, "result": await _write(session, change)} for change in changes]
    notes = tuple(note for change in changes for note in _unchecked(session, change.agent))
    return Answer(results, columns([(result["result"], result["id"]) for result in results]), notes)


async def list_agents(session: Session, _args: Namespace) -> Answer:
    """List the tenant's agents."""
    agents = await session.directory.list_agents(session.tenant)
    rows = [(a.id, a.name, a.provider, a.model, a.author, moment(a.updated_at)) for a in agents]
    text = table(("ID", "NAME", "PROVIDER", "MODEL", "AUTHOR", "UPDATED"), rows)
    return Answer([write_agent(agent, []) for agent in agents], text)


async def show(session: Session, args: Namespace) -> Answer:
    """Write one agent down, with its grants."""
    agent = await session.agent(args.id)
    document = write_agent(agent, await session.directory.grants_on(session.tenant, agent.id))
    return Answer(document, files.write(document))


async def delete(session: Session, args: Namespace) -> Answer:
    """Delete one agent."""
    if not await session.directory.delete_agent(session.tenant, args.id):
        raise Refused(f"there is no agent {args.id}: see `antiphon agents list`")
    return Answer({"id": args.id, "result": "deleted"}, f"deleted  {args.id}")


def _read(path: str) -> list[AgentDocument]:
    parts = files.read(path)
    if not parts:
        raise Refused(f"{path}: there is no document in it")
    documents = [_checked(part, f"{path}: document {number}") for number, part in enumerate(parts, 1)]
    ids = [document.id for document in documents]
    for agent in ids:
        if ids.count(agent) > 1:
            raise Refused(f"{path}: agent {agent} is there twice")
    return documents


def _checked(part: Any, where: str) -> AgentDocument:
    try:
        return read_agent(part)
    except InvalidDocument as error:
        raise Refused(f"{where}: {error}") from None


async def _plan(session: Session, document: AgentDocument, author: str | None) -> _Change:
    found = await session.directory.agent(session.tenant, document.id, [])
    stored = found[0] if found else None
    owner = _owner(document, author, stored)
    if stored is None:
        await session.account(owner)
    grants = document.granted(session.tenant)
    for grant in grants:
        await session.principal(grant.principal)
        check_authors_grant(grant, owner)
    try:
        agent = document.agent(session.tenant, owner, session.now)
    except InvalidDocument as error:
        raise Refused(f"agent {document.id}: {error}") from None
    misfits = "; ".join(fitting.misfits(agent, session.providers))
    if misfits:
        raise Refused(f"agent {document.id}: {misfits}")
    return _Change(
        agent if stored is None else dataclasses.replace(agent, created_at=stored.created_at), stored, grants
    )


def _unchecked(session: Session, agent: Agent) -> list[str]:
    """Say what could not be looked at."""
    return [
        f"agent {agent.id}: no provider {name} is known here, so nothing tells whether its models can be asked this"
        for name in fitting.unknown(agent, session.providers)
    ]


def _owner(document: AgentDocument, author: str | None, stored: Agent | None) -> str:
    asked = author or document.author
    if stored is None and asked is None:
        raise Refused(f"agent {document.id} is new: name its author with `--author USER` or `author:` in the file")
    if stored is not None and asked not in (None, stored.author):
        raise Refused(f"agent {document.id} belongs to user {stored.author}: an agent's author does not change")
    return stored.author if stored else str(asked)


async def _write(session: Session, change: _Change) -> str:
    if not change.same:
        await session.directory.put_agent(change.agent)
    missing = [grant for grant in change.grants if await session.bits(grant.agent, grant.principal) != grant.bits]
    for grant in missing:
        await session.directory.put(grant)
    if change.stored is None:
        return "created"
    return "unchanged" if change.same and not missing else "updated"
