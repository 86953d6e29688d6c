"""Content parts that a client sends (Open Responses, "Content")."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from antiphon.spec.base import MAX_TEXT, Text, Wire, without_nul


def by_type(value: Any) -> str | None:
    """Choose a member of a union by its ``type``. Tags begin with ``#``: they never look like a field's name."""
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return f"#{kind}" if isinstance(kind, str) else "#" if isinstance(value, dict) else None


def text_or_list(value: Any) -> str | None:
    """Choose between the short form, a string, and the long form, a list."""
    if isinstance(value, str):
        return "#text"
    return "#list"


def _detail(value: Any) -> Any:
    """Read ``original``, which only the newest models of OpenAI take, as ``auto``."""
    return "auto" if value == "original" else value


Hint = Annotated[Any, Field(exclude=True)]
"""A field that changes no answer, such as a hint for a cache. It is accepted and has no effect."""


_OF_ANSWERS: Final = frozenset({"annotations", "logprobs", "text"})
"""Fields that openai-python writes as null in a compaction's user messages, which it reads as answers."""


class InputText(Wire):
    """Text from the caller."""

    unserved: ClassVar[frozenset[str]] = _OF_ANSWERS - {"text"}

    type: Literal["input_text"]
    text: Text
    prompt_cache_breakpoint: Hint = None


class InputImage(Wire):
    """An image by URL or as a data URL."""

    unserved: ClassVar[frozenset[str]] = _OF_ANSWERS | {"file_id"}

    type: Literal["input_image"]
    image_url: Annotated[str, Field(max_length=20_971_520)]
    detail: Annotated[Literal["low", "high", "auto"], BeforeValidator(_detail)] = "auto"
    prompt_cache_breakpoint: Hint = None


class InputFile(Wire):
    """A file: its content as a data URL or base64, or where to find it."""

    unserved: ClassVar[frozenset[str]] = _OF_ANSWERS | {"file_id"}

    type: Literal["input_file"]
    detail: Annotated[Literal["low", "high", "auto"] | None, Field(exclude=True)] = None
    prompt_cache_breakpoint: Hint = None
    filename: Annotated[str, without_nul(empty=True, max_length=255)] | None = None
    file_data: Annotated[str, Field(max_length=33_554_432)] | None = None
    file_url: Annotated[str, Field(max_length=MAX_TEXT)] | None = None


class UrlCitation(Wire):
    """A citation that an earlier answer carried."""

    type: Literal["url_citation"]
    start_index: Annotated[int, Field(ge=0)]
    end_index: Annotated[int, Field(ge=0)]
    url: str
    title: str


def _url_citations(value: Any) -> Any:
    """Leave out citations of files: they name files that are stored with OpenAI."""
    if not isinstance(value, list):
        return value
    return [item for item in value if not (isinstance(item, dict) and item.get("type") in _FILE_CITATIONS)]


_FILE_CITATIONS: Final = ("file_citation", "container_file_citation", "file_path")


class OutputText(Wire):
    """Text of an earlier answer. Clients send ``logprobs`` and ``parsed`` back; both are ignored."""

    type: Literal["output_text"]
    text: Text
    annotations: Annotated[list[UrlCitation], Field(fail_fast=True), BeforeValidator(_url_citations)] = Field(
        default_factory=list
    )
    logprobs: Hint = None
    parsed: Hint = None


class Refusal(Wire):
    """A refusal of an earlier answer."""

    type: Literal["refusal"]
    refusal: Text


class SummaryText(Wire):
    """One part of a reasoning summary."""

    type: Literal["summary_text"]
    text: Text


InputPart = Annotated[
    Annotated[InputText, Tag("#input_text")]
    | Annotated[InputImage, Tag("#input_image")]
    | Annotated[InputFile, Tag("#input_file")],
    Discriminator(by_type),
]
OutputPart = Annotated[
    Annotated[OutputText, Tag("#output_text")] | Annotated[Refusal, Tag("#refusal")], Discriminator(by_type)
]

TextContent = Annotated[
    Annotated[Text, Tag("#text")] | Annotated[list[InputText], Field(fail_fast=True), Tag("#list")],
    Discriminator(text_or_list),
]
InputContent = Annotated[
    Annotated[Text, Tag("#text")] | Annotated[list[InputPart], Field(fail_fast=True), Tag("#list")],
    Discriminator(text_or_list),
]
OutputContent = Annotated[
    Annotated[Text, Tag("#text")] | Annotated[list[OutputPart], Field(fail_fast=True), Tag("#list")],
    Discriminator(text_or_list),
]
