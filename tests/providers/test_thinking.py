from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from antiphon.errors import ApiError
from antiphon.ports import StopDelta
from antiphon.providers.anthropic.adapter import Anthropic
from antiphon.providers.anthropic.request import messages_request
from antiphon.providers.bedrock.request import converse_request
from antiphon.providers.description import family_of
from antiphon.providers.require import require
from antiphon.providers.thinking import BINDING, Thinking, thinking_of
from tests.support.calls import assistant, function_tool, model_call, run, user
from tests.support.protocols import Messages
from tests.support.upstream import Upstream

BOUND = {"block_binding": {"prefix_mismatch_behavior": "drop_block"}}
SHOWN = {"display": "summarized"}
ADAPTIVE = {"type": "adaptive"}
THOUGHT = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}


def told(model: str, reasoning: dict[str, Any] | None, max_tokens: int = 64_000) -> Thinking:
    return thinking_of(
        {"reasoning": reasoning} if reasoning else {}, family_of("anthropic", model).capabilities, max_tokens
    )


@pytest.mark.parametrize(
    ("model", "reasoning", "config", "effort"),
    [
        # without a word, nothing is said, but to who would refuse what was thought before
        ("claude-3-haiku-20240307", None, None, None),
        ("claude-sonnet-4-5", None, None, None),
        ("claude-opus-4-8", None, None, None),
        ("claude-opus-5", None, None, None),
        ("claude-opus-5-5", None, ADAPTIVE | BOUND, None),
        # not to think has to be said to who thinks unasked
        ("claude-opus-4-8", {"effort": "none"}, None, None),
        ("claude-sonnet-5", {"effort": "none"}, {"type": "disabled"}, None),
        ("claude-opus-5", {"effort": "none"}, {"type": "disabled"}, None),
        ("claude-haiku-5-5", {"effort": "none"}, {"type": "disabled"}, None),
        ("claude-sonnet-5-5", {"effort": "none"}, {"type": "between_tools"}, None),
        # efforts
        ("claude-sonnet-4-5", {"effort": "low"}, {"type": "enabled", "budget_tokens": 2048}, None),
        ("claude-opus-4-8", {"effort": "xhigh"}, ADAPTIVE, "xhigh"),
        ("claude-fable-5", {"effort": "low"}, ADAPTIVE, "low"),
        ("claude-haiku-5-5", {"effort": "low"}, ADAPTIVE | BOUND, "low"),
        # summaries
        ("claude-opus-4-8", {"effort": "low", "summary": "auto"}, ADAPTIVE | SHOWN, "low"),
        ("claude-opus-5", {"summary": "auto"}, ADAPTIVE | SHOWN, None),
        ("claude-fable-5", {"summary": "auto"}, ADAPTIVE | SHOWN, None),
        ("claude-opus-4-8", {"summary": "auto"}, None, None),
    ],
)
def test_each_family_is_told_in_its_own_words(model, reasoning, config, effort):
    thinking = told(model, reasoning)
    assert (thinking.config, thinking.effort) == (config, effort)


def test_a_budget_is_half_of_what_may_be_written_at_most_and_needs_room():
    assert told("claude-sonnet-4-5", {"effort": "xhigh"}, 32_000).config == {"type": "enabled", "budget_tokens": 16_000}
    assert told("claude-sonnet-4-5", {"effort": "low"}, 1025).config == {"type": "enabled", "budget_tokens": 1024}
    with pytest.raises(ApiError) as caught:
        told("claude-sonnet-4-5", {"effort": "low"}, 1024)
    assert (caught.value.code, caught.value.param) == ("out_of_range", "max_output_tokens")


def test_thinking_that_is_bound_to_what_stood_before_it_stays_away_where_none_may_be_dropped():
    can = family_of("anthropic", "claude-sonnet-5-5").capabilities
    items = [
        user("x"),
        {**THOUGHT, "state": {"kind": "anthropic", "maker": "me", "signature": "s"}},
        assistant("Hi."),
        user("y"),
    ]
    for effort, replayed in (("none", False), ("low", True)):
        sent = json.dumps(messages_request(model_call(items, reasoning={"effort": effort}), can, "me"))
        assert ('"signature"' in sent) is replayed


@pytest.mark.parametrize(("maker", "replayed"), [("me", True), ("another", False), (None, True)])
def test_thinking_goes_back_to_its_maker_alone(maker, replayed):
    """A state without a maker was kept before makers were named."""
    named = {} if maker is None else {"maker": maker}
    items = [
        user("x"),
        {**THOUGHT, "state": {"kind": "bedrock", "signature": "s", **named}},
        assistant("Hi."),
        user("y"),
    ]
    can = family_of("bedrock", "anthropic.claude-opus-4-8").capabilities
    sent = converse_request(replace(model_call(items), model="me"), can)
    assert ("reasoningContent" in json.dumps(sent)) is replayed


def test_the_beta_that_drops_what_is_stale_is_named_where_it_is_used():
    for model, beta in (("claude-opus-5-5", BINDING), ("claude-opus-4-8", None)):
        with Upstream([Messages().script([StopDelta("stop")])]) as upstream:
            run(Anthropic(upstream.base_url), replace(model_call(), model=model))
        assert upstream.requests[0].headers.get("anthropic-beta") == beta
    can = family_of("bedrock", "anthropic.claude-opus-5-5").capabilities
    assert converse_request(model_call(), can)["additionalModelRequestFields"] == {
        "thinking": ADAPTIVE | BOUND,
        "anthropic_beta": [BINDING],
    }


@pytest.mark.parametrize("model", ["claude-opus-5-5", "claude-sonnet-5-5", "claude-fable-5-1"])
@pytest.mark.parametrize("choice", ["required", {"type": "function", "name": "f"}])
def test_a_model_that_takes_no_forced_call_is_not_asked_for_one(model, choice):
    with pytest.raises(ApiError) as caught:
        require(family_of("anthropic", model).capabilities, model_call(tools=[function_tool("f")], tool_choice=choice))
    assert caught.value.param == "tool_choice"
