"""Rates and budgets, one for each user: over a real socket, before any model is called."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from antiphon.access import roles
from antiphon.errors import CODES
from antiphon.records import Limits, Role, Tenant
from antiphon.settings import PREFIX, read_settings
from tests.support.caller import TENANT, refused
from tests.support.schema import check_error
from tests.support.service import Clock, Service
from tests.support.streams import assert_stream
from tests.support.upstream import Gate, Script, Upstream, answer, text

MODES = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
DAY = 86_400
START = 30_000 * DAY
EVERYTHING = frozenset(roles.PERMISSIONS)
USED = 3 + 2
"""The tokens of ``answer("Good day")``."""


@pytest.fixture(autouse=True)
def _standing_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let time stand at the beginning of a day to come, until a test moves it: the file sweeps by its own clock."""
    monkeypatch.setattr(Clock, "__call__", lambda clock: START + clock.ahead)


@pytest.fixture
def service(tmp_path: Path, upstream: Upstream) -> Iterator[Service]:
    upstream.scripts = [answer("Good day")]
    with Service(tmp_path, upstream, cache_seconds=0) as running:
        yield running


def limit(service: Service, **limits: Any) -> None:
    service.put(Tenant(TENANT, Limits(**limits)))


def ask(service: Service, key: str, *, stream: bool = False, headers: Any = None, **fields: Any) -> httpx2.Response:
    """Ask for a response and wait until its run has ended."""
    reply = service.post(key, headers=headers, **{"model": "agent", "input": "Hi", "stream": stream, **fields})
    if reply.status_code == 200 and stream:
        assert_stream(reply.content)
    service.settle(5)
    return reply


def out_of_tokens(reply: httpx2.Response) -> int:
    """Require the refusal of who has no budget left; gives the seconds until there is more."""
    assert reply.status_code == 429, reply.text
    check_error(reply.json())
    assert reply.json()["error"]["code"] == "insufficient_quota"
    assert reply.json()["error"]["type"] == "too_many_requests"
    assert reply.headers["x-should-retry"] == "false"
    return int(reply.headers["retry-after"])


@MODES
def test_a_user_over_the_rate_is_told_when_to_come_again(
    service: Service, key: str, upstream: Upstream, stream: bool
) -> None:
    limit(service, requests_per_minute=2)
    assert [ask(service, key, stream=stream).status_code for _ in range(2)] == [200, 200]
    service.clock.ahead += 20.5
    reply = ask(service, key, stream=stream)
    assert refused(reply, 429, "rate_limit_exceeded")["type"] == "too_many_requests"
    wait = int(reply.headers["retry-after"])
    assert wait == 40
    assert len(upstream.requests) == 2
    service.clock.ahead += wait
    assert ask(service, key, stream=stream).status_code == 200


@MODES
def test_a_user_who_has_used_the_days_tokens_waits_for_the_next_day(
    service: Service, key: str, upstream: Upstream, stream: bool
) -> None:
    limit(service, tokens_per_day=USED + 1)
    assert [ask(service, key, stream=stream).status_code for _ in range(2)] == [200, 200], "it may end over the budget"
    wait = out_of_tokens(ask(service, key, stream=stream))
    assert wait == DAY
    assert len(upstream.requests) == 2
    service.clock.ahead += wait
    assert ask(service, key, stream=stream).status_code == 200


def test_the_last_token_of_a_budget_ends_it(service: Service, key: str, upstream: Upstream) -> None:
    limit(service, tokens_per_day=USED)
    assert ask(service, key).status_code == 200
    out_of_tokens(ask(service, key))
    assert len(upstream.requests) == 1


def test_what_is_not_stored_counts_too(service: Service, key: str, upstream: Upstream) -> None:
    limit(service, tokens_per_day=1)
    assert ask(service, key, store=False).status_code == 200
    out_of_tokens(ask(service, key, store=False))
    assert len(upstream.requests) == 1


def test_who_is_refused_leaves_nothing_behind(service: Service, key: str) -> None:
    limit(service, requests_per_minute=1)
    ask(service, key)
    service.forget_calls()
    refused(ask(service, key), 429, "rate_limit_exceeded")
    assert set(service.responses.calls) == set()
    assert dict(service.meter.calls) == {"take": 1}


