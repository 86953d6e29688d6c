"""What every entry of an agent file's ``tools`` may say whose tools Antiphon runs, whatever kind of server it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Annotated, Any, Final

from pydantic import Field

from antiphon.access.grants import ID
from antiphon.records import ServerTool
from antiphon.server_tools.auth import Auth
from antiphon.spec.base import Wire
from antiphon.validation import form

SECONDS: Final = 30.0
MAX_SECONDS: Final = 600.0

ServerLabel = Annotated[str, form(r"^[a-zA-Z0-9_-]{1,32}$", "must be 1 to 32 letters, digits, `_` and `-`")]
"""The name of a server among those of its agent. The model's name of a tool begins with it."""

ToolName = Annotated[str, Field(min_length=1, max_length=128)]


class ApprovalRule(Wire):
    """Who has to approve a call: the ``caller`` itself, or a principal that is not the caller."""

    by: Annotated[
        str,
        form(rf"^(?:caller|(?:user|group|role):{ID})$", "must be `caller`, `user:ID`, `group:ID` or `role:ID`"),
    ]


class ServerEntry(Wire):
    """What all kinds of entries have.

    Attributes:
        auth: how requests are authorized; None for no credentials.
        approve: who has to approve calls, by the name of the tool; ``*`` for all others.
        safe_to_repeat: the tools that may run twice for one call, by their names; ``*`` for all.
        timeout_seconds: the longest that one call may take.
    """

    auth: Auth | None = None
    approve: dict[ToolName, ApprovalRule] = Field(default_factory=dict)
    safe_to_repeat: list[ToolName] = Field(default_factory=list)
    timeout_seconds: Annotated[float, Field(gt=0, le=MAX_SECONDS)] = SECONDS

    @property
    def label(self) -> str:
        """Return the name of the server among those of its agent."""
        raise NotImplementedError

    def written(self) -> dict[str, Any]:
        """Return the entry as a document has it, its server first, without what has its default."""
        said = self.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)
        return dict(sorted(said.items(), key=lambda pair: pair[0] in ServerEntry.model_fields))

    def governed(self, tools: Iterable[ServerTool]) -> tuple[ServerTool, ...]:
        """Return tools with the entry's settings for them.

        Raises:
            ValueError: it names a tool that is not there.
        """
        found = tuple(tools)
        names = {tool.name for tool in found}
        for name in (*self.approve, *self.safe_to_repeat):
            if name != "*" and name not in names:
                raise ValueError(f"there is no tool {name}; the server has {', '.join(sorted(names)) or 'none'}")
        others = self.approve.get("*")
        return tuple(
            dataclasses.replace(
                tool,
                repeatable=bool({tool.name, "*"} & {*self.safe_to_repeat}),
                approval=approval.by if (approval := self.approve.get(tool.name, others)) else None,
                timeout_seconds=self.timeout_seconds,
            )
            for tool in found
        )
