"""Calls of tools that somebody else than the caller has to approve."""

from __future__ import annotations

import secrets

import pytest

from antiphon.access import keys, roles
from antiphon.ports import AuditFilter
from antiphon.records import Agent, Grant, User
from tests.support.approvals import ask_to_update, decide, response_to, waiting
from tests.support.caller import TENANT, refused
from tests.support.durable import ended
from tests.support.server_tools import Tools
from tests.support.service import Service
from tests.support.upstream import answer


def test_another_principal_approves_and_the_response_goes_on_in_the_background(
    service: Service, key: str, tools: Tools
) -> None:
    first = ask_to_update(service, key, "role:MANAGER", answer("It is done."), metadata={"case": "7"})
    manager = service.key("max")
    listed = service.get("/v1/approvals", manager).json()
    assert [approval["id"] for approval in listed["data"]] == [waiting(first)]
    decision = decide(service, manager, waiting(first))
    assert decision.status_code == 200, decision.text
    next_id = decision.json()["next_response_id"]
    response = ended(service, key, next_id)
    assert (response["status"], response["background"]) == ("completed", True)
    assert response["previous_response_id"] == first["id"]
    assert response["metadata"] == {"case": "7"}
    assert [item["type"] for item in response["output"]] == ["mcp_call", "message"]
    assert len(tools.calls) == 1
    assert service.get(f"/v1/approvals/{waiting(first)}", key).json()["next_response_id"] == next_id
    assert service.get("/v1/approvals", manager).json()["data"] == []
    again = decide(service, manager, waiting(first))
    assert again.json()["next_response_id"] == next_id, "the same decision can be sent again"
    refused(decide(service, manager, waiting(first), "deny"), 409, "approval_decided")
    [entry] = service.run(service.services.audit.some(TENANT, 9, AuditFilter(kind="approval"))).entries
    assert (entry.action, entry.target) == ("approval.approved", f"approval:{waiting(first)}")
    assert (entry.actor.user, entry.actor.via, entry.actor.address) == ("max", "http", "127.0.0.1")
    assert "arguments" not in f"{entry.before}{entry.after}"


def test_the_caller_cannot_approve_what_another_has_to_approve(service: Service, tools: Tools) -> None:
    """Whoever asks is not who approves, even with the role that may."""
    service.put(Grant(TENANT, "agent", "user:max", 1))
    key = service.key("max")
    first = ask_to_update(service, key, "role:MANAGER")
    refused(decide(service, key, waiting(first)), 403, "permission_denied")
    answered = service.post(key, model="agent", input=[response_to(waiting(first))])
    refused(answered, 403, "permission_denied", "input[0].approval_request_id")
    assert tools.calls == []


def test_who_may_not_decide_does_not_see_that_there_is_anything(service: Service, key: str) -> None:
    approval = waiting(ask_to_update(service, key, "role:MANAGER"))
    service.user("eve")
    eve = service.key("eve")
    refused(service.get(f"/v1/approvals/{approval}", eve), 404, "approval_not_found")
    refused(decide(service, eve, approval), 404, "approval_not_found")
    assert service.get("/v1/approvals", eve).json()["data"] == []


@pytest.mark.parametrize("who", ["other user", "other tenant"])
def test_an_approval_of_others_is_answered_byte_for_byte_as_one_that_does_not_exist(
    service: Service, key: str, who: str
) -> None:
    approval = waiting(ask_to_update(service, key, "caller"))
    tenant = TENANT if who == "other user" else "elsewhere"
    stranger = keys.make_key("test", secrets.token_bytes)
    service.put(User(tenant, "eve", role=roles.ADMIN))
    service.run(service.directory.put_agent(Agent(tenant, "theirs", provider="up", model="m", author="eve")))
    service.run(service.keys.add(keys.record(stranger, tenant=tenant, user="eve", now=1)))
    absent = f"{approval[:-8]}{'0' * 8}"

    def answers(asked: str) -> list[tuple[int, bytes]]:
        item = {"type": "mcp_approval_response", "approval_request_id": asked, "approve": True}
        sent = [
            service.get(f"/v1/approvals/{asked}", stranger),
            decide(service, stranger, asked),
            service.get(f"/v1/approvals?after={asked}", stranger),
            service.post(stranger, model="theirs", input=[item]),
        ]
        return [(each.status_code, each.content.replace(asked.encode(), b"ID")) for each in sent]

    assert [status for status, _ in answers(absent)] == [404, 404, 400, 404]
    assert answers(approval) == answers(absent)