def test_every_user_has_an_own_rate_and_budget_whatever_the_key(service: Service, key: str) -> None:
    service.user("bob")
    service.agent("bobs", author="bob")
    limit(service, requests_per_minute=1, tokens_per_day=1)
    assert ask(service, key).status_code == 200
    out_of_tokens(ask(service, service.key()))
    assert ask(service, service.key("bob"), model="bobs").status_code == 200


@pytest.mark.parametrize(("tenant", "role", "allowed"), [(1, 3, 1), (3, 1, 1), (None, 2, 2), (2, None, 2), (9, 9, 3)])
def test_a_later_layer_can_only_narrow(
    tmp_path: Path, upstream: Upstream, tenant: int | None, role: int | None, allowed: int
) -> None:
    with Service(tmp_path, upstream, cache_seconds=0, requests_per_minute=3) as service:
        limit(service, requests_per_minute=tenant)
        service.put(Role(TENANT, roles.ADMIN, EVERYTHING, Limits(requests_per_minute=role)))
        key = service.key()
        codes = [ask(service, key).status_code for _ in range(allowed + 1)]
    assert codes == [200] * allowed + [429]
    assert len(upstream.requests) == allowed


@pytest.mark.parametrize(("tenant", "role"), [(1, 900), (900, 1)])
def test_a_budget_narrows_likewise(service: Service, key: str, tenant: int, role: int) -> None:
    limit(service, tokens_per_day=tenant)
    service.put(Role(TENANT, roles.ADMIN, EVERYTHING, Limits(tokens_per_day=role)))
    assert ask(service, key).status_code == 200
    out_of_tokens(ask(service, key))


def test_where_no_limit_is_set_nothing_is_counted(service: Service, key: str) -> None:
    assert ask(service, key, stream=True).status_code == 200
    assert ask(service, key).status_code == 200
    assert not service.meter.calls
    assert dict(service.usage.calls) == {"add": 2}, "the roll-ups are written, and not read"


@pytest.mark.parametrize(
    ("limits", "calls"),
    [
        ({"requests_per_minute": 9}, {"take": 1}),
        ({"tokens_per_day": 900}, {"of": 1}),
        ({"tokens_per_day": 900, "tokens_per_month": 900, "usd_per_month": 5}, {"of": 1}),
        ({"requests_per_minute": 9, "tokens_per_day": 900}, {"take": 1, "of": 1}),
    ],
    ids=str,
)
def test_each_limit_costs_its_own_calls_alone(
    service: Service, key: str, limits: dict[str, int], calls: dict[str, int]
) -> None:
    limit(service, **limits)
    ask(service, key)
    assert {**service.meter.calls, **service.usage.calls} == {**calls, "add": 1}


@pytest.mark.parametrize("path", ["input_tokens", "compact"])
def test_what_only_counts_or_compacts_is_counted_as_a_request_and_needs_no_budget(
    service: Service, key: str, upstream: Upstream, path: str
) -> None:
    """Both fetch what stands behind URLs: 256 fetches at one host went out under a rate of 1."""
    limit(service, requests_per_minute=2, tokens_per_day=1)
    ask(service, key)
    headers = {"authorization": f"Bearer {key}"}

    def post() -> httpx2.Response:
        return service.client.post(f"/v1/responses/{path}", json={"model": "agent", "input": "Hi"}, headers=headers)

    assert post().status_code == 200
    refused(post(), 429, "rate_limit_exceeded")
    assert len(upstream.requests) == 1


def test_an_answer_given_again_is_neither_refused_nor_counted(service: Service, key: str, upstream: Upstream) -> None:
    limit(service, requests_per_minute=1, tokens_per_day=1)
    again = {"idempotency-key": "order 66"}
    first = ask(service, key, headers=again)
    service.meter.calls.clear()
    service.usage.calls.clear()
    second = ask(service, key, headers=again)
    assert second.content == first.content
    assert second.headers["idempotent-replayed"] == "true"
    assert not service.meter.calls
    assert not service.usage.calls
    assert len(upstream.requests) == 1


