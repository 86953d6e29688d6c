"""Responses of users, and approvals of the calls that they made."""

from __future__ import annotations

from typing import Any, Literal

from docs.openapi.admin_resources.pages import AdminList
from docs.openapi.answers import ApprovalFailure
from docs.openapi.shown import Absent, Shown


class AdminApproval(Shown):
    """A call of a tool that waits for an approval, or waited."""

    object: Literal["admin.approval"]
    id: str
    response_id: str
    user: str
    """Who asked the agent."""
    agent: str
    server_label: str
    name: str
    arguments: str
    by: str
    status: Literal["pending", "approved", "denied", "expired"]
    created_at: int
    expires_at: int
    decided_by: str | None
    decided_at: int | None
    reason: str
    next_response_id: str | None
    error: ApprovalFailure = Absent


class AdminResponseSummary(Shown):
    """A response in a list."""

    object: Literal["admin.response"]
    id: str
    user: str
    agent: str
    status: str
    created_at: int
    expires_at: int | None
    turns_before: int
    """How many turns its conversation had before it."""


class AdminItem(Shown):
    """The kind of an item; a call has the name of its tool."""

    type: str


class AdminErrorCode(Shown):
    """The code of an error."""

    code: str | None


class AdminResponse(AdminResponseSummary):
    """A response without its content."""

    previous_response_id: str | None
    completed_at: int | None
    background: bool
    usage: dict[str, Any] | None
    error: AdminErrorCode | None
    incomplete_details: dict[str, Any] | None
    input: list[AdminItem]
    output: list[AdminItem]


class AdminContent(Shown):
    """The content of a response."""

    object: Literal["admin.response.content"]
    id: str
    user: str
    input: list[dict[str, Any]]
    response: dict[str, Any]


class AdminResponseDeleted(Shown):
    """A response is gone."""

    object: Literal["admin.response.deleted"]
    id: str
    result: Literal["deleted"]


class AdminResponseList(AdminList):
    """Responses, newest first."""

    data: list[AdminResponseSummary]


class AdminApprovalList(AdminList):
    """Calls that wait, oldest first."""

    data: list[AdminApproval]
