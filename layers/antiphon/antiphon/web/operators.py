"""Who manages, and what all routes of management share: bodies, pages and answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, TypeVar

import orjson
from fastapi import Depends, Request
from starlette.responses import Response

from antiphon.errors import ApiError
from antiphon.manage.operator import Operator
from antiphon.manage.pages import MAX_PAGE, PAGE, name_of, no_cursor
from antiphon.ports import Page
from antiphon.spec.base import Wire
from antiphon.spec.request import validated
from antiphon.web.auth import FindOperator
from antiphon.web.body import read_json
from antiphon.web.query import Query

Document = dict[str, Any]
Form = TypeVar("Form", bound=Wire)

ReadPage = Callable[..., Awaitable[Page[Document]]]
"""An operation that reads a page of a list."""

MAX_BODY: Final = 1_000_000
"""The largest body: three times the largest agent."""

MAX_NAME: Final = 200
"""The longest name of a record that a page can follow; all are shorter."""

NO_STORE: Final = {"cache-control": "no-store"}
"""An answer may hold a key, or what another user wrote."""


async def _operator(request: Request) -> Operator:
    find: FindOperator = request.app.state.operators
    return await find(request)


By = Annotated[Operator, Depends(_operator)]
"""Who sends the request. Whether they may is decided by each operation."""


async def read_form(request: Request, form: type[Form], **fixed: str) -> Form:
    """Read the body of a request as a form.

    Args:
        request: the request.
        form: the form.
        fixed: fields that the path has; the body may repeat them.

    Raises:
        ApiError: 400, 413 or 415.
    """
    body = await read_json(request, MAX_BODY)
    for name, value in fixed.items():
        if body.get(name) is None:
            body[name] = value
        require_same(name, body[name], value)
    return validated(form, body)


def require_same(name: str, given: Any, value: str) -> None:
    """Check that a field of the body is what the path has.

    Raises:
        ApiError: 400.
    """
    if given != value:
        raise ApiError("invalid_value", f"`{name}`: This is not that of the path.", param=name)


def read_page(request: Request, *more: str) -> tuple[Query, int, str | None]:
    """Read the query of a list. Return it with the limit and the name that the page follows.

    Raises:
        ApiError: 400.
    """
    query = Query(request, "limit", "after", *more)
    after = query.text("after")
    if after is not None and not 0 < len(after) <= MAX_NAME:
        raise no_cursor()
    return query, query.number("limit", 1, MAX_PAGE) or PAGE, after


async def list_page(kind: str, request: Request, by: Operator, read: ReadPage, *of: str) -> Response:
    """Read the page of a list that a request asks for, and return it.

    Args:
        kind: the kind of the records.
        request: the request. Its query has no parameters but those of every list.
        by: who sends it.
        read: the operation.
        of: what the records belong to, such as an agent.

    Raises:
        ApiError: 400, or a refusal of the operation.
    """
    _, limit, after = read_page(request)
    return listing(kind, await read(request.app.state.services, by, *of, limit=limit, after=after or ""))


def listing(kind: str, page: Page[Document]) -> Response:
    """Return a page of a list in the form of the API's other lists."""
    names = [name_of(document) for document in page.records]
    body = {
        "object": "list",
        "data": [{"object": f"admin.{kind}", **document} for document in page.records],
        "first_id": names[0] if names else None,
        "last_id": names[-1] if names else None,
        "has_more": page.more,
    }
    return Response(orjson.dumps(body), headers=NO_STORE, media_type="application/json")


def answer(kind: str, document: Document) -> Response:
    """Return one record."""
    body = {"object": f"admin.{kind}", **document}
    return Response(orjson.dumps(body), headers=NO_STORE, media_type="application/json")
