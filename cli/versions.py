"""`antiphon agents history|compare|rollback|restore`: the versions of agents, and those that were deleted."""

from __future__ import annotations

import difflib
from argparse import Namespace
from typing import Any

from antiphon.manage import versions
from cli import files
from cli.output import Output, Refused, moment
from cli.session import Session
from cli.tables import table

SHOWN = 12
"""The characters of a digest that a table shows."""


async def history(session: Session, args: Namespace) -> Output:
    """List the versions of an agent that are kept, newest first."""
    listed = await session.listed(versions.list_versions, args.id)
    rows = [
        (
            each["id"],
            moment(each["updated_at"]),
            each["provider"],
            each["model"],
            each["digest"][:SHOWN],
            "in force" if each["in_force"] else "",
        )
        for each in listed
    ]
    return Output(listed, table(("VERSION", "SINCE", "PROVIDER", "MODEL", "DIGEST", ""), rows))


async def compare(session: Session, args: Namespace) -> Output:
    """Show the lines that changed between two versions of an agent."""
    old, new = await _pair(session, args)
    before, after = [await _written(session, args.id, number) for number in (old, new)]
    lines = [*difflib.unified_diff(before, after, f"version {old}", f"version {new}", n=2, lineterm="")]
    data = {"id": args.id, "old": old, "new": new, "lines": lines[2:]}
    return Output(data, "\n".join(lines) or f"versions {old} and {new} of agent {args.id} are the same")


async def roll_back(session: Session, args: Namespace) -> Output:
    """Bring a former version of an agent back, as a new version."""
    done = await versions.roll_back(session.services, session.operator, args.id, args.version)
    if done["result"] == "unchanged":
        return Output(done, f"unchanged  {args.id}", (f"version {args.version} has the content that is in force",))
    return Output(done, f"rolled back  {args.id}", (f"version {done['version']} is version {args.version} again",))


async def restore(session: Session, args: Namespace) -> Output:
    """Bring a deleted agent back."""
    done = await versions.restore_agent(session.services, session.operator, args.id)
    return Output(done, f"restored  {args.id}")


async def list_deleted(session: Session) -> Output:
    """List the agents that were deleted and can be restored."""
    listed = await session.listed(versions.list_deleted)
    rows = [
        (each["id"], each["author"], str(each["version"]), moment(each["deleted_at"]), moment(each["restorable_until"]))
        for each in listed
    ]
    return Output(listed, table(("ID", "AUTHOR", "VERSION", "DELETED", "RESTORABLE UNTIL"), rows))


async def _pair(session: Session, args: Namespace) -> tuple[int, int]:
    """Return the numbers of the versions to compare.

    Raises:
        Refused: there is no former version.
    """
    if args.old is not None and args.new is not None:
        return args.old, args.new
    newest: list[dict[str, Any]] = await session.listed(versions.list_versions, args.id)
    if args.old is not None:
        return args.old, newest[0]["version"]
    if len(newest) == 1:
        raise Refused(f"agent {args.id} has one version, so there is nothing to compare")
    return newest[1]["version"], newest[0]["version"]


async def _written(session: Session, agent: str, version: int) -> list[str]:
    return files.write(await versions.export_version(session.services, session.operator, agent, version)).splitlines()
