"""The body of ``POST /v1/chat/completions`` (OpenAI's API reference, "Create chat completion").

It has the shapes and types of the fields. Their limits are those of the request that it is translated to.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Discriminator, Field, Tag

from antiphon.chat.messages import ChatMessage
from antiphon.chat.tools import Tool, ToolChoice
from antiphon.spec.base import Text, Wire
from antiphon.spec.content import by_type, text_or_list
from antiphon.spec.request import MAX_ITEMS, JsonObjectFormat, TextFormat, TopLogprobs

IGNORED: Final = frozenset(
    {
        "client_metadata",
        "include_reasoning",
        "prediction",
        "prompt_cache_options",
        "prompt_cache_retention",
        "seed",
    }
)
"""Fields that OpenAI's clients send. They are accepted and have no effect."""

MAX_STOPS: Final = 16
"""OpenAI takes 4."""


class ChatSchema(Wire):
    """A schema for the answer."""

    name: str
    description: str | None = None
    schema_: Annotated[dict[str, Any], Field(alias="schema")] = Field(default_factory=dict)
    strict: bool | None = None


class ChatSchemaFormat(Wire):
    """JSON that fits a schema."""

    type: Literal["json_schema"]
    json_schema: ChatSchema


ResponseFormat = Annotated[
    Annotated[TextFormat, Tag("#text")]
    | Annotated[JsonObjectFormat, Tag("#json_object")]
    | Annotated[ChatSchemaFormat, Tag("#json_schema")],
    Discriminator(by_type),
]


class ChatStreamOptions(Wire):
    """Options of a stream. Padding is off unless it is asked for: few clients know the field."""

    include_usage: bool = False
    include_obfuscation: bool = False


class ChatReasoning(Wire):
    """How much the model should think, in the form of OpenRouter's clients."""

    unserved: ClassVar[frozenset[str]] = frozenset({"enabled", "exclude", "max_tokens"})

    effort: str | None = None
    summary: str | None = None


class CreateChatCompletion(Wire):
    """The request for a completion."""

    unserved: ClassVar[frozenset[str]] = frozenset({"audio", "function_call", "functions", "moderation"})

    model: str
    messages: Annotated[list[ChatMessage], Field(fail_fast=True, min_length=1, max_length=MAX_ITEMS)]
    stream: bool = False
    stream_options: ChatStreamOptions | None = None
    store: bool = False
    metadata: dict[str, Any] | None = None
    tools: Annotated[list[Tool], Field(fail_fast=True)] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logprobs: bool = False
    top_logprobs: TopLogprobs | None = None
    reasoning_effort: str | None = None
    reasoning: ChatReasoning | None = None
    verbosity: str | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    user: str | None = None
    n: Literal[1] | None = None
    modalities: list[Literal["text"]] | None = None
    logit_bias: Annotated[dict[str, Any], Field(max_length=0)] | None = None
    web_search_options: dict[str, Any] | None = None
    stop: (
        Annotated[
            Annotated[Text, Tag("#text")] | Annotated[list[Text], Field(max_length=MAX_STOPS), Tag("#list")],
            Discriminator(text_or_list),
        ]
        | None
    ) = None
