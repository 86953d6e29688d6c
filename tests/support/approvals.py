"""Calls of tools that wait for an approval: what tests ask, decide and read."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from antiphon.manage.approvals import decide_approval
from antiphon.manage.operator import Operator
from antiphon.records import Actor
from antiphon.run.worker import sweep
from tests.support.caller import TENANT
from tests.support.durable import ended
from tests.support.server_tools import server
from tests.support.service import Service
from tests.support.upstream import Script, finish, tool_call, usage

UPDATE = Script.stream(tool_call(0, "call_a", "crm__update", '{"id":1}'), finish("tool_calls"), usage(10, 5))
BOTH = Script.stream(
    tool_call(0, "call_a", "crm__update", "{}"),
    tool_call(1, "call_b", "crm__find", "{}"),
    finish("tool_calls"),
    usage(10, 5),
)
NAMED = {"type": "mcp", "server_label": "crm"}


def by(service: Service, who: str) -> None:
    service.agent("agent", servers=(server("update", approval=who),))


def ask_to_update(service: Service, key: str, who: str, *then: Script, **fields: Any) -> dict[str, Any]:
    """Let the model call ``update``; return the response that asks for an approval.

    Args:
        who: the one who has to approve.
        then: what the model answers afterwards.
        fields: of the request.
    """
    by(service, who)
    assert service.upstream
    service.upstream.scripts = [UPDATE, *then]
    return service.create(key, input="Update it", **fields)


def decide(service: Service, key: str, approval: str, decision: str = "approve", **fields: Any) -> Any:
    return service.client.post(
        f"/v1/approvals/{approval}", json={"decision": decision, **fields}, headers={"authorization": f"Bearer {key}"}
    )


def waiting(response: dict[str, Any]) -> str:
    (approval,) = response["antiphon"]["approvals"]
    return str(approval["id"])


def response_to(approval: str, *, approve: bool = True, **fields: Any) -> dict[str, Any]:
    return {"type": "mcp_approval_response", "approval_request_id": approval, "approve": approve, **fields}


def approve_as_operator(service: Service, approval: str) -> None:
    operator = Operator.of_store(Actor(TENANT, "op", "cli"))
    service.run(decide_approval(service.services, operator, approval, approve=True))


def asks_for_both(service: Service, update: str, find: str) -> None:
    """Give the agent two tools, each to be approved by somebody."""
    one, other = server("update", approval=update), server("find", approval=find)
    service.agent("agent", servers=(replace(one, tools=one.tools + other.tools),))


def asked(response: dict[str, Any]) -> list[str]:
    return [str(approval["id"]) for approval in response["antiphon"]["approvals"]]


def gone_on(service: Service, key: str, approval: str) -> dict[str, Any]:
    """Sweep once, and return the response that goes on once it has ended."""
    service.run(sweep(service.services))
    end = time.monotonic() + 15
    while (shown := service.get(f"/v1/approvals/{approval}", key).json())["next_response_id"] is None:
        assert time.monotonic() < end, shown
        time.sleep(0.05)
    return ended(service, key, shown["next_response_id"])
