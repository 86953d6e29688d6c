"""Agent frameworks for Python, unchanged, against the service on a real socket: each runs a script in ``python/``.

They stand on other versions of what Antiphon stands on, so they live in an environment of their own (``make clients``).
"""

from __future__ import annotations

import pytest

from tests.clients.conftest import outcomes
from tests.support.service import Service


@pytest.mark.clients
@pytest.mark.parametrize(
    ("client", "api"),
    [
        ("openai_agents", "responses"),
        ("openai_agents", "websocket"),
        ("langchain", "responses"),
        ("pydantic_ai", "responses"),
    ],
)
def test_a_framework_works_unchanged(service: Service, key: str, client: str, api: str) -> None:
    outcome = outcomes(f"with_{client}", service, key, api)
    assert {"server_tools", "server_tools_streaming", "server_tools_beside_own"} <= outcome.keys()
    assert {"text", "streaming", "tools_over_several_turns", "memory_by_items"} <= outcome.keys()
