"""`antiphon agents`: apply agent files, compare them with what is stored, list, show and delete agents."""

from __future__ import annotations

from argparse import Namespace

from cli import changes, files
from cli.changes import Change
from cli.document import write_agent
from cli.output import Output, Refused, moment
from cli.progress import counted
from cli.session import Session, absent
from cli.sources import read_agents
from cli.tables import columns, table


async def apply(session: Session, args: Namespace) -> Output:
    """Write the agents of the files. Nothing is written unless all can be; applying again changes nothing."""
    planned = await _plan(session, args)
    for change in planned:
        _refuse_takeover(change)
    for change in counted(planned, "writing agent", lambda change: change.agent.id):
        await changes.write(session, change)
    results = [{"id": change.agent.id, "result": change.result} for change in planned]
    text = columns([(result["result"], result["id"]) for result in results])
    return Output(results, text, _notes(planned))


async def diff(session: Session, args: Namespace) -> Output:
    """Compare the files with the stored agents: per agent what ``apply`` would do, and the lines that change."""
    planned = await _plan(session, args)
    data = [
        {
            "id": change.agent.id,
            "author": change.agent.author,
            "result": change.result,
            "before": change.before,
            "after": change.after,
        }
        for change in planned
    ]
    text = "\n".join(line for change in planned for line in (f"{change.result}  {change.agent.id}", *_lines(change)))
    return Output(data, text, _notes(planned))


async def list_agents(session: Session, _args: Namespace) -> Output:
    """List the tenant's agents."""
    agents = await session.directory.list_agents(session.tenant)
    rows = [(a.id, a.name, a.provider, a.model, a.author, moment(a.updated_at)) for a in agents]
    text = table(("ID", "NAME", "PROVIDER", "MODEL", "AUTHOR", "UPDATED"), rows)
    return Output([write_agent(agent, []) for agent in agents], text)


async def show(session: Session, args: Namespace) -> Output:
    """Return one agent as a file, with its grants."""
    agent = await session.agent(args.id)
    document = write_agent(agent, await session.directory.grants_on(session.tenant, agent.id))
    return Output(document, files.write(document))


async def delete(session: Session, args: Namespace) -> Output:
    """Delete one agent."""
    if not await session.directory.delete_agent(session.tenant, args.id):
        known = [agent.id for agent in await session.directory.list_agents(session.tenant)]
        raise absent("agent", args.id, known, "see `antiphon agents list`")
    return Output({"id": args.id, "result": "deleted"}, f"deleted  {args.id}")


async def _plan(session: Session, args: Namespace) -> list[Change]:
    documents = counted(read_agents(args.files), "reading agent", lambda document: document.id)
    return [await changes.plan(session, document, args.author) for document in documents]


def _refuse_takeover(change: Change) -> None:
    if change.result == "updated" and not change.author_named:
        agent, author = change.agent.id, change.agent.author
        raise Refused(
            f"agent {agent} exists, belongs to user {author} and differs from the file (`antiphon agents diff`); "
            f"to change it, name its author with `--author {author}` or `author: {author}` in the file"
        )


def _notes(planned: list[Change]) -> tuple[str, ...]:
    return tuple(note for change in planned for note in change.notes)


def _lines(change: Change) -> list[str]:
    return [] if change.result == "unchanged" else [f"  {line}" for line in change.lines()]
