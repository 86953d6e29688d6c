"""Streaming events as values, and the two whose form is not plain from what they tell.

It must not know how events are ordered or numbered, nor what they are made from.
"""

from __future__ import annotations

from typing import Any

from antiphon.errors import CODES, SERVER_ERROR

Event = dict[str, Any]
"""One streaming event in the specification's JSON form."""


def ending_type(status: str) -> str:
    """Give the type of the terminal event of a response that ended like this: a cancelled one is incomplete."""
    return "response.incomplete" if status == "cancelled" else f"response.{status}"


def error_event(error: dict[str, str]) -> Event:
    """Build the one error event in both shapes at once: the specification's and that of OpenAI's clients."""
    known = CODES.get(error["code"])
    shape = {"code": error["code"], "message": error["message"], "param": None}
    return {"type": "error", **shape, "error": {"type": known.type if known else SERVER_ERROR, **shape}}
