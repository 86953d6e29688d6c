"""Entries of the audit log in the words of the API. Records are stored under the names of their own fields."""

from __future__ import annotations

from typing import Any, Final

from antiphon.access.grants import level_of
from antiphon.manage.changes import Document

_LIMITS_OF_AGENTS: Final = ("tokens_per_response", "usd_per_response")
_OF_A_LONG_VALUE: Final = {"characters", "sha256", "begins"}
"""What ``redaction`` keeps of a value that is too long."""


def in_api_words(kind: str, before: Document | None, after: Document | None) -> tuple[Document | None, Document | None]:
    """Return what changed, in the words of the API.

    Args:
        kind: what changed, such as ``role``.
        before: the fields as they were; None if there was nothing.
        after: the fields as they are; None if there is nothing any more.

    Returns:
        Both documents. If both are there they have the same fields; one that only one had is null in the other.
    """
    old, new = (None if document is None else _worded(kind, document) for document in (before, after))
    if old is None or new is None:
        return old, new
    names = dict.fromkeys([*old, *new])
    return {name: old.get(name) for name in names}, {name: new.get(name) for name in names}


def _worded(kind: str, document: Document) -> Document:
    worded: Document = {}
    for name, value in document.items():
        if name == "parameters" and kind == "agent" and _is_whole(value):
            worded |= value or {}
        elif name == "budget" or (name in _LIMITS_OF_AGENTS and kind == "agent"):
            _add_limit(worded, name, value)
        else:
            worded[_WORDS.get((kind, name), name)] = _value(kind, name, value)
    return worded


_WORDS: Final = {("role", "remote_agents"): "permissions", ("grant", "bits"): "level"}


def _value(kind: str, name: str, value: Any) -> Any:
    if (kind, name) == ("grant", "bits") and isinstance(value, int):
        return level_of(value)
    if kind == "role" and isinstance(value, list):  # sets, which are stored in any order
        return sorted(value)
    if (kind, name) == ("agent", "show_tools") and isinstance(value, bool):
        return "all" if value else "none"
    return value


def _add_limit(worded: Document, name: str, value: Any) -> None:
    """Add a budget, or a limit of one response, to the limits; null if there are none."""
    said = (value or {}) if name == "budget" else {name: value} if value is not None else {}
    worded["limits"] = {**(worded.get("limits") or {}), **said} or None


def _is_whole(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and set(value) != _OF_A_LONG_VALUE)
