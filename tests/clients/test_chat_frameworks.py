"""Frameworks for Python on Chat Completions, unchanged, against the service on a real socket.

Those of ``chat`` need an older version of the OpenAI SDK than the others, so they have an environment of their own.
"""

from __future__ import annotations

import pytest

from tests.clients.conftest import outcomes
from tests.support.service import Service

FRAMEWORKS = {
    "langchain": "clients",
    "pydantic_ai": "clients",
    "openai_agents": "clients",
    "llama_index_chat": "clients-chat",
    "litellm_chat": "clients-chat",
    "instructor_chat": "clients-chat",
    "llm_chat": "clients-chat",
}
"""For each framework's script the environment that it is installed in."""


@pytest.mark.clients
@pytest.mark.parametrize("client", FRAMEWORKS)
def test_a_framework_works_unchanged_on_chat_completions(service: Service, key: str, client: str) -> None:
    outcome = outcomes(f"with_{client}", service, key, "chat", FRAMEWORKS[client])
    assert "server_tools" in outcome
    assert "server_tools_beside_own" in outcome or client == "instructor_chat"  # it has one function: the form
