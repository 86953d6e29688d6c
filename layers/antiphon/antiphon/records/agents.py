"""Agents, and the grants on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from antiphon.records.limits import NO_BUDGET, Budget
from antiphon.records.tools import ToolServer


@dataclass(frozen=True, slots=True)
class Fallback:
    """A model that is used if the agent's own fails.

    Attributes:
        provider: the name of a configured provider.
        model: the provider's own name of the model.
    """

    provider: str
    model: str


@dataclass(frozen=True, slots=True)
class AgentCompaction:
    """How an agent's conversations are compacted automatically.

    Attributes:
        threshold: the tokens at which that happens; None for three quarters of the agent's ``context_tokens``.
        model: a model of the agent's provider that writes the summary; if empty, no model is called for it.
    """

    threshold: int | None = None
    model: str = ""


@dataclass(frozen=True, slots=True)
class Agent:
    """Instructions, a model and tools under one name; clients address it as ``model``.

    Attributes:
        provider: the name of a configured provider.
        model: the provider's own name of the model.
        parameters: request parameters by their wire name (``temperature``, ``max_output_tokens``, ``reasoning``, ...).
        tools: function tools in the specification's form.
        hide_instructions: whether a response shows only the caller's instructions, not the agent's.
        context_tokens: how many tokens the model can read and write at once; None if it is not known.
        fallbacks: the models that are tried, in this order, if the model fails before its first token.
        compaction: when and how a conversation is compacted; if None, only when a request asks for it.
        servers: the servers of the tools that Antiphon runs.
        show_tools: whether a response shows the calls of these tools as items.
        max_model_turns: how often the model is called for one response at most.
        budget: how much all users together may use with it, in addition to the limits of each user.
        tokens_per_response, usd_per_response: what one response may use until its model is called no more; None for no
            limit.
        version: counts the changes of its content, from 1.
    """

    tenant: str
    id: str
    provider: str
    model: str
    author: str
    name: str = ""
    description: str = ""
    instructions: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    tools: tuple[dict[str, Any], ...] = ()
    hide_instructions: bool = False
    context_tokens: int | None = None
    fallbacks: tuple[Fallback, ...] = ()
    compaction: AgentCompaction | None = None
    servers: tuple[ToolServer, ...] = ()
    show_tools: bool = True
    max_model_turns: int = 16
    budget: Budget = NO_BUDGET
    tokens_per_response: int | None = None
    usd_per_response: float | None = None
    created_at: int = 0
    updated_at: int = 0
    version: int = 1


@dataclass(frozen=True, slots=True)
class DeletedAgent:
    """An agent that was deleted and can still be restored.

    Attributes:
        deleted_at: seconds since the epoch.
        expires_at: when it can no longer be restored, in seconds since the epoch.
    """

    agent: Agent
    deleted_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Grant:
    """What a principal may do with an agent.

    Attributes:
        principal: ``user:ID``, ``group:ID``, ``role:ID`` or ``public``.
        bits: VIEW 1, EDIT 2, DELETE 4, SHARE 8.
    """

    tenant: str
    agent: str
    principal: str
    bits: int
