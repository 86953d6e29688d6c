"""Work that grows with a conversation runs beside the event loop once it is large."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from antiphon.providers.demo import model
from antiphon.run.aside import LARGE, aside, is_large
from tests.support.calls import function_call, model_call, user
from tests.support.service import Service


@pytest.mark.parametrize(
    ("items", "large"),
    [
        ([user("x" * 1000)], False),
        ([user("x" * LARGE)], True),
        ([user("x")] * 3000, True),
        ([function_call("call_1", "f", "x" * LARGE)], True),
    ],
    ids=["small", "long", "many", "arguments"],
)
async def test_small_work_stays_and_large_work_goes_to_a_thread(items: list[dict[str, Any]], large: bool) -> None:
    assert is_large(items) == large
    where = await aside(model_call(items), threading.current_thread)
    assert (where is not threading.current_thread()) == large


@pytest.mark.parametrize("route", ["", "/input_tokens", "/compact"])
def test_tokens_of_a_large_conversation_are_counted_off_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, route: str
) -> None:
    """Twenty-five turns of repetitive text, 1.9 MB on disk, held up every other request for 11.3 s."""
    threads: list[str] = []
    count = model.count_tokens

    def counting(call: Any) -> int:
        threads.append(threading.current_thread().name)
        return count(call)

    monkeypatch.setattr(model, "count_tokens", counting)
    with Service(tmp_path) as service:
        service.agent("agent", context_tokens=10_000)
        body = {"model": "agent", "input": "word " * 50_000}
        headers = {"authorization": f"Bearer {service.key()}"}
        answer = service.client.post(f"/v1/responses{route}", json=body, headers=headers)
    assert answer.status_code == (200 if route else 400), answer.text
    assert threads
    assert all(name.startswith("asyncio_") for name in threads)
