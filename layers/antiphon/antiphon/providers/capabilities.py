"""What each provider's models can be asked, as data: by protocol, and by family of models where they differ.

It must not know requests (``require`` holds them against this table), HTTP or credentials. A value that a family does
not say is its protocol's. The first family that matches wins. Sources, read in November 2026: OpenAI's API reference
and model pages; Anthropic's "Models overview", "Adaptive thinking", "Structured outputs", "Mid-conversation system
messages"; AWS's model cards and "Converse API"; the documentation of each named endpoint.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from antiphon.ports import Medium, Reads

Effort = Literal["none", "low", "medium", "high", "xhigh"]
Thinking = Literal["adaptive", "budget"]

LEAST_BUDGET: Final = 1024
BUDGETS: Final = {"low": 2048, "medium": 8192, "high": 24_576, "xhigh": 49_152}
"""Tokens to think with, for models that take a budget and no effort: ours to choose."""

EVERYTHING: Final = frozenset[Medium]({"image", "pdf", "text"})
_TEXT: Final = frozenset[Medium]({"text"})
_FEW: Final = frozenset[Effort]({"low", "medium", "high"})
_EFFORTS: Final = frozenset[Effort]({"none", "low", "medium", "high", "xhigh"})
_CHOICES: Final = frozenset({"auto", "none", "required", "function"})
_AUTO: Final = frozenset({"auto"})


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a model can be asked. What is not here, every model can.

    Attributes:
        message, output: what it can be given in a user's message, and in the output of a function call, beside text.
        image_detail: an image's ``detail``.
        tools: functions, and the forms of ``tool_choice``.
        strict_tools: a function's ``strict``.
        serial_tools: ``parallel_tool_calls`` false is told to it; the run holds to it in any case.
        formats: values of ``text.format.type`` beside ``text``.
        verbosity: ``text.verbosity``.
        efforts: values of ``reasoning.effort``; empty where it does not reason on request.
        summaries: values of ``reasoning.summary``.
        temperature: the greatest value; None where it cannot be set.
        top_p: ``top_p``.
        penalties: ``presence_penalty`` and ``frequency_penalty``.
        top_logprobs: the most; None where there are no log probabilities.
        service_tiers: values of ``service_tier``.
        thinking: how it is told to reason: by effort alone, or by a budget of tokens.
        temperature_with_top_p: both can be set at once.
        forced_while_reasoning: a call can be required of it while it reasons.
        sampled_while_reasoning: ``temperature`` and ``top_p`` can be set while it reasons.
        instructed_turns: it reads instructions in the midst of a conversation as such.
        cache_points: places can be marked from which a prompt is kept (Bedrock).
        max_output_tokens: what is asked for where nobody says, in protocols that require it.
    """

    message: frozenset[Medium] = EVERYTHING
    output: frozenset[Medium] = _TEXT
    image_detail: bool = False
    tools: frozenset[str] = _CHOICES
    strict_tools: bool = True
    serial_tools: bool = True
    formats: frozenset[str] = frozenset({"json_object", "json_schema"})
    verbosity: bool = False
    efforts: frozenset[Effort] = frozenset()
    summaries: frozenset[str] = _AUTO
    temperature: float | None = 2.0
    top_p: bool = True
    penalties: bool = False
    top_logprobs: int | None = None
    service_tiers: frozenset[str] = frozenset({"auto", "default"})
    thinking: Thinking | None = None
    temperature_with_top_p: bool = True
    forced_while_reasoning: bool = True
    sampled_while_reasoning: bool = True
    instructed_turns: bool = True
    cache_points: bool = False
    max_output_tokens: int = 8192

    @property
    def reads(self) -> Reads:
        """Give what it can be given, as the port says it."""
        return Reads(self.message, self.output)

    def document(self) -> dict[str, Any]:
        """Write it as JSON, for ``GET /v1/models/{id}``: by the names of the request's fields."""
        return {
            "input": sorted(self.message),
            "function_output": sorted(self.output),
            "tool_choice": sorted(self.tools),
            "strict_tools": self.strict_tools,
            "text_formats": ["text", *sorted(self.formats)],
            "verbosity": self.verbosity,
            "reasoning_efforts": [effort for effort in _ORDER if effort in self.efforts],
            "temperature": self.temperature,
            "top_p": self.top_p,
            "penalties": self.penalties,
            "top_logprobs": self.top_logprobs,
            "service_tiers": sorted(self.service_tiers),
        }


