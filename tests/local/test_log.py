"""The lines of the terminal say what is known of a failure."""

from __future__ import annotations

import logging

from local.log import Formatter


def line(message: str, **extra: object) -> str:
    record = logging.LogRecord("antiphon.run", logging.WARNING, "f.py", 1, message, (), None)
    vars(record).update(extra)
    return Formatter().format(record)


def test_a_line_has_what_is_known_of_it_by_name():
    told = line("model failed", provider="groq", model="m", code="provider_auth")
    assert told == "model failed  provider=groq model=m code=provider_auth"


def test_a_line_of_which_no_more_is_known_is_its_message():
    assert line("commit failed") == "commit failed"
