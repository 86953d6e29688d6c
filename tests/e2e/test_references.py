"""``item_reference``: what it may expand to is bounded in size and number, and read in batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from antiphon.run import references
from tests.support.caller import refused
from tests.support.service import Service
from tests.support.upstream import Upstream


def refer(*items: str) -> list[dict[str, Any]]:
    return [{"type": "item_reference", "id": item} for item in items]


@pytest.fixture
def small(tmp_path: Path, upstream: Upstream) -> Any:
    with Service(tmp_path, upstream, max_body_bytes=100_000, max_chain_turns=20) as running:
        yield running


def test_one_large_item_referred_to_often_is_refused_before_it_is_expanded(small: Service, upstream: Upstream) -> None:
    """A stored text of 5.9 MB, referred to 100 times by 7.8 KB, took 2.1 GB and 44 s."""
    key = small.key()
    message = {"type": "message", "role": "user", "content": "x" * 60_000}
    response = small.create(key, input=[message])
    item = f"msg_{response['id'][5:]}i000"
    assert small.create(key, input=refer(item))["status"] == "completed"
    asked = len(upstream.requests)
    error = refused(small.post(key, model="agent", input=refer(item, item)), 413, "request_too_large", "input")
    assert "100000 bytes" in error["message"]
    assert len(upstream.requests) == asked


def test_items_of_too_many_responses_are_refused_before_one_is_read(small: Service) -> None:
    key = small.key()
    items = [f"msg_{number:031}o000" for number in range(21)]
    small.get("/v1/models", key)
    small.forget_calls()
    error = refused(small.post(key, model="agent", input=refer(*items)), 400, "out_of_range", "input")
    assert "20 responses" in error["message"]
    assert small.responses.calls["get"] == 0


def test_references_are_read_a_batch_at_a_time(small: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    key = small.key()
    responses = [small.create(key, input=f"Number {number}") for number in range(10)]
    at_once, most = 0, 0
    read = small.responses.inner.get

    async def counting(*args: Any) -> Any:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        try:
            return await read(*args)
        finally:
            at_once -= 1

    monkeypatch.setattr(small.responses.inner, "get", counting)
    items = [response["output"][0]["id"] for response in responses]
    created = small.create(key, input=[*refer(*items), {"role": "user", "content": "Go on"}])
    assert created["status"] == "completed"
    assert 1 < most <= references.BATCH


def test_a_reference_to_nothing_names_its_place(service: Service, key: str) -> None:
    item = service.create(key, input="Hi")["output"][0]["id"]
    answer = service.post(key, model="agent", input=refer(item, item[:-1] + "7"))
    refused(answer, 404, "response_not_found", "input[1].id")
