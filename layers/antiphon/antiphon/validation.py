"""What is wrong with a document that does not fit its model, in words for a person.

Whatever reads documents uses it: requests, files of agents and limits, settings, prices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, Field, Tag
from pydantic_core import ErrorDetails

from antiphon.suggestion import meant

_WORDS: Final[dict[str, str]] = {}
"""What text of a form must be, by the pattern."""

_UNLIKE: Final = "has a form that is not allowed"
_PHRASES: Final = {
    "missing": "is missing",
    "int_parsing": "not a whole number",
    "float_parsing": "not a number",
}


def form(pattern: str, words: str, **bounds: Any) -> Any:
    """Return a field's constraint by a pattern, which no error shows.

    Args:
        pattern: a regular expression.
        words: the same for a person, after "This" or "it", such as ``may have only digits``.
        bounds: further constraints of the field.
    """
    _WORDS[pattern] = words
    return Field(pattern=pattern, **bounds)


def words_of(pattern: str) -> str:
    """Return what text of a form must be, after "This" or "it"."""
    return _WORDS.get(pattern, _UNLIKE)


def meant_field(model: type[BaseModel], location: Sequence[int | str]) -> str | None:
    """Return the field whose name is most like one that is not there.

    Args:
        model: what the document should be.
        location: where the unknown field is, as pydantic's error has it.
    """
    *place, name = location
    return meant(str(name), fields_at(model, place) | _kinds_at(model, place))


def phrase(problem: ErrorDetails, model: type[BaseModel]) -> str:
    """Return what is wrong with a field, as a part of a sentence."""
    kind, message = problem["type"], problem["msg"]
    if kind == "extra_forbidden":
        name = meant_field(model, problem["loc"])
        return f"there is no such field; did you mean {name}?" if name else "there is no such field"
    if kind == "string_pattern_mismatch":
        return f"it {words_of(problem['ctx']['pattern'])}"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    for word in ("Input", "String", "List"):
        message = message.replace(f"{word} should", "it must")
    return _PHRASES.get(kind, message[:1].lower() + message[1:])


def fields_at(model: type[BaseModel], location: Sequence[int | str]) -> frozenset[str]:
    """Return the names of the fields that a place in a document can have."""
    models = [each for annotation in _types_at(model, location) for _, each in _choices(annotation)]
    return frozenset(name for each in models for name in _names(each))


def _kinds_at(model: type[BaseModel], location: Sequence[int | str]) -> frozenset[str]:
    """Return the fields by which the alternatives at a place are recognized, such as ``http`` of a tool."""
    if not (location and str(location[-1]).startswith("#")):
        return frozenset()
    alternatives = [each for annotation in _types_at(model, location[:-1]) for each in _choices(annotation)]
    return frozenset(tag[1:] for tag, each in alternatives if tag and tag[1:] in _names(each))


def _types_at(model: type[BaseModel], location: Sequence[int | str]) -> list[Any]:
    found: list[Any] = [model]
    for part in location:
        found = [each for annotation in found for each in _inside(annotation, part)]
    return found


def _names(annotation: Any) -> list[str]:
    fields = annotation.model_fields.items() if _is_model(annotation) else ()
    return [field.alias or name for name, field in fields]


def _inside(annotation: Any, part: int | str) -> Iterator[Any]:
    """Yield the types that a part of a value can have; for the tag of an alternative, that alternative."""
    for tag, each in _choices(annotation):
        arguments = get_args(each)
        if isinstance(part, int):
            yield from arguments[:1] if get_origin(each) in (list, tuple, set, frozenset) else ()
        elif part.startswith("#"):
            yield from (each,) if tag == part else ()
        elif _is_model(each):
            fields = each.model_fields.items()
            yield from (_typed(field) for name, field in fields if part in (name, field.alias))
        elif get_origin(each) is dict:
            yield arguments[1]


def _typed(field: Any) -> Any:
    return Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation


def _choices(annotation: Any, tag: str | None = None) -> Iterator[tuple[str | None, Any]]:
    """Yield the alternatives of a type, each with its tag."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *notes = get_args(annotation)
        own = next((note.tag for note in notes if isinstance(note, Tag)), tag)
        late = next((note.model for note in notes if hasattr(note, "model")), None)  # ``spec.base.Rare``
        yield from _choices(inner if late is None else late, own)
    elif origin in (Union, UnionType):
        for each in get_args(annotation):
            yield from _choices(each, tag)
    else:
        yield tag, annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
