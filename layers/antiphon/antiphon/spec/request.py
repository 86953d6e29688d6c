"""The bodies of ``POST /v1/responses`` and ``/v1/responses/compact``, and their validation.

Open Responses, ``CreateResponseBody`` and ``CompactResponseMethodPublicBody``.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Final, Literal, TypeVar

from pydantic import BeforeValidator, Discriminator, Field, Tag, ValidationError
from pydantic_core import ErrorDetails, PydanticKnownError

from antiphon.errors import ApiError
from antiphon.spec.base import Label, Name, Text, Wire, without_nul
from antiphon.spec.content import by_type, text_or_list
from antiphon.spec.include import Included
from antiphon.spec.items import InputItem
from antiphon.spec.tools import MAX_TOOLS, Tool, ToolChoice
from antiphon.validation import meant_field, words_of

IGNORED: Final = frozenset({"prompt_cache_retention", "prompt_cache_options", "client_metadata"})
"""Fields that OpenAI's clients send. They are accepted and have no effect."""

MAX_ITEMS: Final = 10_000
MIN_THRESHOLD: Final = 1000
"""The lowest number of tokens at which a conversation is compacted."""

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


Summary = Literal["concise", "detailed", "auto"]


class ReasoningParam(Wire):
    """How much the model should think, and whether the answer has a summary of it."""

    context: Annotated[Literal["auto", "all_turns"] | None, Field(exclude=True)] = None
    mode: Annotated[Literal["standard"] | None, Field(exclude=True)] = None
    generate_summary: Annotated[Summary | None, Field(exclude=True)] = None
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    summary: Summary | None = None

    def wire(self) -> dict[str, Any]:
        """Return the settings as JSON. ``generate_summary`` is the older name of ``summary``."""
        older = {} if self.generate_summary is None else {"summary": self.generate_summary}
        return {**older, **super().wire()}


class StreamOptions(Wire):
    """Options of a stream."""

    include_obfuscation: bool = True


def _few(value: Any) -> Any:
    """Count the pairs first, so that one error stands for all that are too many."""
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
MetadataKey = Annotated[str, without_nul(max_length=64)]
MetadataValue = Annotated[str, Field(max_length=512)]
Metadata = Annotated[dict[MetadataKey, MetadataValue], Field(max_length=MAX_PAIRS), BeforeValidator(_few)]


class CompactResponse(Wire):
    """The conversation that a client asks to compact."""

    unserved: ClassVar[frozenset[str]] = frozenset({"image", "service_tier"})

    model: Annotated[str, without_nul(empty=True, max_length=256)]
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


class ContextManagement(Wire):
    """How a conversation that grows long is compacted."""

    type: Literal["compaction"]
    compact_threshold: Annotated[int, Field(ge=MIN_THRESHOLD)] | None = None


class ConversationRef(Wire):
    """The conversation that a response is added to: its id, alone or in an object."""

    id: Annotated[str, without_nul(max_length=256)]


def _as_object(value: Any) -> Any:
    return {"id": value} if isinstance(value, str) else value


class CreateResponse(CompactResponse):
    """The request for a response."""

    unserved: ClassVar[frozenset[str]] = frozenset(
        {
            "access_programs",
            "background_options",
            "image",
            "moderation",
            "prompt",
        }
    )

    conversation: Annotated[ConversationRef, BeforeValidator(_as_object)] | None = None
    context_management: Annotated[list[ContextManagement], Field(max_length=8)] | None = None
    include: Annotated[list[Included], Field(fail_fast=True, max_length=16)] = Field(default_factory=list)
    tools: Annotated[list[Tool], Field(max_length=MAX_TOOLS)] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_tool_calls: MaxToolCalls | None = None
    metadata: Metadata | None = None
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


def _unserved(model: type[Wire]) -> frozenset[str]:
    return model.unserved.union(*map(_unserved, model.__subclasses__()))


SLICE: Final = 500
"""How many items and parts are validated in one step."""

Asked = TypeVar("Asked", bound=CompactResponse)
Form = TypeVar("Form", bound=Wire)

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
    "value_error": "invalid_value",
}
_MESSAGES: Final = {
    "missing": "This field is required.",
    "extra_forbidden": "There is no such field.",
    "union_tag_invalid": "This type is not taken here. Send {types}.",
    "union_tag_not_found": "This must be an object with a `type`.",
    "literal_error": "This must be {expected}.",
    "list_type": "This must be a list.",
    "string_type": "This must be a string.",
    "bool_type": "This must be `true` or `false`.",
    "int_type": "This must be an integer.",
    "float_type": "This must be a number.",
    "dict_type": "This must be an object.",
    "model_type": "This must be an object.",
    "finite_number": "This must be a finite number.",
    "string_unicode": "This must be valid Unicode.",
    "greater_than_equal": "This must be at least {ge:g}.",
    "less_than_equal": "This must be at most {le:g}.",
    "string_too_long": "This may have at most {max_length} characters.",
    "string_too_short": "This must not be empty.",
    "too_short": "This must have at least one entry.",
    "too_long": "This may have at most {max_length} entries.",
}
_TEXT_OR_LIST: Final = "This must be text or a list."
_UNSERVED: Final = "This field of OpenAI's API is not served here."
_INSTEAD: Final = {
    "file_id": "Send the data or a URL.",
}
_ALIASES: Final = {
    "user": "message",
    "instructing": "message",
    "assistant": "message",
    "mode": None,
    "hosted": None,
}
"""Tags that are no types, or that no error suggests: tools of OpenAI's own service are left out."""


