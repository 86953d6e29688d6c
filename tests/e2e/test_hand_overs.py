"""Background responses at a shutdown, whatever they are at: the next worker goes on, and makes no call twice."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from antiphon.ports import ToolCall, ToolResult
from antiphon.run.worker import sweep
from tests.support.approvals import waiting
from tests.support.durable import ADA, SOON, ended, until
from tests.support.faulty import Faulty
from tests.support.moments import Call, is_quiet
from tests.support.server_tools import Tools, held, says, server
from tests.support.service import Service
from tests.support.upstream import Gate, Script, Upstream, answer, finish, text, tool_call, usage
from tests.support.weather import said


def calling(*names: str) -> Script:
    """Say something, then call tools."""
    calls = [tool_call(number, f"call_{number}", f"crm__{name}", "{}") for number, name in enumerate(names)]
    return Script.stream(text("I look. "), *calls, finish("tool_calls"), usage(10, 5))


class Two:
    """Two processes. In the first the tool ``find`` answers only once the gate is open."""

    def __init__(self, path: Path, upstream: Upstream) -> None:
        self.gate = Gate()
        self.leaving = 0
        self.first_tools = Tools(find=held(self.gate), slow=self._slow)
        self.second_tools = Tools(find=says("Ada"))
        self.first = Service(path, upstream, runner=self.first_tools, check_streams=True, **SOON)
        self.second = Service(path, upstream, runner=self.second_tools, check_streams=True, **SOON)

    async def _slow(self, _: ToolCall) -> ToolResult:
        """Take a while to leave."""
        try:
            await self.gate.wait()
        finally:
            self.leaving += 1
            await asyncio.sleep(0.3)
        return ToolResult("late")

    def queue(self, key: str) -> str:
        response_id: str = self.first.create(key, input="Who?", background=True)["id"]
        return response_id

    def gone_on(self, key: str, response_id: str) -> dict[str, Any]:
        """Return a response that the first process has handed over, once the second has ended it."""
        found = self.second.run(self.second.responses.get(ADA, response_id, self.second.clock()))
        assert found.status == "queued"
        self.second.run(sweep(self.second.services))
        return ended(self.second, key, response_id)

    def made(self) -> list[str]:
        """Return the tokens of all calls."""
        return [call.token for call in (*self.first_tools.calls, *self.second_tools.calls)]


@pytest.fixture
def two(tmp_path: Path, upstream: Upstream) -> Iterator[Two]:
    both = Two(tmp_path, upstream)
    with both.first, both.second:
        both.first.agent("agent", servers=(server("find", "slow"),))
        yield both
        both.gate.open()


def hold(store: Faulty, name: str, which: Callable[[Any], bool] = lambda _: True) -> Gate:
    """Hold the calls of a store that have such an argument."""
    gate = Gate()

    async def around(called: str, arguments: tuple[Any, ...], call: Call) -> Any:
        if called == name and which(arguments[0]):
            await gate.wait()
        return await call()

    store.around = around
    return gate


def shut_down(service: Service, gate: Gate) -> None:
    """Shut a process down whose store is slow, and let that answer a little later."""
    assert gate.reached.wait(10)
    opening = threading.Timer(0.4, gate.open)
    opening.start()
    service.settle(0.1)
    opening.join()
    until(lambda: is_quiet(service))


def test_calls_that_are_being_stored_at_a_shutdown_are_made_by_the_next_worker(two: Two, upstream: Upstream) -> None:
    upstream.scripts = [calling("find"), answer("It is Ada.")]
    key = two.first.key()
    gate = hold(two.first.responses, "checkpoint", lambda record: bool(record.calls))
    response_id = two.queue(key)
    shut_down(two.first, gate)
    response = two.gone_on(key, response_id)
    assert (response["status"], said(response)) == ("completed", "I look. It is Ada.")
    assert response["output"][1]["output"] == "Ada"
    assert two.made() == [response["output"][1]["id"]]


def test_an_approval_that_is_being_asked_for_at_a_shutdown_is_asked_for(two: Two, upstream: Upstream) -> None:
    two.first.agent("agent", servers=(server("find", approval="caller"),))
    upstream.scripts = [calling("find")]
    key = two.first.key()
    gate = hold(two.first.approvals, "save")
    response_id = two.queue(key)
    shut_down(two.first, gate)
    response = two.second.retrieve(key, response_id)
    assert response["status"] == "completed"
    assert two.second.get(f"/v1/approvals/{waiting(response)}", key).json()["status"] == "pending"


def test_an_approval_that_cannot_be_asked_for_before_a_shutdown_ends_the_response_as_failed(
    two: Two, upstream: Upstream
) -> None:
    """The model has said something, so nobody could ask it again."""
    two.first.agent("agent", servers=(server("find", approval="caller"),))
    upstream.scripts = [calling("find")]
    key = two.first.key()
    gate = hold(two.first.approvals, "save")
    response_id = two.queue(key)
    assert gate.reached.wait(10)
    two.first.settle(0.1)
    response = ended(two.second, key, response_id)
    gate.open()
    assert (response["status"], response["error"]["code"]) == ("failed", "shutting_down")


def test_calls_that_had_to_wait_for_others_are_made_by_the_next_worker(two: Two, upstream: Upstream) -> None:
    """Eight calls run at the same time; how far they came is not known of those alone."""
    upstream.scripts = [calling(*["find"] * 10), answer("It is Ada.")]
    key = two.first.key()
    response_id = two.queue(key)
    until(lambda: len(two.first_tools.calls) == 8)
    two.first.settle(0.1)
    response = two.gone_on(key, response_id)
    assert [item["status"] for item in response["output"][1:-1]] == ["failed"] * 8 + ["completed"] * 2
    assert len(two.second_tools.calls) == 2
    assert len(two.made()) == len(set(two.made())) == 10


def test_a_worker_that_is_preparing_a_response_at_a_shutdown_hands_it_over(two: Two, upstream: Upstream) -> None:
    upstream.scripts = [Script.stream(two.gate), answer("Done.")]
    key = two.first.key()
    two.first.has_workers = False
    response_id = two.queue(key)
    two.first.has_workers = True
    gate = hold(two.first.directory, "agent")
    two.first.run(two.first.services.start_worker(two.first.services, ADA, response_id))
    assert gate.reached.wait(10)
    opening = threading.Timer(0.1, gate.open)
    opening.start()
    two.first.settle(0.5)
    assert two.gone_on(key, response_id)["status"] == "completed"
    opening.join()


def test_a_response_is_handed_over_though_the_store_fails_once(two: Two, upstream: Upstream) -> None:
    upstream.scripts = [Script.stream(two.gate), answer("Done.")]
    key = two.first.key()
    response_id = two.queue(key)
    assert two.gate.reached.wait(10)
    two.first.responses.failing["take_over"] = 1
    two.first.settle(0.1)
    until(lambda: is_quiet(two.first))
    assert two.gone_on(key, response_id)["status"] == "completed"


def test_a_shutdown_after_a_cancellation_does_not_keep_calls_from_their_end(two: Two, upstream: Upstream) -> None:
    upstream.scripts = [calling("slow", "slow")]
    key = two.first.key()
    response_id = two.queue(key)
    until(lambda: len(two.first_tools.calls) == 2)
    two.second.run(two.second.responses.cancel(ADA, response_id))
    until(lambda: two.leaving == 2)
    two.first.settle(0)
    response = ended(two.second, key, response_id)
    assert response["status"] == "cancelled"
    assert [item["status"] for item in response["output"][1:]] == ["failed", "failed"]
    assert all("cut off" in item["error"]["message"] for item in response["output"][1:])
