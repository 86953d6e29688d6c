"""What goes on after the decisions on calls: once all are made, whatever comes in between."""

from __future__ import annotations

from typing import Any

import pytest

from antiphon.manage.approvals import decide_approval
from antiphon.manage.operator import Operator
from antiphon.records import DAY, Actor, Approval, Limits, OpenRun, Tenant
from antiphon.run.approvals import VALID_SECONDS
from antiphon.run.worker import CLAIM_SECONDS, perform, sweep
from tests.support.approvals import (
    BOTH,
    UPDATE,
    approve_as_operator,
    ask_to_update,
    asked,
    asks_for_both,
    by,
    decide,
    gone_on,
    response_to,
    waiting,
)
from tests.support.caller import TENANT, refused
from tests.support.durable import ADA, ended, until
from tests.support.server_tools import Tools, server
from tests.support.service import Service
from tests.support.upstream import Script, Upstream, answer, finish, text, tool_call

TOO_LATE = {"role:MANAGER": (409, "approval_expired"), "caller": (404, "approval_not_found")}
"""How a late decision of the manager is refused."""


def test_a_decision_that_cannot_go_on_now_goes_on_at_a_later_sweep(service: Service, key: str, tools: Tools) -> None:
    approval = waiting(ask_to_update(service, key, "role:MANAGER", answer("It is done.")))
    service.put(Tenant(TENANT, Limits(tokens_per_day=1)))
    approve_as_operator(service, approval)
    perform_open(service)
    assert "error" not in service.get(f"/v1/approvals/{approval}", key).json()
    assert tools.calls == []
    service.put(Tenant(TENANT, Limits()))
    assert gone_on(service, key, approval)["status"] == "completed"
    assert tools.names == ["update"]


def test_a_decision_over_http_that_cannot_go_on_now_is_stored_and_goes_on_later(
    service: Service, key: str, tools: Tools
) -> None:
    approval, manager = waiting(ask_to_update(service, key, "role:MANAGER", answer("It is done."))), service.key("max")
    service.put(Tenant(TENANT, Limits(tokens_per_day=1)))
    decision = decide(service, manager, approval)
    assert (decision.status_code, decision.json()["next_response_id"]) == (200, None)
    service.put(Tenant(TENANT, Limits()))
    assert gone_on(service, key, approval)["status"] == "completed"


def test_a_decision_that_can_never_go_on_ends_and_its_approval_shows_why_until_it_is_sent_again(
    service: Service, key: str, tools: Tools
) -> None:
    approval = waiting(ask_to_update(service, key, "role:MANAGER", answer("It is done.")))
    service.user("ada", role="NOBODY")
    approve_as_operator(service, approval)
    perform_open(service)
    assert service.run(service.runs.list_open()) == []
    service.user("ada")
    shown = service.get(f"/v1/approvals/{approval}", key).json()
    assert (shown["status"], shown["error"]["code"]) == ("approved", "permission_denied")
    approve_as_operator(service, approval)
    assert gone_on(service, key, approval)["status"] == "completed"
    assert "error" not in service.get(f"/v1/approvals/{approval}", key).json()


@pytest.mark.parametrize("first_to_decide", ["caller", "manager"])
def test_calls_that_the_caller_and_another_approve_are_both_made(
    service: Service, key: str, upstream: Upstream, tools: Tools, first_to_decide: str
) -> None:
    asks_for_both(service, "caller", "role:MANAGER")
    upstream.scripts = [BOTH, answer("Done.")]
    first = service.create(key, input="Both")
    mine, theirs = asked(first)
    fields = {"input": [response_to(mine)], "previous_response_id": first["id"]}
    manager = service.key("max")
    if first_to_decide == "caller":
        second = service.create(key, **fields)
        next_id = decide(service, manager, theirs).json()["next_response_id"]
        assert next_id not in (None, second["id"])
        assert ended(service, key, next_id)["status"] == "completed"
        assert decide(service, manager, theirs).json()["next_response_id"] == next_id
    else:
        assert decide(service, manager, theirs).json()["next_response_id"] is None
        second = service.create(key, **fields)
        assert [item["type"] for item in second["output"]] == ["mcp_call", "mcp_call", "message"]
        assert service.get(f"/v1/approvals/{theirs}", key).json()["next_response_id"] == second["id"]
    assert sorted(tools.names) == ["find", "update"]


