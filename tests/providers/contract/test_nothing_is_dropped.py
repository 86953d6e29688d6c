"""Whatever a request asks reaches the model, or is refused with 400 and its path: for every family of models.

For each family and each thing that can be asked, a call with it and one without it are sent to a scripted endpoint over
a socket, unless ``check`` refuses. Their bodies have to differ, and those of two values from each other. What is left
out on purpose stands in ``LEFT_OUT``, with the reason; an exception that is not needed fails, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, get_type_hints

import pytest
from anthropic.types.message_create_params import MessageCreateParamsStreaming
from botocore.session import Session
from botocore.validate import ParamValidator
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming

from antiphon.errors import ApiError
from antiphon.ports import ModelCall, ModelProvider, StopDelta, TextDelta
from antiphon.providers.capabilities import Capabilities
from antiphon.providers.description import Family, every_family
from antiphon.spec.request import CreateResponse
from tests.support.calls import assistant, function_call, function_call_output, function_tool, model_call, user
from tests.support.conversations import NOTES, PDF, PIXEL
from tests.support.protocols import PROTOCOLS, Protocol
from tests.support.upstream import Upstream

MODELS: dict[tuple[str, str], tuple[str, str | None]] = {
    ("openai_chat", "OpenAI's o series"): ("o4-mini", "openai"),
    ("openai_chat", "GPT-5 pro"): ("gpt-5-pro", "openai"),
    ("openai_chat", "GPT-5"): ("gpt-5-mini", "azure"),
    ("openai_chat", "GPT-5.1"): ("gpt-5.1", "openai"),
    ("openai_chat", "GPT-5.2 to 5.6"): ("gpt-5.6", "openai"),
    ("openai_chat", "GPT-6 Astra, GPT-6.1 Sol"): ("gpt-6-astra", "openai"),
    ("openai_chat", "GPT-6 and later"): ("gpt-6-luna", "openai"),
    ("openai_chat", "OpenAI's other models"): ("gpt-4.1", "openai"),
    ("openai_chat", "Groq"): ("m", "groq"),
    ("openai_chat", "Together"): ("m", "together"),
    ("openai_chat", "OpenRouter"): ("m", "openrouter"),
    ("openai_chat", "Ollama"): ("m", "ollama"),
    ("openai_chat", "vLLM, llama.cpp, LM Studio"): ("m", "vllm"),
    ("openai_chat", "any compatible endpoint"): ("m", None),
    ("openai_responses", "OpenAI's o series"): ("o3", "openai"),
    ("openai_responses", "GPT-5 pro"): ("gpt-5-pro", "openai"),
    ("openai_responses", "GPT-5"): ("gpt-5", "openai"),
    ("openai_responses", "GPT-5.1"): ("gpt-5.1", "openai"),
    ("openai_responses", "GPT-5.2 to 5.6"): ("gpt-5.4", "openai"),
    ("openai_responses", "GPT-6 and later"): ("gpt-6-astra", "openai"),
    ("openai_responses", "OpenAI's other models"): ("gpt-4.1", "openai"),
    ("openai_responses", "llama.cpp"): ("m", "llama.cpp"),
    ("openai_responses", "any compatible endpoint"): ("m", None),
    ("anthropic", "any compatible endpoint"): ("m", None),
    ("bedrock", "Amazon Nova"): ("eu.amazon.nova-pro-v1:0", None),
    ("bedrock", "Amazon Nova Micro"): ("us.amazon.nova-micro-v1:0", None),
    ("bedrock", "Mistral"): ("mistral.mistral-large-2407-v1:0", None),
    ("bedrock", "Meta Llama, Cohere, DeepSeek"): ("meta.llama3-3-70b-instruct-v1:0", None),
    ("bedrock", "any other model"): ("m", None),
    **{
        (kind, name): (prefix + model, None)
        for kind, prefix in (("anthropic", ""), ("bedrock", "eu.anthropic."))
        for name, model in {
            "Claude 3": "claude-3-haiku-20240307",
            "Claude 3.7, 4, 4.1": "claude-opus-4-1-20250805",
            "Claude 4.5": "claude-sonnet-4-5-20250929",
            "Claude 4.6": "claude-opus-4-6",
            "Claude Opus 4.7": "claude-opus-4-7",
            "Claude Opus 4.8": "claude-opus-4-8",
            "Claude Sonnet 5": "claude-sonnet-5",
            "Claude Opus 5": "claude-opus-5",
            "Claude Fable 5, Mythos 5": "claude-fable-5",
            "Claude Sonnet 5.5": "claude-sonnet-5-5",
            "Claude Haiku 5.5": "claude-haiku-5-5",
            "Claude Opus 5.5, Fable 5.1, Mythos 5.1 and later": "claude-opus-5-5",
        }.items()
    },
}
"""A model of each family, and the dialect by which its endpoint is known where its host would tell."""

PLACE = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
FORM = {"type": "json_schema", "name": "n", "description": None, "schema": PLACE, "strict": None}
WEATHER = function_tool("weather", {"type": "object", "properties": {}}, description="Tells.")
CALLED = [user("x"), function_call("call_1", "weather")]
EFFORTS = ("none", "low", "medium", "high", "xhigh", "minimal", "max")
"""Those that few models have stand last: they read as the nearest."""


class Asked(NamedTuple):
    """One thing that can be asked.

    Attributes:
        field: where it stands in a request; a refusal has to name it, or what holds it.
        values: what is asked, by name: fields of ``model_call``.
        beside: what is asked in any case.
    """

    field: str
    values: dict[str, dict[str, Any]]
    beside: dict[str, Any] = {}  # noqa: RUF012 - never changed


def settings(field: str, *values: Any, **beside: Any) -> Asked:
    return Asked(field, {json.dumps(value): {field: value} for value in values}, beside)


def given(field: str, **items: Sequence[dict[str, Any]]) -> Asked:
    return Asked(field, {name: {"items": each} for name, each in items.items()})


def part(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, **fields}


ASKED = (
    settings("temperature", 0.2, 0.9, 1.7),
    settings("top_p", 0.2, 0.9),
    settings("presence_penalty", 0.5, -0.5),
    settings("frequency_penalty", 0.5, -0.5),
    settings("max_output_tokens", 3000, 4000),
    settings("top_logprobs", 2, 5, include_logprobs=True),
    settings("service_tier", "auto", "default", "flex", "priority"),
    settings("safety_identifier", "somebody", "another"),
    settings("prompt_cache_key", "key"),
    settings("parallel_tool_calls", False, tools=[WEATHER]),
    settings(
        "tool_choice",
        "auto",
        "required",
        {"type": "function", "name": "weather"},
        tools=[WEATHER, function_tool("time")],
    ),
    Asked("include", {"logprobs": {"include_logprobs": True}}),
    Asked("instructions", {"brief": {"instructions": "Be brief."}, "long": {"instructions": "Be long."}}),
    Asked("tools", {"one": {"tools": [WEATHER]}, "two": {"tools": [WEATHER, function_tool("time")]}}),
    Asked("tools", {"strict": {"tools": [{**WEATHER, "strict": True}]}}, {"tools": [WEATHER]}),
    Asked(
        "tool_choice",
        {mode: {"tool_choice": {"type": "allowed_tools", "mode": mode, "tools": []}} for mode in ("auto", "required")},
        {"tools": [WEATHER]},
    ),
    Asked("text.format", {kind: {"text": {"format": {"type": kind}}} for kind in ("json_object",)}),
    Asked("text.format", {"json_schema": {"text": {"format": FORM}}}),
    Asked(
        "text.format.description",
        {"one": {"text": {"format": {**FORM, "description": "A place."}}}},
        {"text": {"format": FORM}},
    ),
    Asked("text.format.name", {"other": {"text": {"format": {**FORM, "name": "m"}}}}, {"text": {"format": FORM}}),
    Asked("text.format.strict", {"true": {"text": {"format": {**FORM, "strict": True}}}}, {"text": {"format": FORM}}),
    Asked("text.verbosity", {word: {"text": {"verbosity": word}} for word in ("low", "medium", "high")}),
    Asked("reasoning.effort", {effort: {"reasoning": {"effort": effort}} for effort in EFFORTS}),
    Asked(
        "reasoning.summary",
        {word: {"reasoning": {"effort": "high", "summary": word}} for word in ("auto", "concise", "detailed")},
        {"reasoning": {"effort": "high"}},
    ),
    given(
        "input",
        image=[user([part("input_image", image_url=PIXEL)])],
        low=[user([part("input_image", image_url=PIXEL, detail="low")])],
        high=[user([part("input_image", image_url=PIXEL, detail="high")])],
        pdf=[user([part("input_file", filename="a.pdf", file_data=PDF)])],
        renamed=[user([part("input_file", filename="b.pdf", file_data=PDF)])],
        text=[user([part("input_file", filename="a.txt", file_data=NOTES)])],
        system=[{"role": "system", "content": "Plainly."}, user("Hello")],
        developer=[user("Hello"), {"role": "developer", "content": "Plainly."}],
        said=[user("Hello"), assistant("Hi."), user("Hello")],
        refused=[user("Hello"), {"role": "assistant", "content": [part("refusal", refusal="No.")]}, user("Hello")],
        compacted=[part("compaction", summary=[part("summary_text", text="We spoke.")]), user("Hello")],
        called=[*CALLED, function_call_output("call_1", "18")],
        seen=[*CALLED, function_call_output("call_1", [part("input_image", image_url=PIXEL)])],
        printed=[*CALLED, function_call_output("call_1", [part("input_file", filename="a.pdf", file_data=PDF)])],
        written=[*CALLED, function_call_output("call_1", [part("input_file", filename="a.txt", file_data=NOTES)])],
    ),
)


class LeftOut(NamedTuple):
    """What is not told on purpose."""

    field: str
    value: str
    kinds: frozenset[str]
    where: Callable[[Capabilities, str | None], bool]
    reason: str


ALL = frozenset({"openai_chat", "openai_responses", "anthropic", "bedrock"})
CLAUDE = frozenset({"anthropic", "bedrock"})
CHAT = frozenset({"openai_chat"})
ANTHROPIC = frozenset({"anthropic"})
BEDROCK = frozenset({"bedrock"})

LEFT_OUT = (
    LeftOut("service_tier", '"auto"', BEDROCK, lambda _can, _: True, "it is what the service does where nobody says"),
    LeftOut("parallel_tool_calls", "false", BEDROCK, lambda _can, _: True, "the run holds to it"),
    LeftOut("text.format.name", "other", ANTHROPIC, lambda _can, _: True, "the protocol has no names for schemas"),
    LeftOut("text.format.strict", "true", CLAUDE, lambda _can, _: True, "schemas are always held to"),
    LeftOut("text.verbosity", "medium", ALL, lambda can, _: not can.verbosity, "it is what such a model does anyway"),
    LeftOut(
        "reasoning.effort",
        "none",
        ALL,
        lambda can, _: not can.efforts or (can.thinking is not None and not can.thinks_unasked),
        "it does not reason unasked",
    ),
    *(
        LeftOut(
            "reasoning.effort",
            effort,
            ALL,
            lambda can, _, effort=effort: can.efforts and effort not in can.efforts,
            "the nearest effort that the model has is asked for",
        )
        for effort in ("minimal", "xhigh", "max")
    ),
    LeftOut("reasoning.summary", "auto", CHAT, lambda _can, _: True, "what such endpoints show comes unasked"),
    LeftOut(
        "prompt_cache_key",
        '"key"',
        CHAT,
        lambda _can, dialect: dialect in {"groq", "together", "openrouter", "vllm", "ollama"},
        "a hint that it does not know, and would refuse",
    ),
    LeftOut(
        "prompt_cache_key", '"key"', BEDROCK, lambda can, _: not can.cache_points, "a hint where nothing is cached"
    ),
    LeftOut(
        "safety_identifier",
        '"somebody"',
        CHAT,
        lambda _can, dialect: dialect in {"together", "ollama"},
        "a hint that it does not know",
    ),
    LeftOut(
        "safety_identifier",
        '"another"',
        CHAT,
        lambda _can, dialect: dialect in {"together", "ollama"},
        "a hint that it does not know",
    ),
)

NOT_FOR_MODELS = {
    "background": "says how it is run",
    "context_management": "the run compacts the conversation",
    "conversation": "its items are part of the input",
    "max_tool_calls": "the run counts",
    "metadata": "is kept and given back",
    "model": "names the agent, which names the model",
    "previous_response_id": "its turns are part of the input",
    "store": "says what is kept",
    "stream": "says how it is answered",
    "stream_options": "says how it is answered",
    "truncation": "the run shortens the input",
    "user": "the older name of safety_identifier",
}


def protocol_of(kind: str) -> Protocol:
    return next(protocol for protocol in PROTOCOLS if protocol.kind == kind)


class Sent(NamedTuple):
    """What came of a call: the body that reached the endpoint, or the path of a refusal."""

    body: str | None
    param: str | None


def refused(provider: ModelProvider, call: ModelCall) -> ApiError | None:
    try:
        provider.check(call)
    except ApiError as error:
        return error
    return None


async def send(provider: ModelProvider, upstream: Upstream, call: ModelCall) -> Sent:
    refusal = refused(provider, call)
    if refusal is not None:
        assert refusal.status == 400
        assert refusal.param is not None
        return Sent(None, refusal.param)
    assert [delta async for delta in provider.stream(call)][-1] == StopDelta("stop")
    return Sent(json.dumps(upstream.requests[-1].body, sort_keys=True), None)


def call_of(model: str, fields: dict[str, Any]) -> ModelCall:
    asked = {"items": [user("Hello")], **fields}
    return replace(model_call(asked.pop("items"), **asked), model=model, asked=len(fields.get("items") or [1]))


async def asked_of(provider: ModelProvider, upstream: Upstream, model: str, asked: Asked) -> dict[str, Sent]:
    """Send all values of one thing, and the call without it as ``""``."""
    calls = {"": asked.beside, **{name: {**asked.beside, **more} for name, more in asked.values.items()}}
    return {name: await send(provider, upstream, call_of(model, fields)) for name, fields in calls.items()}


def is_left_out(kind: str, family: Family, dialect: str | None, field: str, value: str) -> LeftOut | None:
    for left_out in LEFT_OUT:
        same = (left_out.field, left_out.value) == (field, value) and kind in left_out.kinds
        if same and left_out.where(family.capabilities, dialect):
            return left_out
    return None


def names(param: str, field: str) -> bool:
    """Whether a refusal names what was asked, or what holds it: ``input[0].content[0].type`` is of ``input``."""
    return param.startswith(field) or field.startswith(param) or (field == "top_logprobs" and param == "include")


def check(kind: str, family: Family, dialect: str | None, asked: Asked, sent: dict[str, Sent]) -> None:
    """Require that each value was refused by its path, or told apart from all others."""
    without = sent.pop("")
    bodies = {without.body: "nothing"}
    for value, (body, param) in sent.items():
        told = f"{kind}, {family.name}: {asked.field} {value}"
        if body is None:
            assert without.body is None or names(str(param), asked.field), f"{told} is refused as {param}"
            continue
        left_out = is_left_out(kind, family, dialect, asked.field, value)
        if left_out is not None:
            assert body in bodies, f"{told} is told: the exception is not needed"
            continue
        assert body not in bodies, f"{told} is dropped: it reads as {bodies[body]}"
        bodies[body] = value


FAMILIES = [(kind, family) for kind, family in every_family() if kind != "demo"]


@pytest.mark.parametrize(("kind", "family"), FAMILIES, ids=[f"{kind} {family.name}" for kind, family in FAMILIES])
async def test_whatever_is_asked_reaches_the_model_or_is_refused(kind: str, family: Family) -> None:
    model, dialect = MODELS[kind, family.name]
    protocol = protocol_of(kind)
    with Upstream([protocol.script([TextDelta("x"), StopDelta("stop")])]) as upstream:
        more = {"dialect": dialect} if dialect is not None else {}
        provider = protocol.provider(upstream.base_url, **more)
        assert provider.capabilities(model).document() == family.capabilities.document()  # type: ignore[attr-defined]
        for asked in ASKED:
            check(kind, family, dialect, asked, await asked_of(provider, upstream, model, asked))
        await provider.aclose()
    known = KNOWN.get((kind, dialect)) or KNOWN.get((kind, None))
    for request in upstream.requests:
        assert known is None or set(request.body) <= known
        if kind == "bedrock":
            told = ParamValidator().validate({"modelId": model, **request.body}, CONVERSE)
            assert not told.has_errors(), told.generate_report()


KNOWN: dict[tuple[str, str | None], set[str]] = {
    ("openai_chat", "openai"): set(get_type_hints(CompletionCreateParamsStreaming)),
    ("openai_chat", "azure"): set(get_type_hints(CompletionCreateParamsStreaming)),
    ("openai_responses", "openai"): set(get_type_hints(ResponseCreateParamsStreaming)),
    ("anthropic", None): set(get_type_hints(MessageCreateParamsStreaming)) | {"temperature", "top_p"},
}
"""The fields that the vendors' own libraries know; Anthropic's speaks a later version of the protocol, which has no
sampling. What is sent to Bedrock is held against botocore's model of the service.
"""

CONVERSE = Session().get_service_model("bedrock-runtime").operation_model("ConverseStream").input_shape


def test_every_family_has_a_model_here() -> None:
    assert set(MODELS) == {(kind, family.name) for kind, family in FAMILIES}


def test_every_field_of_a_request_is_asked_here_or_is_not_for_models() -> None:
    asked = {asked.field.partition(".")[0] for asked in ASKED}
    assert asked.isdisjoint(NOT_FOR_MODELS)
    assert asked | set(NOT_FOR_MODELS) == set(CreateResponse.model_fields)
