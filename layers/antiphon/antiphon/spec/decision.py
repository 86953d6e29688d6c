"""The decision on a call of a tool that waits for an approval."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from antiphon.spec.base import Wire


class ApprovalDecision(Wire):
    """Whether a call is made; ``reason`` is read by the model if it is not."""

    decision: Literal["approve", "deny"]
    reason: Annotated[str, Field(max_length=4096)] = ""
