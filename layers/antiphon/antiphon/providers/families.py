"""What the models of each provider support, as data: by protocol, and by family of models if they differ.

A family has the values of its protocol unless it sets others. The first family that matches wins. Sources, read in
November 2026: OpenAI's API reference, model pages and "Deployment checklist"; Anthropic's "Models overview", "Adaptive
thinking", "Preserved thinking", "Structured outputs", "Mid-conversation system messages" and the migration guides of
Claude 5 and 5.5; AWS's model cards and "Converse API"; the documentation of each named endpoint.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Any, Final

from antiphon.ports import Medium
from antiphon.providers.capabilities import EVERYTHING, Capabilities, Effort

_TEXT: Final = frozenset[Medium]({"text"})
_SEEN: Final = frozenset[Medium]({"image", "text"})
_FEW: Final = frozenset[Effort]({"low", "medium", "high"})
_EFFORTS: Final = frozenset[Effort]({"none", "low", "medium", "high", "xhigh"})
_UNFORCED: Final = frozenset({"auto", "none"})
_AUTO: Final = frozenset({"auto"})


@dataclass(frozen=True, slots=True)
class Family:
    """Models of one provider that support the same.

    Attributes:
        kind: the protocol, as in ``ProviderEndpoint.kind``.
        name: for people.
        pattern: a regular expression that is found in the model's name; empty for all.
        host: a regular expression that is found in the endpoint's host, or in the name of its dialect; empty for all.
        capabilities: what they support.
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
"""An unknown endpoint gets whatever is asked for, and refuses what it does not support."""

_LOCAL: Final = dataclasses.replace(
    CHAT, message=_SEEN, image_detail=False, verbosity=False, service_tiers=frozenset({"auto", "default"})
)

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
    efforts=_EFFORTS | {"max"},
    temperature=1.0,
    thinking="adaptive",
    forced_while_reasoning=False,
    sampled_while_reasoning=False,
    max_output_tokens=64_000,
)
_CLAUDE_NOW: Final = dataclasses.replace(CLAUDE, temperature=None, top_p=False, max_output_tokens=128_000)
_CLAUDE_ALWAYS: Final = dataclasses.replace(_CLAUDE_NOW, efforts=CLAUDE.efforts - {"none"})
_CLAUDE_5: Final = dataclasses.replace(_CLAUDE_NOW, unthinking="disabled")
_CLAUDE_5_5: Final = dataclasses.replace(_CLAUDE_ALWAYS, tools=_UNFORCED, bound_thinking=True)
_SONNET_5_5: Final = dataclasses.replace(_CLAUDE_5_5, efforts=CLAUDE.efforts, unthinking="between_tools")
_HAIKU_5_5: Final = dataclasses.replace(_CLAUDE_5, bound_thinking=True)
_CLAUDE_4_7: Final = dataclasses.replace(_CLAUDE_NOW, instructed_turns=False)
_CLAUDE_4_6: Final = dataclasses.replace(
    CLAUDE,
    efforts=frozenset({"none", *_FEW, "max"}),
    temperature_with_top_p=False,
    instructed_turns=False,
    max_output_tokens=128_000,
)
_CLAUDE_4_5: Final = dataclasses.replace(
    _CLAUDE_4_6, efforts=frozenset({"none", *_FEW}), thinking="budget", prefill=True, max_output_tokens=64_000
)
_CLAUDE_4: Final = dataclasses.replace(_CLAUDE_4_5, formats=frozenset(), strict_tools=False, max_output_tokens=32_000)
_CLAUDE_3: Final = dataclasses.replace(
    _CLAUDE_4, efforts=frozenset(), thinking=None, temperature_with_top_p=True, max_output_tokens=4096
)

MESSAGES: Final = dataclasses.replace(
    CLAUDE, efforts=_EFFORTS, formats=frozenset(), max_output_tokens=8192, instructed_turns=False
)
"""An unknown compatible endpoint. It gets no schema, because llama.cpp ignores one silently."""

CONVERSE: Final = Capabilities(
    formats=frozenset({"json_schema"}),
    serial_tools=False,
    temperature=1.0,
    service_tiers=frozenset({"auto", "default", "flex", "priority"}),
    instructed_turns=False,
)
"""An unknown model on Bedrock."""

_NOVA: Final = dataclasses.replace(CONVERSE, formats=frozenset(), cache_points=True)
_OTHER_MAKERS: Final = dataclasses.replace(
    CONVERSE, formats=frozenset(), strict_tools=False, message=_SEEN, tools=_UNFORCED
)


def _on_bedrock(claude: Capabilities) -> Capabilities:
    return dataclasses.replace(
        claude,
        service_tiers=CONVERSE.service_tiers,
        serial_tools=False,
        instructed_turns=False,
        cache_points=claude.thinking is not None,
    )


_NO_MINOR: Final = r"(?!-\d{1,2}(\D|$))"
"""A date may follow a version, but no second number."""

