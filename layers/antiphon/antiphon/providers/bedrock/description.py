"""What models on Amazon Bedrock support.

Sources, read in November 2026: AWS's model cards and "Converse API".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from antiphon.providers.capabilities import IMAGES, TEXT, Capabilities
from antiphon.providers.claude import CLAUDES
from antiphon.providers.description import Description, Family

if TYPE_CHECKING:
    from antiphon.ports import ApiKey, ModelProvider
    from antiphon.settings import ProviderEndpoint

_UNFORCED: Final = frozenset({"auto", "none"})
_UNKNOWN: Final = Capabilities(
    formats=frozenset({"json_schema"}),
    serial_tools=False,
    temperature=1.0,
    service_tiers=frozenset({"auto", "default", "flex", "priority"}),
    instructed_turns=False,
)
_NOVA: Final = replace(_UNKNOWN, formats=frozenset(), cache_points=True)
_OTHER_MAKERS: Final = replace(_UNKNOWN, formats=frozenset(), strict_tools=False, message=IMAGES, tools=_UNFORCED)


def _on_bedrock(claude: Family) -> Family:
    can = replace(
        claude.capabilities,
        service_tiers=_UNKNOWN.service_tiers,
        serial_tools=False,
        instructed_turns=False,
        cache_points=claude.capabilities.thinking is not None,
    )
    return replace(claude, capabilities=can)


FAMILIES: Final = (
    *map(_on_bedrock, CLAUDES),
    Family("Amazon Nova Micro", r"amazon\.nova-micro", replace(_NOVA, message=TEXT)),
    Family("Amazon Nova", r"amazon\.nova", _NOVA),
    Family("Mistral", r"mistral\.", replace(_OTHER_MAKERS, tools=_UNFORCED | {"required"})),
    Family("Meta Llama, Cohere, DeepSeek", r"(meta\.llama|cohere\.|deepseek\.)", _OTHER_MAKERS),
    Family("any other model", "", _UNKNOWN),
)


def build(endpoint: ProviderEndpoint, _key: ApiKey | str | None) -> ModelProvider:
    """Make the adapter of a region or endpoint. The process's own credentials sign each request."""
    from antiphon.providers.bedrock.adapter import Bedrock

    return Bedrock(
        region=endpoint.region,
        endpoint_url=endpoint.base_url,
        guardrail=endpoint.guardrail,
        citations=endpoint.citations,
    )


DESCRIPTION: Final = Description(FAMILIES, build)
