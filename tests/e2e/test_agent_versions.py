"""Which version of an agent answered, and what becomes of a deleted one, as its callers see it."""

from __future__ import annotations

import pytest

from antiphon.records import PUBLIC, Grant
from tests.support.caller import TENANT, refused
from tests.support.durable import Open, ended, queue
from tests.support.service import Service
from tests.support.upstream import Upstream, answer


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_a_response_shows_which_version_of_its_agent_answered(
    service: Service, upstream: Upstream, *, stream: bool
) -> None:
    upstream.scripts = [answer("One"), answer("Two")]
    key = service.key()
    seen = []
    for instructions in ("Be brief.", "Be kind."):
        service.agent("agent", instructions=instructions)
        if stream:
            events = service.stream(key, input="Hi")
            shown = [event["response"]["antiphon"] for event in events if "response" in event]
            assert len(shown) >= 3
            assert all(each == shown[0] for each in shown)
            response = events[-1]["response"]
        else:
            response = service.create(key, input="Hi")
        assert service.retrieve(key, response["id"]) == response
        seen.append(response["antiphon"])
    assert seen == [{"agent_version": 2}, {"agent_version": 3}]


def test_a_chat_completion_shows_it_too(service: Service, upstream: Upstream) -> None:
    upstream.scripts = [answer("One")]
    body = {"model": "agent", "messages": [{"role": "user", "content": "Hi"}]}
    reply = service.client.post("/v1/chat/completions", json=body, headers={"authorization": f"Bearer {service.key()}"})
    assert reply.json()["antiphon"] == {"agent_version": 1}


def test_a_background_response_shows_the_version_that_answered_it(opened: Open, upstream: Upstream) -> None:
    """A worker runs it some time later, on the agent as it is then."""
    service = opened()
    upstream.scripts = [answer("One")]
    key = service.key()
    queued = queue(service, key)
    assert queued["antiphon"] == {"agent_version": 1}
    service.agent("agent", instructions="Be kind.")
    service.has_workers = True
    done = ended(service, key, queued["id"])
    assert (done["status"], done["antiphon"]) == ("completed", {"agent_version": 2})


def test_a_deleted_agent_answers_as_one_that_never_was_until_it_is_restored(
    service: Service, upstream: Upstream
) -> None:
    upstream.scripts = [answer("One"), answer("Two")]
    service.user("bob", role="ADMIN")
    service.put(Grant(TENANT, "agent", PUBLIC, 1))
    key = service.key("bob")
    assert service.create(key, input="Hi")["status"] == "completed"
    service.run(service.directory.delete_agent(TENANT, "agent"))
    refused(service.post(key, model="agent", input="Hi"), 404, "model_not_found")
    assert service.get("/v1/models", key).json()["data"] == []
    refused(service.get("/v1/models/agent", key), 404, "model_not_found")
    service.run(service.directory.restore_agent(TENANT, "agent"))
    assert service.create(key, input="Hi")["status"] == "completed"
    assert [model["id"] for model in service.get("/v1/models", key).json()["data"]] == ["agent"]
