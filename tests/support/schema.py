"""The official schema of Open Responses as assertions; ``cli.official`` is the judge."""

from __future__ import annotations

from typing import Any

from cli.official import document, error_problem, event_problem, event_schemas, problem, response_problem, validator

__all__ = ["check", "check_error", "check_event", "check_response", "document", "event_schemas", "validator"]


def check(name: str, value: Any) -> None:
    """Assert that a value is valid against a schema of the document."""
    _require(problem(name, value))


def check_response(body: Any) -> None:
    """Assert that a body is a response resource."""
    _require(response_problem(body))


def check_event(event: Any) -> None:
    """Assert that an event fits the schema of its type."""
    _require(event_problem(event))


def check_error(body: Any) -> None:
    """Assert that a body is the error envelope."""
    _require(error_problem(body))


def _require(problem: str | None) -> None:
    if problem is not None:
        raise AssertionError(problem)
