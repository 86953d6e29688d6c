"""Holds an agent against what its models can be asked, so that it is refused when it is made, not when it is called.

Only providers that the settings name can be looked at. It must not know files, stores or adapters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from antiphon.agents.effective import effective
from antiphon.errors import ApiError
from antiphon.ports import ModelCall
from antiphon.providers.known import capabilities_of
from antiphon.providers.require import require
from antiphon.records import Agent, Limits
from antiphon.settings import ProviderEndpoint
from antiphon.spec.request import CreateResponse

BUILT_IN: Final = {"demo": ProviderEndpoint(kind="demo")}


def misfits(agent: Agent, providers: Mapping[str, ProviderEndpoint]) -> Iterator[str]:
    """Yield what the agent's model and its fallbacks cannot be asked, each by the field of the agent file."""
    known = BUILT_IN | dict(providers)
    call = _call(agent)
    for where, provider, model in _models(agent):
        if provider in known:
            try:
                require(capabilities_of(known[provider], model), call)
            except ApiError as error:
                yield f"{error.param}: {model}{where} cannot be asked this: {error.message}"


def unknown(agent: Agent, providers: Mapping[str, ProviderEndpoint]) -> list[str]:
    """Give the names of the agent's providers that the settings do not name."""
    return sorted({provider for _, provider, _ in _models(agent)} - {*providers, *BUILT_IN})


def _models(agent: Agent) -> Iterator[tuple[str, str, str]]:
    yield "", agent.provider, agent.model
    for index, other in enumerate(agent.fallbacks):
        yield f" (fallbacks[{index}])", other.provider, other.model


def _call(agent: Agent) -> ModelCall:
    """Give what a model is asked where the request says nothing of its own."""
    inforce = effective(agent, CreateResponse(model=agent.id, input="-"), Limits())
    return ModelCall(
        model=agent.model,
        instructions=inforce.instructions,
        items=[],
        tools=inforce.offered,
        settings=inforce.settings,
        explicit=inforce.explicit,
        include_logprobs=inforce.include_logprobs,
        deadline=0.0,
    )
