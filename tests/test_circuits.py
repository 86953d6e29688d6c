"""The circuit breakers: when they open, when they try, and whose word counts."""

from __future__ import annotations

import pytest

from antiphon.circuits import LONGEST, Admission, Circuits
from antiphon.errors import ProviderError

FAILED = ProviderError("model_error", retryable=True)
GONE = ProviderError("provider_unreachable", retryable=True)


def never(count: int) -> bytes:
    return b"\0" * count


def circuits(failures: int = 2, seconds: float = 10.0) -> Circuits:
    return Circuits(failures, seconds, never)


def enter(of: Circuits, now: float, model: str = "m", provider: str = "p") -> Admission:
    return of.enter(provider, model, now)


def fail(of: Circuits, now: float, error: ProviderError = FAILED, model: str = "m") -> None:
    enter(of, now, model).failed(error, now)


def refusal(of: Circuits, now: float, model: str = "m", provider: str = "p") -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        enter(of, now, model, provider)
    return caught.value


def opened(failures: int = 2) -> Circuits:
    """Return circuits that were opened at 0, for 10 seconds."""
    of = circuits(failures)
    for _ in range(failures):
        fail(of, 0)
    return of


def test_failures_in_a_row_open_it_and_the_refusal_says_why_and_for_how_long() -> None:
    of = opened()
    error = refusal(of, 0.5)
    assert (error.code, error.retryable, error.retry_after) == ("model_error", False, 10)
    assert refusal(of, 9.9).retry_after == 1


def test_an_answer_between_two_failures_starts_the_count_again() -> None:
    of = circuits()
    fail(of, 0)
    enter(of, 0).answered()
    fail(of, 0)
    enter(of, 0).left()


def test_once_its_time_is_over_one_call_tries_and_the_others_still_fail_at_once() -> None:
    of = opened()
    trial = enter(of, 10)
    assert [refusal(of, 10).retry_after for _ in range(63)] == [1] * 63
    trial.answered()
    for _ in range(64):
        enter(of, 10)


def test_a_trial_that_fails_opens_it_again_at_once() -> None:
    of = opened(5)
    fail(of, 10)
    assert refusal(of, 19).retry_after == 1
    enter(of, 20).answered()


def test_a_trial_that_was_given_up_leaves_its_place_to_the_next() -> None:
    of = opened()
    enter(of, 10).left()
    enter(of, 10).answered()
    enter(of, 10)


def test_calls_from_before_say_nothing_of_a_circuit_that_opened_since() -> None:
    of = circuits()
    early, late = enter(of, 0), enter(of, 0)
    fail(of, 0)
    fail(of, 0)
    early.answered()
    late.failed(ProviderError("model_error", retry_after=200), 5)
    assert refusal(of, 5).retry_after == 5
    trial = enter(of, 10)
    early.left()
    refusal(of, 10)
    trial.answered()


def test_the_first_verdict_of_a_call_counts() -> None:
    of = circuits(1)
    entry = enter(of, 0)
    entry.answered()
    entry.failed(FAILED, 0)
    entry.left()
    enter(of, 0)


def test_what_the_provider_says_is_the_time_within_bounds() -> None:
    of = circuits(1)
    fail(of, 0, ProviderError("provider_rate_limited", retry_after=42))
    assert refusal(of, 1).retry_after == 41
    of = circuits(1)
    fail(of, 0, ProviderError("provider_rate_limited", retry_after=100_000))
    assert refusal(of, 0).retry_after == LONGEST


def test_the_lot_spreads_the_trials_of_many_processes() -> None:
    of = Circuits(1, 100.0, lambda count: b"\xff" * count)
    fail(of, 0)
    assert refusal(of, 0).retry_after == 125


def test_a_model_that_fails_is_nothing_to_its_neighbours() -> None:
    of = opened()
    enter(of, 0, model="other").answered()
    enter(of, 0, provider="other").answered()


def test_an_endpoint_that_cannot_be_reached_is_closed_for_all_its_models() -> None:
    of = circuits()
    fail(of, 0, GONE, model="a")
    fail(of, 0, GONE, model="b")
    assert refusal(of, 0, model="c").code == "provider_unreachable"
    enter(of, 0, provider="other").answered()
    trial = enter(of, 10, model="a")
    refusal(of, 10, model="b")
    trial.failed(FAILED, 10)
    enter(of, 10, model="b").answered()


def test_an_endpoint_that_was_reached_is_reachable() -> None:
    of = circuits()
    for model in "abcdefgh":
        fail(of, 0, GONE, model)
        fail(of, 0, FAILED, model)
    enter(of, 0, model="i")


def test_zero_failures_open_nothing() -> None:
    of = circuits(0)
    for _ in range(100):
        fail(of, 0)
    enter(of, 0)