def test_a_response_that_waits_for_several_goes_on_with_the_last_decision(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    service.agent("agent", servers=(server("update", "find", approval="role:MANAGER"),))
    both = Script.stream(
        text("Both. "),
        tool_call(0, "call_a", "crm__update", "{}"),
        tool_call(1, "call_b", "crm__find", "{}"),
        finish("tool_calls"),
    )
    upstream.scripts = [both, answer("One of them.")]
    first = service.create(key, input="Both")
    one, other = asked(first)
    manager = service.key("max")
    assert decide(service, manager, one).json()["next_response_id"] is None
    next_id = decide(service, manager, other, "deny", reason="No.").json()["next_response_id"]
    response = ended(service, key, next_id)
    assert [item.get("status") for item in response["output"][:2]] == ["completed", "failed"]
    assert tools.names == ["update"]


def test_an_operator_decides_and_the_next_sweep_goes_on(service: Service, key: str, tools: Tools) -> None:
    first = ask_to_update(service, key, "role:MANAGER", answer("It is done."))
    approve_as_operator(service, waiting(first))
    assert gone_on(service, key, waiting(first))["status"] == "completed"
    assert tools.names == ["update"]
    assert service.run(service.runs.list_open()) == []


def test_whoever_lost_the_agent_meanwhile_gets_nothing_done(service: Service, key: str, tools: Tools) -> None:
    """Grants are checked again when the call is made."""
    first = ask_to_update(service, key, "role:MANAGER", answer("It is done."))
    service.user("ada", role="NOBODY")
    refused(decide(service, service.key("max"), waiting(first)), 403, "permission_denied")
    assert tools.calls == []


def perform_open(service: Service) -> None:
    """Do the work of the one open run."""
    (note,) = service.run(service.runs.list_open())
    service.run(perform(service.services, note.owner, note.response_id, service.clock() + 30))


def notes(service: Service) -> list[str]:
    return [run.response_id for run in service.run(service.runs.list_open())]


def decide_before(service: Service, store: Any, name: str) -> None:
    """Let an operator approve what is asked just before the next call of a store."""
    call = getattr(store, name)

    async def late(*args: Any) -> Any:
        if name in vars(store):
            delattr(store, name)
            page = await service.approvals.pending(TENANT, 9)
            operator = Operator.of_store(Actor(TENANT, "op", "cli"))
            for approval in page.records:
                await decide_approval(service.services, operator, approval.id, approve=True)
        return await call(*args)

    setattr(store, name, late)


def test_a_decision_just_before_the_note_of_the_response_that_asked_is_removed_goes_on(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    by(service, "role:MANAGER")
    upstream.scripts = [UPDATE, answer("It is done.")]
    decide_before(service, service.runs, "close")
    first = ended(service, key, service.create(key, input="Update it", background=True)["id"])
    until(lambda: "close" not in vars(service.runs) and notes(service) == [first["id"]])
    assert gone_on(service, key, waiting(first))["status"] == "completed"
    assert tools.names == ["update"]


def test_a_decision_just_before_the_sweeper_removes_the_note_of_a_response_that_waits_goes_on(
    service: Service, key: str
) -> None:
    first = ask_to_update(service, key, "role:MANAGER", answer("It is done."))
    service.run(service.runs.open(OpenRun(ADA, first["id"], service.clock())))
    service.run(sweep(service.services))
    assert notes(service) == [first["id"]], "its decision may be under way"
    service.clock.ahead = CLAIM_SECONDS + 1
    decide_before(service, service.runs, "close")
    service.run(sweep(service.services))
    assert "close" not in vars(service.runs)
    assert notes(service) == [first["id"]]
    assert gone_on(service, key, waiting(first))["status"] == "completed"
    assert notes(service) == []


def test_a_decision_whose_note_is_removed_before_it_is_stored_goes_on(service: Service, key: str) -> None:
    first = ask_to_update(service, key, "role:MANAGER", answer("It is done."))
    save = service.approvals.save

    async def late(approval: Approval) -> bool:
        del service.approvals.save
        await service.runs.close(ADA, first["id"])
        return bool(await save(approval))

    service.approvals.save = late
    approve_as_operator(service, waiting(first))
    assert gone_on(service, key, waiting(first))["status"] == "completed"


@pytest.mark.parametrize("find", ["role:MANAGER", "caller"])
def test_what_was_approved_goes_on_when_what_nobody_decided_expires(
    service: Service, key: str, upstream: Upstream, tools: Tools, find: str
) -> None:
    asks_for_both(service, "role:MANAGER", find)
    upstream.scripts = [BOTH, answer("One of them.")]
    approved, expired = asked(service.create(key, input="Both"))
    decide(service, service.key("max"), approved)
    for ahead in (CLAIM_SECONDS + 1, DAY, VALID_SECONDS - 5):
        service.clock.ahead = ahead
        service.run(sweep(service.services))
        assert len(notes(service)) == 1
    assert service.invoked == []
    service.clock.ahead = VALID_SECONDS + 1
    assert service.get(f"/v1/approvals/{expired}", key).json()["status"] == "expired"
    response = gone_on(service, key, approved)
    assert [item.get("status") for item in response["output"]] == ["completed", "failed", "completed"]
    assert "Nobody decided" in upstream.requests[1].body["messages"][-1]["content"]
    assert tools.names == ["update"]
    shown = service.get(f"/v1/approvals/{expired}", key).json()
    assert (shown["status"], shown["next_response_id"]) == ("expired", response["id"])
    refused(decide(service, service.key("max"), expired), *TOO_LATE[find])


def test_a_response_whose_approvals_all_expire_is_not_continued(service: Service, key: str) -> None:
    first = ask_to_update(service, key, "role:MANAGER")
    service.run(service.runs.open(OpenRun(ADA, first["id"], service.clock())))
    service.clock.ahead = VALID_SECONDS + 1
    service.run(sweep(service.services))
    assert (service.invoked, notes(service)) == ([], [])
    shown = service.get(f"/v1/approvals/{waiting(first)}", key).json()
    assert (shown["status"], shown["next_response_id"]) == ("expired", None)
    refused(decide(service, service.key("max"), waiting(first)), 409, "approval_expired")


def test_a_limit_that_is_reached_when_the_rest_expires_is_waited_for(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    asks_for_both(service, "role:MANAGER", "role:MANAGER")
    upstream.scripts = [BOTH, answer("One of them.")]
    approved, _ = asked(service.create(key, input="Both"))
    decide(service, service.key("max"), approved)
    service.put(Tenant(TENANT, Limits(tokens_per_day=0)))
    service.clock.ahead = VALID_SECONDS + 1
    perform_open(service)
    assert "error" not in service.get(f"/v1/approvals/{approved}", key).json()
    service.put(Tenant(TENANT, Limits()))
    assert gone_on(service, key, approved)["status"] == "completed"
    assert tools.names == ["update"]
