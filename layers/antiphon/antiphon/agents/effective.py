"""What a request makes of an agent: the settings in force, each from the request, the agent or the configuration.

    configuration's defaults  <  the agent's parameters  <  the request's fields  <=  the configuration's maximums

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from antiphon.errors import ApiError
from antiphon.records import Agent, Limits, ToolServer
from antiphon.spec.request import CreateResponse
from antiphon.spec.tools import SEARCHING
from antiphon.tools.choice import chosen, offered, translated
from antiphon.tools.functions import function_of
from antiphon.tools.offer import Offer, UnknownTools
from antiphon.tools.table import ToolTable

DEFAULTS: Final[dict[str, Any]] = {
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "max_tool_calls": None,
    "temperature": 1.0,
    "top_p": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "max_output_tokens": None,
    "top_logprobs": 0,
    "text": {"format": {"type": "text"}},
    "reasoning": None,
    "truncation": "disabled",
    "service_tier": "default",
    "safety_identifier": None,
    "prompt_cache_key": None,
}
"""The values of fields that nobody sets (Open Responses, ``ResponseResource``). A provider is not sent these."""

_MERGED: Final[dict[str, dict[str, Any]]] = {
    "text": DEFAULTS["text"],
    "reasoning": {"effort": None, "summary": None},
}
_SCALARS: Final = tuple(name for name in DEFAULTS if name not in {"text", "reasoning", "tool_choice"})


@dataclass(frozen=True, slots=True)
class Effective:
    """The settings in force for one response.

    Attributes:
        instructions: the agent's own, then the request's: what the model reads.
        shown_instructions: what the response echoes; None for none.
        tools: all tools, the agent's first, in the resource's form.
        table: the same tools, each with the name by which the model calls it.
        named_servers: the agent's servers that the request names.
        left_out: the types of the request's tools that nobody can run here; the model is not offered these.
        offered: the functions that the model may call: ``tool_choice`` is a hard limit.
        settings: every name of ``DEFAULTS``.
        explicit: the names that somebody set.
        include_logprobs: log probabilities were asked for.
        agent_version: the version of the agent.
    """

    instructions: str
    shown_instructions: str | None
    tools: list[dict[str, Any]]
    table: ToolTable
    named_servers: tuple[ToolServer, ...]
    left_out: list[str]
    offered: list[dict[str, Any]]
    settings: dict[str, Any]
    explicit: frozenset[str]
    include_logprobs: bool
    agent_version: int

    def echo(self) -> dict[str, Any]:
        """Return the fields of the resource that show what was in force.

        The official schema lets ``text.format.schema`` be null only, so a JSON schema is not repeated.
        """
        text = self.settings["text"]
        if text["format"]["type"] == "json_schema":
            text = {**text, "format": {"description": None, "strict": False, **text["format"], "schema": None}}
        echoed = {**self.settings, "text": text, "tools": self.tools, "instructions": self.shown_instructions}
        if echoed["service_tier"] == "auto":
            echoed["service_tier"] = "default"
        left_out = {"tools_left_out": self.left_out} if self.left_out else {}
        echoed["antiphon"] = {"agent_version": self.agent_version, **left_out}
        return echoed

    def asked(self) -> dict[str, Any]:
        """Return the settings as the model gets them, with every tool by the name of its function."""
        return {**self.settings, "tool_choice": translated(self.settings["tool_choice"], self.table)}


def effective(
    agent: Agent,
    request: CreateResponse,
    limits: Limits,
    *,
    brought: Iterable[dict[str, Any]] = (),
    unknown_tools: UnknownTools = "leave_out",
) -> Effective:
    """Work out what is in force.

    Args:
        agent: who answers.
        request: what is asked.
        limits: in force for the caller.
        brought: tools that items of the conversation bring along.
        unknown_tools: what becomes of tools that nobody can run here.

    Raises:
        ApiError: 400, if the request asks for more than the configuration allows, for what is not there, or for what
            cannot be served yet.
    """
    _refuse_background(request)
    asked = _asked(request)
    for name, value in asked.items():
        _within(name, value, limits)
    said = {**limits.defaults, **agent.parameters}
    settings: dict[str, Any] = {}
    for name in DEFAULTS:
        layers = [layer[name] for layer in (limits.defaults, agent.parameters, asked) if layer.get(name) is not None]
        settings[name] = _merge(name, layers)
    settings = _clipped(settings, limits)
    if agent.context_tokens is None:  # nothing can be cut to an unknown size
        settings["truncation"] = "disabled"
    explicit = frozenset(name for name in DEFAULTS if name in said or name in asked or settings[name] != DEFAULTS[name])
    offer = Offer(agent.tools, unknown_tools, agent.servers)
    offer.ask([tool.wire() for tool in request.tools or ()])
    offer.bring(brought)
    offer.require_few()
    table = ToolTable(offer.tools, offer.servers)
    _require_choice(asked.get("tool_choice"), table)
    include_logprobs = "message.output_text.logprobs" in request.include or settings["top_logprobs"] > 0
    own = request.instructions or ""
    instructions = "\n\n".join(text for text in (agent.instructions, own) if text)
    return Effective(
        instructions=instructions,
        shown_instructions=(own if agent.hide_instructions else instructions) or None,
        tools=offer.tools,
        table=table,
        named_servers=offer.named_servers,
        left_out=offer.left_out,
        offered=[function_of(tool) for tool in offered(table, settings["tool_choice"])],
        settings=settings,
        explicit=explicit,
        include_logprobs=include_logprobs,
        agent_version=agent.version,
    )


def _refuse_background(request: CreateResponse) -> None:
    if request.background and not request.store:
        message = "`background` needs `store: true`: the response is read later."
        raise ApiError("unsupported_parameter", message, param="background", complete=True)


def _asked(request: CreateResponse) -> dict[str, Any]:
    """Return the settings that the request sets, in their JSON form."""
    asked = {name: value for name in _SCALARS if (value := getattr(request, name)) is not None}
    for name in ("text", "reasoning", "tool_choice"):
        value = getattr(request, name)
        if value is not None:
            asked[name] = value if isinstance(value, str) else value.wire()
    if request.user is not None and "safety_identifier" not in asked:
        asked["safety_identifier"] = request.user
    return asked


def _within(name: str, value: Any, limits: Limits) -> None:
    maximum = limits.maximums.get(name)
    if maximum is not None and isinstance(value, int | float) and value > maximum:
        raise ApiError("out_of_range", f"`{name}` may be at most {maximum:g} here.", param=name)


def _merge(name: str, layers: list[Any]) -> Any:
    """Return the value of the last layer that sets one; ``text`` and ``reasoning`` are merged field by field."""
    if not layers:
        return DEFAULTS[name]
    if name not in _MERGED:
        return layers[-1]
    merged = dict(_MERGED[name])
    for layer in layers:
        merged |= layer
    return merged


def _clipped(settings: dict[str, Any], limits: Limits) -> dict[str, Any]:
    clipped = dict(settings)
    for name, maximum in limits.maximums.items():
        value = clipped.get(name)
        if name in clipped and (value is None or value > maximum):
            clipped[name] = int(maximum) if isinstance(DEFAULTS[name], int | None) else maximum
    return clipped


def _require_choice(choice: Any, table: ToolTable) -> None:
    """Require that what a request chooses is among the tools."""
    if choice == "required" and not table.tools:
        raise ApiError("invalid_value", "`required` needs at least one tool. Add one to `tools`.", param="tool_choice")
    if isinstance(choice, str | None):
        return
    if choice["type"] != "allowed_tools":
        _require_tool(choice, table, "tool_choice")
        return
    for index, allowed in enumerate(choice["tools"]):
        _require_tool(allowed, table, f"tool_choice.tools[{index}]")


def _require_tool(choice: dict[str, Any], table: ToolTable, param: str) -> None:
    if chosen(choice, table) is not None:
        return
    if choice["type"] in SEARCHING:
        raise ApiError("unsupported_value", "The agent has no tool that does this.", param=f"{param}.type")
    if choice["type"] == "mcp":
        where = "name" if any(tool.namespace == choice["server_label"] for tool in table.tools) else "server_label"
        raise ApiError("invalid_value", "The agent has no such server or tool.", param=f"{param}.{where}")
    if "name" not in choice:
        raise ApiError("invalid_value", "There is no such tool. Add it to `tools`.", param=f"{param}.type")
    raise ApiError("invalid_value", "No tool has this name. Name one of `tools`.", param=f"{param}.name")