_ORDER: Final[tuple[Effort, ...]] = ("none", "low", "medium", "high", "xhigh")


@dataclass(frozen=True, slots=True)
class Family:
    """Models of one provider that can be asked the same.

    Attributes:
        kind: the protocol, as in ``ProviderEndpoint.kind``.
        name: for people.
        pattern: a regular expression that is found in the model's name; empty for all.
        host: a regular expression that is found in the endpoint's host, or in the name of its dialect; empty for all.
        capabilities: what they can be asked.
    """

    kind: str
    name: str
    pattern: str
    capabilities: Capabilities
    host: str = ""


DEMO: Final = Capabilities(
    output=EVERYTHING,
    image_detail=True,
    verbosity=True,
    efforts=_EFFORTS,
    summaries=frozenset({"auto", "concise", "detailed"}),
    penalties=True,
    top_logprobs=20,
    service_tiers=frozenset({"auto", "default", "flex", "priority"}),
)

CHAT: Final = Capabilities(
    image_detail=True,
    verbosity=True,
    efforts=_EFFORTS,
    penalties=True,
    top_logprobs=20,
    service_tiers=frozenset({"auto", "default", "flex", "priority"}),
)
"""An endpoint that nothing is known of is asked what it is told to do; what it cannot, it refuses."""

_LOCAL: Final = dataclasses.replace(
    CHAT, image_detail=False, verbosity=False, service_tiers=frozenset({"auto", "default"})
)
_OPENAI_REASONS: Final = {"temperature": None, "top_p": False, "penalties": False, "top_logprobs": None}

RESPONSES: Final = Capabilities(
    output=EVERYTHING,
    image_detail=True,
    verbosity=True,
    efforts=_EFFORTS,
    summaries=frozenset({"auto", "concise", "detailed"}),
    top_logprobs=20,
    service_tiers=frozenset({"auto", "default", "flex", "priority"}),
)

CLAUDE: Final = Capabilities(
    output=EVERYTHING,
    formats=frozenset({"json_schema"}),
    efforts=_EFFORTS,
    temperature=1.0,
    thinking="adaptive",
    forced_while_reasoning=False,
    sampled_while_reasoning=False,
    max_output_tokens=64_000,
)
_CLAUDE_NOW: Final = dataclasses.replace(CLAUDE, temperature=None, top_p=False, max_output_tokens=128_000)
_CLAUDE_ALWAYS: Final = dataclasses.replace(_CLAUDE_NOW, efforts=_EFFORTS - {"none"})
_CLAUDE_4_7: Final = dataclasses.replace(_CLAUDE_NOW, instructed_turns=False)
_CLAUDE_4_6: Final = dataclasses.replace(
    CLAUDE,
    efforts=frozenset({"none", *_FEW}),
    temperature_with_top_p=False,
    instructed_turns=False,
    max_output_tokens=128_000,
)
_CLAUDE_4_5: Final = dataclasses.replace(_CLAUDE_4_6, thinking="budget", max_output_tokens=64_000)
_CLAUDE_4: Final = dataclasses.replace(_CLAUDE_4_5, formats=frozenset(), strict_tools=False, max_output_tokens=32_000)
_CLAUDE_3: Final = dataclasses.replace(
    _CLAUDE_4, efforts=frozenset(), thinking=None, temperature_with_top_p=True, max_output_tokens=4096
)

MESSAGES: Final = dataclasses.replace(CLAUDE, formats=frozenset(), max_output_tokens=8192, instructed_turns=False)
"""A compatible endpoint that nothing is known of. llama.cpp passes over a schema without a word: none is asked for."""

CONVERSE: Final = Capabilities(
    formats=frozenset({"json_schema"}),
    serial_tools=False,
    temperature=1.0,
    service_tiers=frozenset({"auto", "default", "flex", "priority"}),
    instructed_turns=False,
)
"""A model on Bedrock that nothing is known of."""


def _on_bedrock(claude: Capabilities) -> Capabilities:
    return dataclasses.replace(
        claude,
        service_tiers=CONVERSE.service_tiers,
        serial_tools=False,
        instructed_turns=False,
        cache_points=claude.thinking is not None,
    )


