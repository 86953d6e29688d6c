"""Calls of tools that somebody has to approve: asked for, decided by whom the agent names, made once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from antiphon.errors import ApiError
from antiphon.manage.approvals import decide_approval
from antiphon.manage.operator import Operator
from antiphon.manage.removal import delete_user
from antiphon.manage.responses import delete_response
from antiphon.ports import AuditFilter
from antiphon.records import DAY, Actor, Grant, Limits, Role, Tenant
from antiphon.run.approvals import VALID_SECONDS
from antiphon.run.worker import perform, sweep
from tests.support.caller import TENANT, refused
from tests.support.durable import ended
from tests.support.server_tools import Tools, says, server
from tests.support.service import Service
from tests.support.upstream import Script, Upstream, answer, finish, text, tool_call, usage
from tests.support.weather import TOOL, said

UPDATE = Script.stream(tool_call(0, "call_a", "crm__update", '{"id":1}'), finish("tool_calls"), usage(10, 5))
NAMED = {"type": "mcp", "server_label": "crm"}


@pytest.fixture
def tools() -> Tools:
    return Tools(update=says("updated"), find=says("Ada"))


@pytest.fixture
def service(tmp_path: Path, upstream: Upstream, tools: Tools) -> Iterator[Service]:
    with Service(tmp_path, upstream, runner=tools, check_streams=True) as running:
        running.put(Role(TENANT, "MANAGER", remote_agents=frozenset({"USE"})))
        running.user("max", role="MANAGER")
        yield running


def by(service: Service, who: str) -> None:
    service.agent("agent", servers=(server("update", approval=who),))


def decide(service: Service, key: str, approval: str, decision: str = "approve", **fields: Any) -> Any:
    return service.client.post(
        f"/v1/approvals/{approval}", json={"decision": decision, **fields}, headers={"authorization": f"Bearer {key}"}
    )


def waiting(response: dict[str, Any]) -> str:
    (approval,) = response["antiphon"]["approvals"]
    return str(approval["id"])


def response_to(approval: str, *, approve: bool = True, **fields: Any) -> dict[str, Any]:
    return {"type": "mcp_approval_response", "approval_request_id": approval, "approve": approve, **fields}


def test_a_call_that_needs_an_approval_waits_and_the_response_says_so(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    by(service, "caller")
    upstream.scripts = [UPDATE]
    response = service.create(key, input="Update it", tools=[NAMED])
    assert response["status"] == "completed"
    assert [item["type"] for item in response["output"]] == ["mcp_list_tools", "message", "mcp_approval_request"]
    assert "`update` of crm" in said(response)
    request = response["output"][2]
    assert (request["name"], request["arguments"]) == ("update", '{"id":1}')
    assert waiting(response) == request["id"]
    assert tools.calls == []
    assert service.retrieve(key, response["id"]) == response


def test_a_client_that_did_not_name_the_server_is_shown_no_item_that_it_may_not_know(
    service: Service, key: str, upstream: Upstream
) -> None:
    by(service, "caller")
    upstream.scripts = [UPDATE]
    assert [item["type"] for item in service.create(key, input="Update it")["output"]] == ["message"]


def test_the_callers_approval_makes_the_call_in_the_next_response(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    by(service, "caller")
    upstream.scripts = [UPDATE, answer("It is done.")]
    first = service.create(key, input="Update it")
    second = service.create(key, input=[response_to(waiting(first))], previous_response_id=first["id"])
    assert [item["type"] for item in second["output"]] == ["mcp_call", "message"]
    call = second["output"][0]
    assert (call["output"], call["approval_request_id"]) == ("updated", waiting(first))
    assert tools.calls[0].arguments == {"id": 1}
    assert upstream.requests[1].body["messages"][-1]["content"] == "updated"
    shown = service.get(f"/v1/approvals/{waiting(first)}", key).json()
    assert (shown["status"], shown["next_response_id"]) == ("approved", second["id"])


def test_what_the_caller_denies_is_not_called_and_the_model_reads_why(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    by(service, "caller")
    upstream.scripts = [UPDATE, answer("Then not.")]
    first = service.create(key, input="Update it")
    denied = response_to(waiting(first), approve=False, reason="Not today.")
    second = service.create(key, input=[denied], previous_response_id=first["id"])
    assert second["output"][0]["status"] == "failed"
    assert tools.calls == []
    assert "Not today." in upstream.requests[1].body["messages"][-1]["content"]


def test_a_client_that_keeps_the_conversation_itself_approves_by_items(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    by(service, "caller")
    upstream.scripts = [UPDATE, answer("It is done."), answer("Yes.")]
    question = {"role": "user", "content": "Update it"}
    first = service.create(key, input=[question], tools=[NAMED])
    history = [question, *first["output"], response_to(waiting(first))]
    second = service.create(key, input=history, tools=[NAMED])
    assert len(tools.calls) == 1
    third = [*history, *second["output"], {"role": "user", "content": "Really?"}]
    assert said(service.create(key, input=third, tools=[NAMED])) == "Yes."
    assert len(tools.calls) == 1


def test_an_approval_is_used_once(service: Service, key: str, upstream: Upstream, tools: Tools) -> None:
    by(service, "caller")
    upstream.scripts = [UPDATE, answer("It is done.")]
    first = service.create(key, input="Update it")
    fields = {"input": [response_to(waiting(first))], "previous_response_id": first["id"]}
    service.create(key, **fields)
    refused(service.post(key, model="agent", **fields), 409, "approval_decided", "input[0].approval_request_id")
    assert len(tools.calls) == 1


def test_an_approval_that_comes_twice_in_a_request_makes_no_call(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    by(service, "caller")
    upstream.scripts = [UPDATE, answer("It is done.")]
    first = service.create(key, input="Update it")
    twice = [response_to(waiting(first)), response_to(waiting(first))]
    answered = service.post(key, model="agent", input=twice, previous_response_id=first["id"])
    refused(answered, 409, "approval_decided", "input[1].approval_request_id")
    assert tools.calls == []
    service.create(key, input=twice[:1], previous_response_id=first["id"])
    assert tools.names == ["update"]


def test_what_the_caller_denies_stays_denied_while_the_store_is_out(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    by(service, "caller")
    upstream.scripts = [UPDATE, answer("Then not.")]
    first = service.create(key, input="Update it")
    service.responses.broken = {"checkpoint"}
    denied = response_to(waiting(first), approve=False, reason="Not today.")
    service.create(key, input=[denied], previous_response_id=first["id"])
    assert "Not today." in upstream.requests[1].body["messages"][-1]["content"]
    assert tools.calls == []


@pytest.mark.parametrize("ends", ["approval", "client"])
def test_a_response_that_asks_its_model_nothing_more_may_fill_the_models_window(
    service: Service, key: str, upstream: Upstream, ends: str
) -> None:
    servers = (server("update", approval="caller" if ends == "approval" else None),)
    service.agent("agent", servers=servers, context_tokens=300)
    of_client = [tool_call(1, "call_b", "get_weather", "{}")] if ends == "client" else []
    calls = [tool_call(0, "call_a", "crm__update", '{"id":1}'), *of_client]
    upstream.scripts = [Script.stream(text("word " * 400), *calls, finish("tool_calls"), usage(10, 400))]
    response = service.create(key, input="Update it", tools=[TOOL])
    assert response["status"] == "completed", response["error"]
    assert ("approvals" in response.get("antiphon", {})) == (ends == "approval")


def test_arguments_that_a_client_changes_have_no_effect(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    """https://github.com/vercel/ai/issues/15947."""
    by(service, "caller")
    upstream.scripts = [UPDATE, answer("It is done.")]
    first = service.create(key, input="Update it", tools=[NAMED])
    forged = {**first["output"][2], "arguments": '{"id":666}', "name": "find"}
    items = [{"role": "user", "content": "Update it"}, forged, response_to(waiting(first))]
    service.create(key, input=items)
    assert [(call.tool.name, call.arguments) for call in tools.calls] == [("update", {"id": 1})]


