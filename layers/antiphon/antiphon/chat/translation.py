"""A chat request as a request for a response."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from antiphon.chat.messages import (
    ChatAssistant,
    ChatCall,
    ChatCustomCall,
    ChatFile,
    ChatImage,
    ChatInstructing,
    ChatMessage,
    ChatOutput,
    ChatRefusal,
    ChatText,
    ChatUser,
)
from antiphon.chat.places import placed
from antiphon.chat.request import IGNORED, ChatSchemaFormat, CreateChatCompletion
from antiphon.chat.tools import ChatCustomTool, ChatNamedCustomTool, choice_of_response, tools_of_response
from antiphon.errors import ApiError
from antiphon.records import Item
from antiphon.spec.request import CreateResponse, refusal

_LOGPROBS: Final = "message.output_text.logprobs"
_SAME_NAME: Final = (
    "model",
    "stream",
    "store",
    "metadata",
    "parallel_tool_calls",
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "top_logprobs",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "user",
)

Content = str | list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A chat request and what it becomes.

    Attributes:
        chat: as it was sent.
        request: the request for a response.
        places: the path of each item of its input in the chat request.
    """

    chat: CreateChatCompletion
    request: CreateResponse
    places: list[str]

    @property
    def stop(self) -> tuple[str, ...]:
        """The texts at which the answer ends."""
        stop = self.chat.stop
        return tuple(filter(None, [stop] if isinstance(stop, str) else stop or ()))

    def placed(self, error: ApiError) -> ApiError:
        """Return an error with the names of the fields that the caller sent."""
        return placed(error, self.places, _renamed(self.chat))


def parse_chat(document: dict[str, Any]) -> Asked:
    """Read a chat request.

    Raises:
        ApiError: 400, naming the first field that is wrong; never what it holds.
    """
    known = {key: value for key, value in document.items() if key not in IGNORED}
    try:
        chat = CreateChatCompletion.model_validate(known)
    except ValidationError as error:
        raise refusal(error, CreateChatCompletion) from None
    _require_one_limit(chat)
    items = _Items()
    for index, message in enumerate(chat.messages):
        items.add(message, f"messages[{index}]")
    try:
        request = CreateResponse.model_validate(_document(chat, items.items))
    except ValidationError as error:
        raise placed(refusal(error, CreateResponse), items.places, _renamed(chat)) from None
    # Chat Completions has no smallest limit, unlike requests for responses
    limited = request.model_copy(update={"max_output_tokens": chat.max_completion_tokens or chat.max_tokens})
    return Asked(chat, limited, items.places)


def _require_one_limit(chat: CreateChatCompletion) -> None:
    if chat.max_tokens and chat.max_completion_tokens and chat.max_tokens != chat.max_completion_tokens:
        raise ApiError("invalid_value", "Send `max_completion_tokens` or `max_tokens`, not both.", param="max_tokens")
    if chat.top_logprobs and not chat.logprobs:
        raise ApiError("invalid_value", "`top_logprobs` needs `logprobs: true`.", param="top_logprobs")


def _renamed(chat: CreateChatCompletion) -> dict[str, str]:
    """Return the fields whose names in the chat request depend on what it holds."""
    effort = "reasoning_effort" if chat.reasoning is None or chat.reasoning_effort else "reasoning.effort"
    limit = "max_tokens" if chat.max_completion_tokens is None else "max_completion_tokens"
    named = {"max_output_tokens": limit, "reasoning": effort, "reasoning.effort": effort}
    for index, tool in enumerate(chat.tools or ()):
        if isinstance(tool, ChatCustomTool):
            named |= {f"tools[{index}].{name}": f"tools[{index}].custom.{name}" for name in ("name", "description")}
    if isinstance(chat.tool_choice, ChatNamedCustomTool):
        named["tool_choice.name"] = "tool_choice.custom.name"
    return named


def _document(chat: CreateChatCompletion, items: list[Item]) -> dict[str, Any]:
    document: dict[str, Any] = {name: getattr(chat, name) for name in _SAME_NAME}
    document["input"] = items
    document["include"] = [_LOGPROBS] if chat.logprobs else []
    document["tools"] = tools_of_response(chat.tools, search=chat.web_search_options is not None)
    document["tool_choice"] = choice_of_response(chat.tool_choice)
    document["text"] = _text(chat)
    document["reasoning"] = _reasoning(chat)
    padded = chat.stream_options is not None and chat.stream_options.include_obfuscation
    document["stream_options"] = {"include_obfuscation": padded}
    return document


