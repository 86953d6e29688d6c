"""One operation of the OpenAPI document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from docs.openapi.codes import KEYED

JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    Attributes:
        id: a name for generated clients.
        tag: the group that it is shown in.
        answers: the schema of a success by media type: a component's name, or None for text.
        codes: the codes of its errors.
        keyed: whether it needs a key.
        body: the component that the request body is, if there is one.
        examples: request bodies by name, each with a summary.
        parameter: what ``{id}`` is, with an example unless none works everywhere.
        item: what ``{item_id}`` is.
        query: the query parameters by name, each with its schema and its words.
        headers: the request headers by name, likewise; what they are for makes an answer come again.
        samples: a success by media type.
        links: what can be done with the answer, in the form of OpenAPI.
    """

    id: str
    tag: str
    summary: str
    description: str
    answers: dict[str, str | None]
    codes: frozenset[str] = KEYED
    keyed: bool = True
    body: str | None = None
    examples: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    parameter: dict[str, str] | None = None
    item: dict[str, str] | None = None
    query: dict[str, tuple[dict[str, Any], str]] = field(default_factory=dict)
    headers: dict[str, tuple[dict[str, Any], str]] = field(default_factory=dict)
    samples: dict[str, Any] = field(default_factory=dict)
    links: dict[str, Any] = field(default_factory=dict)
