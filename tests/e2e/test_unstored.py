"""An ending that the store does not take: the stream has an ending all the same, and nothing stays blocked by it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from antiphon.records import Owner
from tests.support.caller import TENANT, refused
from tests.support.durable import watch
from tests.support.service import Service
from tests.support.streams import assert_stream

KEYED = {"Idempotency-Key": "order-1"}


def fail_to_store(service: Service, key: str) -> dict[str, Any]:
    """Run a response whose ending the store does not take. Return it as it was sent."""
    service.responses.broken.add("commit")
    reply = service.post(key, model="agent", input="Hi", stream=True, headers=KEYED)
    response: dict[str, Any] = assert_stream(reply.content)[-1]["response"]
    assert response["error"]["code"] == "storage_unavailable"
    return response


def test_once_the_store_answers_a_failed_commit_blocks_nothing(service: Service, key: str) -> None:
    """The same Idempotency-Key was refused with 409 until the lease ended, 763 s later."""
    failed = fail_to_store(service, key)
    refused(service.post(key, model="agent", input="Hi", stream=True, headers=KEYED), 409, "idempotency_in_progress")
    stored = watch(service, "commit")
    service.responses.broken.clear()
    assert stored.wait(10)
    again = service.post(key, model="agent", input="Hi", stream=True, headers=KEYED)
    assert assert_stream(again.content)[-1]["type"] == "response.completed"
    assert service.retrieve(key, failed["id"]) == failed
    headers = {"authorization": f"Bearer {key}"}
    assert service.client.post(f"/v1/responses/{failed['id']}/cancel", headers=headers).json() == failed
    assert service.create(key, input="Go on", previous_response_id=failed["id"])["status"] == "completed"


def test_a_shutdown_stores_the_failures_that_wait_for_it(service: Service, key: str) -> None:
    failed = fail_to_store(service, key)
    service.responses.broken.clear()
    service.settle(10)
    assert service.retrieve(key, failed["id"]) == failed


def test_what_was_deleted_meanwhile_is_not_stored_again(service: Service, key: str) -> None:
    failed = fail_to_store(service, key)
    service.run(service.responses.inner.delete(Owner(TENANT, "ada"), failed["id"]))
    service.responses.broken.clear()
    service.settle(10)
    refused(service.get(f"/v1/responses/{failed['id']}", key), 404, "response_not_found")


class Stuck:
    """A store that neither takes an ending nor refuses it; ``reached`` is set once it was asked."""

    def __init__(self, service: Service) -> None:
        self.reached = threading.Event()
        service.responses.commit = self._commit

    async def _commit(self, *_: Any) -> None:
        self.reached.set()
        await asyncio.Event().wait()


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "json"])
def test_a_shutdown_while_an_ending_is_being_stored_still_ends_with_a_terminal_event(
    service: Service, key: str, *, stream: bool
) -> None:
    """A stream that ends with `[DONE]` and no terminal event looks like a success to the OpenAI SDKs."""
    stuck = Stuck(service)
    replies: list[Any] = []
    asking = threading.Thread(
        target=lambda: replies.append(service.post(key, model="agent", input="Hi", stream=stream))
    )
    asking.start()
    assert stuck.reached.wait(10)
    service.settle(0)
    asking.join(10)
    if stream:
        last = assert_stream(replies[0].content)[-1]
        assert (last["type"], last["response"]["error"]["code"]) == ("response.failed", "shutting_down")
    else:
        refused(replies[0], 503, "shutting_down")


def test_an_ending_that_is_stored_soon_after_a_shutdown_is_the_one_that_is_sent(service: Service, key: str) -> None:
    commit, reached = service.responses.commit, threading.Event()

    async def slow(record: Any) -> None:
        await commit(record)
        reached.set()
        await asyncio.sleep(0.2)

    service.responses.commit = slow
    replies: list[Any] = []
    asking = threading.Thread(target=lambda: replies.append(service.post(key, model="agent", input="Hi", stream=True)))
    asking.start()
    assert reached.wait(10)
    service.settle(0)
    asking.join(10)
    last = assert_stream(replies[0].content)[-1]
    assert (last["type"], last["response"]) == ("response.completed", service.retrieve(key, last["response"]["id"]))


def test_a_store_that_fails_in_an_unknown_way_still_ends_the_stream_with_a_terminal_event(
    service: Service, key: str
) -> None:
    async def broken(*_: Any) -> None:
        raise ValueError("canary")

    service.responses.commit = broken
    reply = service.post(key, model="agent", input="Hi", stream=True)
    last = assert_stream(reply.content)[-1]
    assert (last["type"], last["response"]["error"]["code"]) == ("response.failed", "internal_error")
    assert b"canary" not in reply.content
