"""Rates and budgets, one for each user: over a real socket, before any model is called."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from antiphon.access import keys, roles
from antiphon.errors import CODES
from antiphon.ports import Subject
from antiphon.records import Budget, Grant, Limits, Owner, Role, Tenant
from antiphon.run.tally import day_of
from antiphon.run.worker import perform
from antiphon.settings import PREFIX, read_settings
from antiphon.usage.counters import tokens_of
from tests.support.caller import TENANT, refused
from tests.support.durable import ended
from tests.support.schema import check_error
from tests.support.server_tools import Tools, says, server
from tests.support.service import Clock, Service
from tests.support.streams import assert_stream
from tests.support.upstream import Gate, Script, Upstream, answer, finish, text, tool_call, usage

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
    """Require the refusal of who has no budget left. Return the seconds until there is more."""
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


@pytest.mark.parametrize("background", [False, True], ids=["foreground", "background"])
@pytest.mark.parametrize("limits", [{"tokens_per_response": 60}, {"budget": Budget(tokens_per_day=60)}], ids=str)
def test_every_model_turn_counts_by_estimate_if_its_provider_never_reports_what_it_used(
    tmp_path: Path, upstream: Upstream, limits: dict[str, Any], background: bool
) -> None:
    upstream.scripts = [Script.stream(tool_call(0, "call_a", "crm__find", "{}"), finish("tool_calls"))]
    with Service(tmp_path, upstream, cache_seconds=0, runner=Tools(find=says("Ada " * 40))) as service:
        service.agent("agent", servers=(server("find"),), **limits)
        key = service.key()
        response = ended(service, key, service.create(key, input="Who?", background=background)["id"])
        assert response["incomplete_details"] == {"reason": "insufficient_quota"}
        assert response["usage"] is None
        assert 1 < len(upstream.requests) < 5
        service.settle(5)
        day = day_of(service.clock())
        subject = Subject(TENANT, "agent", "agent")
        (counted,) = service.run(service.services.usage.of(subject, day, day))
        assert tokens_of(counted.counters) > 60


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


# keys and agents, months and money

PRICE = {
    "model": ["*"],
    "provider": "up",
    "input": 100_000,
    "output": 100_000,
    "source": "a test",
    "date": "2026-11-29",
}
NOVEMBER = 1_795_132_800 - 1_795_132_800 % DAY
"""A day in November 2026."""


def test_a_key_has_limits_of_its_own_beside_those_of_its_user(service: Service, upstream: Upstream) -> None:
    narrow, wide = service.key(budget=Budget(tokens_per_day=USED)), service.key()
    assert ask(service, narrow).status_code == 200
    reply = ask(service, narrow)
    out_of_tokens(reply)
    key_id = service.run(service.keys.get(keys.digest(narrow))).id
    message = reply.json()["error"]["message"]
    assert f"`tokens_per_day` of key `{key_id}` is 5 and used up until " in message
    assert ask(service, wide).status_code == 200
    assert len(upstream.requests) == 2


def test_an_agent_has_limits_for_all_its_users_together(service: Service, key: str) -> None:
    service.user("bob")
    service.agent("shared", budget=Budget(tokens_per_day=USED, requests_per_minute=2))
    service.put(Grant(TENANT, "shared", "user:bob", 1))
    assert ask(service, key, model="shared").status_code == 200
    reply = ask(service, service.key("bob"), model="shared")
    out_of_tokens(reply)
    assert "`tokens_per_day` of agent `shared`" in reply.json()["error"]["message"]
    assert ask(service, key).status_code == 200, "other agents are not limited by it"


@pytest.mark.parametrize("whose", ["user", "key", "agent"])
def test_a_rate_says_whose_it_is_and_when_it_begins_anew(service: Service, key: str, whose: str) -> None:
    budget = Budget(requests_per_minute=1)
    if whose == "user":
        limit(service, requests_per_minute=1)
    elif whose == "key":
        key = service.key(budget=budget)
    else:
        service.agent("agent", budget=budget)
    assert ask(service, key).status_code == 200
    reply = ask(service, key)
    message = refused(reply, 429, "rate_limit_exceeded")["message"]
    assert f"`requests_per_minute` of {whose} `" in message
    assert "used up until 2052-02-20T00:01:00Z" in message
    assert reply.headers["retry-after"] == "60"


def test_no_limit_of_a_key_or_agent_raises_that_of_the_user(service: Service) -> None:
    limit(service, tokens_per_day=USED)
    wide = Budget(tokens_per_day=10**9, tokens_per_month=10**9)
    service.agent("agent", budget=wide)
    key = service.key(budget=wide)
    assert ask(service, key).status_code == 200
    assert "of user `ada`" in ask(service, key).json()["error"]["message"]


def test_a_month_of_tokens_is_that_of_the_calendar(service: Service, key: str) -> None:
    limit(service, tokens_per_month=2 * USED)
    service.clock.ahead = NOVEMBER - START
    assert ask(service, key).status_code == 200
    service.clock.ahead += DAY
    assert ask(service, key).status_code == 200
    reply = ask(service, key)
    wait = out_of_tokens(reply)
    assert (
        "`tokens_per_month` of user `ada` is 10 and used up until 2026-12-01T00:00:00Z"
        in reply.json()["error"]["message"]
    )
    service.clock.ahead += wait
    assert ask(service, key).status_code == 200


def test_money_is_limited_where_prices_are_known_and_a_new_limit_counts_what_was_used_before(
    tmp_path: Path, upstream: Upstream
) -> None:
    upstream.scripts = [answer("Good day")]
    with Service(tmp_path, upstream, cache_seconds=0, prices=json.dumps({"prices": [PRICE]})) as service:
        service.agent("free", provider="plain")
        key = service.key()
        assert ask(service, key).status_code == 200
        limit(service, usd_per_month=0.5)
        reply = ask(service, key)
        out_of_tokens(reply)
        assert "`usd_per_month` of user `ada` is 0.5" in reply.json()["error"]["message"]
        limit(service, usd_per_month=0.51)
        assert [ask(service, key, model="free").status_code for _ in range(2)] == [200, 200]
    assert len(upstream.requests) == 3


def test_a_queued_response_fails_if_those_beside_it_have_used_the_budget_up(
    service: Service, key: str, upstream: Upstream
) -> None:
    limit(service, tokens_per_day=USED)
    service.has_workers = False
    queued = [service.create(key, input="Hi", background=True)["id"] for _ in range(2)]
    for response_id in queued:
        service.run(perform(service.services, Owner(TENANT, "ada"), response_id, service.clock() + 30))
    first, second = (service.retrieve(key, response_id) for response_id in queued)
    assert (first["status"], second["status"]) == ("completed", "failed")
    assert second["error"]["code"] == "insufficient_quota"
    assert "`tokens_per_day` of user `ada`" in second["error"]["message"]
    assert len(upstream.requests) == 1


def test_a_worker_knows_the_limits_of_the_key(service: Service, upstream: Upstream) -> None:
    key = service.key(budget=Budget(tokens_per_day=USED))
    service.has_workers = False
    queued = service.create(key, input="Hi", background=True)["id"]
    assert ask(service, key, model="agent").status_code == 200
    service.run(perform(service.services, Owner(TENANT, "ada"), queued, service.clock() + 30))
    assert service.retrieve(service.key(), queued)["error"]["code"] == "insufficient_quota"
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("whose", ["user", "key", "agent"])
def test_a_response_that_calls_tools_ends_as_incomplete_once_a_budget_is_used_up(
    tmp_path: Path, upstream: Upstream, whose: str
) -> None:
    call = Script.stream(tool_call(0, "call_a", "crm__find", "{}"), finish("tool_calls"), usage(10, 5))
    upstream.scripts = [call]
    budget = Budget(tokens_per_day=20)
    with Service(tmp_path, upstream, cache_seconds=0, runner=Tools(find=says("Ada"))) as service:
        service.agent("agent", servers=(server("find"),), budget=budget if whose == "agent" else Budget())
        if whose == "user":
            limit(service, tokens_per_day=20)
        key = service.key(budget=budget if whose == "key" else None)
        response = service.create(key, input="Who?")
        assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": "insufficient_quota"})
        assert [item["type"] for item in response["output"]] == ["mcp_call", "mcp_call"]
        assert response["usage"]["total_tokens"] == 30
        out_of_tokens(ask(service, key))
    assert len(upstream.requests) == 2
