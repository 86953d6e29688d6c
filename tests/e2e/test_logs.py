"""Nothing that a user wrote, and no secret, is ever logged."""

from __future__ import annotations

import logging

import pytest

from tests.support.service import Service
from tests.support.upstream import CUT, Script, Upstream, answer, text

CANARY = "canary-2b7d"
CLIENT = ("httpx2", "httpcore2")
"""The loggers of the test's own client."""


def test_prompts_answers_and_keys_are_absent_from_logs_at_debug(
    service: Service, key: str, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    upstream.scripts = [
        answer(CANARY),
        Script.stream(text(CANARY), CUT, done=False),
        Script.error(400, CANARY.encode()),
        Script.stream(text(CANARY), {"error": {"message": CANARY}}),
    ]
    for _ in range(4):
        service.post(key, model="agent", input=CANARY, instructions=CANARY, metadata={CANARY: CANARY}, stream=True)
    service.post(key, CANARY.encode())
    service.post(key, model="agent", input=CANARY, temperature=CANARY)
    service.post(key, model="agent", input="Hi", previous_response_id=CANARY)
    service.get(f"/v1/models/{CANARY}", key)
    service.get("/v1/models", authorization=f"Bearer {CANARY}")
    service.responses.broken.add("claim")
    service.post(key, model="agent", input=CANARY)
    ours = [record for record in caplog.records if not record.name.startswith(CLIENT)]
    logged = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in ours)
    assert logged
    assert CANARY not in logged
    assert key not in logged
