"""How Chat Completions endpoints differ from each other, as data.

``description`` lists what their models support. Hosts are recognised; for other servers there is the setting
``dialect``. Sources, read in November 2026: the API reference of OpenAI, Azure, Groq, Together
and OpenRouter; the pages on OpenAI compatibility of vLLM, Ollama and llama.cpp.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

_ANY_ID: Final = re.compile(r"(?s).+")
_OPENAIS_ID: Final = re.compile(r"(?s).{1,40}")
_MISTRALS_ID: Final = re.compile(r"[a-zA-Z0-9]{9}")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an endpoint differs.

    Attributes:
        title: its name for people.
        host: a regular expression that is found in its host; empty if it has no host of its own.
        limit: the field for ``max_output_tokens``.
        developer: it has the role ``developer`` and the field ``refusal``; otherwise it gets ``system`` and plain text.
        user: the field for ``safety_identifier``.
        effort: the field for ``reasoning.effort``; ``reasoning`` is an object that holds it.
        tiers: its own names for values of ``service_tier``.
        key: the header that carries a key, as it is; ``authorization`` carries it as a bearer token.
        leading_system: its chat templates refuse instructions that do not come first; later ones are marked in a user's
            message instead.
        user_first: it refuses a history that does not begin with the user.
        user_last: it refuses a history that ends with the model.
        alternating: its chat templates refuse two messages of one role in a row.
        reasoning_always: if it takes reasoning back, it requires the field in every answer, empty if there is none.
        call_ids: the ids of calls that it takes; any other is replaced.
        signed_calls: it refuses calls without a signature, so those of other models have the one that is documented
            for them.
        hints: the hints that it takes. Others are not sent: they would be refused, and they change no answer.
    """

    title: str
    host: str = ""
    limit: Literal["max_completion_tokens", "max_tokens"] = "max_tokens"
    developer: bool = False
    user: Literal["safety_identifier", "user"] = "user"
    effort: Literal["reasoning_effort", "reasoning"] = "reasoning_effort"
    tiers: dict[str, str] = field(default_factory=dict)
    key: Literal["authorization", "api-key"] = "authorization"
    leading_system: bool = False
    user_first: bool = False
    user_last: bool = False
    alternating: bool = False
    reasoning_always: bool = False
    call_ids: re.Pattern[str] = _ANY_ID
    signed_calls: bool = False
    hints: frozenset[str] = frozenset({"safety_identifier"})


_ALL_HINTS: Final = frozenset({"safety_identifier", "prompt_cache_key"})

DIALECTS: Final[dict[str, Dialect]] = {
    "openai": Dialect(
        "OpenAI",
        r"(^|\.)openai\.com$",
        limit="max_completion_tokens",
        developer=True,
        user="safety_identifier",
        call_ids=_OPENAIS_ID,
        hints=_ALL_HINTS,
    ),
    "azure": Dialect(
        "Azure OpenAI",
        r"\.(openai|services\.ai|cognitiveservices)\.azure\.com$",
        limit="max_completion_tokens",
        developer=True,
        key="api-key",
        call_ids=_OPENAIS_ID,
        hints=_ALL_HINTS,
    ),
    "groq": Dialect("Groq", r"(^|\.)groq\.com$", limit="max_completion_tokens", tiers={"default": "on_demand"}),
    "together": Dialect("Together", r"(^|\.)together\.(xyz|ai)$", hints=frozenset()),
    "openrouter": Dialect("OpenRouter", r"(^|\.)openrouter\.ai$", effort="reasoning", user_first=True, user_last=True),
    "gemini": Dialect(
        "Google Gemini",
        r"(^|\.|-)(generativelanguage|aiplatform)\.googleapis\.com$",
        user_first=True,
        user_last=True,
        signed_calls=True,
        hints=frozenset(),
    ),
    "mistral": Dialect(
        "Mistral", r"(^|\.)mistral\.ai$", user_first=True, user_last=True, call_ids=_MISTRALS_ID, hints=frozenset()
    ),
    "deepseek": Dialect(
        "DeepSeek",
        r"(^|\.)deepseek\.com$",
        user_first=True,
        user_last=True,
        reasoning_always=True,
        hints=frozenset(),
    ),
    "vllm": Dialect("vLLM", leading_system=True, alternating=True, user_first=True),
    "ollama": Dialect("Ollama", hints=frozenset()),
    "llama.cpp": Dialect(
        "llama.cpp", leading_system=True, alternating=True, user_first=True, user_last=True, hints=frozenset()
    ),
    "lmstudio": Dialect(
        "LM Studio", leading_system=True, alternating=True, user_first=True, user_last=True, hints=frozenset()
    ),
    "compatible": Dialect("any other", user="safety_identifier", hints=_ALL_HINTS),
}
"""By name; the last takes every host."""


def dialect_of(base_url: str) -> str:
    """Return the name of the dialect of an endpoint, by its host."""
    host = urlsplit(base_url).hostname or ""
    known = (name for name, dialect in DIALECTS.items() if dialect.host and re.search(dialect.host, host))
    return next(known, "compatible")