_CLAUDES: Final = (
    ("Claude 3", r"claude-(instant|2|3)(?!-7)", _CLAUDE_3),
    ("Claude 3.7, 4, 4.1", r"claude-(3-7-sonnet|(opus|sonnet)-4-(\d{8}|0\b|1\b)|(opus|sonnet)-4$)", _CLAUDE_4),
    ("Claude 4.5", r"claude-(opus|sonnet|haiku)-4-5", _CLAUDE_4_5),
    ("Claude 4.6", r"claude-(opus|sonnet)-4-6", _CLAUDE_4_6),
    ("Claude Opus 4.7", r"claude-opus-4-7", _CLAUDE_4_7),
    ("Claude Opus 4.8", r"claude-opus-4-8", _CLAUDE_NOW),
    ("Claude Sonnet 5", rf"claude-sonnet-5{_NO_MINOR}", dataclasses.replace(_CLAUDE_5, instructed_turns=False)),
    ("Claude Opus 5", rf"claude-opus-5{_NO_MINOR}", _CLAUDE_5),
    ("Claude Fable 5, Mythos 5", rf"claude-((fable|mythos)-5{_NO_MINOR}|mythos-preview)", _CLAUDE_ALWAYS),
    ("Claude Sonnet 5.5", r"claude-sonnet-5-5", _SONNET_5_5),
    ("Claude Haiku 5.5", r"claude-haiku-5-5", _HAIKU_5_5),
    ("Claude Opus 5.5, Fable 5.1, Mythos 5.1 and later", r"claude-", _CLAUDE_5_5),
)

_NOT_SET: Final = {"temperature": None, "top_p": False, "penalties": False, "top_logprobs": None}
_Row = tuple[str, str, dict[str, Any]]
_OPENAIS: Final[tuple[_Row, ...]] = (
    ("OpenAI's o series", r"(^|\.)o\d", {**_NOT_SET, "efforts": _FEW, "verbosity": False}),
    ("GPT-5 pro", r"gpt-5-pro", {**_NOT_SET, "efforts": frozenset({"high"})}),
    ("GPT-5", r"gpt-5(?!\.\d)(?!.*chat)", {**_NOT_SET, "efforts": _FEW | {"minimal"}}),
    ("GPT-5.1", r"gpt-5\.1(?!\d)(?!-codex-max)(?!.*chat)", {**_NOT_SET, "efforts": frozenset({"none", *_FEW})}),
    ("GPT-5.2 to 5.6", r"gpt-5(?!.*chat)", _NOT_SET),
)
_ASTRA: Final[_Row] = ("GPT-6 Astra, GPT-6.1 Sol", r"gpt-6(-astra|\.\d+-sol)", {**_NOT_SET, "tools": frozenset()})
_GPT_6: Final = ("GPT-6 and later", r"gpt-([6-9]|\d\d)(?!.*chat)")
_OTHERS: Final[_Row] = ("OpenAI's other models", "", {"efforts": frozenset(), "verbosity": False})
_OPENAIS_CHAT: Final = (*_OPENAIS, _ASTRA, (*_GPT_6, {**_NOT_SET, "called_while_reasoning": False}), _OTHERS)
_OPENAIS_RESPONSES: Final = (*_OPENAIS, (*_GPT_6, _NOT_SET), _OTHERS)
_OPENAI_HOSTS: Final = r"(^|\.)openai\.com$|\.(openai|services\.ai|cognitiveservices)\.azure\.com$|^(openai|azure)$"


FAMILIES: Final = (
    Family("demo", "the built-in demo model", "", DEMO),
    *(
        Family("openai_chat", name, pattern, dataclasses.replace(CHAT, **more), _OPENAI_HOSTS)
        for name, pattern, more in _OPENAIS_CHAT
    ),
    Family(
        "openai_chat",
        "Groq",
        "",
        dataclasses.replace(
            CHAT,
            message=_SEEN,
            penalties=False,
            top_logprobs=None,
            verbosity=False,
            service_tiers=frozenset({"auto", "default", "flex"}),
        ),
        r"(^|\.)groq\.com$|^groq$",
    ),
    Family("openai_chat", "Together", "", _LOCAL, r"(^|\.)together\.(xyz|ai)$|^together$"),
    Family(
        "openai_chat",
        "OpenRouter",
        "",
        dataclasses.replace(CHAT, verbosity=False),
        r"(^|\.)openrouter\.ai$|^openrouter$",
    ),
    Family(
        "openai_chat",
        "Ollama",
        "",
        dataclasses.replace(_LOCAL, tools=_AUTO, strict_tools=False, serial_tools=False),
        r"^ollama$",
    ),
    Family("openai_chat", "vLLM, llama.cpp, LM Studio", "", _LOCAL, r"^(vllm|llama\.cpp|lmstudio)$"),
    Family("openai_chat", "any compatible endpoint", "", CHAT),
    *(
        Family("openai_responses", name, pattern, dataclasses.replace(RESPONSES, **more), _OPENAI_HOSTS)
        for name, pattern, more in _OPENAIS_RESPONSES
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
    Family("bedrock", "Amazon Nova Micro", r"amazon\.nova-micro", dataclasses.replace(_NOVA, message=_TEXT)),
    Family("bedrock", "Amazon Nova", r"amazon\.nova", _NOVA),
    Family("bedrock", "Mistral", r"mistral\.", dataclasses.replace(_OTHER_MAKERS, tools=_UNFORCED | {"required"})),
    Family("bedrock", "Meta Llama, Cohere, DeepSeek", r"(meta\.llama|cohere\.|deepseek\.)", _OTHER_MAKERS),
    Family("bedrock", "any other model", "", CONVERSE),
)


def family_of(kind: str, model: str, host: str = "") -> Family:
    """Return the family of a model.

    Args:
        kind: the protocol.
        model: the provider's own name of the model; on Bedrock also an ARN or an inference profile.
        host: the endpoint's host; empty if the protocol has only one endpoint.

    Raises:
        LookupError: there is no such protocol.
    """
    for family in FAMILIES:
        if family.kind == kind and re.search(family.host, host) and re.search(family.pattern, model):
            return family
    raise LookupError(kind)
