"""Reads documented streams whole and byte by byte, and lists what a vendor's library has names for."""

from __future__ import annotations

from collections.abc import Iterable
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from antiphon.errors import ProviderError
from antiphon.ports import (
    Delta,
)


def names(kind: Any, field: str = "type") -> set[str]:
    """Return the literals of a field of a union of models, or of a literal itself."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return names(kind.model_fields[field].annotation)
    if get_origin(kind) is Annotated:
        return names(get_args(kind)[0], field)
    if get_origin(kind) in {Union, UnionType}:
        return {name for each in get_args(kind) if each is not NoneType for name in names(each, field)}
    return set(get_args(kind))


def fed(reader: Any, feeds: Iterable[bytes]) -> list[Delta]:
    """Feed a reader until it is done, as whoever reads the body does."""
    deltas: list[Delta] = []
    for data in feeds:
        deltas += reader.feed(data)
        if reader.done:
            break
    return deltas


def pieces(reader: Any, data: bytes) -> list[Delta]:
    whole = reader()
    deltas = fed(whole, [data])
    assert fed(reader(), (bytes([byte]) for byte in data)) == deltas
    return [*deltas, whole.stop()]


def failure(reader: Any, data: bytes) -> tuple[str, bool]:
    for feeds in ([data], [bytes([byte]) for byte in data]):
        read = reader()
        fed(read, feeds)
        with pytest.raises(ProviderError) as caught:
            read.stop()
        assert "canary" not in repr(caught.value)
    return caught.value.code, caught.value.retryable


CITED = {"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 0, "end_index": 9}


REFUSED = ("provider_refused_request", False)