@pytest.mark.parametrize("who", ["nobody", "other user", "other agent"])
def test_nobody_approves_what_was_not_asked_of_them(
    service: Service, key: str, upstream: Upstream, tools: Tools, who: str
) -> None:
    by(service, "caller")
    upstream.scripts = [UPDATE]
    approval = waiting(service.create(key, input="Update it"))
    service.agent("other", servers=(server("update", approval="caller"),))
    service.user("eve")
    caller = service.key("eve") if who == "other user" else key
    asked = "mcpr_nothing" if who == "nobody" else approval
    model = "other" if who == "other agent" else "agent"
    service.put(Grant(TENANT, "agent", "user:eve", 1))
    answered = service.post(caller, model=model, input=[response_to(asked)])
    refused(answered, 404, "approval_not_found", "input[0].approval_request_id")
    assert tools.calls == []


def test_a_tool_that_changed_meanwhile_is_not_called(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    """CVE-2025-54136: what was approved is replaced by something else of the same name."""
    by(service, "caller")
    upstream.scripts = [UPDATE, answer("Sorry.")]
    first = service.create(key, input="Update it")
    changed = server("update", approval="caller", parameters={"type": "object", "properties": {"all": {}}})
    service.agent("agent", servers=(changed,))
    second = service.create(key, input=[response_to(waiting(first))], previous_response_id=first["id"])
    assert second["output"][0]["status"] == "failed"
    assert tools.calls == []


def test_an_approval_expires(service: Service, key: str, upstream: Upstream) -> None:
    by(service, "caller")
    upstream.scripts = [UPDATE]
    first = service.create(key, input="Update it")
    service.clock.ahead = VALID_SECONDS + 1
    answered = service.post(key, model="agent", input=[response_to(waiting(first))])
    refused(answered, 409, "approval_expired", "input[0].approval_request_id")


# decided by somebody else


def test_another_principal_approves_and_the_response_goes_on_in_the_background(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    by(service, "role:MANAGER")
    upstream.scripts = [UPDATE, answer("It is done.")]
    first = service.create(key, input="Update it", metadata={"case": "7"})
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


def test_an_operator_decides_and_the_next_sweep_goes_on(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    by(service, "role:MANAGER")
    upstream.scripts = [UPDATE, answer("It is done.")]
    first = service.create(key, input="Update it")
    operator = Operator.of_store(Actor(TENANT, "op", "cli"))
    service.run(decide_approval(service.services, operator, waiting(first), approve=True))
    service.run(sweep(service.services))
    end = time.monotonic() + 15
    while (shown := service.get(f"/v1/approvals/{waiting(first)}", key).json())["next_response_id"] is None:
        assert time.monotonic() < end
    assert ended(service, key, shown["next_response_id"])["status"] == "completed"
    assert tools.names == ["update"]
    assert service.run(service.runs.list_open()) == []


def test_the_caller_cannot_approve_what_another_has_to_approve(
    service: Service, upstream: Upstream, tools: Tools
) -> None:
    """Whoever asks is not who approves, even with the role that may."""
    by(service, "role:MANAGER")
    service.put(Grant(TENANT, "agent", "user:max", 1))
    key = service.key("max")
    upstream.scripts = [UPDATE]
    first = service.create(key, input="Update it")
    refused(decide(service, key, waiting(first)), 403, "permission_denied")
    answered = service.post(key, model="agent", input=[response_to(waiting(first))])
    refused(answered, 403, "permission_denied", "input[0].approval_request_id")
    assert tools.calls == []


def test_who_may_not_decide_does_not_see_that_there_is_anything(service: Service, key: str, upstream: Upstream) -> None:
    by(service, "role:MANAGER")
    upstream.scripts = [UPDATE]
    approval = waiting(service.create(key, input="Update it"))
    service.user("eve")
    eve = service.key("eve")
    refused(service.get(f"/v1/approvals/{approval}", eve), 404, "approval_not_found")
    refused(decide(service, eve, approval), 404, "approval_not_found")
    assert service.get("/v1/approvals", eve).json()["data"] == []


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
    one, other = (approval["id"] for approval in first["antiphon"]["approvals"])
    manager = service.key("max")
    assert decide(service, manager, one).json()["next_response_id"] is None
    next_id = decide(service, manager, other, "deny", reason="No.").json()["next_response_id"]
    response = ended(service, key, next_id)
    assert [item.get("status") for item in response["output"][:2]] == ["completed", "failed"]
    assert tools.names == ["update"]


def test_whoever_lost_the_agent_meanwhile_gets_nothing_done(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    """Grants are checked again when the call is made."""
    by(service, "role:MANAGER")
    upstream.scripts = [UPDATE, answer("It is done.")]
    first = service.create(key, input="Update it")
    service.user("ada", role="NOBODY")
    refused(decide(service, service.key("max"), waiting(first)), 403, "permission_denied")
    assert tools.calls == []


@pytest.mark.parametrize("who", ["caller", "role:MANAGER"])
@pytest.mark.parametrize("how", ["response", "operator", "conversation", "expired"])
def test_with_the_response_that_asked_go_its_approvals(
    service: Service, key: str, upstream: Upstream, tools: Tools, who: str, how: str
) -> None:
    by(service, who)
    upstream.scripts = [UPDATE]
    conversation = _conversation(service, key) if how == "conversation" else None
    first = service.create(key, input="Update it", **({"conversation": conversation} if conversation else {}))
    approval = waiting(first)
    _remove(service, key, first["id"], conversation, how)
    manager = service.key("max")
    for reader in (key, manager):
        refused(service.get(f"/v1/approvals/{approval}", reader), 404, "approval_not_found")
        assert service.get("/v1/approvals", reader).json()["data"] == []
    refused(decide(service, manager, approval), 404, "approval_not_found")
    answered = service.post(key, model="agent", input=[response_to(approval)])
    refused(answered, 404, "approval_not_found", "input[0].approval_request_id")
    operator = Operator.of_store(Actor(TENANT, "op", "cli"))
    with pytest.raises(ApiError) as found:
        service.run(decide_approval(service.services, operator, approval, approve=True))
    assert found.value.code == "approval_not_found"
    if how != "expired":
        assert service.run(service.services.approvals.get(TENANT, approval)) is None, "its arguments are content"
    assert tools.calls == []


def _conversation(service: Service, key: str) -> str:
    headers = {"authorization": f"Bearer {key}"}
    return str(service.client.post("/v1/conversations", json={}, headers=headers).json()["id"])


def _remove(service: Service, key: str, response_id: str, conversation: str | None, how: str) -> None:
    headers = {"authorization": f"Bearer {key}"}
    if how == "operator":
        operator = Operator.of_store(Actor(TENANT, "op", "cli"))
        service.run(delete_response(service.services, operator, "ada", response_id))
    elif how == "expired":
        service.clock.ahead = (service.settings.retention_days + 1) * DAY
    else:
        path = f"conversations/{conversation}" if conversation else f"responses/{response_id}"
        assert service.client.delete(f"/v1/{path}", headers=headers).status_code == 200


def test_an_item_that_asks_for_an_approval_takes_it_along_out_of_a_conversation(
    service: Service, key: str, upstream: Upstream
) -> None:
    by(service, "role:MANAGER")
    upstream.scripts = [UPDATE]
    conversation = _conversation(service, key)
    first = service.create(key, input="Update it", conversation=conversation, tools=[NAMED])
    path = f"/v1/conversations/{conversation}/items/{waiting(first)}"
    assert service.client.delete(path, headers={"authorization": f"Bearer {key}"}).status_code == 200
    assert service.retrieve(key, first["id"])["antiphon"]["approvals"] == []
    refused(decide(service, service.key("max"), waiting(first)), 404, "approval_not_found")


def test_what_the_calls_of_a_deleted_user_wait_for_is_gone(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    by(service, "role:MANAGER")
    service.user("eve")
    service.put(Grant(TENANT, "agent", "user:eve", 1))
    upstream.scripts = [UPDATE]
    kept, gone = (
        waiting(service.create(key, input="Update it")),
        waiting(service.create(service.key("eve"), input="Hi")),
    )
    service.run(delete_user(service.services, Operator.of_store(Actor(TENANT, "op", "cli")), "eve"))
    manager = service.key("max")
    assert [found["id"] for found in service.get("/v1/approvals", manager).json()["data"]] == [kept]
    refused(decide(service, manager, gone), 404, "approval_not_found")


def test_what_a_response_asked_whose_ending_is_not_stored_cannot_be_decided(
    service: Service, key: str, upstream: Upstream
) -> None:
    by(service, "role:MANAGER")
    upstream.scripts = [UPDATE]
    service.responses.broken = {"commit"}
    assert service.post(key, model="agent", input="Update it").status_code == 503
    manager = service.key("max")
    (asked,) = service.get("/v1/approvals", manager).json()["data"]
    refused(decide(service, manager, asked["id"]), 404, "approval_not_found")
    refused(service.get(f"/v1/approvals/{asked['id']}", key), 404, "approval_not_found")


def test_what_cannot_be_stored_whole_is_asked_of_nobody(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    service.agent("agent", servers=(server("update", "find", approval="role:MANAGER"),))
    calls = [tool_call(0, "call_a", "crm__update", "{}"), tool_call(1, "call_b", "crm__find", "{}")]
    upstream.scripts = [Script.stream(*calls, finish("tool_calls")), answer("Sorry.")]
    service.approvals.failing["save"] = 1
    response = service.create(key, input="Both")
    assert [item.get("status") for item in response["output"]] == ["failed", "failed", "completed"]
    assert service.get("/v1/approvals", service.key("max")).json()["data"] == []
    assert tools.calls == []


def approve_as_operator(service: Service, approval: str) -> None:
    operator = Operator.of_store(Actor(TENANT, "op", "cli"))
    service.run(decide_approval(service.services, operator, approval, approve=True))


def gone_on(service: Service, key: str, approval: str) -> dict[str, Any]:
    """Sweep once, and return the response that goes on once it has ended."""
    service.run(sweep(service.services))
    end = time.monotonic() + 15
    while (shown := service.get(f"/v1/approvals/{approval}", key).json())["next_response_id"] is None:
        assert time.monotonic() < end, shown
        time.sleep(0.05)
    return ended(service, key, shown["next_response_id"])


def test_a_decision_that_cannot_go_on_now_goes_on_at_a_later_sweep(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    by(service, "role:MANAGER")
    upstream.scripts = [UPDATE, answer("It is done.")]
    approval = waiting(service.create(key, input="Update it"))
    service.put(Tenant(TENANT, Limits(tokens_per_day=1)))
    approve_as_operator(service, approval)
    (note,) = service.run(service.runs.list_open())
    service.run(perform(service.services, note.owner, note.response_id, service.clock() + 30))
    assert "error" not in service.get(f"/v1/approvals/{approval}", key).json()
    assert tools.calls == []
    service.put(Tenant(TENANT, Limits()))
    assert gone_on(service, key, approval)["status"] == "completed"
    assert tools.names == ["update"]


def test_a_decision_over_http_that_cannot_go_on_now_is_stored_and_goes_on_later(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    by(service, "role:MANAGER")
    upstream.scripts = [UPDATE, answer("It is done.")]
    approval, manager = waiting(service.create(key, input="Update it")), service.key("max")
    service.put(Tenant(TENANT, Limits(tokens_per_day=1)))
    decision = decide(service, manager, approval)
    assert (decision.status_code, decision.json()["next_response_id"]) == (200, None)
    service.put(Tenant(TENANT, Limits()))
    assert gone_on(service, key, approval)["status"] == "completed"


def test_a_decision_that_can_never_go_on_ends_and_its_approval_shows_why_until_it_is_sent_again(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    by(service, "role:MANAGER")
    upstream.scripts = [UPDATE, answer("It is done.")]
    approval = waiting(service.create(key, input="Update it"))
    service.user("ada", role="NOBODY")
    approve_as_operator(service, approval)
    (note,) = service.run(service.runs.list_open())
    service.run(perform(service.services, note.owner, note.response_id, service.clock() + 30))
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
    update, find = server("update", approval="caller"), server("find", approval="role:MANAGER")
    service.agent("agent", servers=(replace(update, tools=update.tools + find.tools),))
    calls = [tool_call(0, "call_a", "crm__update", "{}"), tool_call(1, "call_b", "crm__find", "{}")]
    upstream.scripts = [Script.stream(*calls, finish("tool_calls")), answer("Done.")]
    first = service.create(key, input="Both")
    mine, theirs = (approval["id"] for approval in first["antiphon"]["approvals"])
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


def test_an_agent_whose_tools_need_approvals_needs_stored_responses(service: Service, key: str) -> None:
    by(service, "caller")
    refused(service.post(key, model="agent", input="Hi", store=False), 400, "unsupported_parameter", "store")
