"""Roll-ups: every way in which a response ends is counted once, with what its models used."""

from __future__ import annotations

from typing import Any

import pytest

from antiphon.ports import Dimension, Subject
from antiphon.run.tally import day_of
from tests.support.caller import TENANT
from tests.support.durable import Open, ended
from tests.support.service import Service
from tests.support.upstream import Upstream, answer

PLAIN = {"requests": 1, "input_tokens": 3, "output_tokens": 2, "unpriced_tokens": 5}


@pytest.fixture
def service(opened: Open, upstream: Upstream) -> Service:
    upstream.scripts = [answer("Good day")]
    return opened()


@pytest.fixture
def key(service: Service) -> str:
    return service.key()


def key_id(service: Service) -> str:
    (key,) = service.run(service.keys.list(TENANT))
    return str(key.id)


def used(service: Service, kind: Dimension = "user", subject: str = "ada") -> dict[str, int]:
    """Return what a subject used today, once every run has ended."""
    service.settle(5)
    today = day_of(service.clock())
    days = service.run(service.usage.of(Subject(TENANT, kind, subject), today, today))
    return dict(days[0].counters) if days else {}


@pytest.mark.parametrize(
    "fields",
    [{}, {"stream": True}, {"store": False}, {"store": False, "stream": True}, {"background": True}],
    ids=str,
)
def test_a_response_is_counted_for_its_user_key_agent_and_model(
    service: Service, key: str, fields: dict[str, Any]
) -> None:
    made = service.post(key, model="agent", input="Hi", **fields)
    assert made.status_code == 200
    if fields.get("background"):
        ended(service, key, made.json()["id"])
    assert used(service) == PLAIN
    assert used(service, "key", key_id(service)) == PLAIN
    assert used(service, "agent", "agent") == PLAIN
    assert used(service, "model", "up/m") == PLAIN
