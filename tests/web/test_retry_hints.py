"""What an error says about sending the request again, and that the OpenAI SDK obeys it."""

from __future__ import annotations

import pytest

from antiphon.errors import CODES, ApiError
from antiphon.web.errors import error_response

HELPED_BY_WAITING = {
    "response_in_progress",
    "conversation_locked",
    "idempotency_in_progress",
    "rate_limit_exceeded",
    "too_many_queued",
    "provider_rate_limited",
    "provider_timeout",
    "provider_unreachable",
    "model_error",
    "storage_unavailable",
    "worker_lost",
    "shutting_down",
    "internal_error",
}


@pytest.mark.parametrize("code", CODES)
def test_every_error_says_whether_a_retry_can_help_and_then_when(code: str) -> None:
    headers = error_response(ApiError(code)).headers
    helped = code in HELPED_BY_WAITING
    assert headers["x-should-retry"] == ("true" if helped else "false")
    assert ("retry-after" in headers) == helped


def test_what_a_provider_said_goes_before_what_is_usual() -> None:
    headers = error_response(ApiError("provider_rate_limited", retry_after=30)).headers
    assert (headers["x-should-retry"], headers["retry-after"]) == ("true", "30")


def test_no_wait_at_all_is_a_wait_too() -> None:
    assert error_response(ApiError("model_error", retry_after=0)).headers["retry-after"] == "0"


@pytest.mark.parametrize("code", CODES)
def test_no_mistake_of_the_caller_is_worth_a_retry(code: str) -> None:
    info = CODES[code]
    if info.status < 500 and info.status not in {409, 429}:
        assert info.retry_after is None
