"""What the demo model supports: everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from antiphon.providers.capabilities import EVERYTHING, USUAL_EFFORTS, Capabilities
from antiphon.providers.description import Description, Family

if TYPE_CHECKING:
    from antiphon.ports import ApiKey, ModelProvider
    from antiphon.settings import ProviderEndpoint

CAPABILITIES: Final = Capabilities(
    output=EVERYTHING,
    image_detail=True,
    verbosity=True,
    efforts=USUAL_EFFORTS,
    summaries=frozenset({"auto", "concise", "detailed"}),
    penalties=True,
    top_logprobs=20,
    service_tiers=frozenset({"auto", "default", "flex", "priority"}),
)


def build(_endpoint: ProviderEndpoint, _key: ApiKey | str | None) -> ModelProvider:
    """Make the demo model."""
    from antiphon.providers.demo.model import Demo

    return Demo()


DESCRIPTION: Final = Description((Family("the built-in demo model", "", CAPABILITIES),), build)
