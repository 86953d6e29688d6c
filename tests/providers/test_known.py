"""What settings tell of a model is what the adapter that they make holds requests to."""

from __future__ import annotations

from typing import Any, cast

import pytest

from antiphon.providers.configured import Providers
from antiphon.providers.description import capabilities_of, every_family
from antiphon.providers.openai_chat.dialects import DIALECTS
from antiphon.settings import ProviderEndpoint

MODELS = ("gpt-4.1", "gpt-5-mini", "gpt-6-sol", "o3", "claude-opus-4-8", "eu.amazon.nova-pro-v1:0", "mistral.x", "any")
OWN = [dialect for dialect in DIALECTS if dialect != "compatible"]
ENDPOINTS: list[dict[str, Any]] = [
    {"base_url": "https://api.openai.com/v1"},
    {"base_url": "https://name.openai.azure.com/openai/v1?api-version=v1"},
    {"base_url": "https://api.groq.com/openai/v1", "reads": ("image",)},
    {"base_url": "https://api.together.xyz/v1", "reads": ()},
    {"base_url": "https://openrouter.ai/api/v1"},
    {"base_url": "http://localhost:8080/v1"},
    *({"base_url": "http://localhost:8080/v1", "dialect": dialect} for dialect in OWN),
    {"kind": "openai_responses"},
    {"kind": "openai_responses", "base_url": "http://localhost:8080/v1"},
    *({"kind": "openai_responses", "base_url": "http://h/v1", "dialect": dialect} for dialect in OWN),
    {"kind": "anthropic"},
    {"kind": "anthropic", "base_url": "http://localhost:8080/v1"},
    {"kind": "bedrock"},
    {"kind": "bedrock", "base_url": "http://localhost:8080"},
]


@pytest.mark.parametrize("said", ENDPOINTS, ids=str)
def test_the_settings_and_the_adapter_tell_the_same_of_every_model(said):
    endpoint = ProviderEndpoint(**said)
    provider = cast("Any", Providers({"it": endpoint}, {})("it"))
    assert [capabilities_of(endpoint, model) for model in MODELS] == [provider.capabilities(m) for m in MODELS]


def test_every_protocol_is_looked_at():
    assert {ProviderEndpoint(**said).kind for said in ENDPOINTS} == {kind for kind, _ in every_family()} - {"demo"}
