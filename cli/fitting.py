"""Check the names of providers, as far as a command can read them, and name those that it could not check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from antiphon.manage.fitting import models_of
from antiphon.records import Agent
from antiphon.settings import ProviderEndpoint
from cli.suggestion import did_you_mean

BUILT_IN: Final = {"demo": ProviderEndpoint(kind="demo")}
_SWITCHES: Final = {"openai": "OPENAI_API_KEY", "local": "LOCAL_MODEL"}
"""Providers that a variable of the server switches on, without an entry among its providers."""

_ALWAYS: Final = (*BUILT_IN, *_SWITCHES)
_USUAL: Final = ("anthropic", "bedrock")
"""The names of these protocols in most deployments."""


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


def unchecked(agent: Agent, providers: Mapping[str, ProviderEndpoint]) -> Iterator[str]:
    """Yield what could not be checked, as the command has no settings of the provider."""
    for name in sorted({provider for _, provider, _ in models_of(agent)} - {*providers, *BUILT_IN}):
        reason = f"exists if the server has {_SWITCHES[name]}" if name in _SWITCHES else "is not known here"
        yield f"agent {agent.id}: provider {name} {reason}; whether its models take these settings was not checked"
