"""Writes a model call as the body of a Messages request.

Pure. ``require`` has refused what the model does not support. Sources: Open Responses
2026-04-24 for what comes in; Anthropic's API reference "Create a Message", "Structured outputs" and "Prompt caching"
for what goes out.
"""

from __future__ import annotations

from typing import Any, Final

from antiphon.ports import ModelCall
from antiphon.providers.anthropic.messages import is_result, is_thinking, messages
from antiphon.providers.capabilities import Capabilities
from antiphon.providers.require import asked_of
from antiphon.providers.thinking import NONE_THIS_TURN, Thinking, thinking_of
from antiphon.providers.turns import RoleTurn, is_unsigned_loop, schema_of, tools_of, with_type

Body = dict[str, Any]

_CACHED: Final = {"type": "ephemeral"}
_TIERS: Final = {"auto": "auto", "default": "standard_only"}


def messages_request(call: ModelCall, can: Capabilities, maker: str, *, citations: bool = False) -> Body:
    """Translate a call; only settings named in ``call.explicit`` are sent.

    Args:
        call: what is asked.
        can: what the model supports.
        maker: the model and its endpoint, as in the states that they gave.
        citations: ask for citations of documents.

    Raises:
        ApiError: the call holds what the protocol cannot carry, or there is no room to think.
    """
    asked = asked_of(call, can)
    max_tokens = asked.get("max_output_tokens") or can.max_output_tokens
    thinking = thinking_of(asked, can, max_tokens)
    leading, written = _messages(call, can, maker, thinking, citations=citations)
    if thinking.is_manual and is_unsigned_loop(written, is_thinking, is_result):
        thinking = NONE_THIS_TURN
        leading, written = _messages(call, can, maker, thinking, citations=citations)
    body: Body = {
        "model": call.model,
        "max_tokens": max_tokens,
        "messages": written,
        "stream": True,
    }
    system = "\n\n".join(text for text in (call.instructions, *leading) if text)
    if system:
        body["system"] = system
    if thinking.config is not None:
        body["thinking"] = thinking.config
    if thinking.effort is not None:
        body["output_config"] = {"effort": thinking.effort}
    body |= _sampling(asked, can) | _tools(call, asked)
    form = (asked.get("text") or {}).get("format") or {}
    if form.get("type") == "json_schema":
        about = {"description": form["description"]} if form.get("description") is not None else {}
        schema = {**about, **with_type(form["schema"])}  # the protocol has no other place for it
        body.setdefault("output_config", {})["format"] = {"type": "json_schema", "schema": schema}
    if stops := [stop for stop in call.stop if stop.strip()]:  # white space alone is refused
        body["stop_sequences"] = stops
    if "service_tier" in asked:
        body["service_tier"] = _TIERS[asked["service_tier"]]
    if "safety_identifier" in asked:
        body["metadata"] = {"user_id": asked["safety_identifier"]}
    if "prompt_cache_key" in asked:
        body["cache_control"] = dict(_CACHED)
    return body


def _messages(
    call: ModelCall, can: Capabilities, maker: str, thinking: Thinking, *, citations: bool
) -> tuple[list[str], list[RoleTurn]]:
    return messages(
        call.items,
        maker if thinking.replayed else None,
        instructed=can.instructed_turns,
        prefill=can.prefill and thinking.config is None,
        citations=citations,
    )


def _sampling(asked: dict[str, Any], can: Capabilities) -> Body:
    """Return the sampling settings that differ from the default: some models take no value, and none takes both."""
    reasons = (asked.get("reasoning") or {}).get("effort") not in {None, "none"}
    if can.temperature is None or (reasons and not can.sampled_while_reasoning):
        return {}
    return {name: asked[name] for name in ("temperature", "top_p") if asked.get(name, 1.0) != 1.0}


def _tools(call: ModelCall, asked: dict[str, Any]) -> Body:
    tools, callable_ = tools_of(call.tools, call.items)
    if not tools:
        return {}
    body: Body = {"tools": [_tool(tool) for tool in tools]}
    if not callable_:
        return {**body, "tool_choice": {"type": "none"}}
    serial = asked.get("parallel_tool_calls") is False
    if "tool_choice" in asked or serial:
        body["tool_choice"] = _tool_choice(asked.get("tool_choice", "auto"), serial=serial)
    return body


def _tool(tool: dict[str, Any]) -> Body:
    written: Body = {"name": tool["name"], "input_schema": schema_of(tool)}
    written.update((name, tool[name]) for name in ("description", "strict") if tool.get(name))
    return written


def _tool_choice(choice: str | dict[str, Any], *, serial: bool) -> Body:
    once = {"disable_parallel_tool_use": True} if serial else {}
    if isinstance(choice, dict) and choice["type"] == "function":
        return {"type": "tool", "name": choice["name"], **once}
    mode = choice if isinstance(choice, str) else choice.get("mode") or "auto"
    return {"type": {"auto": "auto", "required": "any"}[mode], **once}
