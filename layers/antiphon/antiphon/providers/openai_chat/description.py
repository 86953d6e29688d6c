"""What models behind Chat Completions endpoints support. How the endpoints themselves differ is in ``dialects``.

Sources, read in November 2026: the documentation of each named endpoint.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from antiphon.providers.capabilities import IMAGES, USUAL_EFFORTS, Capabilities
from antiphon.providers.description import Description, Family
from antiphon.providers.openai_models import chat_families

if TYPE_CHECKING:
    from antiphon.ports import ApiKey, ModelProvider
    from antiphon.settings import ProviderEndpoint

UNKNOWN: Final = Capabilities(
    image_detail=True,
    verbosity=True,
    efforts=USUAL_EFFORTS,
    penalties=True,
    top_logprobs=20,
    service_tiers=frozenset({"auto", "default", "flex", "priority"}),
)
"""An unknown endpoint gets whatever is asked for, and refuses what it does not support."""

_FEW_TIERS: Final = frozenset({"auto", "default"})
_SERVER: Final = replace(UNKNOWN, message=IMAGES, image_detail=False, verbosity=False, service_tiers=_FEW_TIERS)
_GROQ: Final = replace(
    UNKNOWN,
    message=IMAGES,
    penalties=False,
    top_logprobs=None,
    verbosity=False,
    service_tiers=_FEW_TIERS | {"flex"},
)
_OLLAMA: Final = replace(_SERVER, tools=frozenset({"auto"}), strict_tools=False, serial_tools=False)

FAMILIES: Final = (
    *chat_families(UNKNOWN),
    Family("Groq", "", _GROQ, r"(^|\.)groq\.com$|^groq$"),
    Family("Together", "", _SERVER, r"(^|\.)together\.(xyz|ai)$|^together$"),
    Family("OpenRouter", "", replace(UNKNOWN, verbosity=False), r"(^|\.)openrouter\.ai$|^openrouter$"),
    Family("Ollama", "", _OLLAMA, r"^ollama$"),
    Family("vLLM, llama.cpp, LM Studio", "", _SERVER, r"^(vllm|llama\.cpp|lmstudio)$"),
    Family("any compatible endpoint", "", UNKNOWN),
)


def build(endpoint: ProviderEndpoint, key: ApiKey | str | None) -> ModelProvider:
    """Make the adapter of an endpoint."""
    from antiphon.providers.openai_chat.adapter import OpenAIChat

    assert endpoint.base_url is not None  # the settings require it
    return OpenAIChat(
        endpoint.base_url,
        key,
        reads=endpoint.reads,
        dialect=endpoint.dialect,
        reasoning_content=endpoint.reasoning_content,
        stream_options=endpoint.stream_options,
    )


DESCRIPTION: Final = Description(FAMILIES, build)
