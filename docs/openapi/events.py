"""The events of a stream (Open Responses, "Streaming"), for the OpenAPI document: one model for each form of event.

``run.stream`` makes the events as plain dicts and owns their order; nothing on a request's way imports this module.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, RootModel

from docs.openapi.answers import ErrorDetail
from docs.openapi.resources import ContentPart, LogProb, OutputItem, ResponseResource, SummaryPart
from docs.openapi.server_items import ServerArgumentsDelta, ServerArgumentsDone, Step
from docs.openapi.shown import Absent, Shown


class Numbered(Shown):
    """An event of a stream."""

    sequence_number: int
    """0, 1, 2 and so on, without gaps."""


class ResponseEvent(Numbered):
    """The response began, or ended: `completed`, `incomplete` or `failed` is the last event of every stream."""

    type: Literal[
        "response.created",
        "response.queued",
        "response.in_progress",
        "response.completed",
        "response.incomplete",
        "response.failed",
    ]
    response: ResponseResource


class OutputItemEvent(Numbered):
    """An item of the output began, or is done."""

    type: Literal["response.output_item.added", "response.output_item.done"]
    output_index: int
    item: OutputItem


class OfItem(Numbered):
    """An event inside an item."""

    item_id: str
    output_index: int


class OfPart(OfItem):
    """An event inside a content part."""

    content_index: int


class OfSummary(OfItem):
    """An event inside a part of the reasoning summary."""

    summary_index: int


class Padded(Shown):
    """An event with padding, so that its size reveals less of its content (`stream_options.include_obfuscation`)."""

    obfuscation: str = Absent
    """Without meaning; absent if it was not asked for."""


class ContentPartEvent(OfPart):
    """A part of a message began, or is done."""

    type: Literal["response.content_part.added", "response.content_part.done"]
    part: ContentPart


class OutputTextDelta(OfPart, Padded):
    """A piece of the answer's text."""

    type: Literal["response.output_text.delta"]
    delta: str
    logprobs: list[LogProb]


class OutputTextDone(OfPart):
    """The whole text of the part."""

    type: Literal["response.output_text.done"]
    text: str
    logprobs: list[LogProb]


class RefusalDelta(OfPart):
    """A piece of a refusal."""

    type: Literal["response.refusal.delta"]
    delta: str


class RefusalDone(OfPart):
    """The whole refusal."""

    type: Literal["response.refusal.done"]
    refusal: str


class SummaryPartEvent(OfSummary):
    """A part of the readable reasoning began, or is done."""

    type: Literal["response.reasoning_summary_part.added", "response.reasoning_summary_part.done"]
    part: SummaryPart


class SummaryTextDelta(OfSummary, Padded):
    """A piece of the readable reasoning."""

    type: Literal["response.reasoning_summary_text.delta"]
    delta: str


class SummaryTextDone(OfSummary):
    """The whole text of the part."""

    type: Literal["response.reasoning_summary_text.done"]
    text: str


class ArgumentsDelta(OfItem, Padded):
    """A piece of a function call's arguments."""

    type: Literal["response.function_call_arguments.delta"]
    delta: str


class ArgumentsDone(OfItem):
    """The whole arguments, as JSON text."""

    type: Literal["response.function_call_arguments.done"]
    arguments: str


class InputDelta(OfItem, Padded):
    """A piece of a custom tool's input."""

    type: Literal["response.custom_tool_call_input.delta"]
    delta: str


class InputDone(OfItem):
    """The whole input of a custom tool."""

    type: Literal["response.custom_tool_call_input.done"]
    input: str


class ErrorEvent(Numbered):
    """The run failed. `response.failed` follows. The fields stand twice, because clients look in either place."""

    type: Literal["error"]
    code: str
    message: str
    param: str | None
    error: ErrorDetail


class StreamEvent(
    RootModel[
        Annotated[
            ResponseEvent
            | OutputItemEvent
            | ContentPartEvent
            | OutputTextDelta
            | OutputTextDone
            | RefusalDelta
            | RefusalDone
            | SummaryPartEvent
            | SummaryTextDelta
            | SummaryTextDone
            | ArgumentsDelta
            | ArgumentsDone
            | InputDelta
            | InputDone
            | Step
            | ServerArgumentsDelta
            | ServerArgumentsDone
            | ErrorEvent,
            Field(discriminator="type"),
        ]
    ]
):
    """One event of a stream: the JSON after `data: ` in its frame."""
