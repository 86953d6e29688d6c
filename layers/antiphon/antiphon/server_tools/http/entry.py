"""An HTTP API in an agent file."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator

from antiphon.server_tools.entry import ServerEntry, ServerLabel
from antiphon.settings import problem_of_url
from antiphon.spec.base import Wire


class HttpSource(Wire):
    """An API, and which of its operations the agent has.

    Attributes:
        label: its name among the agent's servers.
        openapi: its document: a URL, the path of a file beside the agent file, or the document itself.
        operations: the operations, by ``operationId`` or as ``GET /path``; None for all.
        url: the address of the server, if it is not the document's first one.
    """

    label: ServerLabel
    openapi: Annotated[str, Field(min_length=1, max_length=2048)] | dict[str, Any]
    operations: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)] | None = None
    url: Annotated[str, Field(max_length=2048)] | None = None

    @field_validator("url")
    @classmethod
    def _a_url(cls, url: str | None) -> str | None:
        if url is not None and (problem := problem_of_url(url)):
            raise ValueError(problem)
        return url


class HttpEntry(ServerEntry):
    """An entry of ``tools`` for an HTTP API."""

    http: HttpSource

    @property
    def label(self) -> str:
        """Return the name of the server among those of its agent."""
        return self.http.label
