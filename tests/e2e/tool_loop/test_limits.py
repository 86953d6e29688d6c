"""What ends the loop of model turns and calls, and the usage that is counted in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from antiphon.records import Budget
from tests.support import chat
from tests.support.server_tools import Tools, server
from tests.support.service import Service
from tests.support.upstream import Upstream, answer, calls


def test_usage_is_added_up_and_shown_for_each_model_turn(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [calls(("call_a", "crm__find", "{}")), answer("It is Ada.", prompt=30)]
    used = service.create(key, input="Who?")["usage"]
    assert used["input_tokens"] == 40
    assert used["output_tokens"] == 5 + 3
    assert [turn["input_tokens"] for turn in used["antiphon"]["turns"]] == [10, 30]


def test_a_tool_is_called_no_more_often_than_max_tool_calls(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    upstream.scripts = [calls(("call_a", "crm__find", "{}"))]
    response = service.create(key, input="Who?", max_tool_calls=2)
    assert response["status"] == "incomplete"
    assert response["incomplete_details"] == {"reason": "max_tool_calls"}
    assert len(tools.calls) == 2


def test_a_model_that_never_ends_is_stopped_after_the_agents_model_turns(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    service.agent("agent", servers=(server("find"),), max_model_turns=3)
    upstream.scripts = [calls(("call_a", "crm__find", "{}"))]
    response = service.create(key, input="Who?")
    assert response["incomplete_details"] == {"reason": "max_model_turns"}
    assert len(tools.calls) == 3


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"tokens_per_response": 30}, "`tokens_per_response` of agent `agent` is 30, and this response has used 30. "),
        ({"usd_per_response": 2.5}, "`usd_per_response` of agent `agent` is 2.5, and this response has used 3. "),
    ],
    ids=["tokens", "money"],
)
@pytest.mark.parametrize("streams", [False, True], ids=["json", "stream"])
def test_a_loop_ends_when_one_response_has_used_what_the_agent_allows_it(
    tmp_path: Path, upstream: Upstream, tools: Tools, limits: dict[str, Any], told: str, streams: bool
) -> None:
    dear = {"model": ["*"], "provider": "up", "input": 100_000, "output": 100_000, "source": "a test"}
    prices = json.dumps({"prices": [{**dear, "date": "2026-11-29"}]})
    upstream.scripts = [calls(("call_a", "crm__find", "{}"))]
    with Service(tmp_path, upstream, runner=tools, check_streams=True, prices=prices) as service:
        service.agent("agent", servers=(server("find"),), **limits)
        key = service.key()
        for _ in range(2):  # the limit is of each response
            upstream.requests.clear()
            if streams:
                response = service.stream(key, input="Who?")[-1]["response"]
            else:
                response = service.create(key, input="Who?")
            assert response["status"] == "incomplete"
            assert response["incomplete_details"] == {"reason": "insufficient_quota"}
            assert len(upstream.requests) == response["usage"]["total_tokens"] / 15 == 2
            said_why = response["antiphon"]["insufficient_quota"]
            assert said_why == told + "Whoever may edit the agent can raise it."
            assert service.retrieve(key, response["id"]) == response


@pytest.mark.parametrize("limits", [{"max_model_turns": 2}, {"budget": Budget(tokens_per_day=12)}], ids=str)
def test_over_chat_an_answer_that_a_limit_ended_does_not_look_whole(
    service: Service, key: str, upstream: Upstream, limits: dict[str, Any]
) -> None:
    for agent in ("whole", "streamed"):
        service.agent(agent, servers=(server("find"),), **limits)
    upstream.scripts = [calls(("call_a", "crm__find", "{}"))]
    assert chat.complete(service, key, model="whole")["choices"][0]["finish_reason"] == "length"
    assert chat.stream(service, key, model="streamed")[-1]["choices"][0]["finish_reason"] == "length"


def test_a_loop_ends_when_a_budget_is_used_up_and_says_whose(service: Service, key: str, upstream: Upstream) -> None:
    service.agent("agent", servers=(server("find"),), budget=Budget(tokens_per_day=12))
    upstream.scripts = [calls(("call_a", "crm__find", "{}")), answer("It is Ada.")]
    events = service.stream(key, input="Who?")
    response = events[-1]["response"]
    assert (response["status"], response["incomplete_details"]["reason"]) == ("incomplete", "insufficient_quota")
    assert response["output"][0]["output"] == "Ada Lovelace"
    assert "`tokens_per_day` of agent `agent`" in response["antiphon"]["insufficient_quota"]
    assert len(upstream.requests) == 1
    assert "insufficient_quota" not in events[0]["response"].get("antiphon", {})
    again = service.get(f"/v1/responses/{response['id']}?stream=true", key)
    assert '"insufficient_quota"' not in again.text.splitlines()[1]
