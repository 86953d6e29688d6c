"""The costs of model calls. The table of prices is read when the first response ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from antiphon.ports import UsageDelta
from antiphon.settings import ProviderEndpoint

if TYPE_CHECKING:
    from antiphon.usage.prices import Prices


class LazyCosts:
    """Returns what a model's tokens cost.

    Args:
        setting: the prices of the deployment; None for the built-in ones alone.
        endpoint: returns the endpoint of a configured provider.

    Raises:
        SettingsError: the prices of the deployment cannot be read, or are malformed.
    """

    def __init__(self, setting: str | None, endpoint: Callable[[str], ProviderEndpoint | None]) -> None:
        self._setting = setting
        self._endpoint = endpoint
        self._prices = self._read() if setting else None

    def __call__(self, provider: str, model: str, usage: UsageDelta) -> int | None:
        """Return the cost in billionths of a US dollar; None if the price is not known."""
        if self._prices is None:
            self._prices = self._read()
        price = self._prices.find(provider, model, usage.input_tokens)
        return None if price is None else price.cost(usage)

    def _read(self) -> Prices:
        from antiphon.usage.prices import Prices, read_prices

        return Prices(read_prices(self._setting), self._endpoint)
