"""Approvals go with what asked for them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from antiphon.errors import ApiError
from antiphon.manage.approvals import decide_approval, list_approvals
from antiphon.manage.operator import Operator
from antiphon.manage.removal import delete_user
from antiphon.manage.responses import delete_response
from antiphon.records import DAY, Actor, Grant, StoredResponse
from tests.support.approvals import BOTH, NAMED, UPDATE, ask_to_update, by, decide, response_to, waiting
from tests.support.caller import TENANT, refused
from tests.support.durable import FAR, SOON, ended, until
from tests.support.server_tools import Tools, server
from tests.support.service import Service
from tests.support.upstream import Gate, Upstream, answer


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


@pytest.mark.parametrize("who", ["caller", "role:MANAGER"])
@pytest.mark.parametrize("how", ["response", "operator", "conversation", "expired"])
def test_with_the_response_that_asked_go_its_approvals(
    service: Service, key: str, tools: Tools, who: str, how: str
) -> None:
    conversation = _conversation(service, key) if how == "conversation" else None
    first = ask_to_update(service, key, who, **({"conversation": conversation} if conversation else {}))
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


def test_an_item_that_asks_for_an_approval_takes_it_along_out_of_a_conversation(service: Service, key: str) -> None:
    conversation = _conversation(service, key)
    first = ask_to_update(service, key, "role:MANAGER", conversation=conversation, tools=[NAMED])
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
    (stored,) = service.run(service.approvals.pending(TENANT, 9)).records
    refused(decide(service, manager, stored.id), 404, "approval_not_found")
    refused(service.get(f"/v1/approvals/{stored.id}", key), 404, "approval_not_found")
    assert listed(service, key, manager) == []
    service.responses.broken = set()
    until(lambda: service.run(service.approvals.pending(TENANT, 9)).records == [])
    failed = service.retrieve(key, stored.response_id)
    assert failed["status"] == "failed"
    assert "approvals" not in failed["antiphon"]


def test_of_a_response_that_ends_while_it_is_deleted_no_approval_is_left(
    service: Service, tmp_path: Path, key: str, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its writer is slower than whoever deletes it is patient."""
    upstream.scripts = [UPDATE]
    monkeypatch.setattr("antiphon.run.cancel.PATIENCE", 0)
    with Service(tmp_path, upstream, **SOON) as second, ThreadPoolExecutor(1) as pool:
        by(service, "role:MANAGER")
        gate, late, commit, delete = Gate(), Gate(), service.responses.commit, second.responses.delete

        async def slow(response: StoredResponse) -> None:
            await gate.wait()
            await commit(response)

        async def later(*place: Any) -> bool:
            await late.wait()
            return bool(await delete(*place))

        service.responses.commit, second.responses.delete = slow, later
        service.create(key, input="Update it", background=True)
        assert gate.reached.wait(10)
        (stored,) = service.run(service.approvals.pending(TENANT, 9)).records
        headers = {"authorization": f"Bearer {key}"}
        deleting = pool.submit(second.client.delete, f"/v1/responses/{stored.response_id}", headers=headers)
        assert late.reached.wait(10)
        gate.open()
        assert ended(service, key, stored.response_id)["status"] == "completed"
        late.open()
        assert deleting.result().status_code == 200
    assert service.run(service.approvals.pending(TENANT, 9)).records == []


def listed(service: Service, *keys: str) -> list[str]:
    """Return the ids that users see with these keys in their lists, and operators in theirs."""
    seen = [found["id"] for key in keys for found in service.get("/v1/approvals", key).json()["data"]]
    operator = Operator.of_store(Actor(TENANT, "op", "cli"))
    page = service.run(list_approvals(service.services, operator, limit=9))
    return [*seen, *(found["id"] for found in page.records)]


@pytest.mark.parametrize("background", [True, False])
def test_what_a_lost_process_asked_is_in_no_list_and_removed_once_its_response_is_settled(
    service: Service, tmp_path: Path, key: str, upstream: Upstream, *, background: bool
) -> None:
    upstream.scripts = [UPDATE]
    gate, commit = Gate(), service.responses.commit

    async def late(response: StoredResponse) -> None:
        await gate.wait()
        await commit(response)

    service.responses.commit = late
    with ThreadPoolExecutor(1) as pool, Service(tmp_path, upstream, **SOON) as second:
        by(service, "role:MANAGER")
        pool.submit(service.post, key, model="agent", input="Update it", background=background)
        try:
            assert gate.reached.wait(10)
            manager = service.key("max")
            (stored,) = service.run(service.approvals.pending(TENANT, 9)).records
            assert listed(service, key, manager) == []
            second.clock.ahead = FAR
            assert ended(second, key, stored.response_id)["error"]["code"] == "worker_lost"
            until(lambda: service.run(service.approvals.pending(TENANT, 9)).records == [])
        finally:
            gate.open()


def test_a_list_goes_on_behind_what_its_reader_does_not_see(service: Service, upstream: Upstream) -> None:
    by(service, "role:MANAGER")
    service.user("eve")
    upstream.scripts = [UPDATE] * 4
    eve, ada = service.key("eve"), service.key()
    service.put(Grant(TENANT, "agent", "user:eve", 1))
    of_ada = [waiting(service.create(ada, input="Update it")) for _ in range(3)]
    service.clock.ahead = 5
    of_eve = waiting(service.create(eve, input="Update it"))
    page = service.get("/v1/approvals?limit=1", eve).json()
    assert ([found["id"] for found in page["data"]], page["has_more"]) == ([of_eve], False)
    first = service.get("/v1/approvals?limit=2", ada).json()
    rest = service.get(f"/v1/approvals?limit=2&after={first['last_id']}", ada).json()
    assert sorted(found["id"] for found in first["data"] + rest["data"]) == sorted(of_ada)


def test_what_cannot_be_stored_whole_is_asked_of_nobody(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    service.agent("agent", servers=(server("update", "find", approval="role:MANAGER"),))
    upstream.scripts = [BOTH, answer("Sorry.")]
    service.approvals.failing["save"] = 1
    response = service.create(key, input="Both")
    assert [item.get("status") for item in response["output"]] == ["failed", "failed", "completed"]
    assert service.get("/v1/approvals", service.key("max")).json()["data"] == []
    assert tools.calls == []
