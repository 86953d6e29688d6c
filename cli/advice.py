"""What to do about an operation that was refused, in the words of the command line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from antiphon.errors import ApiError
from antiphon.manage import agents, people
from antiphon.manage.refusals import NotFound
from antiphon.ports import Page
from cli.output import Refused
from cli.session import Session
from cli.suggestion import did_you_mean

_LOOKED_AT: Final = 1000
"""How many ids are looked at for one that is like a misspelt one."""

_LISTS: Final[dict[str, Callable[..., Awaitable[Page[dict[str, Any]]]]]] = {
    "agent": agents.list_agents,
    "user": people.list_users,
    "role": people.list_roles,
    "group": people.list_groups,
}
_ADVICE: Final = {
    "agent": "see `antiphon agents list`, or create it with `antiphon agents apply`",
    "user": "create it with `antiphon users put {id}`",
    "role": "create it with `antiphon roles put {id} --permission USE`",
    "group": "create it with `antiphon groups put {id}`",
    "version": "see `antiphon agents history AGENT`",
    "key": "see `antiphon keys list`",
    "grant": "see `antiphon grants list AGENT`",
    "webhook": "see `antiphon webhooks list`",
    "response": "see `antiphon user-responses list USER`",
}


async def refusal(session: Session, error: ApiError) -> Refused:
    """Return the one line for an operation that was refused."""
    if not isinstance(error, NotFound):
        return Refused(plain(error.message))
    meant = did_you_mean(error.id, await _known(session, error.kind))
    advice = _ADVICE[error.kind].format(id=error.id)
    if error.kind == "grant":
        return Refused(f"{error.id} has no grant on the agent: {advice}")
    what = f"there is no {error.kind} {error.id}"
    return Refused(f"{what}: {meant} Or {advice}" if meant else f"{what}: {advice}")


def plain(message: str) -> str:
    """Return an error's message as a line of the command line: without a capital and a full stop."""
    return message[:1].lower() + message[1:].removesuffix(".")


async def _known(session: Session, kind: str) -> list[str]:
    if kind not in _LISTS:
        return []
    found: list[str] = []
    async for document in session.all(_LISTS[kind]):
        found.append(document["id"])
        if len(found) >= _LOOKED_AT:
            break
    return found
