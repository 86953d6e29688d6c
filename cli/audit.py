"""`antiphon audit`: who changed what."""

from __future__ import annotations

import json
from argparse import Namespace
from datetime import UTC, datetime
from typing import Any, Final

from antiphon.manage.audit import list_audit
from antiphon.ports import AuditFilter
from cli.output import Output
from cli.session import PAGE, Session
from cli.tables import table
from cli.times import beginning

_LONGEST: Final = 40
"""The longest value in the table."""


async def list_entries(session: Session, args: Namespace) -> Output:
    """List the entries of the audit log, newest first."""
    wanted = AuditFilter(args.actor, args.kind, args.target)
    since = beginning(args.since, session.now) if args.since else 0
    found: list[dict[str, Any]] = []
    more = True
    while more and (not args.limit or len(found) < args.limit):
        page = await list_audit(
            session.services,
            session.operator,
            limit=min(PAGE, args.limit - len(found)) if args.limit else PAGE,
            after=found[-1]["id"] if found else "",
            wanted=wanted,
            since=since,
        )
        found += page.records
        more = page.more
    note = (f"there are more: --limit {2 * args.limit} shows more of them, --limit 0 all",) if more else ()
    return Output(
        found, table(("WHEN", "WHO", "VIA", "WHAT", "TARGET", "CHANGES"), [_row(each) for each in found]), note
    )


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    actor = entry["actor"]
    at = datetime.fromtimestamp(entry["at"], UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    where = actor["key_id"] or actor["host"] or ""
    via = f"{actor['via']} {where}".strip()
    return (at, actor["user"], via, entry["action"], entry["target"], _changes(entry))


def _changes(entry: dict[str, Any]) -> str:
    before, after = entry["before"], entry["after"]
    if after is None:
        return ""
    if before is None:
        return ", ".join(f"{name}: {_short(value)}" for name, value in after.items() if name not in {"id", "agent"})
    names = [name for name in after if before.get(name) != after.get(name)]
    return ", ".join(f"{name}: {_short(before.get(name))} -> {_short(after.get(name))}" for name in names)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
