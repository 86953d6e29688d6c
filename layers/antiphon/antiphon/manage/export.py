"""Everything that is stored about one user, record by record, in pages of bounded size.

The id of a record names its section and its place in it, so a page begins behind any record and reads nothing before.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from typing import Final

import orjson

from antiphon.errors import ApiError
from antiphon.manage import held
from antiphon.manage.changes import Document, note
from antiphon.manage.held import Holder, Records
from antiphon.manage.operator import Operator
from antiphon.manage.pages import no_cursor
from antiphon.manage.refusals import NotFound, check_id
from antiphon.ports import Page, Services

_OWN: Final[dict[str, Callable[[Holder, str], Records]]] = {
    "user": held.user,
    "group": held.groups,
    "key": held.keys,
    "grant": held.grants,
    "agent": held.agents,
    "deleted_agent": held.deleted_agents,
    "usage": held.usage,
    "response": held.responses,
    "conversation": held.conversations,
    "conversation_items": held.items,
    "approval": held.approvals,
}
"""The kinds of records in their order, and what yields them."""

_AUDIT: Final[dict[str, Callable[[Holder, str], Records]]] = {"audit": held.done_by, "audit_about": held.done_to}

AREAS: Final = ("people", "keys", "agents", "limits", "usage", "responses", "content", "approvals", "audit")
"""What an operator must have the right to read: an export has nothing that they could not read otherwise."""

MAX_BYTES: Final = 1_000_000
"""A page ends before the record that makes it larger, unless that is its first. Lambda answers with 6 MB at most."""


async def export_user(
    services: Services, operator: Operator, user: str, *, limit: int, after: str = ""
) -> Page[Document]:
    """Return a page of all that is stored about a user. Each page that another operator reads is audited.

    Users can read their own pages, without the audit log, with a key that is not limited to some agents.

    Args:
        services: the adapters.
        operator: who asks.
        user: whose records are read.
        limit: the most records.
        after: the id of the record that the page follows; empty for the first page.

    Raises:
        ApiError: 403; 404: nothing is stored but what the audit log may have; 400: there is no record ``after``.
    """
    sections = _OWN if _require(operator, user) else {**_OWN, **_AUDIT}
    name, _, last = after.partition(":")
    if after and name not in sections:
        raise no_cursor()
    of = Holder(services, operator, user)
    if not operator.is_user(user):
        if not await of.exists():
            raise NotFound("user", user)
        await note(services, operator, "user.exported", f"user:{user}", None, {"after": after or None})
    return await _page(of, sections, name, last, limit)


def _require(operator: Operator, user: str) -> bool:
    """Check that an operator may export a user. Return whether the operator is that user."""
    if not operator.is_user(user):
        for area in AREAS:
            operator.require(area)
        check_id("user", user)
        return False
    if operator.key is not None and operator.key.agents is not None:
        message = "Your key is limited to some agents. Export with one that is not."
        raise ApiError("permission_denied", message, complete=True)
    return True


async def _page(
    of: Holder, sections: dict[str, Callable[[Holder, str], Records]], begin: str, last: str, limit: int
) -> Page[Document]:
    names = list(sections)
    page: list[Document] = []
    size = 0
    for name in names[names.index(begin) if begin else 0 :]:
        async with aclosing(sections[name](of, last if name == begin else "")) as records:  # type: ignore[type-var] # they are generators
            async for place, record in records:
                document = {"id": f"{name}:{place}", "kind": name, "record": record}
                size += len(orjson.dumps(document))
                if page and (len(page) == limit or size > MAX_BYTES):
                    return Page(page, more=True)
                page.append(document)
    return Page(page, more=False)
