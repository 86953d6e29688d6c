"""What a provider is: which models it has, what they support, and how its adapter is built.

Each provider's folder holds its own description, in ``description.py``, and is found by its name: the ``kind`` in the
settings. Reading one builds nothing, reads no key and imports no adapter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from antiphon.providers.capabilities import Capabilities
from antiphon.settings import TAKES

if TYPE_CHECKING:
    from antiphon.ports import ApiKey, ModelProvider
    from antiphon.settings import ProviderEndpoint


@dataclass(frozen=True, slots=True)
class Family:
    """Models of one provider that support the same.

    Attributes:
        name: for people.
        pattern: a regular expression that is found in the model's name; empty for all.
        capabilities: what they support.
        host: a regular expression that is found in the endpoint's host, or in the name of its dialect; empty for all.
    """

    name: str
    pattern: str
    capabilities: Capabilities
    host: str = ""


@dataclass(frozen=True, slots=True)
class Description:
    """A provider.

    Attributes:
        families: its models. The first family that matches applies, so the last one takes all.
        build: makes the adapter of a configured endpoint with its key, which is None if it needs none.
        base_url: where it is, if the settings name no other place; None if it has no place of its own.
    """

    families: tuple[Family, ...]
    build: Callable[[ProviderEndpoint, ApiKey | str | None], ModelProvider]
    base_url: str | None = None


def description_of(kind: str) -> Description:
    """Return the description of a provider.

    Raises:
        LookupError: there is no such provider.
    """
    if kind not in TAKES:
        raise LookupError(kind)
    found: Description = import_module(f"antiphon.providers.{kind}.description").DESCRIPTION
    return found


def every_family() -> Iterator[tuple[str, Family]]:
    """Yield the families of all providers, each with the provider's kind."""
    for kind in TAKES:
        for family in description_of(kind).families:
            yield kind, family


@lru_cache(maxsize=256)
def family_of(kind: str, model: str, host: str = "") -> Family:
    """Return the family of a model.

    Args:
        kind: the provider.
        model: the provider's own name of the model; on Bedrock also an ARN or an inference profile.
        host: the endpoint's host; empty if the provider has only one endpoint.

    Raises:
        LookupError: there is no such provider.
    """
    for family in description_of(kind).families:
        if re.search(family.host, host) and re.search(family.pattern, model):
            return family
    raise LookupError(kind)


def capabilities_of(endpoint: ProviderEndpoint, model: str) -> Capabilities:
    """Return what one model supports, by the settings of its provider and the provider's own name of it."""
    base_url = endpoint.base_url or description_of(endpoint.kind).base_url
    host = urlsplit(base_url).hostname if base_url else None
    return family_of(endpoint.kind, model, endpoint.dialect or host or "").capabilities.reading(endpoint.reads)
