"""The web search in an agent file."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, model_validator

from antiphon.server_tools.entry import ServerEntry, ServerLabel
from antiphon.spec.base import Wire
from antiphon.validation import form

RESULTS: Final = 10

Domain = Annotated[
    str,
    form(
        r"^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$",
        "must be a domain such as `docs.example.com`, without `https://` and a path",
        max_length=253,
    ),
]
Domains = Annotated[list[Domain], Field(min_length=1, max_length=100)]


class WebSearch(Wire):
    """A search of the web.

    Attributes:
        label: its name among the agent's servers.
        description: for the model.
        include: the only domains that results may be from; None for all.
        exclude: the domains that no result is from.
        results: how many pages a search finds at most.
    """

    label: ServerLabel = "web_search"
    description: Annotated[str, Field(max_length=4096)] = ""
    include: Domains | None = None
    exclude: Domains | None = None
    results: Annotated[int, Field(ge=1, le=25)] = RESULTS


class WebSearchEntry(ServerEntry):
    """An entry of ``tools`` for the web search."""

    web_search: WebSearch

    @model_validator(mode="after")
    def _no_auth(self) -> WebSearchEntry:
        if self.auth is not None:
            raise ValueError("the web is searched with the deployment's own rights: leave out auth")
        return self

    @property
    def label(self) -> str:
        """Return the name of the server among those of its agent."""
        return self.web_search.label
