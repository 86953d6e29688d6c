"""One model that an agent may run on: a provider, bound to the name of a model.

It has the shape of a ``ModelProvider`` and adds nothing to a stream.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

from antiphon.context.outputs import outputs_in_messages
from antiphon.errors import ProviderError, SettingsError
from antiphon.ports import Delta, ModelCall, ModelProvider, Reads, Services
from antiphon.records import Item


@dataclass(frozen=True, slots=True)
class BoundModel:
    """A model behind a configured provider.

    Attributes:
        name: the provider's configured name.
        model: the provider's own name of the model.
        provider: who answers.
    """

    name: str
    model: str
    provider: ModelProvider

    @property
    def reads(self) -> Reads:
        """What the model reads besides text."""
        return self.provider.reads(self.model)

    @property
    def maker(self) -> dict[str, str]:
        """What marks a reasoning's state as this model's."""
        return {"provider": self.name, "model": self.model}

    def check(self, call: ModelCall) -> None:
        """Refuse a call that this model cannot carry; see ``ModelProvider.check``.

        Raises:
            ApiError: 400, with the message and parameter for the caller.
        """
        self.provider.check(self.own(call))

    def count_tokens(self, call: ModelCall) -> int:
        """Count the tokens that this model reads in a call; see ``ModelProvider.count_tokens``."""
        return self.provider.count_tokens(self.own(call))

    def stream(self, call: ModelCall) -> AsyncGenerator[Delta, None]:
        """Run one turn; see ``ModelProvider.stream``.

        Raises:
            ProviderError: the model's side failed.
        """
        return self.provider.stream(self.own(call))

    async def discard(self, kept_id: str, deadline: float) -> None:
        """Stop and forget a response that was kept; see ``ModelProvider.discard``."""
        await self.provider.discard(kept_id, deadline)

    def own(self, call: ModelCall) -> ModelCall:
        """Return a call for this model: by its own name, without reasoning states of other models.

        Another provider cannot read them, and what one vendor signed or encrypted is not another's to see.
        """
        call = outputs_in_messages(call, self.reads)
        foreign = any(map(self._is_foreign, call.items))
        if call.model == self.model and not foreign:
            return call
        items = [_without_state(item) if self._is_foreign(item) else item for item in call.items]
        return replace(call, model=self.model, items=items)

    def _is_foreign(self, item: Item) -> bool:
        return "state" in item and {name: item["state"].get(name) for name in ("provider", "model")} != self.maker


def bind_model(services: Services, name: str, model: str) -> BoundModel:
    """Bind a model to its provider, which is built on its first use.

    Raises:
        ProviderError: ``provider_not_configured`` or ``provider_auth``: it is not set up here, or its key is not there.
    """
    try:
        provider = services.providers(name)
    except SettingsError:
        raise ProviderError("provider_not_configured") from None
    if provider is None:
        raise ProviderError("provider_not_configured")
    return BoundModel(name, model, provider)


def _without_state(item: Item) -> Item:
    return {field: value for field, value in item.items() if field != "state"}
