"""What Chat Completions answers look like, for the OpenAPI document alone (``chat.chunks`` and ``chat.completion``)."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from docs.openapi.answers import ErrorDetail
from docs.openapi.resources import (
    Answered,
    InputTokensDetails,
    LogProb,
    OutputTokensDetails,
    ResponseDetails,
)
from docs.openapi.shown import Absent, Shown

CHAT_FIELDS: Final = {
    "model": "The agent's id: see `/v1/models`.",
    "messages": "The conversation so far.",
    "stream": "Answer with server-sent events.",
    "stream_options": "Options of a stream. `include_usage` adds a last chunk with the usage.",
    "store": "Keep the answer, as a response. Unlike in `/v1/responses`, nothing is kept by default.",
    "metadata": "Up to 16 pairs of your own, kept with a stored answer.",
    "tools": "Functions and custom tools that you run, offered beside the agent's own.",
    "tool_choice": "Whether and what the model may call. `allowed_tools` is a hard limit.",
    "parallel_tool_calls": "False: at most one call a turn.",
    "response_format": "The form of the answer.",
    "max_tokens": "The older name of `max_completion_tokens`.",
    "max_completion_tokens": "The most tokens of the answer, reasoning included.",
    "temperature": "How freely tokens are drawn.",
    "top_p": "Draw from the likeliest tokens that together have this probability.",
    "presence_penalty": "How much a token that has occurred is avoided.",
    "frequency_penalty": "How much a token is avoided for each time it has occurred.",
    "logprobs": "Return the log probability of each token.",
    "top_logprobs": "How many likeliest tokens to return at each place. Needs `logprobs`.",
    "reasoning_effort": "How much the model should think.",
    "reasoning": "`effort` is another name of `reasoning_effort`; `summary` asks for readable reasoning.",
    "verbosity": "How long the answer should be.",
    "service_tier": "Passed on to the model's provider.",
    "safety_identifier": "A stable, opaque name of the end user, passed on to the model's provider.",
    "prompt_cache_key": "Passed on to the model's provider.",
    "user": "The older name of `safety_identifier`.",
    "n": "Only 1 is served.",
    "modalities": "Only `text` is served.",
    "logit_bias": "Only an empty object is accepted.",
    "web_search_options": "A search that only OpenAI runs: it is left out, or refused, like the tool `web_search`.",
    "stop": "Texts at which the answer ends. They are not part of it.",
}
"""What the fields of a chat request mean."""


class ChatCalledFunction(Shown):
    """The function that a call names."""

    name: str
    arguments: str
    """A JSON object, as text. It may be cut short if `finish_reason` is `length`."""


class ChatToolCall(Shown):
    """A call that the caller is to make. Answer it with a `tool` message of the same `tool_call_id`."""

    id: str
    type: Literal["function"]
    function: ChatCalledFunction


class ChatCalledCustomTool(Shown):
    """The custom tool that a call names."""

    name: str
    input: str


class ChatCustomToolCall(Shown):
    """A call of a custom tool, answered in the same way."""

    id: str
    type: Literal["custom"]
    custom: ChatCalledCustomTool


class ChatUrlCitation(Shown):
    """A web page that a stretch of the text rests on."""

    start_index: int
    end_index: int
    url: str
    title: str


class ChatAnnotation(Shown):
    """A citation."""

    type: Literal["url_citation"]
    url_citation: ChatUrlCitation


class ChatAnswer(Shown):
    """The answer."""

    role: Literal["assistant"]
    content: str | None
    """Null if the model only called functions, or refused."""
    refusal: str | None
    annotations: list[ChatAnnotation]
    reasoning_content: str = Absent
    """The readable reasoning, if the model gave any."""
    tool_calls: list[Annotated[ChatToolCall | ChatCustomToolCall, Field(discriminator="type")]] = Absent


class ChatLogProbs(Shown):
    """How likely the tokens were."""

    content: list[LogProb]
    refusal: None


FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


class ChatChoice(Shown):
    """The one choice."""

    index: Literal[0]
    message: ChatAnswer
    logprobs: ChatLogProbs | None
    finish_reason: FinishReason


class ChatUsage(Shown):
    """The tokens used, as the provider counts them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: InputTokensDetails
    completion_tokens_details: OutputTokensDetails
    antiphon: Answered = Absent
    """Ours: only for an agent with fallbacks."""


class ChatCompletion(Shown):
    """A completion."""

    id: str
    """`chatcmpl-` and a code. If it was stored, the response has the id `resp_` and the same code."""
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    usage: ChatUsage | None
    service_tier: Literal["default", "flex", "priority"]
    system_fingerprint: None
    antiphon: ResponseDetails = Absent
    """Ours: what was left out of what the model was offered."""


class ChatPieceOfFunction(Shown):
    """A piece of a function call."""

    name: str = Absent
    arguments: str


class ChatPieceOfCustomTool(Shown):
    """A piece of a call of a custom tool."""

    name: str = Absent
    input: str


class ChatPieceOfCall(Shown):
    """A piece of a call. The first one of an index has its id, type and name."""

    index: int
    id: str = Absent
    type: Literal["function", "custom"] = Absent
    function: ChatPieceOfFunction = Absent
    custom: ChatPieceOfCustomTool = Absent


class ChatDelta(Shown):
    """What a chunk adds to the answer."""

    role: Literal["assistant"] = Absent
    content: str = Absent
    refusal: str = Absent
    reasoning_content: str = Absent
    tool_calls: list[ChatPieceOfCall] = Absent
    annotations: list[ChatAnnotation] = Absent


class ChatChunkChoice(Shown):
    """The one choice."""

    index: Literal[0]
    delta: ChatDelta
    logprobs: ChatLogProbs | None
    finish_reason: FinishReason | None
    """Null in every chunk but the last one with a choice."""


class ChatCompletionChunk(Shown):
    """One frame of a stream."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChatChunkChoice]
    """Empty in the chunk with the usage."""
    usage: ChatUsage | None = Absent
    """Only with `include_usage`."""
    service_tier: Literal["default", "flex", "priority"]
    system_fingerprint: None
    obfuscation: str = Absent
    """Padding, only with `include_obfuscation`."""


class ChatStreamError(Shown):
    """A failure after the stream has begun. Only `[DONE]` follows."""

    error: ErrorDetail


CHAT_ROOTS: Final[tuple[Any, ...]] = (ChatCompletion, ChatCompletionChunk, ChatStreamError)
