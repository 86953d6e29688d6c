"""Error messages: each ends with what to do."""

from __future__ import annotations

import pytest

from antiphon.errors import CODES, ApiError


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_message_ends_with_what_to_do(code: str) -> None:
    assert ApiError(code).message.endswith(CODES[code].remedy)
    assert CODES[code].meaning.endswith(".")
    assert CODES[code].remedy.endswith(".")


def test_what_to_do_follows_a_message_of_ones_own_and_is_never_said_twice() -> None:
    error = ApiError("request_too_large", "The body may be at most 9 bytes.")
    assert error.message == "The body may be at most 9 bytes. Send less, or use URLs."
    assert ApiError("request_too_large", error.message).message == error.message
    assert ApiError("out_of_range", "`x` may be at most 9.").message == "`x` may be at most 9."


def test_an_unknown_agent_and_a_key_that_may_only_read_say_what_to_do() -> None:
    assert ApiError("model_not_found").message.endswith("List the agents you may use with `GET /v1/models`.")
    assert ApiError("read_only_key").message != ApiError("permission_denied").message
