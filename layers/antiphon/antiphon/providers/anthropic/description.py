"""What models behind Messages endpoints support."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from antiphon.providers.capabilities import USUAL_EFFORTS
from antiphon.providers.claude import CLAUDE, CLAUDES
from antiphon.providers.description import Description, Family

if TYPE_CHECKING:
    from antiphon.ports import ApiKey, ModelProvider
    from antiphon.settings import ProviderEndpoint

BASE_URL: Final = "https://api.anthropic.com/v1"

_UNKNOWN: Final = replace(
    CLAUDE, efforts=USUAL_EFFORTS, formats=frozenset(), max_output_tokens=8192, instructed_turns=False
)
"""An unknown compatible endpoint. It gets no schema, because llama.cpp ignores one silently."""

FAMILIES: Final = (*CLAUDES, Family("any compatible endpoint", "", _UNKNOWN))


def build(endpoint: ProviderEndpoint, key: ApiKey | str | None) -> ModelProvider:
    """Make the adapter of an endpoint."""
    from antiphon.providers.anthropic.adapter import Anthropic

    return Anthropic(endpoint.base_url or BASE_URL, key, citations=endpoint.citations)


DESCRIPTION: Final = Description(FAMILIES, build, BASE_URL)
