"""Pages of lists, and how a page follows another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeVar

from antiphon.errors import ApiError
from antiphon.ports import Page

T = TypeVar("T")
Document = dict[str, Any]

MAX_PAGE: Final = 100
PAGE: Final = 20


def shown(page: Page[T], show: Callable[[T], Document]) -> Page[Document]:
    """Return a page of records as documents."""
    return Page([show(record) for record in page.records], page.more)


def name_of(document: Document) -> str:
    """Return what names a record in its list: its id, or of a grant its principal."""
    return str(document.get("id") or document["principal"])


def cut(records: list[T], id_of: Callable[[T], str], limit: int, after: str) -> Page[T]:
    """Return the page of a whole list, which is in the order of its ids, that follows an id."""
    rest = [record for record in records if id_of(record) > after]
    return Page(rest[:limit], len(rest) > limit)


async def sift(
    fetch: Callable[[T | None], Awaitable[Page[T]]], is_shown: Callable[[T], bool], limit: int, last: T | None
) -> Page[T]:
    """Return the page of those records of a list that are shown; nothing of it depends on the others.

    Args:
        fetch: reads the page that follows a record.
        is_shown: decides about a record.
        limit: the most records.
        last: the record that the page follows; None for the first page.
    """
    found: list[T] = []
    while True:
        page = await fetch(last)
        found += filter(is_shown, page.records)
        if len(found) > limit or not page.more or not page.records:
            return Page(found[:limit], len(found) > limit)
        last = page.records[-1]


def no_cursor() -> ApiError:
    """Return the error of a page that follows what is not there."""
    return ApiError("invalid_value", "`after`: There is no such record. Send the `last_id` of a page.", param="after")


async def walk(fetch: Callable[[T | None], Awaitable[Page[T]]], last: T | None = None) -> AsyncIterator[T]:
    """Yield the records of a list behind one of them, or all; ``fetch`` reads the page that follows a record."""
    while True:
        page = await fetch(last)
        for record in page.records:
            yield record
        if not page.more or not page.records:
            return
        last = page.records[-1]
