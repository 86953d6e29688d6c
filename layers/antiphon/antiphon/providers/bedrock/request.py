"""Writes a model call as the arguments of ``ConverseStream``: the model, and the body with blobs as bytes.

Pure. ``require`` has refused what the model does not support. Sources: Open Responses
2026-04-24 for what comes in; AWS's API reference of Bedrock, "ConverseStream", and "Adaptive thinking", "Extended
thinking", "Prompt caching" of its user guide for what goes out.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Final

from antiphon.ports import ModelCall
from antiphon.providers.bedrock.messages import is_result, is_thinking, messages
from antiphon.providers.capabilities import Capabilities
from antiphon.providers.require import asked_of
from antiphon.providers.thinking import NONE_THIS_TURN, Thinking, thinking_of
from antiphon.providers.turns import RoleTurn, is_unsigned_loop, schema_of, tools_of, with_type

Body = dict[str, Any]

_CACHE_POINT: Final = {"cachePoint": {"type": "default"}}
_PDF: Final = {"format": "pdf"}
_METADATA: Final = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}")


def converse_request(
    call: ModelCall, can: Capabilities, *, guardrail: str | None = None, citations: bool = False
) -> Body:
    """Translate a call; only settings named in ``call.explicit`` are sent.

    Args:
        call: what is asked.
        can: what the model supports.
        guardrail: ``ID:VERSION``; None for none.
        citations: ask for citations of documents.

    Raises:
        ApiError: the call holds what the protocol cannot carry, or there is no room to think.
    """
    asked = asked_of(call, can)
    thinking = thinking_of(asked, can, asked.get("max_output_tokens") or can.max_output_tokens)
    leading, written = _messages(call, can, thinking, citations=citations)
    if thinking.is_manual and is_unsigned_loop(written, is_thinking, is_result):
        thinking = NONE_THIS_TURN
        leading, written = _messages(call, can, thinking, citations=citations)
    body: Body = {"modelId": call.model, "messages": written}
    system = "\n\n".join(text for text in (call.instructions, *leading) if text)
    if system:
        body["system"] = [{"text": system}]
    if "prompt_cache_key" in asked and can.cache_points:
        _mark_cache(body)
    body |= _inference(asked, can) | _thinking(thinking) | _tools(call, asked)
    form = (asked.get("text") or {}).get("format") or {}
    if form.get("type") == "json_schema":
        body.setdefault("outputConfig", {})["textFormat"] = _text_format(form)
    if guardrail is not None:
        identifier, _, version = guardrail.rpartition(":")
        body["guardrailConfig"] = {"guardrailIdentifier": identifier, "guardrailVersion": version}
    if asked.get("service_tier") not in {None, "auto"}:
        body["serviceTier"] = {"type": asked["service_tier"]}
    if "safety_identifier" in asked:
        body["requestMetadata"] = {"safety_identifier": _metadata(asked["safety_identifier"])}
    return body


def _messages(
    call: ModelCall, can: Capabilities, thinking: Thinking, *, citations: bool
) -> tuple[list[str], list[RoleTurn]]:
    return messages(
        call.items,
        call.model if thinking.replayed else None,
        prefill=can.prefill and thinking.config is None,
        citations=citations,
    )


def _mark_cache(body: Body) -> None:
    """Ask for a cache after what the next turn will repeat: the instructions, and the conversation so far.

    A message may not begin with the mark, and the mark may not follow a document other than a PDF.
    """
    if "system" in body:
        body["system"].append(_CACHE_POINT)
    content = body["messages"][-1]["content"]
    place = len(content)
    while place and content[place - 1].get("document", _PDF)["format"] != "pdf":
        place -= 1
    if place and body["messages"][-1]["role"] == "user":
        content.insert(place, _CACHE_POINT)


def _inference(asked: dict[str, Any], can: Capabilities) -> Body:
    """Return the limits, and the sampling settings that differ from the default: some models take no value at all."""
    inference: Body = {}
    if "max_output_tokens" in asked or _reasons(asked):
        inference["maxTokens"] = asked.get("max_output_tokens") or can.max_output_tokens
    if can.temperature is not None and not (_reasons(asked) and not can.sampled_while_reasoning):
        names = {"temperature": "temperature", "top_p": "topP"}
        inference |= {theirs: asked[name] for name, theirs in names.items() if asked.get(name, 1.0) != 1.0}
    return {"inferenceConfig": inference} if inference else {}


def _thinking(thinking: Thinking) -> Body:
    body: Body = {}
    if thinking.config is not None:
        betas = {"anthropic_beta": thinking.betas} if thinking.betas else {}
        body["additionalModelRequestFields"] = {"thinking": thinking.config, **betas}
    if thinking.effort is not None:
        body["outputConfig"] = {"effort": thinking.effort}
    return body


def _reasons(asked: dict[str, Any]) -> bool:
    return (asked.get("reasoning") or {}).get("effort") not in {None, "none"}


def _tools(call: ModelCall, asked: dict[str, Any]) -> Body:
    """Return the tools. The protocol cannot forbid calls; the run suppresses those that are not permitted."""
    tools, callable_ = tools_of(call.tools, call.items)
    if not tools:
        return {}
    config: Body = {"tools": [{"toolSpec": _tool(tool)} for tool in tools]}
    if callable_ and "tool_choice" in asked:
        config["toolChoice"] = _tool_choice(asked["tool_choice"])
    return {"toolConfig": config}


def _tool(tool: dict[str, Any]) -> Body:
    spec: Body = {"name": tool["name"], "inputSchema": {"json": schema_of(tool)}}
    spec.update((name, tool[name]) for name in ("description", "strict") if tool.get(name))
    return spec


def _tool_choice(choice: str | dict[str, Any]) -> Body:
    if isinstance(choice, dict) and choice["type"] == "function":
        return {"tool": {"name": choice["name"]}}
    mode = choice if isinstance(choice, str) else choice.get("mode") or "auto"
    return {{"auto": "auto", "required": "any"}[mode]: {}}


def _text_format(form: dict[str, Any]) -> Body:
    schema: Body = {"schema": json.dumps(with_type(form["schema"]), ensure_ascii=False)}
    schema.update((name, form[name]) for name in ("name", "description") if form.get(name))
    return {"type": "json_schema", "structure": {"jsonSchema": schema}}


def _metadata(value: str) -> str:
    """Return a value as request metadata. One with other characters is replaced by its digest."""
    return value if _METADATA.fullmatch(value) else hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