def test_a_request_that_was_refused_may_be_sent_again_under_its_idempotency_key(service: Service, key: str) -> None:
    limit(service, requests_per_minute=1)
    ask(service, key)
    reply = ask(service, key, headers={"idempotency-key": "order 67"})
    refused(reply, 429, "rate_limit_exceeded")
    service.clock.ahead += int(reply.headers["retry-after"])
    assert ask(service, key, headers={"idempotency-key": "order 67"}).status_code == 200


def test_a_first_attempt_of_a_client_that_counts_its_retries_counts_every_time(service: Service, key: str) -> None:
    limit(service, requests_per_minute=1)
    assert ask(service, key, headers={"x-stainless-retry-count": "0"}).status_code == 200
    refused(ask(service, key, headers={"x-stainless-retry-count": "0"}), 429, "rate_limit_exceeded")


def test_who_may_not_use_the_agent_learns_that_first(service: Service, key: str) -> None:
    limit(service, requests_per_minute=1)
    ask(service, key)
    refused(ask(service, key, model="nobodys"), 404, "model_not_found")


def test_a_run_that_is_cancelled_before_its_usage_is_known_counts_by_estimate(
    service: Service, key: str, upstream: Upstream
) -> None:
    limit(service, tokens_per_day=10)
    gate = Gate()
    upstream.scripts = [Script.stream(text("Once upon a time"), gate), answer("Good day")]
    with service.streaming(key, input="Tell me a very long story, please") as stream:
        lines = stream.iter_lines()
        created = next(line for line in lines if line.startswith("data: ") and "response.created" in line)
        response_id = created.split('"id":"')[1].split('"')[0]
        assert gate.reached.wait(10)
        headers = {"authorization": f"Bearer {key}"}
        assert service.client.post(f"/v1/responses/{response_id}/cancel", headers=headers).status_code == 200
        list(lines)
    service.settle(5)
    out_of_tokens(ask(service, key))
    assert len(upstream.requests) == 1


def test_a_model_that_fails_before_it_says_a_word_costs_nothing(service: Service, key: str, upstream: Upstream) -> None:
    limit(service, tokens_per_day=1)
    upstream.scripts = [Script.error(400), answer("Good day")]
    assert ask(service, key).status_code == 500
    assert ask(service, key).status_code == 200


@pytest.mark.parametrize(("limits", "call"), [({"requests_per_minute": 9}, "take"), ({"tokens_per_day": 9}, "of")])
def test_a_store_that_does_not_answer_lets_nobody_through(
    service: Service, key: str, upstream: Upstream, limits: dict[str, int], call: str
) -> None:
    limit(service, **limits)
    (service.meter if call == "take" else service.usage).broken.add(call)
    refused(ask(service, key), 503, "storage_unavailable")
    assert upstream.requests == []


@MODES
def test_a_store_that_fails_at_the_end_takes_nothing_from_the_answer(service: Service, key: str, stream: bool) -> None:
    limit(service, tokens_per_day=900)
    service.usage.broken.add("add")
    assert ask(service, key, stream=stream).status_code == 200


def test_the_openai_sdk_does_not_ask_again_where_the_budget_is_used_up(
    service: Service, key: str, upstream: Upstream
) -> None:
    limit(service, tokens_per_day=1)
    ask(service, key)
    service.usage.calls.clear()
    with (
        openai.OpenAI(base_url=service.base_url, api_key=key, max_retries=2) as client,
        pytest.raises(openai.RateLimitError) as caught,
    ):
        client.responses.create(model="agent", input="Hi")
    assert caught.value.code == "insufficient_quota"
    assert dict(service.usage.calls) == {"of": 1}
    assert len(upstream.requests) == 1


def test_a_deployment_sets_no_limit_unless_it_says_so() -> None:
    environ = {f"{PREFIX}DATABASE": "x", f"{PREFIX}REQUESTS_PER_MINUTE": "", f"{PREFIX}TOKENS_PER_DAY": ""}
    settings = read_settings(environ)
    assert (settings.requests_per_minute, settings.tokens_per_day) == (None, None)
    settings = read_settings({**environ, f"{PREFIX}REQUESTS_PER_MINUTE": "60", f"{PREFIX}TOKENS_PER_DAY": "5000"})
    assert (settings.requests_per_minute, settings.tokens_per_day) == (60, 5000)


def test_no_retry_by_itself_can_help_who_has_no_budget() -> None:
    assert CODES["insufficient_quota"].retry_after is None
