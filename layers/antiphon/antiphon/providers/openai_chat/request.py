"""Writes a model call as the body of a Chat Completions request.

Pure. Everything is translated exactly, or refused before anything is sent. Sources: Open
Responses 2026-04-24 for what comes in, OpenAI's API reference "Create chat completion" for what goes out.
"""

from __future__ import annotations

from typing import Any, Final

from antiphon.errors import ApiError
from antiphon.ports import ModelCall
from antiphon.providers.capabilities import Capabilities
from antiphon.providers.openai_chat.dialects import DIALECTS, Dialect
from antiphon.providers.openai_chat.messages import messages
from antiphon.providers.require import asked_of
from antiphon.providers.turns import schema_of

Body = dict[str, Any]

MAX_STOPS: Final = 4
"""The most texts in ``stop``."""

_SAME_NAME: Final = (
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
)


def chat_request(
    call: ModelCall, can: Capabilities, dialect_name: str, *, reasoning: bool = False, stream_options: bool = True
) -> Body:
    """Translate a call; only settings named in ``call.explicit`` are sent.

    What cannot be set has its default's value here (``require``), and is not sent: some endpoints refuse the very name.

    Args:
        call: what is asked.
        can: what the model supports.
        dialect_name: how the endpoint deviates, by its name in ``DIALECTS``.
        reasoning: the endpoint takes reasoning back.
        stream_options: the endpoint accepts the field, by which it is asked for its usage.

    Raises:
        ApiError: the call holds what Chat Completions cannot carry.
    """
    dialect = DIALECTS[dialect_name]
    asked = asked_of(call, can)
    body: Body = {
        "model": call.model,
        "messages": messages(call.instructions, call.items, dialect, reasoning=reasoning),
        "stream": True,
    }
    if stream_options:
        body["stream_options"] = {"include_usage": True}
    body.update((name, asked[name]) for name in _SAME_NAME if name in asked and can.takes(name))
    if "max_output_tokens" in asked:
        body[dialect.limit] = asked["max_output_tokens"]
    body |= _in_dialect(asked, can, dialect)
    if call.stop and can.temperature is not None:  # OpenAI's models that reason refuse both
        body["stop"] = list(call.stop[:MAX_STOPS])
    if call.include_logprobs:
        body["logprobs"] = True
        body.update((name, asked[name]) for name in ("top_logprobs",) if name in asked)
    return body | _text(asked.get("text") or {}, can) | _tools(call, asked)


def _in_dialect(asked: dict[str, Any], can: Capabilities, dialect: Dialect) -> Body:
    """Return the settings that endpoints have different names for."""
    body: Body = {}
    effort = (asked.get("reasoning") or {}).get("effort")
    if effort is not None and can.efforts:
        body[dialect.effort] = {"effort": effort} if dialect.effort == "reasoning" else effort
    if "service_tier" in asked:
        body["service_tier"] = dialect.tiers.get(asked["service_tier"], asked["service_tier"])
    names = {"safety_identifier": dialect.user, "prompt_cache_key": "prompt_cache_key"}
    body |= {theirs: asked[name] for name, theirs in names.items() if name in asked and name in dialect.hints}
    return body


def _text(text: dict[str, Any], can: Capabilities) -> Body:
    body: Body = {}
    form = text.get("format") or {}
    if form.get("type") == "json_object":
        body["response_format"] = {"type": "json_object"}
    elif form.get("type") == "json_schema":
        named = {name: form[name] for name in ("name", "description", "schema", "strict") if form.get(name) is not None}
        body["response_format"] = {"type": "json_schema", "json_schema": named}
    if text.get("verbosity") is not None and can.verbosity:
        body["verbosity"] = text["verbosity"]
    return body


def _tools(call: ModelCall, asked: dict[str, Any]) -> Body:
    if not call.tools:
        return {}
    body: Body = {"tools": [_tool(tool) for tool in call.tools]}
    if "tool_choice" in asked:
        body["tool_choice"] = _tool_choice(asked["tool_choice"])
    if "parallel_tool_calls" in asked:
        body["parallel_tool_calls"] = asked["parallel_tool_calls"]
    return body


def _tool(tool: dict[str, Any]) -> Body:
    names = ("name", "description", "parameters", "strict")
    function = {name: tool[name] for name in names if tool.get(name) is not None}
    if "parameters" in function:
        function["parameters"] = schema_of(tool)
    return {"type": "function", "function": function}


def _tool_choice(choice: str | dict[str, Any]) -> str | Body:
    if isinstance(choice, str):
        return choice
    if choice["type"] == "allowed_tools":
        mode: str = choice.get("mode") or "auto"
        return mode
    if choice["type"] == "function":
        return {"type": "function", "function": {"name": choice["name"]}}
    raise ApiError("unsupported_value", "This model takes no such tool choice.", param="tool_choice.type")
