"""Stored responses of users: who ran what, without the content, which needs a right of its own.

A user sees of their own what ``/v1/responses`` shows them with the same key: those of agents that exist for it.
"""

from __future__ import annotations

from typing import Any

from antiphon.errors import ApiError
from antiphon.ids import parse_response_id
from antiphon.manage.changes import Document, note
from antiphon.manage.operator import Operator
from antiphon.manage.pages import no_cursor, shown, sift
from antiphon.manage.refusals import NotFound, check_id
from antiphon.ports import Page, Services
from antiphon.records import Owner, StoredResponse
from antiphon.run.asked import asked_by, withdraw
from antiphon.run.cancel import stop
from antiphon.run.models import are_visible, visible_agents
from antiphon.stream.kept import shown_response


async def list_responses(
    services: Services, operator: Operator, user: str, *, limit: int, after: str | None = None
) -> Page[Document]:
    """List the responses of a user, newest first.

    Raises:
        ApiError: 403, or there is no response ``after``.
    """
    _require(operator, user)
    owner, now = Owner(operator.tenant, user), services.clock()
    last = await _cursor(services, operator, owner, after) if after is not None else None

    async def some(last: StoredResponse | None) -> Page[StoredResponse]:
        return await services.responses.some(owner, limit, now, after=last)

    if operator.principal is None:
        return shown(await some(last), response_summary)
    visible = {agent.id for agent in await visible_agents(services, operator.principal)}
    return shown(await sift(some, lambda turn: turn.agent in visible, limit, last), response_summary)


async def show_response(services: Services, operator: Operator, user: str, response_id: str) -> Document:
    """Return a response without its content: times, tokens, the kinds of its items, its error's code.

    Raises:
        ApiError: 403 or 404.
    """
    _require(operator, user)
    stored = await _found(services, operator, Owner(operator.tenant, user), response_id)
    return response_document(stored)


async def read_content(services: Services, operator: Operator, user: str, response_id: str) -> Document:
    """Return a response with its input and all its content. Reading it is recorded in the audit log.

    Raises:
        ApiError: 403 or 404.
    """
    if not operator.is_user(user):
        operator.require("content")
        check_id("user", user)
    stored = await _found(services, operator, Owner(operator.tenant, user), response_id)
    if not operator.is_user(user):
        await note(services, operator, "response.read", f"response:{response_id}", None, {"user": user})
    return {"id": stored.id, "user": user, "input": stored.input, "response": shown_response(stored.response)}


async def cancel_response(services: Services, operator: Operator, user: str, response_id: str) -> Document:
    """End a running response; one that has ended stays as it is.

    Raises:
        ApiError: 403 or 404.
    """
    _require(operator, user, write=True)
    stored = await _found(services, operator, Owner(operator.tenant, user), response_id)
    if stored.has_ended:
        return response_document(stored)
    before, after = {"user": user, "status": stored.status}, {"user": user, "status": "cancelled"}
    await note(services, operator, "response.cancelled", f"response:{response_id}", before, after)
    ended = await stop(services, stored)
    if ended is None:
        raise NotFound("response", response_id)
    return response_document(ended)


async def delete_response(services: Services, operator: Operator, user: str, response_id: str) -> Document:
    """Remove a response with all its content and the approvals that it asked for; one that runs is cancelled first.

    Raises:
        ApiError: 403 or 404.
    """
    _require(operator, user, write=True)
    owner = Owner(operator.tenant, user)
    stored = await _found(services, operator, owner, response_id)
    before = {"user": user, "status": stored.status}
    await note(services, operator, "response.deleted", f"response:{response_id}", before, None)
    ended = stored if stored.has_ended else await stop(services, stored)
    await withdraw(services, operator.tenant, asked_by(ended or stored))
    if not await services.responses.delete(owner, response_id):
        raise NotFound("response", response_id)
    return {"id": response_id, "result": "deleted"}


def response_summary(turn: StoredResponse) -> Document:
    """Return what a list shows of a response."""
    return {
        "id": turn.id,
        "user": turn.owner.user,
        "agent": turn.agent,
        "status": turn.status,
        "created_at": turn.created_at,
        "expires_at": turn.expires_at,
        "turns_before": sum(stretch.last - stretch.first + 1 for stretch in turn.lineage),
    }


def response_document(turn: StoredResponse) -> Document:
    """Return a response without its content."""
    response = turn.response
    return {
        **response_summary(turn),
        "previous_response_id": response.get("previous_response_id"),
        "completed_at": response.get("completed_at"),
        "background": bool(response.get("background")),
        "usage": response.get("usage"),
        "error": None if response.get("error") is None else {"code": response["error"].get("code")},
        "incomplete_details": response.get("incomplete_details"),
        "input": [_item(item) for item in turn.input],
        "output": [_item(item) for item in response.get("output", ())],
    }


def _item(item: dict[str, Any]) -> Document:
    """Return the kind of an item, and of a call the name of its tool; nothing of its content."""
    shown = {name: item[name] for name in ("id", "type", "role", "status", "name") if isinstance(item.get(name), str)}
    return {"type": "message", **shown}


def _require(operator: Operator, user: str, *, write: bool = False) -> None:
    if not operator.is_user(user):
        operator.require("responses", write=write)
        check_id("user", user)
    elif write and operator.key is not None and operator.key.read_only:
        raise ApiError("read_only_key")


async def _cursor(services: Services, operator: Operator, owner: Owner, after: str) -> StoredResponse:
    """Read the response that a page follows.

    Raises:
        ApiError: there is none for this operator.
    """
    try:
        return await _found(services, operator, owner, after)
    except NotFound:
        raise no_cursor() from None


async def _found(services: Services, operator: Operator, owner: Owner, response_id: str) -> StoredResponse:
    """Read a response that this operator may see.

    Raises:
        NotFound: it is absent; or a user's own, and its agent does not exist for their key.
    """
    known = parse_response_id(response_id) is not None
    found = await services.responses.get(owner, response_id, services.clock()) if known else None
    if found is None or not found.agent:
        raise NotFound("response", response_id)
    if operator.principal is not None and not await are_visible(services, operator.principal, [found.agent]):
        raise NotFound("response", response_id)
    return found
