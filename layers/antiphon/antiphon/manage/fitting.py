"""Check an agent against its providers and models, so that it is refused when it is made, not when it is called."""

from __future__ import annotations

from collections.abc import Iterator

from antiphon.agents.effective import effective
from antiphon.errors import ApiError
from antiphon.ports import ModelCall, Services
from antiphon.records import Agent, Limits
from antiphon.spec.request import CreateResponse


def check_fit(services: Services, agent: Agent) -> None:
    """Check that an agent's models exist and can be asked what it asks.

    Raises:
        ApiError: 400, with the field of the document.
    """
    call = _call(agent)
    for where, provider, model in models_of(agent):
        if services.provider_names is not None and provider not in services.provider_names:
            known = ", ".join(sorted(services.provider_names))
            message = f"There is no provider {provider} here: the providers are {known}."
            raise ApiError("invalid_value", message, param=f"{where or ''}provider", complete=True)
        try:
            services.require_fit(provider, model, call)
        except ApiError as error:
            named = f" ({where.removesuffix('.')})" if where else ""
            message = f"{error.param}: {model}{named} cannot be asked this: {error.message}"
            raise ApiError(error.code, message, param=error.param, complete=True) from None


def models_of(agent: Agent) -> Iterator[tuple[str, str, str]]:
    """Yield the agent's models: the beginning of the paths of their fields, the provider and the model."""
    yield "", agent.provider, agent.model
    for index, other in enumerate(agent.fallbacks):
        yield f"fallbacks[{index}].", other.provider, other.model


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
