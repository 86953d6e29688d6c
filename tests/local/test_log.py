"""The lines of the terminal: requests and failures, as text and as JSON."""

from __future__ import annotations

import json
import logging
import re

import pytest

from local.log import JsonFormatter, LineFormatter, request_line


def line(message: str, **extra: object) -> str:
    record = logging.LogRecord("antiphon.run", logging.WARNING, "f.py", 1, message, (), None)
    vars(record).update(extra)
    return LineFormatter().format(record)


def test_a_line_has_what_is_known_of_it_by_name():
    told = line("model failed", provider="groq", model="m", code="provider_auth")
    assert told == "model failed  provider=groq model=m code=provider_auth"


def test_a_line_of_which_no_more_is_known_is_its_message():
    assert line("commit failed") == "commit failed"


FACTS = {
    "path": "/v1/responses",
    "method": "POST",
    "status": 200,
    "agent": "assistant",
    "user": "you",
    "duration_ms": 412.4,
    "ttft_ms": 35.1,
    "input_tokens": 12,
    "output_tokens": 48,
}


def test_a_request_is_one_line_that_a_person_can_read():
    shown = "POST /v1/responses  agent=assistant  user=you  412 ms (first token 35 ms)  12 tokens in, 48 out"
    assert re.fullmatch(rf"\d\d:\d\d:\d\d  200  {re.escape(shown)}", request_line(FACTS, 0.0))


def test_a_refused_request_has_its_code_and_nothing_that_is_not_known():
    facts = {
        "path": "/chat/completions",
        "method": "POST",
        "status": 404,
        "code": "route_not_found",
        "duration_ms": 1.2,
    }
    assert request_line(facts, 0.0).endswith("  404  POST /chat/completions  route_not_found  1 ms")


@pytest.mark.parametrize(("status", "colour"), [(200, 32), (404, 33), (500, 31)])
def test_on_a_terminal_the_status_has_a_colour(status, colour):
    assert f"\x1b[{colour}m{status}\x1b[0m" in request_line(FACTS | {"status": status}, 0.0, coloured=True)


def test_an_answer_that_broke_off_is_marked_though_its_status_is_200():
    assert "200  POST /v1/responses  broken" in request_line(FACTS | {"broken": True}, 0.0)


def test_a_json_line_has_the_fields_by_name():
    record = logging.LogRecord("local.requests", logging.INFO, "f.py", 1, "served", (), None)
    vars(record).update(FACTS)
    line = json.loads(JsonFormatter().format(record))
    assert {name: line[name] for name in FACTS} == FACTS
    assert (line["level"], line["message"]) == ("INFO", "served")
