"""The configured providers by name, each built on its first use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from antiphon.access.keys import is_key
from antiphon.errors import SettingsError
from antiphon.ports import ApiKey, ModelCall, ModelProvider
from antiphon.proxies import check_proxies
from antiphon.settings import PREFIX, ProviderEndpoint, problem_of_url

OPENAI_VARIABLE: Final = "OPENAI_API_KEY"
OPENAI: Final = ProviderEndpoint(base_url="https://api.openai.com/v1", api_key_env=OPENAI_VARIABLE)
"""The provider ``openai``, which exists if its key is in the environment."""

Build = Callable[[ProviderEndpoint, ApiKey | str | None], ModelProvider]


class Providers:
    """The providers of a process.

    Args:
        endpoints: the configured ones by name.
        environ: holds the keys.
        builders: how the adapters of a kind are built, if not by the kind's own description.
        named_in: where they are configured, for messages.

    Raises:
        SettingsError: ``OPENAI_BASE_URL`` is no URL, or the URL of a proxy is malformed.
    """

    def __init__(
        self,
        endpoints: Mapping[str, ProviderEndpoint],
        environ: Mapping[str, str],
        *,
        builders: Mapping[str, Build] | None = None,
        named_in: str = f"{PREFIX}PROVIDERS",
    ) -> None:
        check_proxies(environ)
        self._endpoints = {"demo": ProviderEndpoint(kind="demo"), **endpoints}
        if openai_key(environ):
            self._endpoints.setdefault("openai", _openai(environ))
        self._environ = environ
        self._builders = builders or {}
        self._named_in = named_in
        self._built: dict[str, ModelProvider] = {}

    def __call__(self, name: str) -> ModelProvider | None:
        """Return a provider; None if no such name is configured."""
        if name not in self._built:
            endpoint = self._endpoints.get(name)
            if endpoint is None:
                return None
            self._built[name] = self._build(name, endpoint)
        return self._built[name]

    def capabilities(self, name: str, model: str) -> dict[str, Any] | None:
        """Return what a provider's model supports, without building it; None if no such name is configured."""
        from antiphon.providers.description import capabilities_of

        endpoint = self._endpoints.get(name)
        return None if endpoint is None else capabilities_of(endpoint, model).document()

    @property
    def names(self) -> frozenset[str]:
        """The names of all providers."""
        return frozenset(self._endpoints)

    def require_fit(self, name: str, model: str, call: ModelCall) -> None:
        """Check that a provider's model can be asked something, without building it; nothing if there is none.

        Raises:
            ApiError: 400, with the path of the field.
        """
        from antiphon.providers.description import capabilities_of
        from antiphon.providers.require import require

        endpoint = self._endpoints.get(name)
        if endpoint is not None:
            require(capabilities_of(endpoint, model), call)

    def endpoint(self, name: str) -> ProviderEndpoint | None:
        """Return how a provider is set up; None if no such name is configured."""
        return self._endpoints.get(name)

    def require_keys(self) -> None:
        """Check that every key that should be in the environment is there. Keys in AWS are read when they are needed.

        Raises:
            SettingsError: one is missing.
        """
        for name, endpoint in self._endpoints.items():
            if endpoint.api_key_env is not None:
                self._from_environment(name, endpoint.api_key_env)

    async def aclose(self) -> None:
        """Close the providers that were built."""
        for provider in self._built.values():
            await provider.aclose()

    def _build(self, name: str, endpoint: ProviderEndpoint) -> ModelProvider:
        from antiphon.providers.description import description_of

        build = self._builders.get(endpoint.kind) or description_of(endpoint.kind).build
        return build(endpoint, self._api_key(name, endpoint))

    def _from_environment(self, name: str, variable: str) -> str:
        """Return the key of a provider.

        Raises:
            SettingsError: it is missing; the message has the variable, the provider and where that is configured.
        """
        value = self._environ.get(variable, "").strip()
        key = openai_key(self._environ) if variable == OPENAI_VARIABLE else value
        if not key:
            problem = "holds a key of Antiphon" if value else "missing"
            raise SettingsError(f"{variable}: {problem}; provider {name} in {self._named_in} asks for it (api_key_env)")
        return key

    def _api_key(self, name: str, endpoint: ProviderEndpoint) -> ApiKey | str | None:
        if endpoint.api_key_secret is not None or endpoint.api_key_parameter is not None:
            return _kept(name, endpoint)
        return None if endpoint.api_key_env is None else self._from_environment(name, endpoint.api_key_env)


def openai_key(environ: Mapping[str, str]) -> str:
    """Return the key in ``OPENAI_API_KEY``; empty if it is missing or one of Antiphon's own.

    Clients of Antiphon read that variable, too. A provider must never receive a key of ours, which would also make
    the service call itself if ``OPENAI_BASE_URL`` is its own address.
    """
    key = environ.get(OPENAI_VARIABLE, "").strip()
    return "" if is_key(key) else key


def _openai(environ: Mapping[str, str]) -> ProviderEndpoint:
    base_url = environ.get("OPENAI_BASE_URL") or OPENAI.base_url
    problem = problem_of_url(base_url or "")
    if problem:
        raise SettingsError(f"OPENAI_BASE_URL: {problem}")
    return OPENAI.model_copy(update={"base_url": base_url})


def _kept(name: str, endpoint: ProviderEndpoint) -> ApiKey:
    """Return the key that AWS keeps for an endpoint. Nothing is read yet."""
    from antiphon.aws.secrets import kept

    if endpoint.api_key_secret is not None:
        return kept("secret", endpoint.api_key_secret, endpoint.api_key_field, asked_by=f"provider {name}")
    return kept("parameter", endpoint.api_key_parameter or "", endpoint.api_key_field, asked_by=f"provider {name}")