def _reasoning(chat: CreateChatCompletion) -> dict[str, Any] | None:
    reasoning = {} if chat.reasoning is None else chat.reasoning.wire()
    return reasoning | ({} if chat.reasoning_effort is None else {"effort": chat.reasoning_effort}) or None


def _text(chat: CreateChatCompletion) -> dict[str, Any] | None:
    text: dict[str, Any] = {}
    form = chat.response_format
    if isinstance(form, ChatSchemaFormat):
        schema = form.json_schema
        described = {"name": schema.name, "description": schema.description, "schema": schema.schema_}
        text["format"] = {"type": "json_schema", **described, "strict": schema.strict or False}
    elif form is not None:
        text["format"] = form.wire()
    if chat.verbosity is not None:
        text["verbosity"] = chat.verbosity
    return text or None


@dataclass(slots=True)
class _Items:
    """The items of the messages, where each comes from, and the ids of calls of custom tools."""

    items: list[Item] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    custom: set[str] = field(default_factory=set)

    def add(self, message: ChatMessage, place: str) -> None:
        """Add the items of a message."""
        if isinstance(message, ChatAssistant):
            self._add_answer(message, place)
        elif isinstance(message, ChatOutput):
            call_id = message.tool_call_id
            kind = "custom_tool_call_output" if call_id in self.custom else "function_call_output"
            self._add({"type": kind, "call_id": call_id, "output": _asking(message.content)}, place)
        elif isinstance(message, ChatUser):
            self._add_message("user", _asking(message.content), place)
        elif isinstance(message, ChatInstructing):
            self._add_message(message.role, _asking(message.content), place)

    def _add(self, item: Item, place: str) -> None:
        self.items.append(item)
        self.places.append(place)

    def _add_message(self, role: str, content: Content, place: str) -> None:
        self._add({"type": "message", "role": role, "content": content}, place)

    def _add_answer(self, message: ChatAssistant, place: str) -> None:
        """Add an earlier answer: its reasoning, then its text, then its calls. One that is empty adds nothing."""
        reasoning = message.reasoning_content or message.reasoning
        if reasoning:
            summary = [{"type": "summary_text", "text": reasoning}]
            self._add({"type": "reasoning", "summary": summary}, f"{place}.reasoning_content")
        content = _answering(message)
        if content:
            self._add_message("assistant", content, place)
        for index, call in enumerate(message.tool_calls or ()):
            self._add(self._called(call), f"{place}.tool_calls[{index}]")

    def _called(self, call: ChatCall | ChatCustomCall) -> Item:
        if isinstance(call, ChatCustomCall):
            self.custom.add(call.id)
            return {"type": "custom_tool_call", "call_id": call.id, **call.custom.wire()}
        function = call.function
        return {"type": "function_call", "call_id": call.id, "name": function.name, "arguments": function.arguments}


def _asking(content: str | list[Any]) -> Content:
    return content if isinstance(content, str) else [_part(part) for part in content]


def _part(part: ChatText | ChatImage | ChatFile) -> dict[str, Any]:
    if isinstance(part, ChatText):
        return {"type": "input_text", "text": part.text}
    if isinstance(part, ChatImage):
        detail = {} if part.image_url.detail is None else {"detail": part.image_url.detail}
        return {"type": "input_image", "image_url": part.image_url.url, **detail}
    file = part.file
    source = "file_url" if file.file_data.startswith(("http://", "https://")) else "file_data"
    return {"type": "input_file", source: file.file_data, "filename": file.filename}


def _answering(message: ChatAssistant) -> Content | None:
    content = message.content
    if isinstance(content, str) and content and not message.refusal:
        return content
    parts = [ChatText(type="text", text=content)] if isinstance(content, str) and content else content or []
    written = [_answer_part(part) for part in parts if not isinstance(part, str)]
    if message.refusal:
        written.append({"type": "refusal", "refusal": message.refusal})
    return written or None


def _answer_part(part: ChatText | ChatRefusal) -> dict[str, Any]:
    if isinstance(part, ChatRefusal):
        return {"type": "refusal", "refusal": part.refusal}
    return {"type": "output_text", "text": part.text}
