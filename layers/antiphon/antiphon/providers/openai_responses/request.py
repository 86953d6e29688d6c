"""Writes a model call as the body of a Responses request.

Pure. Items become items. The endpoint stores nothing, so each request has the whole context, and reasoning goes back
as the encrypted content that it came with. Our ids of items are not sent, because the endpoint has no items with them.
Sources: Open Responses 2026-04-24 for what comes in; OpenAI's API reference, "Create a model response", for what goes
out.
"""

from __future__ import annotations

import re
from typing import Any, Final

from antiphon.errors import ApiError
from antiphon.media import is_text_file
from antiphon.ports import ModelCall
from antiphon.providers.capabilities import Capabilities
from antiphon.providers.order import is_blank, is_models, ordered
from antiphon.providers.require import asked_of
from antiphon.providers.turns import BEGIN, call_id_of, parts_of, said, schema_of, state_of
from antiphon.records import Item

Body = dict[str, Any]

KIND: Final = "openai_responses"
"""Marks the states of reasoning that this protocol made."""

_SAME_NAME: Final = (
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "max_output_tokens",
    "service_tier",
    "prompt_cache_key",
    "safety_identifier",
)
MIN_OUTPUT_TOKENS: Final = 16
"""The protocol takes no less. Chat Completions does, so a request may ask for less."""

_CALL_ID: Final = re.compile(r"(?s).{1,64}")
_SAMPLING: Final = frozenset({"temperature", "top_p", "presence_penalty", "frequency_penalty"})


def responses_request(
    call: ModelCall, can: Capabilities, maker: str, *, stream_options: bool = True, background: bool = False
) -> Body:
    """Translate a call; only settings named in ``call.explicit`` are sent.

    Args:
        call: what is asked.
        can: what the model supports.
        maker: the model and its endpoint, as in the states that they gave.
        stream_options: the endpoint accepts the field.
        background: the endpoint runs it in the background, and keeps it.

    Raises:
        ApiError: the call holds what the protocol cannot carry.
    """
    asked = asked_of(call, can)
    body: Body = {
        "model": call.model,
        "input": _input(call, maker),
        "stream": True,
        **({"stream_options": {"include_obfuscation": False}} if stream_options else {}),
        "store": background,
        **({"background": True} if background else {}),
    }
    if call.instructions:
        body["instructions"] = call.instructions
    body.update(
        (name, asked[name]) for name in _SAME_NAME if name in asked and (name not in _SAMPLING or can.takes(name))
    )
    if "max_output_tokens" in body:
        body["max_output_tokens"] = max(MIN_OUTPUT_TOKENS, body["max_output_tokens"])
    include = ["reasoning.encrypted_content"] if can.efforts else []
    if call.include_logprobs:
        include.append("message.output_text.logprobs")
        body.update((name, asked[name]) for name in ("top_logprobs",) if name in asked)
    if include:
        body["include"] = include
    text = _told(asked.get("text") or {})
    if not can.verbosity:
        text.pop("verbosity", None)  # its default's value, whose name alone is refused
    for name, told in (("reasoning", _told(asked.get("reasoning") or {}) if can.efforts else {}), ("text", text)):
        if told:
            body[name] = told
    return body | _tools(call, asked)


def _told(setting: dict[str, Any]) -> Body:
    """Return a setting without its null values, also those of its ``format``."""
    told = {name: value for name, value in setting.items() if value is not None}
    if "format" in told:
        told["format"] = _told(told["format"])
    return told


def _tools(call: ModelCall, asked: dict[str, Any]) -> Body:
    if not call.tools:
        return {}
    body: Body = {"tools": [_tool(tool) for tool in call.tools]}
    choice = asked.get("tool_choice")
    if isinstance(choice, dict) and choice["type"] == "allowed_tools":
        choice = choice.get("mode") or "auto"  # no other tool is offered
    if choice is not None:
        body["tool_choice"] = choice
    if "parallel_tool_calls" in asked:
        body["parallel_tool_calls"] = asked["parallel_tool_calls"]
    return body


def _tool(tool: dict[str, Any]) -> Body:
    """Return a function. The protocol requires ``strict`` and ``parameters``."""
    described = {"description": tool["description"]} if tool.get("description") is not None else {}
    schema = schema_of(tool) if tool.get("parameters") else {"type": "object", "properties": {}}
    return {
        "type": "function",
        "name": tool["name"],
        **described,
        "parameters": schema,
        "strict": bool(tool.get("strict")),
    }


def _input(call: ModelCall, maker: str) -> list[Body]:
    items = [written for item in ordered(call.items, is_empty=_is_empty) for written in _item(item, maker)]
    return items or [_message({"role": "user", "content": BEGIN})]  # an empty input is refused


def _is_empty(item: Item) -> bool:
    """Return whether an answer has no text: endpoints refuse it."""
    return is_models(item) and is_blank(item)


def _item(item: Item, maker: str) -> list[Body]:
    kind = item.get("type", "message")
    if kind == "message":
        return [_message(item)]
    if kind == "function_call":
        called = {name: item[name] for name in ("type", "call_id", "name", "arguments")}
        return [{**called, "call_id": call_id_of(item, _CALL_ID)}]
    if kind == "function_call_output":
        output = item["output"]
        written = output if isinstance(output, str) else [_part(part) for part in output]
        return [{"type": kind, "call_id": call_id_of(item, _CALL_ID), "output": written}]
    if kind == "reasoning":
        return _reasoning(item, maker)
    if kind == "compaction":
        text = {"type": "output_text", "text": said(item), "annotations": []}
        return [{"type": "message", "role": "assistant", "content": [text]}]
    raise ApiError("unsupported_value", f"This model cannot read items of type {kind}.")


def _message(item: Item) -> Body:
    if item["role"] != "assistant":
        return {"type": "message", "role": item["role"], "content": [_part(part) for part in parts_of(item["content"])]}
    phase = {"phase": item["phase"]} if item.get("phase") else {}
    content = item["content"]
    parts = [{"type": "output_text", "text": content}] if isinstance(content, str) else content
    return {"type": "message", "role": "assistant", **phase, "content": [_answer(part) for part in parts]}


def _answer(part: dict[str, Any]) -> Body:
    if part["type"] == "refusal":
        return {"type": "refusal", "refusal": part["refusal"]}
    return {"type": "output_text", "text": part["text"], "annotations": part.get("annotations") or []}


def _part(part: dict[str, Any]) -> Body:
    if part["type"] == "input_text":
        return {"type": "input_text", "text": part["text"]}
    if part["type"] == "input_image":
        return {"type": "input_image", "image_url": part["image_url"], "detail": part.get("detail") or "auto"}
    name = part.get("filename") or ("document.txt" if is_text_file(part) else "document.pdf")
    return {"type": "input_file", "filename": name, "file_data": part["file_data"]}


def _reasoning(item: Item, maker: str) -> list[Body]:
    """Write reasoning as it came; without its encrypted content the endpoint has nothing to read."""
    state = state_of(item, KIND, maker)
    if state is None:
        return []
    summary = [{"type": "summary_text", "text": part["text"]} for part in item.get("summary") or ()]
    own = {"id": state["id"], "summary": summary, "encrypted_content": state["encrypted_content"]}
    return [{"type": "reasoning", **own}]
