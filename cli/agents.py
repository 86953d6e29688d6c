"""`antiphon agents`: apply agent files, compare them with what is stored, list, show and delete agents."""

from __future__ import annotations

import difflib
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace

from antiphon.agents.versions import RESTORABLE_DAYS
from antiphon.errors import ApiError
from antiphon.manage import agents, versions
from antiphon.manage.agents import Change
from antiphon.manage.document import AgentDocument
from antiphon.manage.refusals import NotFound
from antiphon.server_tools.authorization import references
from antiphon.server_tools.differences import differences
from antiphon.server_tools.runners import LazyPinning
from cli import files, fitting
from cli.advice import plain, refusal
from cli.output import Output, Refused, moment
from cli.progress import counted
from cli.session import Session
from cli.sources import AgentFile, read_agents
from cli.tables import columns, table
from cli.versions import list_deleted


async def apply(session: Session, args: Namespace) -> Output:
    """Write the agents of the files. Nothing is written unless all can be; applying again changes nothing."""
    planned = await _planned(session, args)
    for document, change in planned:
        _refuse_takeover(document, change, args.author)
    for _, change in counted(planned, "writing agent", lambda plan: plan[1].agent.id):
        await agents.apply_change(session.services, session.operator, change)
    results = [{"id": change.agent.id, "result": change.result} for _, change in planned]
    lines = columns([(result["result"], result["id"]) for result in results]).splitlines()
    text = "\n".join(line for row, (_, change) in zip(lines, planned, strict=True) for line in (row, *_tools(change)))
    return Output(results, text, _notes(session, planned))


async def diff(session: Session, args: Namespace) -> Output:
    """Compare the files with the stored agents: per agent what ``apply`` would do, and the lines that change."""
    planned = await _planned(session, args)
    data = [
        {
            "id": change.agent.id,
            "author": change.agent.author,
            "result": change.result,
            "before": change.before,
            "after": change.after,
            "tools": _tools(change),
        }
        for _, change in planned
    ]
    text = "\n".join(line for _, change in planned for line in _shown(change))
    return Output(data, text, _notes(session, planned))


async def list_agents(session: Session, args: Namespace) -> Output:
    """List the tenant's agents, or those that were deleted and can be restored."""
    if args.deleted:
        return await list_deleted(session)
    listed = await session.listed(agents.list_agents)
    names = ("id", "name", "provider", "model", "author")
    rows = [(*(agent[name] for name in names), moment(agent["updated_at"])) for agent in listed]
    return Output(listed, table(("ID", "NAME", "PROVIDER", "MODEL", "AUTHOR", "UPDATED"), rows))


async def show(session: Session, args: Namespace) -> Output:
    """Return one agent as a file, with its grants; a former version without them."""
    if args.version is None:
        document = await agents.export_agent(session.services, session.operator, args.id)
    else:
        document = await versions.export_version(session.services, session.operator, args.id, args.version)
    return Output(document, files.write(document))


async def delete(session: Session, args: Namespace) -> Output:
    """Delete one agent."""
    done = await agents.delete_agent(session.services, session.operator, args.id)
    note = f"for {RESTORABLE_DAYS} days `antiphon agents restore {args.id}` brings it back, with its grants"
    return Output(done, f"deleted  {args.id}", (note,))


async def _planned(session: Session, args: Namespace) -> list[tuple[AgentDocument, Change]]:
    found = counted(read_agents(args.files), "reading agent", lambda file: file.document.id)
    return [await _plan(session, file, args.author) for file in found]


async def _plan(session: Session, file: AgentFile, author: str | None) -> tuple[AgentDocument, Change]:
    document = file.document
    services = replace(session.services, pin_tools=LazyPinning(session.services.settings, file.read))
    asked = {document.provider, *(other.provider for other in document.fallbacks)}
    problems = list(fitting.absent(asked, session.providers, session.providers_are))
    if problems:
        raise Refused(f"agent {document.id}: {'; '.join(problems)}")
    try:
        return document, await agents.plan_agent(services, session.operator, document, author)
    except NotFound as error:
        raise Refused(f"agent {document.id}: {await refusal(session, error)}") from None
    except ApiError as error:
        if error.code == "missing_required_parameter":
            message = "is new: name its author with `--author USER` or `author:` in the file"
            raise Refused(f"agent {document.id} {message}") from None
        raise Refused(f"agent {document.id}: {plain(error.message)}") from None


def _refuse_takeover(document: AgentDocument, change: Change, author: str | None) -> None:
    if change.result == "updated" and author is None and document.author is None:
        agent, owner = change.agent.id, change.agent.author
        raise Refused(
            f"agent {agent} exists, belongs to user {owner} and differs from the file (`antiphon agents diff`); "
            f"to change it, name its author with `--author {owner}` or `author: {owner}` in the file"
        )


def _notes(session: Session, planned: list[tuple[AgentDocument, Change]]) -> tuple[str, ...]:
    return tuple(
        note
        for _, change in planned
        for note in (*fitting.unchecked(change.agent, session.providers), *_variables(session, change), *change.notes)
    )


def _variables(session: Session, change: Change) -> Iterator[str]:
    """Yield which variables the agent's tools need that the functions of a stack do not have."""
    if session.services.settings.core_table is None:
        return
    for server in change.agent.servers:
        for reference in references(server.auth):
            if "env" in reference:
                yield (
                    f"agent {change.agent.id}: {server.label} needs the variable {reference['env']}, which the "
                    "functions of a stack do not have; use secret with ToolSecretArns, or parameter with "
                    "ToolParameterArns"
                )


def _shown(change: Change) -> Iterator[str]:
    yield f"{change.result}  {change.agent.id}"
    yield from _lines(change)
    yield from _tools(change)


def _tools(change: Change) -> list[str]:
    """Return what differs in the tools of the agent's servers."""
    before = () if change.stored is None else change.stored.servers
    return [f"  {line}" for line in differences(before, change.agent.servers)]


def _lines(change: Change) -> Iterator[str]:
    """Yield the lines that change, as a unified diff without its header."""
    if change.result == "unchanged":
        return
    before = [] if change.before is None else files.write(change.before).splitlines()
    compared = difflib.unified_diff(before, files.write(change.after).splitlines(), n=2, lineterm="")
    yield from (f"  {line}" for number, line in enumerate(compared) if number > 1)
