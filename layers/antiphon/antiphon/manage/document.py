"""The document of an agent, in a file or a request: what it may hold, how it becomes a record and a document again.

The names, types and bounds of the request parameters are those of the specification's request (``spec.request``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator, model_validator

from antiphon.access.grants import PRINCIPAL, level_of, read_level
from antiphon.errors import ApiError
from antiphon.manage.budgets import AgentBudgetDocument, write_budget
from antiphon.records import Agent, AgentCompaction, Fallback, Grant, ToolServer, dump
from antiphon.server_tools.entries import AgentTool, ToolEntry
from antiphon.server_tools.entry import ServerEntry
from antiphon.spec.base import Text, Wire
from antiphon.spec.request import (
    MIN_THRESHOLD,
    MaxOutputTokens,
    MaxToolCalls,
    Penalty,
    ReasoningParam,
    ServiceTier,
    Temperature,
    TextParam,
    TopLogprobs,
    TopP,
    Truncation,
)
from antiphon.spec.tools import MAX_TOOLS, ToolChoice
from antiphon.validation import form

MAX_BYTES: Final = 300_000
"""The largest agent: a DynamoDB item holds 400 KB, keys and names included (AWS, "Item size limits")."""

MAX_FALLBACKS: Final = 4
MAX_MODEL_TURNS: Final = 64
_TURNS: Final = 16

PARAMETERS: Final = (
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "max_output_tokens",
    "reasoning",
    "text",
    "tool_choice",
    "parallel_tool_calls",
    "max_tool_calls",
    "truncation",
    "service_tier",
    "top_logprobs",
)
"""The request parameters that an agent, or a layer of configuration, can set."""

_OF_A_RESPONSE: Final = ("tokens_per_response", "usd_per_response")

_PLAIN: Final = (
    "id",
    "name",
    "description",
    "author",
    "provider",
    "model",
    "instructions",
    "hide_instructions",
    "context_tokens",
)


class Parameters(Wire):
    """Request parameters, each as in ``CreateResponse``."""

    temperature: Temperature | None = None
    top_p: TopP | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    max_output_tokens: MaxOutputTokens | None = None
    reasoning: ReasoningParam | None = None
    text: TextParam | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_tool_calls: MaxToolCalls | None = None
    truncation: Truncation | None = None
    service_tier: ServiceTier | None = None
    top_logprobs: TopLogprobs | None = None


class AgentGrant(Wire):
    """A grant on the agent to a principal other than its author."""

    principal: Annotated[str, form(PRINCIPAL, "must be `user:ID`, `group:ID`, `role:ID` or `public`")]
    level: str | int

    @field_validator("level")
    @classmethod
    def _known(cls, level: str | int) -> str | int:
        read_level(str(level))
        return level


AgentId = Annotated[
    str,
    form(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", "must be 1 to 64 letters, digits and `._-`, a letter or digit first"),
]
ProviderName = Annotated[str, Field(min_length=1, max_length=64)]
ModelName = Annotated[str, Field(min_length=1, max_length=2048)]


class AgentFallback(Wire):
    """A model that is tried if the agent's own fails."""

    provider: ProviderName
    model: ModelName


class AgentCompactionSetting(Wire):
    """When and how the agent's conversations are compacted by themselves."""

    threshold: Annotated[int, Field(ge=MIN_THRESHOLD)] | None = None
    model: ModelName | None = None


