"""What becomes of calls of tools whose process is lost, cancelled or out of time: made once, or known not to be."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from antiphon.ports import ToolCall, ToolResult
from antiphon.records import Approval
from tests.support.caller import TENANT
from tests.support.durable import ADA, FAR, SOON, Reader, ended, follow, until
from tests.support.server_tools import Tools, held, says, server
from tests.support.service import Service
from tests.support.streams import assert_events, sent_events
from tests.support.upstream import Gate, Script, Upstream, answer, finish, text, tool_call, usage
from tests.support.weather import said

ONE = (tool_call(0, "call_a", "crm__find", "{}"), finish("tool_calls"), usage(10, 5))
BOTH = (
    tool_call(0, "call_a", "crm__find", "{}"),
    tool_call(1, "call_b", "crm__count", "{}"),
    finish("tool_calls"),
    usage(10, 5),
)


class Two:
    """Two processes with the same store. In the first the tool ``find`` answers only once the gate is open."""

    def __init__(self, path: Path, upstream: Upstream, **settings: Any) -> None:
        self.gate = Gate()
        self.first_tools = Tools(find=held(self.gate), count=says("3"))
        self.second_tools = Tools(find=says("Ada"), count=says("3"))
        self.first = Service(path, upstream, runner=self.first_tools, **{**SOON, **settings})
        self.second = Service(path, upstream, runner=self.second_tools, **{**SOON, **settings})

    def lose(self) -> None:
        """Let the second process take the first for dead."""
        self.second.clock.ahead = FAR


@pytest.fixture
def two(tmp_path: Path, upstream: Upstream) -> Iterator[Two]:
    both = Two(tmp_path, upstream, check_streams=True)
    with both.first, both.second:
        both.first.agent("agent", servers=(server("find", "count"),))
        yield both
        both.gate.open()


def queued(two: Two, key: str) -> str:
    """Create a background response, and return once its tool runs."""
    response_id: str = two.first.create(key, input="Who?", background=True)["id"]
    assert two.gate.reached.wait(10)
    return response_id


def test_a_call_whose_process_is_lost_is_not_made_again_and_the_model_reads_that(two: Two, upstream: Upstream) -> None:
    key = two.first.key()
    upstream.scripts = [Script.stream(*ONE), answer("I do not know.")]
    response_id = queued(two, key)
    two.lose()
    response = ended(two.second, key, response_id)
    assert response["status"] == "completed"
    assert response["output"][0]["status"] == "failed"
    assert "not known whether the tool ran" in response["output"][0]["error"]["message"]
    assert two.second_tools.calls == []
    assert said(response) == "I do not know."
    assert "not known" in upstream.requests[1].body["messages"][-1]["content"]


def test_a_call_that_may_run_twice_is_made_again_with_the_same_token(two: Two, upstream: Upstream) -> None:
    two.first.agent("agent", servers=(server("find", repeatable=True),))
    key = two.first.key()
    upstream.scripts = [Script.stream(*ONE), answer("It is Ada.")]
    response_id = queued(two, key)
    two.lose()
    response = ended(two.second, key, response_id)
    assert response["output"][0]["output"] == "Ada"
    assert [call.token for call in two.second_tools.calls] == [two.first_tools.calls[0].token]
    assert said(response) == "It is Ada."


def test_of_calls_made_at_once_those_that_came_back_are_kept(two: Two, upstream: Upstream) -> None:
    key = two.first.key()
    upstream.scripts = [Script.stream(*BOTH), answer("Three.")]
    response_id = queued(two, key)

    def results() -> list[bool]:
        stored = two.first.run(two.first.responses.get(ADA, response_id, two.first.clock()))
        return [call["result"] is not None for call in stored.calls]

    until(lambda: results() == [False, True])
    two.lose()
    response = ended(two.second, key, response_id)
    assert [item["status"] for item in response["output"][:2]] == ["failed", "completed"]
    assert response["output"][1]["output"] == "3"
    assert two.second_tools.calls == []


def test_who_goes_on_uses_the_result_that_is_stored(two: Two, upstream: Upstream) -> None:
    two.gate.open()
    gate = Gate()
    key = two.first.key()
    upstream.scripts = [Script.stream(*ONE), Script.stream(gate), answer("It is late.")]
    response_id = two.first.create(key, input="Who?", background=True)["id"]
    assert gate.reached.wait(10)
    two.lose()
    response = ended(two.second, key, response_id)
    gate.open()
    assert response["output"][0]["output"] == "late"
    assert two.second_tools.calls == []
    assert upstream.requests[1].body["messages"] == upstream.requests[2].body["messages"]
    assert response["usage"]["input_tokens"] == 10 + 3


@pytest.mark.parametrize("reports", [True, False], ids=["reported", "estimated"])
def test_what_a_lost_worker_used_counts_to_what_one_response_may_use(
    two: Two, upstream: Upstream, reports: bool
) -> None:
    two.first.agent("agent", servers=(server("find", "count"),), tokens_per_response=15 if reports else 1)
    upstream.scripts = [Script.stream(*ONE if reports else ONE[:-1]), answer("I do not know.")]
    key = two.first.key()
    response_id = queued(two, key)
    two.lose()
    response = ended(two.second, key, response_id)
    assert response["status"] == "incomplete"
    assert response["usage"]["total_tokens"] == 15 if reports else response["usage"] is None
    assert "`tokens_per_response`" in response["antiphon"]["insufficient_quota"]
    assert len(upstream.requests) == 1


def test_a_follower_gets_every_number_once_whoever_runs_the_response(two: Two, upstream: Upstream) -> None:
    key = two.first.key()
    upstream.scripts = [Script.stream(text("Let me see. "), *ONE), answer("I do not know.")]
    response_id = queued(two, key)
    reader = Reader(two.second, key, response_id)
    reader.until(b"mcp_call_arguments.done")
    two.lose()
    ended(two.second, key, response_id)
    assert_events(reader.events)
    assert reader.events == sent_events(follow(two.second, key, response_id).content)


def test_a_response_of_the_foreground_whose_process_is_lost_ends_with_what_is_known_of_its_calls(
    two: Two, upstream: Upstream
) -> None:
    key = two.first.key()
    upstream.scripts = [Script.stream(*BOTH)]
    with two.first.streaming(key, input="Who?") as stream:
        assert two.gate.reached.wait(10)
        lines = stream.iter_lines()
        created = next(line for line in lines if line.startswith("data: "))
        response_id = created.split('"id":"')[1].split('"')[0]
        two.lose()
        response = ended(two.second, key, response_id)
        assert (response["status"], response["error"]["code"]) == ("failed", "worker_lost")
        assert [item["status"] for item in response["output"]] in (["failed", "completed"], ["failed", "failed"])
        assert_events(sent_events(follow(two.second, key, response_id).content))
        two.gate.open()


def test_without_the_store_nothing_is_called(two: Two, upstream: Upstream) -> None:
    key = two.first.key()
    upstream.scripts = [Script.stream(*ONE), answer("Sorry.")]
    two.first.responses.broken = {"checkpoint"}
    response = two.first.create(key, input="Who?")
    assert two.first_tools.calls == []
    assert response["output"][0]["status"] == "failed"
    assert response["status"] == "completed"


def test_a_cancel_in_the_middle_of_a_call_ends_the_call_and_the_response(two: Two, upstream: Upstream) -> None:
    key = two.first.key()
    upstream.scripts = [Script.stream(*BOTH)]
    response_id = queued(two, key)
    cancelled = two.first.client.post(
        f"/v1/responses/{response_id}/cancel", headers={"authorization": f"Bearer {key}"}
    ).json()
    assert cancelled["status"] == "cancelled"
    response = ended(two.first, key, response_id)
    assert [item["status"] for item in response["output"]] == ["failed", "completed"]
    assert two.first_tools.left == [response["output"][0]["id"]]


def test_a_deadline_in_the_middle_of_a_call_ends_the_response_as_incomplete(tmp_path: Path, upstream: Upstream) -> None:
    gate = Gate()
    tools = Tools(find=held(gate))
    upstream.scripts = [Script.stream(*ONE)]
    with Service(tmp_path, upstream, runner=tools, run_seconds=3.5, check_streams=True) as service:
        service.agent("agent", servers=(server("find"),))
        response = service.create(service.key(), input="Who?")
        gate.open()
    assert response["status"] == "incomplete"
    assert response["incomplete_details"] == {"reason": "deadline"}
    assert response["output"][0]["status"] == "failed"
    assert len(tools.left) == 1


def test_a_background_response_out_of_time_is_handed_to_the_next_worker(tmp_path: Path, upstream: Upstream) -> None:
    """The first worker ends while a tool runs that may run twice; the second calls it again and goes on."""
    gate = Gate()
    tools = Tools(find=held(gate, "Ada"))
    upstream.scripts = [Script.stream(*ONE), answer("It is Ada.")]
    with Service(tmp_path, upstream, runner=tools, run_seconds=5.5, **SOON) as service:
        service.agent("agent", servers=(server("find", repeatable=True),))
        key = service.key()
        response_id = service.create(key, input="Who?", background=True)["id"]
        until(lambda: len(tools.calls) == 2)
        gate.open()
        response = ended(service, key, response_id)
    assert response["status"] == "completed"
    assert said(response) == "It is Ada."
    assert {call.token for call in tools.calls} == {response["output"][0]["id"]}


def test_a_tool_has_its_own_time_although_the_run_ends_before_that(tmp_path: Path, upstream: Upstream) -> None:
    """Otherwise both limits come at once, and a worker hands over that the tool did not answer within 30 seconds."""
    left: list[float] = []

    async def measured(call: ToolCall) -> ToolResult:
        left.append(call.deadline - asyncio.get_running_loop().time())
        return ToolResult("Ada")

    upstream.scripts = [Script.stream(*ONE), answer("It is Ada.")]
    with Service(tmp_path, upstream, runner=Tools(find=measured), run_seconds=10) as service:
        service.agent("agent", servers=(server("find", timeout_seconds=60),))
        assert service.create(service.key(), input="Who?")["status"] == "completed"
    assert 59 < left[0] <= 60


def test_a_tool_that_is_too_slow_costs_its_own_time_only(tmp_path: Path, upstream: Upstream) -> None:
    gate = Gate()
    upstream.scripts = [Script.stream(*ONE), answer("Too slow.")]
    with Service(tmp_path, upstream, runner=Tools(find=held(gate))) as service:
        service.agent("agent", servers=(server("find", timeout_seconds=0.2),))
        response = service.create(service.key(), input="Who?")
        gate.open()
    assert response["status"] == "completed"
    assert "within 0.2 seconds" in response["output"][0]["error"]["message"]


def test_hidden_calls_are_kept_for_who_goes_on(two: Two, upstream: Upstream) -> None:
    two.first.agent("agent", servers=(server("find", "count"),), show_tools=False)
    two.gate.open()
    gate = Gate()
    key = two.first.key()
    upstream.scripts = [Script.stream(text("Let me see. "), *ONE), Script.stream(gate), answer("It is late.")]
    response_id = two.first.create(key, input="Who?", background=True)["id"]
    assert gate.reached.wait(10)
    two.lose()
    response = ended(two.second, key, response_id)
    gate.open()
    assert [item["type"] for item in response["output"]] == ["message", "message"]
    assert two.second_tools.calls == []
    assert upstream.requests[1].body["messages"] == upstream.requests[2].body["messages"]


def test_a_text_after_a_tool_whose_process_is_lost_is_kept_and_its_stream_ends(two: Two, upstream: Upstream) -> None:
    two.gate.open()
    gate = Gate()
    key = two.first.key()
    upstream.scripts = [Script.stream(*ONE), Script.stream(text("It is "), gate)]
    response_id = two.first.create(key, input="Who?", background=True)["id"]
    reader = Reader(two.second, key, response_id)
    reader.until(b"It is ")
    two.lose()
    response = ended(two.second, key, response_id)
    gate.open()
    assert (response["status"], response["error"]["code"]) == ("failed", "worker_lost")
    assert [item["status"] for item in response["output"]] == ["completed", "incomplete"]
    assert said(response) == "It is "
    assert_events(reader.events)
    assert reader.events == sent_events(follow(two.second, key, response_id).content)


def test_who_goes_on_counts_the_hidden_calls_before_it(two: Two, upstream: Upstream) -> None:
    two.first.agent("agent", servers=(server("find", "count"),), show_tools=False)
    two.gate.open()
    gate = Gate()
    key = two.first.key()
    upstream.scripts = [Script.stream(*ONE), Script.stream(gate), Script.stream(*ONE)]
    response_id = two.first.create(key, input="Who?", background=True, max_tool_calls=1)["id"]
    assert gate.reached.wait(10)
    two.lose()
    response = ended(two.second, key, response_id)
    gate.open()
    assert response["incomplete_details"] == {"reason": "max_tool_calls"}
    assert len(two.first_tools.calls) == 1
    assert two.second_tools.calls == []


@pytest.mark.parametrize("is_shown", [True, False])
@pytest.mark.parametrize("most", [1, 2, 3])
def test_who_goes_on_counts_the_model_turns_before_it(
    two: Two, upstream: Upstream, most: int, *, is_shown: bool
) -> None:
    """The first process makes one turn, and is lost in the call of the second if it may make one."""
    two.first.agent("agent", servers=(server("count", "find"),), max_model_turns=most, show_tools=is_shown)
    count = Script.stream(tool_call(0, "call_a", "crm__count", "{}"), finish("tool_calls"), usage(10, 5))
    key = two.first.key()
    upstream.scripts = [*([count] if most > 1 else []), Script.stream(*ONE), *[count] * 9]
    response_id = queued(two, key)
    two.lose()
    response = ended(two.second, key, response_id)
    assert response["incomplete_details"] == {"reason": "max_model_turns"}
    assert len(upstream.requests) == most


def test_an_approved_call_whose_tool_is_gone_is_shown_once_whoever_goes_on(two: Two, upstream: Upstream) -> None:
    two.first.agent("agent", servers=(server("find", approval="caller"),))
    gate = Gate()
    key = two.first.key()
    upstream.scripts = [Script.stream(*ONE), Script.stream(gate), answer("Sorry.")]
    first = two.first.create(key, input="Who?")
    two.first.agent("agent", servers=(server("count"),))
    (asked,) = first["antiphon"]["approvals"]
    approval = {"type": "mcp_approval_response", "approval_request_id": asked["id"], "approve": True}
    second = two.first.create(key, input=[approval], previous_response_id=first["id"], background=True)
    assert gate.reached.wait(10)
    two.lose()
    response = ended(two.second, key, second["id"])
    gate.open()
    assert [(item["type"], item["status"]) for item in response["output"]] == [
        ("mcp_call", "failed"),
        ("message", "completed"),
    ]
    assert two.first_tools.calls == two.second_tools.calls == []


def test_an_approval_stands_for_the_call_that_its_response_shows_whoever_asked(two: Two, upstream: Upstream) -> None:
    """The first process is lost between storing an approval and saying so. Then the model calls with something else."""
    two.first.agent("agent", servers=(server("find", approval="caller"),))
    gate, save = Gate(), two.first.approvals.save

    async def late(approval: Approval) -> bool:
        saved = await save(approval)
        await gate.wait()
        return bool(saved)

    two.first.approvals.save = late
    key = two.first.key()
    asks = [Script.stream(tool_call(0, "call_a", "crm__find", f'{{"id":{n}}}'), finish("tool_calls")) for n in (1, 2)]
    upstream.scripts = [*asks, answer("It is Ada.")]
    response_id = two.first.create(key, input="Who?", background=True)["id"]
    assert gate.reached.wait(10)
    two.lose()
    response = ended(two.second, key, response_id)
    (asked,) = response["antiphon"]["approvals"]
    until(
        lambda: [left.id for left in two.second.run(two.second.approvals.pending(TENANT, 9)).records] == [asked["id"]]
    )
    gate.open()
    assert asked["arguments"] == '{"id":2}'
    assert two.second.get(f"/v1/approvals/{asked['id']}", key).json()["arguments"] == '{"id":2}'
    until(lambda: len(two.second.get("/v1/approvals", key).json()["data"]) == 1)
    approval = {"type": "mcp_approval_response", "approval_request_id": asked["id"], "approve": True}
    two.second.create(key, input=[approval], previous_response_id=response_id)
    assert [call.arguments for call in two.second_tools.calls] == [{"id": 2}]
    assert two.first_tools.calls == []


def test_of_two_decisions_at_once_in_two_processes_one_holds_and_its_call_is_made_once(
    two: Two, upstream: Upstream
) -> None:
    two.gate.open()
    two.first.agent("agent", servers=(server("find", approval="caller"),))
    key = two.first.key()
    upstream.scripts = [Script.stream(*ONE), answer("It is late.")]
    first = two.first.create(key, input="Who?")
    (asked,) = first["antiphon"]["approvals"]
    approval = {"type": "mcp_approval_response", "approval_request_id": asked["id"], "approve": True}
    body = {"model": "agent", "input": [approval], "previous_response_id": first["id"]}
    with ThreadPoolExecutor(8) as threads:
        services = [two.first, two.second] * 4
        answers = list(threads.map(lambda service: service.post(key, **body), services))
    assert {answered.status_code for answered in answers} <= {200, 409}
    assert len(two.first_tools.calls) + len(two.second_tools.calls) == 1


def test_an_approval_that_two_branches_answer_makes_its_call_in_the_first(two: Two, upstream: Upstream) -> None:
    two.gate.open()
    two.first.agent("agent", servers=(server("find", approval="caller"),))
    key = two.first.key()
    upstream.scripts = [Script.stream(*ONE), answer("Hello."), answer("It is late.")]
    first = two.first.create(key, input="Who?")
    (asked,) = first["antiphon"]["approvals"]
    approval = {"type": "mcp_approval_response", "approval_request_id": asked["id"], "approve": True}
    branch = two.first.create(key, input="Hi", previous_response_id=first["id"])
    two.first.create(key, input=[approval], previous_response_id=branch["id"])
    refused = two.second.post(key, model="agent", input=[approval], previous_response_id=first["id"])
    assert refused.json()["error"]["code"] == "approval_decided"
    assert len(two.first_tools.calls) == 1
    assert two.second_tools.calls == []