def parse_create(document: dict[str, Any]) -> CreateResponse:
    """Read a request.

    Raises:
        ApiError: 400, naming the first field that breaks the specification, without its value.
    """
    request = _parse(CreateResponse, document)
    if request.conversation is not None and request.previous_response_id is not None:
        message = "`conversation`: This cannot be sent with `previous_response_id`."
        raise ApiError("invalid_value", message, param="conversation")
    return request


def parse_compact(document: dict[str, Any]) -> CompactResponse:
    """Read what is to be compacted.

    Raises:
        ApiError: likewise.
    """
    return _parse(CompactResponse, document)


def _parse(form: type[Asked], document: dict[str, Any]) -> Asked:
    _require_generation(document.get("prompt_cache_options"))
    known = {key: value for key, value in document.items() if key not in IGNORED}
    items = known.get("input")
    if not isinstance(items, list) or len(items) > MAX_ITEMS:
        return validated(form, known)
    first, *others = slices(items) or [items]
    request = validated(form, {**known, "input": first})
    if others:
        read: list[Any] = list(request.input or ())
        for part in others:
            read += validated(CompactResponse, {"model": "", "input": part}, len(read)).input or ()
        return request.model_copy(update={"input": read})
    return request


def slices(items: list[Any]) -> list[list[Any]]:
    """Cut items into lists that are validated in a few milliseconds each. Python's lock is held for each."""
    cut: list[list[Any]] = []
    weight = SLICE
    for item in items:
        if weight >= SLICE:
            cut.append([])
            weight = 0
        cut[-1].append(item)
        weight += weight_of(item)
    return cut


def weight_of(item: object) -> int:
    """Return how many values of an item are validated: itself, and its parts."""
    lists = item.values() if isinstance(item, dict) else ()
    return 1 + sum(len(each) for each in lists if isinstance(each, list))


def validated(form: type[Form], document: dict[str, Any], before: int = 0) -> Form:
    """Read a document as a model; see ``refusal``.

    Raises:
        ApiError: 400, naming the first field that is wrong.
    """
    try:
        return form.model_validate(document)
    except ValidationError as error:
        raise refusal(error, form, before) from None


def _require_generation(options: Any) -> None:
    """Refuse to warm a cache alone: the model would make an unused answer, which has to be paid for."""
    if isinstance(options, dict) and options.get("prewarm") is True:
        param = "prompt_cache_options.prewarm"
        raise ApiError("unsupported_parameter", f"`{param}`: {_UNSERVED}", param=param)


def refusal(error: ValidationError, form: type[Wire], before: int = 0) -> ApiError:
    """Return the error for a request that is not as its models say. It names the field, never what it holds.

    Args:
        error: what the models say.
        form: the model of the request.
        before: how many items of the input came before those that were validated.
    """
    problems = error.errors(include_url=False, include_input=False)
    problem = next(filter(_is_unserved, problems), problems[0])
    kind = problem["type"]
    path = [part for part in problem["loc"] if not (isinstance(part, str) and part.startswith("#"))]
    if before and len(path) > 1 and isinstance(path[1], int):
        path[1] += before
    if path and path[-1] == "[key]":
        path = path[:-2]
    if kind == "union_tag_invalid":
        path.append("type")
    param = _param(path)
    param = param if len(param) <= MAX_PARAM else param[:MAX_PARAM] + "..."
    named = "metadata" if path and path[0] == "metadata" else param  # its keys are the caller's own words
    where = f"`{named}`: " if named else ""
    if _is_unserved(problem):
        instead = _INSTEAD.get(str(path[-1]))
        message = f"{where}{_UNSERVED} {instead}" if instead else f"{where}{_UNSERVED}"
        return ApiError("unsupported_parameter", message, param=param, complete=instead is not None)
    if kind == "extra_forbidden" and (meant := meant_field(form, problem["loc"])):
        message = f"{where}{_MESSAGES[kind]} Did you mean `{meant}`?"
        return ApiError("unknown_parameter", message, param=param, complete=True)
    code = _CODES.get(kind, "invalid_type")
    complete = kind in {"literal_error", "union_tag_invalid"}
    return ApiError(code, where + _message(problem), param=param or None, complete=complete)


def _is_unserved(problem: ErrorDetails) -> bool:
    return problem["type"] == "extra_forbidden" and problem["loc"][-1] in _unserved(Wire)


def _message(problem: ErrorDetails) -> str:
    """Write what is wrong with a field. Only limits are taken from the error, never what the caller sent."""
    kind, limits = problem["type"], problem.get("ctx", {})
    if kind == "list_type" and problem["loc"][-1] == "#list":
        return _TEXT_OR_LIST
    own = _own_message(kind, limits)
    if own is not None:
        return own
    if kind not in _MESSAGES:
        return problem["msg"].replace("Input should", "This must").rstrip(".") + "."
    if "expected_tags" in limits:
        return _MESSAGES[kind].format(types=_types(limits["expected_tags"]))
    expected = limits.get("expected", "").replace("'", "`")
    return _MESSAGES[kind].format_map({**limits, "expected": expected})


def _own_message(kind: str, limits: dict[str, Any]) -> str | None:
    """Return the message of a check of ours or of a pattern; None for any other problem."""
    if kind == "value_error":
        words = str(limits["error"])
        return f"{words[:1].upper()}{words[1:]}."
    return f"This {words_of(limits['pattern'])}." if kind == "string_pattern_mismatch" else None


def _types(tags: str) -> str:
    names = (_ALIASES.get(tag, tag) for tag in re.findall("#(\\w+)", tags))
    *most, last = dict.fromkeys(f"`{name}`" for name in names if name)
    return f"{', '.join(most)} or {last}" if most else last


def _param(path: list[int | str]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
