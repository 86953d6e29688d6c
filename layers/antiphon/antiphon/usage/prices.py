"""Prices of models: a table that comes with the service, and entries of a deployment that come before it.

The first entry that fits decides. A model without one has no price: its cost is unknown, never 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from antiphon.errors import SettingsError
from antiphon.ports import UsageDelta
from antiphon.settings import PREFIX, ProviderEndpoint
from antiphon.validation import form, phrase

MODELS: Final = 256
"""Of how many models a process remembers which prices fit."""

BUILT_IN: Final = Path(__file__).with_name("prices.json")
NANO_PER_MILLION: Final = 1000
"""Nanodollars for a token at one dollar per million tokens."""

_DATE: Final = re.compile(r"[-@](latest|20\d\d-\d\d-\d\d|20\d{6})$")
"""What names a version of a model at the end of its name."""

Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Price(BaseModel):
    """What the tokens of some models cost, in US dollars per million.

    Attributes:
        model: patterns of the provider's names of the models, with ``*`` and ``?``. A date at a name's end is ignored.
        kind: the provider's protocol; None for any.
        provider: the configured name of the provider; None for any.
        host: a pattern of the host of the provider's URL; None for any.
        over_input_tokens: the price is for calls with more input than this.
        input, output: of tokens that are read and written.
        cached_input: of those that were read from a cache; None if they cost the same as others.
        reasoning: of reasoning; None if it costs the same as other output.
        source: where the price is from.
        date: when it was looked up, as ``2026-11-29``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Annotated[tuple[str, ...], Field(min_length=1)]
    kind: str | None = None
    provider: str | None = None
    host: str | None = None
    over_input_tokens: Annotated[int, Field(ge=0)] = 0
    input: Dollars
    output: Dollars
    cached_input: Dollars | None = None
    reasoning: Dollars | None = None
    source: str
    date: Annotated[str, form(r"^\d{4}-\d{2}-\d{2}$", "must be a date such as 2026-11-29")]

    def cost(self, usage: UsageDelta) -> int:
        """Return what some tokens cost, in billionths of a dollar."""
        cached = min(usage.cached_tokens, usage.input_tokens)
        thought = min(usage.reasoning_tokens, usage.output_tokens)
        dollars = (
            (usage.input_tokens - cached) * self.input
            + cached * (self.input if self.cached_input is None else self.cached_input)
            + (usage.output_tokens - thought) * self.output
            + thought * (self.output if self.reasoning is None else self.reasoning)
        )
        return round(dollars * NANO_PER_MILLION)


class Table(BaseModel):
    """A document of prices.

    Attributes:
        prices: the entries, the first that fits decides.
        built_in: whether the built-in entries follow.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    prices: tuple[Price, ...]
    built_in: bool = True


class Prices:
    """The prices of a process.

    Args:
        entries: in the order in which they are tried.
        endpoint: returns the endpoint of a configured provider.
    """

    def __init__(self, entries: Sequence[Price], endpoint: Callable[[str], ProviderEndpoint | None]) -> None:
        self.entries = entries
        self._endpoint = endpoint
        self._of = lru_cache(MODELS)(self._list)

    def find(self, provider: str, model: str, input_tokens: int = 0) -> Price | None:
        """Return the price of a provider's model for a call with so much input; None if it is not known."""
        for price in self._of(provider, model):
            if not price.over_input_tokens or input_tokens > price.over_input_tokens:
                return price
        return None

    def _list(self, provider: str, model: str) -> list[Price]:
        """Return the prices of a model, whatever the input."""
        endpoint = self._endpoint(provider)
        if endpoint is None:
            return []
        host, plain = urlsplit(endpoint.base_url or "").hostname or "", _DATE.sub("", model)
        return [
            entry
            for entry in self.entries
            if entry.kind in (None, endpoint.kind) and entry.provider in (None, provider)
            if entry.host is None or fnmatchcase(host, entry.host)
            if any(fnmatchcase(name, pattern) for pattern in entry.model for name in (model, plain))
        ]


def read_prices(setting: str | None) -> list[Price]:
    """Read the prices of a deployment, and after them the built-in ones.

    Args:
        setting: a JSON document, or the path of a file with one; None for the built-in prices alone.

    Raises:
        SettingsError: it cannot be read, or is malformed.
    """
    own = _read(setting) if setting else Table(prices=())
    built_in = Table.model_validate_json(BUILT_IN.read_bytes()).prices if own.built_in else ()
    return [*own.prices, *built_in]


def _read(setting: str) -> Table:
    name = f"{PREFIX}PRICES"
    try:
        text = setting if setting.lstrip().startswith("{") else Path(setting).read_text("utf-8")
        return Table.model_validate_json(text)
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{name}: the file cannot be read") from None
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, (name, *problem["loc"])))
        raise SettingsError(f"{where}: {phrase(problem, Table)}") from None
