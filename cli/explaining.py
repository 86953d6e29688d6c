"""The problems of a document, each with its path and line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from antiphon.validation import phrase
from cli.output import Refused

Form = TypeVar("Form", bound=BaseModel)

Line = Callable[[tuple[int | str, ...]], int | None]
"""Finds the line of a field by its path."""


def filled(form: type[Form], **fields: Any) -> Form:
    """Return a form of an operation, filled in from the command's arguments.

    Raises:
        Refused: an argument cannot be that field.
    """
    try:
        return form(**fields)
    except ValidationError as error:
        raise Refused(explain(error, form)) from None


def explain(error: ValidationError, model: type[BaseModel], line: Line | None = None) -> str:
    """Return what is wrong with a document, problem by problem, each with its path and line.

    Args:
        error: what pydantic found.
        model: what the document should be.
        line: finds the line of a field; None if there is no text.
    """
    problems = error.errors(include_url=False, include_input=False)
    numbered = [(line(_untagged(problem["loc"])) if line else None, problem) for problem in problems]
    numbered.sort(key=lambda pair: pair[0] or 0)
    return "; ".join(
        f"{_path(problem['loc'])}: {_plain(problem, model)}" + (f" (line {number})" if number else "")
        for number, problem in numbered
    )


def _plain(problem: ErrorDetails, model: type[BaseModel]) -> str:
    if "SecretReference" in problem["msg"]:
        return "never the secret itself: name it, as in `{ env: TOOL_TOKEN }`"
    return phrase(problem, model)


def _untagged(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Return a place without the names of the alternatives that were read there."""
    return tuple(part for part in location if not str(part).startswith("#"))


def _path(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in _untagged(location):
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text or "document"
