"""The messages of a Chat Completions request (OpenAI's API reference, "Create chat completion")."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag

from antiphon.spec.base import Text, Wire
from antiphon.spec.content import Hint, by_type, text_or_list

AUDIO: Final = frozenset({"audio"})


class ChatText(Wire):
    """Text."""

    type: Literal["text"]
    text: Text
    cache_control: Hint = None
    prompt_cache_breakpoint: Hint = None


class ChatRefusal(Wire):
    """A refusal of an earlier answer."""

    type: Literal["refusal"]
    refusal: Text


class ChatImageUrl(Wire):
    """Where an image is: a URL or a data URL."""

    url: str
    detail: str | None = None


def _as_object(value: Any) -> Any:
    """Read the short form that some clients send: the URL alone."""
    return {"url": value} if isinstance(value, str) else value


class ChatImage(Wire):
    """An image."""

    type: Literal["image_url"]
    image_url: Annotated[ChatImageUrl, BeforeValidator(_as_object)]
    cache_control: Hint = None


class ChatFileContent(Wire):
    """A file: base64 or a data URL. A URL of the web is read, too, which OpenAI does not do."""

    unserved: ClassVar[frozenset[str]] = frozenset({"file_id"})

    file_data: str
    filename: str | None = None
    format: Hint = None


class ChatFile(Wire):
    """A file."""

    type: Literal["file"]
    file: ChatFileContent
    cache_control: Hint = None


Asking = Annotated[
    Annotated[ChatText, Tag("#text")] | Annotated[ChatImage, Tag("#image_url")] | Annotated[ChatFile, Tag("#file")],
    Discriminator(by_type),
]
Answering = Annotated[
    Annotated[ChatText, Tag("#text")] | Annotated[ChatRefusal, Tag("#refusal")], Discriminator(by_type)
]

TextContent = Annotated[
    Annotated[Text, Tag("#text")] | Annotated[list[ChatText], Field(fail_fast=True), Tag("#list")],
    Discriminator(text_or_list),
]
AskingContent = Annotated[
    Annotated[Text, Tag("#text")] | Annotated[list[Asking], Field(fail_fast=True), Tag("#list")],
    Discriminator(text_or_list),
]
AnsweringContent = Annotated[
    Annotated[Text, Tag("#text")] | Annotated[list[Answering], Field(fail_fast=True), Tag("#list")],
    Discriminator(text_or_list),
]


class _Chat(Wire):
    """What every message may have. Clients keep ids and names of their own in it."""

    name: Hint = None
    id: Hint = None
    cache_control: Hint = None


class ChatInstructing(_Chat):
    """A message from the system or the developer."""

    role: Literal["system", "developer"]
    content: TextContent


class ChatUser(_Chat):
    """A message from the user."""

    role: Literal["user"]
    content: AskingContent


class ChatCalled(Wire):
    """The function of a call, with its arguments as JSON text."""

    name: str
    arguments: Text = ""
    parsed_arguments: Hint = None


class ChatCall(Wire):
    """A call that the model made. Its ``index`` stands in streams, from where some clients keep it."""

    id: str
    type: Literal["function"] = "function"
    function: ChatCalled
    index: Hint = None
    extra_content: Hint = None
    provider_specific_fields: Hint = None


class ChatCalledCustom(Wire):
    """The custom tool of a call, with its input."""

    name: str
    input: Text = ""


class ChatCustomCall(Wire):
    """A call of a custom tool."""

    id: str
    type: Literal["custom"]
    custom: ChatCalledCustom
    index: Hint = None


def _call(value: Any) -> str | None:
    kind = by_type(value)
    return "#function" if kind == "#" else kind


AnyCall = Annotated[
    Annotated[ChatCall, Tag("#function")] | Annotated[ChatCustomCall, Tag("#custom")], Discriminator(_call)
]


class ChatAssistant(_Chat):
    """An earlier answer. Only its text, refusal, calls and reasoning are kept."""

    unserved: ClassVar[frozenset[str]] = AUDIO | {"function_call"}

    role: Literal["assistant"]
    content: AnsweringContent | None = None
    refusal: Text | None = None
    tool_calls: Annotated[list[AnyCall], Field(fail_fast=True)] | None = None
    reasoning_content: Text | None = None
    reasoning: Text | None = None
    reasoning_details: Hint = None
    thinking_blocks: Hint = None
    annotations: Hint = None
    parsed: Hint = None
    prefix: Hint = None
    provider_specific_fields: Hint = None


class ChatOutput(_Chat):
    """The output of a function."""

    role: Literal["tool"]
    tool_call_id: str
    content: AskingContent


class ChatOfUnknownRole(Wire):
    """A message without a known role: it is never valid, and the error names the role."""

    model_config = ConfigDict(extra="ignore")

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Any = None


_TAGS: Final = {
    "system": "#instructing",
    "developer": "#instructing",
    "user": "#user",
    "assistant": "#assistant",
    "tool": "#tool",
}


def _by_role(value: Any) -> str | None:
    role = value.get("role") if isinstance(value, dict) else getattr(value, "role", None)
    if role is None and not isinstance(value, dict):
        return None
    return _TAGS.get(role, "#message") if isinstance(role, str) else "#message"


ChatMessage = Annotated[
    Annotated[ChatInstructing, Tag("#instructing")]
    | Annotated[ChatUser, Tag("#user")]
    | Annotated[ChatAssistant, Tag("#assistant")]
    | Annotated[ChatOutput, Tag("#tool")]
    | Annotated[ChatOfUnknownRole, Tag("#message")],
    Discriminator(_by_role),
]
