"""A knowledge base in an agent file."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator, model_validator

from antiphon.server_tools.entry import ServerEntry, ServerLabel
from antiphon.spec.base import Wire
from antiphon.validation import form

ID: Final = r"^([0-9a-zA-Z]{10}|arn:aws[a-z-]*:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:knowledge-base/[0-9a-zA-Z]{10})$"
RESULTS: Final = 8

_ALL: Final = ("andAll", "orAll")
_ONE: Final = (
    "equals",
    "notEquals",
    "greaterThan",
    "greaterThanOrEquals",
    "lessThan",
    "lessThanOrEquals",
    "in",
    "notIn",
    "startsWith",
    "listContains",
    "stringContains",
)


class KnowledgeBase(Wire):
    """A knowledge base, and how it is searched.

    Attributes:
        id: its id, or its ARN if it is in another region.
        label: its name among the agent's servers.
        description: for the model: what can be found there.
        results: how many passages a search finds at most.
        filter: which of them count, in the form of Bedrock's ``RetrievalFilter``.
        search: the kind of search, if the base has several.
    """

    id: Annotated[str, form(ID, "must be the id of a knowledge base, 10 letters and digits, or its ARN")]
    label: ServerLabel = "knowledge_base"
    description: Annotated[str, Field(max_length=4096)] = ""
    results: Annotated[int, Field(ge=1, le=100)] = RESULTS
    filter: dict[str, Any] | None = None
    search: Literal["hybrid", "semantic"] | None = None

    @field_validator("filter")
    @classmethod
    def _a_filter(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is not None:
            _check(value)
        return value


class KnowledgeBaseEntry(ServerEntry):
    """An entry of ``tools`` for a knowledge base."""

    knowledge_base: KnowledgeBase

    @model_validator(mode="after")
    def _no_auth(self) -> KnowledgeBaseEntry:
        if self.auth is not None:
            raise ValueError("a knowledge base is searched with the deployment's own rights: leave out auth")
        return self

    @property
    def label(self) -> str:
        """Return the name of the server among those of its agent."""
        return self.knowledge_base.label


def _check(condition: Any) -> None:
    """Check the form of a filter, so that no search fails for it."""
    if not isinstance(condition, dict) or len(condition) != 1:
        raise ValueError(f"a filter has one of {', '.join((*_ALL, *_ONE))}")
    ((name, value),) = condition.items()
    if name in _ALL:
        if not isinstance(value, list) or len(value) < 2:  # noqa: PLR2004 - Bedrock's own bound
            raise ValueError(f"{name} needs a list of at least two filters")
        for part in value:
            _check(part)
    elif name not in _ONE:
        raise ValueError(f"a filter has one of {', '.join((*_ALL, *_ONE))}")
    elif not isinstance(value, dict) or set(value) != {"key", "value"}:
        raise ValueError(f"{name} needs key and value")
