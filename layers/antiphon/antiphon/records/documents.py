"""Records as JSON documents."""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T")

_adapters: dict[Any, Any] = {}


def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def dump(record: Any) -> bytes:
    """Write a record as a JSON document."""
    document: bytes = _adapter(type(record)).dump_json(record, exclude_defaults=True)
    return document


def load(kind: type[T], document: bytes | str) -> T:
    """Read a record from its JSON document.

    Raises:
        pydantic.ValidationError: the document is not of this kind.
    """
    record: T = _adapter(kind).validate_json(document)
    return record
