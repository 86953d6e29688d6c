"""Decisions beside what happens at the same time, in two processes with the same store: SQLite, or DynamoDB."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from antiphon.records import Approval, Role
from antiphon.run.approvals import VALID_SECONDS
from tests.support.approvals import BOTH, ask_to_update, asked, asks_for_both, decide, gone_on, waiting
from tests.support.caller import TENANT, refused
from tests.support.durable import ended
from tests.support.dynamodb import dynamodb, sign_as_anyone
from tests.support.server_tools import Tools
from tests.support.service import Service
from tests.support.tables import CORE, RESPONSES, create_tables
from tests.support.upstream import Gate, Upstream, answer


@pytest.fixture(params=["sqlite", "dynamodb"])
def settings(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    if request.param == "sqlite":
        yield {}
        return
    sign_as_anyone(monkeypatch)
    with dynamodb() as emulator:
        create_tables(emulator)
        yield {"database": None, "core_table": CORE, "responses_table": RESPONSES, "aws_endpoint_url": emulator.url}


@pytest.fixture
def pair(
    tmp_path: Path, upstream: Upstream, tools: Tools, settings: dict[str, Any]
) -> Iterator[tuple[Service, Service]]:
    with (
        Service(tmp_path, upstream, runner=tools, **settings) as one,
        Service(tmp_path, upstream, runner=tools, **settings) as other,
    ):
        one.put(Role(TENANT, "MANAGER", remote_agents=frozenset({"USE"})))
        for user in ("max", "mia"):
            one.user(user, role="MANAGER")
        yield one, other


@contextmanager
def deciding(service: Service, key: str, approval: str) -> Iterator[Future[httpx2.Response]]:
    """Approve a call; until the block ends, the decision is held between its check and its write."""
    gate, save = Gate(), service.approvals.save

    async def late(approval: Approval) -> bool:
        del service.approvals.save
        await gate.wait()
        return bool(await save(approval))

    service.approvals.save = late
    with ThreadPoolExecutor(1) as pool:
        decision = pool.submit(decide, service, key, approval)
        try:
            assert gate.reached.wait(20)
            yield decision
        finally:
            gate.open()


@pytest.mark.parametrize("second", ["approve", "deny"])
def test_of_two_that_decide_at_once_one_decides_and_the_call_is_made_once_at_most(
    pair: tuple[Service, Service], tools: Tools, second: str
) -> None:
    one, other = pair
    key = one.key()
    approval = waiting(ask_to_update(one, key, "role:MANAGER", answer("Done.")))
    max_key, mia_key = one.key("max"), one.key("mia")
    with ThreadPoolExecutor(2) as pool:
        sent = [
            pool.submit(decide, one, max_key, approval),
            pool.submit(decide, other, mia_key, approval, second),
        ]
        decisions = [each.result() for each in sent]
    shown = one.get(f"/v1/approvals/{approval}", key).json()
    won = [each for each in decisions if each.status_code == 200]
    lost = [each for each in decisions if each.status_code != 200]
    for each in lost:
        refused(each, 409, "approval_decided")
    assert won
    assert {each.json()["status"] for each in won} == {shown["status"]}
    next_ids = {each.json()["next_response_id"] for each in won} - {None}  # null: the other one was just starting it
    assert len(next_ids) == 1
    assert ended(one, key, next_ids.pop())["status"] == "completed"
    assert tools.names == (["update"] if shown["status"] == "approved" else [])


def test_a_decision_that_another_process_makes_first_is_refused(pair: tuple[Service, Service], tools: Tools) -> None:
    one, other = pair
    key = one.key()
    approval = waiting(ask_to_update(one, key, "role:MANAGER", answer("Then not.")))
    max_key, mia_key = one.key("max"), one.key("mia")
    with deciding(one, max_key, approval) as late:
        denied = decide(other, mia_key, approval, "deny", reason="No.")
    refused(late.result(), 409, "approval_decided")
    assert denied.status_code == 200, denied.text
    assert ended(other, key, denied.json()["next_response_id"])["status"] == "completed"
    assert tools.calls == []


def test_a_decision_on_what_expires_meanwhile_comes_too_late_if_another_response_goes_on_without_it(
    pair: tuple[Service, Service], upstream: Upstream, tools: Tools
) -> None:
    one, other = pair
    asks_for_both(one, "role:MANAGER", "role:MANAGER")
    upstream.scripts = [BOTH, answer("One of them.")]
    key, manager = one.key(), one.key("max")
    approved, expiring = asked(one.create(key, input="Both"))
    assert decide(one, manager, approved).status_code == 200
    with deciding(one, manager, expiring) as late:
        other.clock.ahead = VALID_SECONDS + 1
        response = gone_on(other, key, approved)
    refused(late.result(), 409, "approval_decided")
    assert [item.get("status") for item in response["output"]] == ["completed", "failed", "completed"]
    assert tools.names == ["update"]


def test_a_response_that_is_deleted_while_somebody_decides_leaves_nothing(
    pair: tuple[Service, Service], tools: Tools
) -> None:
    one, other = pair
    key, manager = one.key(), one.key("max")
    first = ask_to_update(one, key, "role:MANAGER")
    with deciding(one, manager, waiting(first)) as late:
        deleted = delete(other, key, first["id"])
    refused(late.result(), 404, "approval_not_found")
    assert deleted.status_code == 200
    assert one.run(one.approvals.get(TENANT, waiting(first))) is None
    assert tools.calls == []


def delete(service: Service, key: str, response_id: str) -> httpx2.Response:
    return service.client.delete(f"/v1/responses/{response_id}", headers={"authorization": f"Bearer {key}"})


def test_a_cancellation_while_an_approval_is_stored_withdraws_it(pair: tuple[Service, Service]) -> None:
    one, _ = pair
    key, gate, save = one.key(), Gate(), one.approvals.save

    async def slow(approval: Approval) -> bool:
        saved = bool(await save(approval))
        await gate.wait()
        return saved

    one.approvals.save = slow
    response_id = ask_to_update(one, key, "role:MANAGER", background=True)["id"]
    try:
        assert gate.reached.wait(20)
        (stored,) = one.run(one.approvals.pending(TENANT, 9)).records
        headers = {"authorization": f"Bearer {key}"}
        one.client.post(f"/v1/responses/{response_id}/cancel", headers=headers)
        assert ended(one, key, response_id)["status"] == "cancelled"
        end = time.monotonic() + 15
        while one.run(one.approvals.get(TENANT, stored.id)) is not None:
            assert time.monotonic() < end
            time.sleep(0.02)
    finally:
        gate.open()
    assert one.run(one.approvals.pending(TENANT, 9)).records == []
