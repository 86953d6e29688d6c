"""How an operation of ``/v1/admin`` is described."""

from __future__ import annotations

from typing import Any, Final

from docs.openapi.codes import BODY, KEYED, QUERIED
from docs.openapi.operation import JSON, Operation

TAG: Final = "Management"

_FORM: Final = BODY - {"read_only_key"}
_PAGED: Final = QUERIED - {"unsupported_value"}

PAGE: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "limit": ({"type": "integer", "minimum": 1, "maximum": 100, "default": 20}, "The most records of a page."),
    "after": ({"type": "string"}, "The `last_id` of the page that this one follows."),
}

DAYS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "from": ({"type": "string", "format": "date"}, "The first day of UTC; by default the first of this month."),
    "to": ({"type": "string", "format": "date"}, "The last day, included; by default today. At most 366 days."),
}


def operation(
    name: str,
    summary: str,
    description: str,
    answer: str,
    codes: str = "",
    *,
    of: str = "",
    item: str = "",
    body: str = "",
    example: dict[str, Any] | None = None,
    paged: bool = False,
    queried: dict[str, tuple[dict[str, Any], str]] | None = None,
    **query: tuple[dict[str, Any], str],
) -> Operation:
    """Describe an operation.

    Args:
        name: for generated clients.
        summary: its words in a line.
        description: its words.
        answer: the component of a success.
        codes: the codes of its own errors, separated by spaces.
        of: what ``{id}`` is.
        item: what ``{item_id}`` is.
        body: the component of the request body.
        example: a request body.
        paged: it is a list.
        queried: query parameters whose names cannot be written as arguments.
        query: further query parameters.
    """
    more = (_FORM if body else frozenset()) | (_PAGED if paged else frozenset())
    return Operation(
        id=name,
        tag=TAG,
        summary=summary,
        description=description,
        answers={JSON: answer},
        codes=KEYED - {"management_key"} | more | frozenset(codes.split()),
        body=body or None,
        examples={"example": (summary, example)} if example is not None else {},
        parameter={"description": of} if of else None,
        item={"description": item} if item else None,
        query={**(PAGE if paged else {}), **(queried or {}), **query},
    )