class AgentDocument(Parameters):
    """One agent as it is written in a file.

    Attributes:
        fallbacks: the models that are tried, in this order, if the agent's own fails before its first token.
        compaction: when and how a conversation is compacted; without it, only when a request asks for it.
        tools: functions that clients run, and servers whose tools Antiphon runs.
        show_tools: whether a response shows the calls of the servers' tools as items.
        max_model_turns: how often the model is asked for one response at most.
        author: the user who owns the agent; needed when it is created, unless ``--author`` names one.
        limits: what all its users together may use, and what one response may.
        grants: grants that are added with it; grants that are not named stay as they are.
    """

    id: AgentId
    name: Annotated[str, Field(max_length=256)] = ""
    description: Annotated[str, Field(max_length=4096)] = ""
    author: str | None = None
    provider: ProviderName
    model: ModelName
    fallbacks: Annotated[list[AgentFallback], Field(max_length=MAX_FALLBACKS)] = Field(default_factory=list)
    instructions: Text = ""
    hide_instructions: bool = False
    context_tokens: Annotated[int, Field(ge=1)] | None = None
    compaction: AgentCompactionSetting | None = None
    tools: Annotated[list[ToolEntry], Field(max_length=MAX_TOOLS)] = Field(default_factory=list)
    show_tools: Literal["all", "none"] = "all"
    max_model_turns: Annotated[int, Field(ge=1, le=MAX_MODEL_TURNS)] = _TURNS
    limits: AgentBudgetDocument = Field(default_factory=AgentBudgetDocument)
    grants: list[AgentGrant] = Field(default_factory=list)

    @field_validator("tools")
    @classmethod
    def _names_differ(cls, tools: list[ToolEntry]) -> list[ToolEntry]:
        names = [tool.name for tool in tools if isinstance(tool, AgentTool)]
        labels = [tool.label for tool in tools if isinstance(tool, ServerEntry)]
        if len(set(names)) < len(names):
            raise ValueError("two tools have the same name")
        if len(set(labels)) < len(labels):
            raise ValueError("two servers have the same label")
        return tools

    @property
    def servers(self) -> list[ServerEntry]:
        """Return the servers whose tools Antiphon runs."""
        return [tool for tool in self.tools if isinstance(tool, ServerEntry)]

    @model_validator(mode="after")
    def _models_differ(self) -> AgentDocument:
        models = [(self.provider, self.model), *((other.provider, other.model) for other in self.fallbacks)]
        if len(set(models)) < len(models):
            raise ValueError("a fallback is there twice, or is the agent's own model")
        return self

    def agent(self, tenant: str, author: str, now: int, servers: Sequence[ToolServer] = ()) -> Agent:
        """Return the record; the time is in seconds since the epoch, the servers are those of the document, pinned.

        Raises:
            ApiError: 413, if it is too large for the stores.
        """
        said = self.wire()
        agent = Agent(
            tenant=tenant,
            id=self.id,
            provider=self.provider,
            model=self.model,
            author=author,
            name=self.name,
            description=self.description,
            instructions=self.instructions,
            parameters={name: said[name] for name in PARAMETERS if name in said},
            tools=tuple(tool.wire() for tool in self.tools if isinstance(tool, AgentTool)),
            servers=tuple(servers),
            show_tools=self.show_tools == "all",
            max_model_turns=self.max_model_turns,
            hide_instructions=self.hide_instructions,
            context_tokens=self.context_tokens,
            fallbacks=tuple(Fallback(other.provider, other.model) for other in self.fallbacks),
            compaction=_compaction(self.compaction),
            budget=self.limits.budget(),
            tokens_per_response=self.limits.tokens_per_response,
            usd_per_response=self.limits.usd_per_response,
            created_at=now,
            updated_at=now,
        )
        if len(dump(agent)) > MAX_BYTES:
            raise ApiError("request_too_large", f"The agent is larger than {MAX_BYTES} bytes.")
        return agent

    def granted(self, tenant: str) -> list[Grant]:
        """Return the records of the grants."""
        return [Grant(tenant, self.id, grant.principal, read_level(str(grant.level))) for grant in self.grants]


def _compaction(setting: AgentCompactionSetting | None) -> AgentCompaction | None:
    return None if setting is None else AgentCompaction(setting.threshold, setting.model or "")


def write_agent(agent: Agent, grants: list[Grant]) -> dict[str, Any]:
    """Return the document that ``AgentDocument`` reads as this agent; fields with their defaults are left out."""
    said: dict[str, Any] = {name: getattr(agent, name) for name in _PLAIN}
    said |= {name: agent.parameters[name] for name in PARAMETERS if name in agent.parameters}
    said["fallbacks"] = [{"provider": other.provider, "model": other.model} for other in agent.fallbacks]
    if agent.compaction is not None:
        compaction = {"threshold": agent.compaction.threshold, "model": agent.compaction.model}
        said["compaction"] = {name: value for name, value in compaction.items() if value}
    said["tools"] = [*map(_said, agent.tools), *(server.settings["entry"] for server in agent.servers)]
    said |= {} if agent.show_tools else {"show_tools": "none"}
    said |= {} if agent.max_model_turns == _TURNS else {"max_model_turns": agent.max_model_turns}
    of_a_response = {name: getattr(agent, name) for name in _OF_A_RESPONSE}
    limits = write_budget(agent.budget) | {name: most for name, most in of_a_response.items() if most is not None}
    said["limits"] = limits or None
    said["grants"] = [
        {"principal": grant.principal, "level": level_of(grant.bits)}
        for grant in grants
        if grant.principal != f"user:{agent.author}"
    ]
    return {name: value for name, value in said.items() if name in PARAMETERS or value not in ("", [], False, None)}


def _said(tool: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in tool.items() if value is not None}
