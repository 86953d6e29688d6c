"""A Lambda function in an agent file."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator, model_validator

from antiphon.server_tools.entry import ServerEntry, ServerLabel, ToolName
from antiphon.spec.base import Wire
from antiphon.validation import form

ARN: Final = (
    r"^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[a-zA-Z0-9_-]{1,64}(:([a-zA-Z0-9_-]{1,128}|\$LATEST))?$"
)
_QUALIFIED: Final = 7
"""The colons of an ARN with an alias or a version."""


class LambdaSource(Wire):
    """A function, and the tool or tools that it is.

    Attributes:
        function: its ARN, with an alias or a version if it has one.
        payload: what it is invoked with: the arguments alone (``plain``), or a request of MCP (``mcp``).
        name: the name of the tool; of a function with the payload ``mcp``, which lists its own tools, it is left out.
        label: its name among the agent's servers; by default the tool's.
        description: for the model.
        parameters: JSON Schema of the arguments: an object.
        durable: it is a durable function: the same call never starts a second execution.
        allow: the tools of a function that lists them; None for all.
    """

    function: Annotated[
        str,
        form(
            ARN, "must be the ARN of a function, such as `arn:aws:lambda:eu-central-1:123456789012:function:NAME:ALIAS`"
        ),
    ]
    payload: Literal["plain", "mcp"] = "plain"
    name: Annotated[str, form(r"^[a-zA-Z0-9_-]{1,64}$", "must be 1 to 64 letters, digits, `_` and `-`")] | None = None
    label: ServerLabel | None = None
    description: Annotated[str, Field(max_length=4096)] = ""
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})
    durable: bool = False
    allow: Annotated[list[ToolName], Field(min_length=1)] | None = None

    @field_validator("parameters")
    @classmethod
    def _of_an_object(cls, parameters: dict[str, Any]) -> dict[str, Any]:
        if parameters.get("type") != "object":
            raise ValueError("the schema must be of an object: type: object")
        return parameters

    @model_validator(mode="after")
    def _whole(self) -> LambdaSource:
        if self.payload == "plain" and (self.name is None or self.allow is not None):
            raise ValueError("a function with the payload plain is one tool: it needs name, and has no allow")
        if self.payload == "mcp" and (self.name is not None or "parameters" in self.model_fields_set):
            raise ValueError("a function with the payload mcp lists its tools itself: leave out name and parameters")
        if self.payload == "mcp" and self.label is None:
            raise ValueError("a function with the payload mcp needs label")
        if self.durable and self.function.count(":") < _QUALIFIED:
            raise ValueError("a durable function is invoked by an alias or a version: add it to the ARN")
        return self

    @property
    def named(self) -> str:
        """The label."""
        return self.label or (self.name or "")[:32]


class LambdaEntry(ServerEntry):
    """An entry of ``tools`` for a Lambda function."""

    source: Annotated[LambdaSource, Field(alias="lambda")]

    @model_validator(mode="after")
    def _no_auth(self) -> LambdaEntry:
        if self.auth is not None:
            raise ValueError("functions are invoked with the deployment's own rights: leave out auth")
        return self

    @property
    def label(self) -> str:
        """Return the name of the server among those of its agent."""
        return self.source.named