_CLAUDES: Final = (
    ("Claude 3", r"claude-(instant|2|3)(?!-7)", _CLAUDE_3),
    ("Claude 3.7, 4, 4.1", r"claude-(3-7-sonnet|(opus|sonnet)-4-(\d{8}|0\b|1\b)|(opus|sonnet)-4$)", _CLAUDE_4),
    ("Claude 4.5", r"claude-(opus|sonnet|haiku)-4-5", _CLAUDE_4_5),
    ("Claude 4.6", r"claude-(opus|sonnet)-4-6", _CLAUDE_4_6),
    ("Claude Opus 4.7", r"claude-opus-4-7", _CLAUDE_4_7),
    ("Claude Mythos, Fable", r"claude-(mythos|fable)", _CLAUDE_ALWAYS),
    ("Claude Opus 4.8 and later", r"claude-", _CLAUDE_NOW),
)

FAMILIES: Final = (
    Family("demo", "the built-in demo model", "", DEMO),
    Family(
        "openai_chat",
        "OpenAI's reasoning models",
        r"^(o\d|gpt-5(?!.*chat))",
        dataclasses.replace(CHAT, **_OPENAI_REASONS),  # type: ignore[arg-type]
        r"(^|\.)(openai\.com|openai\.azure\.com)$",
    ),
    Family(
        "openai_chat",
        "OpenAI's other models",
        "",
        dataclasses.replace(CHAT, efforts=frozenset()),
        r"(^|\.)(openai\.com|openai\.azure\.com)$",
    ),
    Family(
        "openai_chat",
        "Groq",
        "",
        dataclasses.replace(CHAT, penalties=False, top_logprobs=None, verbosity=False),
        r"(^|\.)groq\.com$",
    ),
    Family("openai_chat", "Together", "", dataclasses.replace(CHAT, verbosity=False), r"(^|\.)together\.(xyz|ai)$"),
    Family("openai_chat", "OpenRouter", "", dataclasses.replace(CHAT, verbosity=False), r"(^|\.)openrouter\.ai$"),
    Family(
        "openai_chat",
        "Ollama",
        "",
        dataclasses.replace(_LOCAL, tools=_AUTO, strict_tools=False, serial_tools=False),
        r"^ollama$",
    ),
    Family("openai_chat", "vLLM, llama.cpp", "", _LOCAL, r"^(vllm|llama\.cpp)$"),
    Family("openai_chat", "any compatible endpoint", "", CHAT),
    Family(
        "openai_responses",
        "OpenAI's reasoning models",
        r"(^|\.)(o\d|gpt-5(?!.*chat))",
        dataclasses.replace(RESPONSES, **_OPENAI_REASONS),  # type: ignore[arg-type]
        r"(^|\.)openai\.com$",
    ),
    Family(
        "openai_responses",
        "OpenAI's other models",
        "",
        dataclasses.replace(RESPONSES, efforts=frozenset()),
        r"(^|\.)openai\.com$",
    ),
    Family(
        "openai_responses",
        "llama.cpp",
        "",
        dataclasses.replace(_LOCAL, formats=frozenset(), top_logprobs=None, max_output_tokens=8192),
        r"^llama\.cpp$",
    ),
    Family("openai_responses", "any compatible endpoint", "", dataclasses.replace(RESPONSES, penalties=True)),
    *(Family("anthropic", name, pattern, can) for name, pattern, can in _CLAUDES),
    Family("anthropic", "any compatible endpoint", "", MESSAGES),
    *(Family("bedrock", name, pattern, _on_bedrock(can)) for name, pattern, can in _CLAUDES),
    Family(
        "bedrock", "Amazon Nova", r"amazon\.nova", dataclasses.replace(CONVERSE, formats=frozenset(), cache_points=True)
    ),
    Family(
        "bedrock",
        "Meta Llama, Mistral, Cohere, DeepSeek",
        r"(meta\.llama|mistral\.|cohere\.|deepseek\.)",
        dataclasses.replace(CONVERSE, formats=frozenset(), strict_tools=False, message=frozenset({"image", "text"})),
    ),
    Family("bedrock", "any other model", "", CONVERSE),
)


def family_of(kind: str, model: str, host: str = "") -> Family:
    """Find a model's family.

    Args:
        kind: the protocol.
        model: the provider's own name of the model; on Bedrock also an ARN or an inference profile.
        host: the endpoint's host; empty where the protocol has one endpoint.

    Raises:
        LookupError: there is no such protocol.
    """
    for family in FAMILIES:
        if family.kind == kind and re.search(family.host, host) and re.search(family.pattern, model):
            return family
    raise LookupError(kind)
