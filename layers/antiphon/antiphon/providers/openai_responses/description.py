"""What models behind Responses endpoints support."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from antiphon.providers.capabilities import EVERYTHING, IMAGES, USUAL_EFFORTS, Capabilities
from antiphon.providers.description import Description, Family
from antiphon.providers.openai_models import responses_families

if TYPE_CHECKING:
    from antiphon.ports import ApiKey, ModelProvider
    from antiphon.settings import ProviderEndpoint

BASE_URL: Final = "https://api.openai.com/v1"

_OPENAI: Final = Capabilities(
    output=EVERYTHING,
    image_detail=True,
    verbosity=True,
    efforts=USUAL_EFFORTS,
    summaries=frozenset({"auto", "concise", "detailed"}),
    top_logprobs=20,
    service_tiers=frozenset({"auto", "default", "flex", "priority"}),
)
_LLAMA_CPP: Final = Capabilities(
    message=IMAGES,
    efforts=USUAL_EFFORTS,
    formats=frozenset(),
    penalties=True,
)

FAMILIES: Final = (
    *responses_families(_OPENAI),
    Family("llama.cpp", "", _LLAMA_CPP, r"^llama\.cpp$"),
    Family("any compatible endpoint", "", replace(_OPENAI, penalties=True)),
)


def build(endpoint: ProviderEndpoint, key: ApiKey | str | None) -> ModelProvider:
    """Make the adapter of an endpoint."""
    from antiphon.providers.openai_responses.adapter import OpenAIResponses

    return OpenAIResponses(
        endpoint.base_url or BASE_URL,
        key,
        dialect=endpoint.dialect,
        stream_options=endpoint.stream_options,
        background=endpoint.background,
    )


DESCRIPTION: Final = Description(FAMILIES, build, BASE_URL)
