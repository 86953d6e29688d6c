from __future__ import annotations

from typing import Any, get_args

import pytest

from antiphon.errors import ApiError
from antiphon.providers.openai_chat.adapter import OpenAIChat
from antiphon.providers.openai_chat.description import UNKNOWN as CHAT
from antiphon.providers.openai_chat.dialects import DIALECTS
from antiphon.providers.openai_chat.request import chat_request
from antiphon.settings import ProviderEndpoint
from tests.support.calls import function_tool, model_call

ASKED = {
    "max_output_tokens": 50,
    "safety_identifier": "u",
    "prompt_cache_key": "k",
    "reasoning": {"effort": "low", "summary": None},
    "service_tier": "default",
}


@pytest.mark.parametrize(
    ("dialect", "told"),
    [
        ("openai", {"max_completion_tokens": 50, "safety_identifier": "u", "prompt_cache_key": "k"}),
        ("azure", {"max_completion_tokens": 50, "user": "u", "prompt_cache_key": "k"}),
        ("groq", {"max_completion_tokens": 50, "user": "u", "service_tier": "on_demand"}),
        ("together", {"max_tokens": 50}),
        ("openrouter", {"max_tokens": 50, "user": "u", "reasoning": {"effort": "low"}}),
        ("vllm", {"max_tokens": 50, "user": "u"}),
        ("ollama", {"max_tokens": 50}),
        ("llama.cpp", {"max_tokens": 50}),
        ("compatible", {"max_tokens": 50, "safety_identifier": "u", "prompt_cache_key": "k"}),
    ],
)
def test_each_endpoint_is_told_in_its_own_words(dialect: str, told: dict[str, Any]) -> None:
    sent = chat_request(model_call("Hi", **ASKED), CHAT, dialect)
    common = {"model", "messages", "stream", "stream_options"}
    assert {name: value for name, value in sent.items() if name not in common} == {
        **({} if "reasoning" in told else {"reasoning_effort": "low"}),
        "service_tier": "default",
        **told,
    }


def test_every_dialect_can_be_set_but_the_one_that_nobody_has_to():
    [named] = [kind for kind in get_args(ProviderEndpoint.model_fields["dialect"].annotation) if get_args(kind)]
    assert {*get_args(named), "compatible"} == set(DIALECTS)


@pytest.mark.parametrize(
    ("endpoint", "asked", "param"),
    [
        ({"dialect": "ollama"}, {"tools": [function_tool("f")], "tool_choice": "required"}, "tool_choice"),
        ({"base_url": "https://api.groq.com/openai/v1"}, {"presence_penalty": 1}, "presence_penalty"),
        ({"base_url": "https://api.openai.com/v1"}, {"reasoning": {"effort": "low"}}, "reasoning.effort"),
        ({"reads": ()}, {"text": {"format": {"type": "text"}, "verbosity": "low"}}, None),
    ],
)
def test_what_an_endpoint_cannot_do_is_refused_by_its_path(endpoint, asked, param):
    provider = OpenAIChat(**{"base_url": "http://127.0.0.1:9/v1", **endpoint})
    if param is None:
        provider.check(model_call("Hi", **asked))
        return
    with pytest.raises(ApiError) as caught:
        provider.check(model_call("Hi", **asked))
    assert caught.value.param == param
