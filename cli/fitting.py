"""Check an agent against its providers and models, so that it is refused when it is made, not when it is called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from antiphon.agents.effective import effective
from antiphon.errors import ApiError
from antiphon.ports import ModelCall
from antiphon.providers.description import capabilities_of
from antiphon.providers.require import require
from antiphon.records import Agent, Limits
from antiphon.settings import ProviderEndpoint
from antiphon.spec.request import CreateResponse
from cli.suggestion import did_you_mean

BUILT_IN: Final = {"demo": ProviderEndpoint(kind="demo")}
_SWITCHES: Final = {"openai": "OPENAI_API_KEY", "local": "LOCAL_MODEL"}
"""Providers that a variable of the server switches on, without an entry among its providers."""

_ALWAYS: Final = (*BUILT_IN, *_SWITCHES)
_USUAL: Final = ("anthropic", "bedrock")
"""Names that most deployments give to these protocols."""


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


def absent(names: Iterable[str], providers: Mapping[str, ProviderEndpoint], named_in: str | None) -> Iterator[str]:
    """Yield what is wrong with the names of providers that do not exist.

    Args:
        names: the names.
        providers: those that are known, by name.
        named_in: where all others are named; None if there may be others, and then only a misspelt name is an error.
    """
    for name in sorted({*names} - {*providers, *_ALWAYS, *(() if named_in else _USUAL)}):
        meant = did_you_mean(name, {*providers, *_ALWAYS, *(() if named_in else _USUAL)})
        if named_in:
            advice = meant or f"the providers are {', '.join(sorted({*providers, *BUILT_IN}))}"
            yield f"there is no provider {name} in {named_in}: {advice}"
        elif meant:
            yield f"there is no provider {name}: {meant}"


def names(agent: Agent) -> set[str]:
    """Return the names of the providers that an agent may ask."""
    return {provider for _, provider, _ in _models(agent)}


def unchecked(agent: Agent, providers: Mapping[str, ProviderEndpoint]) -> Iterator[str]:
    """Yield what could not be checked, as the command has no settings of the provider."""
    for name in sorted(names(agent) - {*providers, *BUILT_IN}):
        reason = f"exists if the server has {_SWITCHES[name]}" if name in _SWITCHES else "is not known here"
        yield f"agent {agent.id}: provider {name} {reason}; whether its models take these settings was not checked"


def _models(agent: Agent) -> Iterator[tuple[str, str, str]]:
    yield "", agent.provider, agent.model
    for index, other in enumerate(agent.fallbacks):
        yield f" (fallbacks[{index}])", other.provider, other.model


def _call(agent: Agent) -> ModelCall:
    """Return what the model is asked by a request without parameters of its own."""
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
