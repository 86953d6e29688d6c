"""Clocks that are set while the service runs: back, and forth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from antiphon.access import keys
from tests.support.caller import TENANT, refused
from tests.support.durable import Running
from tests.support.service import Service
from tests.support.upstream import Gate, Script, Upstream, answer, finish, text, usage

KEYED = {"Idempotency-Key": "order-1"}
TWENTY_MINUTES = 1200.0


@pytest.fixture
def service(tmp_path: Path, upstream: Upstream) -> Iterator[Service]:
    with Service(tmp_path, upstream, watch_seconds=0.05) as running:
        yield running


def test_a_clock_that_is_set_back_keeps_no_revoked_key_alive(service: Service, key: str) -> None:
    """Caches went by the wall clock: after an hour back, a revoked key worked for an hour."""
    assert service.get("/v1/models", key).status_code == 200
    service.run(service.keys.revoke(TENANT, "key_" + keys.digest(key)[:16], int(service.clock())))
    service.clock.set_by, service.clock.ahead = -3600, 60
    refused(service.get("/v1/models", key), 401, "key_revoked")


def test_a_clock_that_stands_still_keeps_no_revoked_key_alive(service: Service, key: str) -> None:
    """The steady clock may stop while a function is frozen; the wall clock goes on."""
    assert service.get("/v1/models", key).status_code == 200
    service.run(service.keys.revoke(TENANT, "key_" + keys.digest(key)[:16], int(service.clock())))
    service.clock.set_by = 60
    refused(service.get("/v1/models", key), 401, "key_revoked")


def test_what_runs_here_is_not_lost_whatever_the_clock_was_set_to(
    service: Service, key: str, upstream: Upstream
) -> None:
    gate = Gate()
    upstream.scripts = [Script.stream(text("Slow"), gate, finish(), usage(1, 1)), answer("Never")]
    with service.streaming(key, headers=KEYED, input="Hi") as stream:
        run = Running(stream)
        run.until(b'"delta":"Slow"')
        service.clock.set_by = TWENTY_MINUTES
        assert service.retrieve(key, run.id)["status"] == "in_progress"
        refused(
            service.post(key, model="agent", input="Hi", stream=True, headers=KEYED), 409, "idempotency_in_progress"
        )
        gate.open()
        assert run.ended()[-1]["type"] == "response.completed"
    assert service.retrieve(key, run.id)["status"] == "completed"
    assert len(upstream.requests) == 1


def test_a_worker_that_another_clock_gave_up_never_completes(
    service: Service, tmp_path: Path, key: str, upstream: Upstream
) -> None:
    """Twenty minutes forward in a run: a keyed retry ran again, and then the first became `completed` too."""
    upstream.scripts = [Script.stream(text("Slow"), Gate(), finish(), usage(1, 1)), answer("Second")]
    with Service(tmp_path, upstream) as other, service.streaming(key, headers=KEYED, input="Hi") as stream:
        run = Running(stream)
        run.until(b'"delta":"Slow"')
        other.clock.set_by = TWENTY_MINUTES
        second = other.post(key, model="agent", input="Hi", stream=True, headers=KEYED)
        assert b"response.completed" in second.content
        last = run.ended()[-1]
        assert (last["type"], last["response"]["error"]["code"]) == ("response.failed", "worker_lost")
        assert service.retrieve(key, run.id)["status"] == "failed"


def test_a_clock_that_is_set_back_in_a_run_changes_nothing_for_it(
    service: Service, key: str, upstream: Upstream
) -> None:
    gate = Gate()
    upstream.scripts = [Script.stream(text("Slow"), gate, finish(), usage(1, 1))]
    with service.streaming(key, input="Hi") as stream:
        run = Running(stream)
        run.until(b'"delta":"Slow"')
        service.clock.set_by = -3600
        gate.open()
        assert run.ended()[-1]["type"] == "response.completed"
    service.create(key, input="Go on", previous_response_id=run.id)
