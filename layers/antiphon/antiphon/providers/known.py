"""What a configured provider's models can be asked, told by its settings alone: nothing is built, and no key is read.

It must not know adapters, requests or credentials.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from antiphon.providers.capabilities import Capabilities
from antiphon.providers.families import family_of
from antiphon.settings import Kind, ProviderEndpoint

HOSTS: Final[dict[Kind, str]] = {"openai_responses": "api.openai.com", "anthropic": "api.anthropic.com"}
"""Where a provider is that names no place of its own."""


def capabilities_of(endpoint: ProviderEndpoint, model: str) -> Capabilities:
    """Tell what one model can be asked, by the provider's own name of it."""
    host = urlsplit(endpoint.base_url).hostname if endpoint.base_url else HOSTS.get(endpoint.kind)
    known = family_of(endpoint.kind, model, endpoint.dialect or host or "").capabilities
    return known.reading(endpoint.reads) if endpoint.kind == "openai_chat" else known
