"""What the operations beside responses answer: conversations, pages of items, counts, compactions, models, errors."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from docs.openapi.resources import CompactionItem, ItemStatus, Usage
from docs.openapi.shown import Absent, Shown


class ConversationResource(Shown):
    """A conversation, without its items."""

    id: str
    """Send it as `conversation` with a response."""
    object: Literal["conversation"]
    created_at: int
    """In seconds since the epoch."""
    metadata: dict[str, str]


class ConversationDeleted(Shown):
    """The conversation is gone, with all its items and responses."""

    id: str
    object: Literal["conversation.deleted"]
    deleted: Literal[True]


class ConversationItemList(Shown):
    """A page of the items of a conversation."""

    object: Literal["list"]
    data: list[dict[str, Any]]
    """Items as responses have them, each with its `id`."""
    first_id: str | None
    last_id: str | None
    """Send it as `after` for the next page."""
    has_more: bool


class ApprovalFailure(Shown):
    """Why no response can go on after a decision."""

    code: str
    message: str


class ApprovalResource(Shown):
    """A call of a tool that waits for an approval, or waited."""

    id: str
    """That of the item `mcp_approval_request`."""
    object: Literal["approval"]
    response_id: str
    """The response that made the call."""
    server_label: str
    name: str
    """The tool's."""
    arguments: str
    """What the tool is called with, as JSON."""
    by: str
    """Who decides: `caller`, or a principal such as `role:MANAGER`, who is never the caller."""
    status: Literal["pending", "approved", "denied", "expired"]
    created_at: int
    expires_at: int
    next_response_id: str | None
    """The response that goes on after the decision; null before."""
    error: ApprovalFailure = Absent
    """Why none can go on after the decision. Send the same decision again once that is mended."""


class ApprovalList(Shown):
    """A page of approvals."""

    object: Literal["list"]
    data: list[ApprovalResource]
    first_id: str | None
    last_id: str | None
    """Send it as `after` for the next page."""
    has_more: bool


class InputItemList(Shown):
    """A page of the items that a response was generated from."""

    object: Literal["list"]
    data: list[dict[str, Any]]
    """Items in the forms of the request's input, each with its `id`."""
    first_id: str | None
    last_id: str | None
    """Send it as `after` for the next page."""
    has_more: bool


class InputTokens(Shown):
    """How many tokens the model would read for a request."""

    object: Literal["response.input_tokens"]
    input_tokens: int


class KeptMessage(Shown):
    """A message that stays as it was."""

    type: Literal["message"]
    id: str
    status: ItemStatus
    role: Literal["user", "system", "developer"]
    content: list[dict[str, Any]]


class CompactionDetails(Shown):
    """How much shorter the conversation is."""

    tokens_before: int
    """Of the conversation, as far as Antiphon can count them."""
    tokens_after: int
    """Of `output`."""
    halved: bool
    """Whether `output` has at most half of the tokens. If it cannot, everything is kept that can be."""


class CompactResource(Shown):
    """A conversation in short: send `output` as the beginning of the next `input`, in place of all that came before."""

    id: str
    object: Literal["response.compaction"]
    created_at: int
    output: list[Annotated[KeptMessage | CompactionItem, Field(discriminator="type")]]
    """The newest messages of the user, and all of system and developer, then one item for everything else."""
    usage: Usage
    """What was compacted as input, and what the compaction item weighs as output."""
    antiphon: CompactionDetails


class ErrorDetail(Shown):
    """What went wrong."""

    message: str
    """For people. It names the field and the limit, never what a field holds."""
    type: Literal["invalid_request", "not_found", "model_error", "server_error", "too_many_requests"]
    code: str
    """For programs: stable, and listed with every operation."""
    param: str | None
    """The exact path of the field, such as `input[3].type`."""


class Error(Shown):
    """The one body that every error has."""

    error: ErrorDetail


class ModelDetails(Shown):
    """Fields of Antiphon for an agent, beyond those that OpenAI's clients read."""

    name: str
    description: str
    capabilities: dict[str, Any] = Absent
    """What its model supports, by the names of the request's fields; only if one model is read."""


class Model(Shown):
    """An agent that the caller may use."""

    id: str
    """What to send as `model`."""
    object: Literal["model"]
    created: int
    """In seconds since the epoch."""
    owned_by: str
    """The user who made the agent."""
    antiphon: ModelDetails


class ModelList(Shown):
    """All agents that the caller may use, by id."""

    object: Literal["list"]
    data: list[Model]


class Health(Shown):
    """The process serves. No store was asked."""

    status: Literal["ok"]
