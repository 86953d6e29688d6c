"""What applying an agent file would change: checked against the deployment first, written afterwards."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from antiphon.records import Agent, Grant
from cli import files, fitting
from cli.document import AgentDocument, InvalidDocument, write_agent
from cli.grants import check_authors_grant
from cli.output import Refused
from cli.session import Session


@dataclass(frozen=True, slots=True)
class Change:
    """One document and what it changes.

    Attributes:
        agent: the agent as it will be.
        stored: the agent as it is; None for a new one.
        grants: the document's grants that are not stored yet.
        author_named: the document or ``--author`` names the agent's author.
        before, after: the agent as a file with all its grants; ``before`` is None for a new one.
        notes: what could not be checked.
    """

    agent: Agent
    stored: Agent | None
    grants: list[Grant]
    author_named: bool
    before: dict[str, Any] | None
    after: dict[str, Any]
    notes: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether the agent is stored just as the document has it, its grants aside."""
        return (
            self.stored is not None
            and dataclasses.replace(self.agent, updated_at=self.stored.updated_at) == self.stored
        )

    @property
    def result(self) -> str:
        """What applying the document does: ``created``, ``updated`` or ``unchanged``."""
        if self.stored is None:
            return "created"
        return "unchanged" if self.same and not self.grants else "updated"

    def lines(self) -> Iterator[str]:
        """Yield the lines that change, as a unified diff without its header."""
        before = [] if self.before is None else files.write(self.before).splitlines()
        compared = difflib.unified_diff(before, files.write(self.after).splitlines(), n=2, lineterm="")
        return (line for number, line in enumerate(compared) if number > 1)


async def plan(session: Session, document: AgentDocument, author: str | None) -> Change:
    """Check a document against the deployment.

    Raises:
        Refused: it cannot be applied.
    """
    found = await session.directory.agent(session.tenant, document.id, [])
    stored = found[0] if found else None
    owner = _owner(document, author, stored)
    grants = document.granted(session.tenant)
    try:
        if stored is None:
            await session.account(owner)
        for grant in grants:
            await session.principal(grant.principal)
            check_authors_grant(grant, owner)
    except Refused as error:
        raise Refused(f"agent {document.id}: {error}") from None
    agent = _agent(session, document, owner, stored)
    held = await session.directory.grants_on(session.tenant, agent.id) if stored else []
    missing = [grant for grant in grants if await session.bits(grant.agent, grant.principal) != grant.bits]
    return Change(
        agent=agent,
        stored=stored,
        grants=missing,
        author_named=(author or document.author) is not None,
        before=write_agent(stored, held) if stored else None,
        after=write_agent(agent, _merged(held, missing)),
        notes=tuple(fitting.unchecked(agent, session.providers)),
    )


async def write(session: Session, change: Change) -> None:
    """Apply a change."""
    if not change.same:
        await session.directory.put_agent(change.agent)
    for grant in change.grants:
        await session.directory.put(grant)


def _agent(session: Session, document: AgentDocument, owner: str, stored: Agent | None) -> Agent:
    try:
        agent = document.agent(session.tenant, owner, session.now)
    except InvalidDocument as error:
        raise Refused(f"agent {document.id}: {error}") from None
    problems = [
        *fitting.absent(fitting.names(agent), session.providers, session.providers_are),
        *fitting.misfits(agent, session.providers),
    ]
    if problems:
        raise Refused(f"agent {document.id}: {'; '.join(problems)}")
    return agent if stored is None else dataclasses.replace(agent, created_at=stored.created_at)


def _owner(document: AgentDocument, author: str | None, stored: Agent | None) -> str:
    asked = author or document.author
    if stored is None and asked is None:
        raise Refused(f"agent {document.id} is new: name its author with `--author USER` or `author:` in the file")
    if stored is not None and asked not in (None, stored.author):
        raise Refused(f"agent {document.id} belongs to user {stored.author}: an agent's author does not change")
    return stored.author if stored else str(asked)


def _merged(held: list[Grant], added: list[Grant]) -> list[Grant]:
    merged = {grant.principal: grant for grant in (*held, *added)}
    return [merged[principal] for principal in sorted(merged)]
