"""A setting of a request or an agent reaches the model and is echoed."""

from __future__ import annotations

from typing import Any

import pytest

from antiphon.spec.request import CreateResponse
from tests.support.service import Service
from tests.support.upstream import Upstream

SETTINGS: dict[str, tuple[Any, str, Any]] = {
    "temperature": (0.25, "temperature", 0.25),
    "top_p": (0.5, "top_p", 0.5),
    "presence_penalty": (0.5, "presence_penalty", 0.5),
    "frequency_penalty": (-0.5, "frequency_penalty", -0.5),
    "max_output_tokens": (64, "max_tokens", 64),
    "prompt_cache_key": ("k", "prompt_cache_key", "k"),
    "safety_identifier": ("s", "safety_identifier", "s"),
    "service_tier": ("flex", "service_tier", "flex"),
    "reasoning": ({"effort": "low", "summary": None}, "reasoning_effort", "low"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_reaches_the_model_and_is_echoed(service: Service, key: str, upstream: Upstream, name: str) -> None:
    value, provider_name, provider_value = SETTINGS[name]
    response = service.create(key, input="Hi", **{name: value})
    assert response[name] == value
    sent = upstream.requests[0].body
    if provider_name == "max_tokens" and "max_completion_tokens" in sent:
        provider_name = "max_completion_tokens"
    assert sent[provider_name] == provider_value


@pytest.mark.parametrize("name", SETTINGS)
def test_the_agents_own_setting_holds_where_the_request_says_nothing(
    service: Service, key: str, upstream: Upstream, name: str
) -> None:
    value, _, provider_value = SETTINGS[name]
    service.agent("agent", parameters={name: value})
    response = service.create(key, input="Hi", **{name: None})
    assert response[name] == value
    assert provider_value in upstream.requests[0].body.values()


def test_a_setting_that_nobody_set_is_not_sent(service: Service, key: str, upstream: Upstream) -> None:
    response = service.create(key, input="Hi")
    assert response["temperature"] == 1.0
    assert set(upstream.requests[0].body) <= {"model", "messages", "stream", "stream_options"}


def test_null_means_absent_for_every_optional_field(service: Service, key: str) -> None:
    names = [name for name, field in CreateResponse.model_fields.items() if not field.is_required()]
    names = [name for name in names if name not in {"input", "stream"}]
    plain = service.create(key, input="Hi")
    nulls = service.create(key, input="Hi", **dict.fromkeys(names))
    same = {name: value for name, value in nulls.items() if name not in {"id", "created_at", "completed_at", "output"}}
    assert same.items() <= plain.items()
