"""The bodies of ``POST /v1/responses`` and ``/v1/responses/compact``: the only validation that a request gets.

Open Responses, ``CreateResponseBody`` and ``CompactResponseMethodPublicBody``. It must not know agents, stores or what
becomes of a field.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BeforeValidator, Discriminator, Field, Tag, ValidationError
from pydantic_core import PydanticKnownError

from antiphon.errors import ApiError
from antiphon.spec.base import Label, Name, Text, Wire
from antiphon.spec.content import by_type, text_or_list
from antiphon.spec.items import InputItem
from antiphon.spec.tools import FunctionTool, ToolChoice

IGNORED: Final = frozenset({"prompt_cache_retention", "client_metadata"})
"""Fields that OpenAI's clients send and that mean nothing here: accepted, and without effect."""

MAX_ITEMS: Final = 20_000
MAX_TOOLS: Final = 128
MAX_PAIRS: Final = 16
MAX_PARAM: Final = 200
"""The longest path that an error repeats: the names in it may be the caller's own."""


class TextFormat(Wire):
    """Free text."""

    type: Literal["text"]


class JsonObjectFormat(Wire):
    """Any JSON object."""

    type: Literal["json_object"]


class JsonSchemaFormat(Wire):
    """JSON that fits a schema."""

    type: Literal["json_schema"]
    name: Name
    description: str | None = None
    schema_: Annotated[dict[str, Any], Field(alias="schema")]
    strict: bool | None = None


class TextParam(Wire):
    """The form of the answer."""

    format: (
        Annotated[
            Annotated[TextFormat, Tag("#text")]
            | Annotated[JsonObjectFormat, Tag("#json_object")]
            | Annotated[JsonSchemaFormat, Tag("#json_schema")],
            Discriminator(by_type),
        ]
        | None
    ) = None
    verbosity: Literal["low", "medium", "high"] | None = None


class ReasoningParam(Wire):
    """How much the model should think, and whether it should tell."""

    effort: Literal["none", "low", "medium", "high", "xhigh"] | None = None
    summary: Literal["concise", "detailed", "auto"] | None = None


class StreamOptions(Wire):
    """Options of a stream."""

    include_obfuscation: bool = True


def _few(value: Any) -> Any:
    """Count the pairs before they are read: each that is wrong would be told of."""
    if isinstance(value, dict) and len(value) > MAX_PAIRS:
        count = {"field_type": "Dictionary", "max_length": MAX_PAIRS, "actual_length": len(value)}
        raise PydanticKnownError("too_long", count)
    return value


Temperature = Annotated[float, Field(ge=0, le=2)]
TopP = Annotated[float, Field(ge=0, le=1)]
Penalty = Annotated[float, Field(ge=-2, le=2)]
MaxOutputTokens = Annotated[int, Field(ge=16)]
MaxToolCalls = Annotated[int, Field(ge=1)]
TopLogprobs = Annotated[int, Field(ge=0, le=20)]
Truncation = Literal["auto", "disabled"]
ServiceTier = Literal["auto", "default", "flex", "priority"]
MetadataKey = Annotated[str, Field(pattern=r"^[^\x00]+$", max_length=64)]
MetadataValue = Annotated[str, Field(max_length=512)]


class CompactResponse(Wire):
    """The conversation that a client asks to compact."""

    model: Annotated[str, Field(pattern=r"^[^\x00]*$", max_length=256)]
    input: (
        Annotated[
            Annotated[Annotated[Text, Field(min_length=1)], Tag("#text")]
            | Annotated[
                Annotated[list[InputItem], Field(fail_fast=True, min_length=1, max_length=MAX_ITEMS)], Tag("#list")
            ],
            Discriminator(text_or_list),
        ]
        | None
    ) = None
    previous_response_id: str | None = None
    instructions: Text | None = None
    prompt_cache_key: Label | None = None


class CreateResponse(CompactResponse):
    """What a client asks for."""

    include: Annotated[
        list[Literal["reasoning.encrypted_content", "message.output_text.logprobs"]],
        Field(fail_fast=True, max_length=16),
    ] = Field(default_factory=list)
    tools: Annotated[list[FunctionTool], Field(max_length=MAX_TOOLS)] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_tool_calls: MaxToolCalls | None = None
    metadata: Annotated[dict[MetadataKey, MetadataValue], Field(max_length=MAX_PAIRS), BeforeValidator(_few)] | None = (
        None
    )
    text: TextParam | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    max_output_tokens: MaxOutputTokens | None = None
    top_logprobs: TopLogprobs | None = None
    reasoning: ReasoningParam | None = None
    truncation: Truncation | None = None
    service_tier: ServiceTier | None = None
    safety_identifier: Label | None = None
    user: Label | None = None
    store: bool = True
    background: bool = False
    stream: bool = False
    stream_options: StreamOptions | None = None


Asked = TypeVar("Asked", bound=CompactResponse)

_CODES: Final = {
    "missing": "missing_required_parameter",
    "extra_forbidden": "unknown_parameter",
    "literal_error": "unsupported_value",
    "union_tag_invalid": "unsupported_value",
    "finite_number": "invalid_number",
    "string_unicode": "invalid_unicode",
    "greater_than": "out_of_range",
    "greater_than_equal": "out_of_range",
    "less_than": "out_of_range",
    "less_than_equal": "out_of_range",
    "too_long": "out_of_range",
    "too_short": "out_of_range",
    "string_too_long": "out_of_range",
    "string_too_short": "out_of_range",
    "string_pattern_mismatch": "invalid_value",
}
_MESSAGES: Final = {
    "missing": "This field is required.",
    "extra_forbidden": "There is no such field.",
    "union_tag_invalid": "This type is not known.",
    "union_tag_not_found": "This must be an object with a type.",
    "string_pattern_mismatch": "This holds characters that are not allowed here.",
}


def parse_create(document: dict[str, Any]) -> CreateResponse:
    """Read a request.

    Raises:
        ApiError: 400, naming the first field that is not as the specification says; never what it holds.
    """
    return _parse(CreateResponse, document)


def parse_compact(document: dict[str, Any]) -> CompactResponse:
    """Read what is to be compacted.

    Raises:
        ApiError: likewise.
    """
    return _parse(CompactResponse, document)


def _parse(form: type[Asked], document: dict[str, Any]) -> Asked:
    known = {key: value for key, value in document.items() if key not in IGNORED}
    try:
        return form.model_validate(known)
    except ValidationError as error:
        raise _refusal(error) from None


def _refusal(error: ValidationError) -> ApiError:
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    kind = problem["type"]
    path = [part for part in problem["loc"] if not (isinstance(part, str) and part.startswith("#"))]
    if path and path[-1] == "[key]":
        path = path[:-2]
    if kind == "union_tag_invalid":
        path.append("type")
    param = _param(path)
    message = _MESSAGES.get(kind) or problem["msg"].replace("Input should", "This must").rstrip(".") + "."
    param = param if len(param) <= MAX_PARAM else param[:MAX_PARAM] + "..."
    code = _CODES.get(kind, "invalid_type")
    named = "metadata" if path and path[0] == "metadata" else param  # its keys are the caller's own words
    return ApiError(code, f"`{named}`: {message}" if named else message, param=param or None)


def _param(path: list[int | str]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
