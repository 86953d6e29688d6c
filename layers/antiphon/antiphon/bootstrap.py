"""The composition root: the only module that names concrete adapters, and imports only those that a process needs."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from antiphon import deferred  # isort: skip - before whatever makes models  # noqa: F401
from fastapi import FastAPI

from antiphon import measures
from antiphon.access.keys import is_key
from antiphon.circuits import Circuits
from antiphon.errors import ApiError, ProviderError, SettingsError
from antiphon.ports import ApiKey, Directory, Door, Fetched, KeyStore, Meter, ModelProvider, ResponseStore, Services
from antiphon.proxies import check_proxies
from antiphon.seal import Seal, read_keys
from antiphon.settings import ProviderEndpoint, Settings, problem_of_url, read_settings

if TYPE_CHECKING:
    from antiphon.aws.secrets import Secret

OPENAI_VARIABLE: Final = "OPENAI_API_KEY"
OPENAI: Final = ProviderEndpoint(base_url="https://api.openai.com/v1", api_key_env=OPENAI_VARIABLE)
"""The provider ``openai``, present wherever its key is in the environment."""


class Stores(NamedTuple):
    """The stores of a process, over one database.

    ``connect`` does ahead what the first call would do, ``renew`` drops connections and credentials, ``aclose`` ends.
    """

    keys: KeyStore
    directory: Directory
    responses: ResponseStore
    meter: Meter
    aclose: Callable[[], Awaitable[None]]
    connect: Callable[[], object] = lambda: None
    renew: Callable[[], object] = lambda: None


def build_stores(settings: Settings) -> Stores:
    """Open the stores: DynamoDB where tables are named, SQLite where a file is.

    Raises:
        SettingsError: the file cannot be used.
    """
    if settings.core_table is not None and settings.responses_table is not None:
        from antiphon.store.dynamodb import open_stores as open_tables
        from antiphon.store.dynamodb.client import DynamoDB

        database = DynamoDB(endpoint_url=settings.aws_endpoint_url)
        tables = open_tables(settings.core_table, settings.responses_table, database=database)
        return Stores(*tables, database.aclose, database.connect, database.renew)
    from antiphon.store.sqlite import open_stores as open_file

    file = open_file(settings.database or "")
    return Stores(*file, file[0].aclose)


class Providers:
    """The providers of a process by name, each built on first use.

    Args:
        endpoints: the configured ones.
        environ: where keys are.
        demo_pause: seconds between the demo model's deltas.

    Raises:
        SettingsError: ``OPENAI_BASE_URL`` is no URL, or the URL of a proxy is malformed.
    """

    def __init__(
        self, endpoints: Mapping[str, ProviderEndpoint], environ: Mapping[str, str], *, demo_pause: float = 0.0
    ) -> None:
        check_proxies(environ)
        self._endpoints = {"demo": ProviderEndpoint(kind="demo"), **endpoints}
        if openai_key(environ):
            self._endpoints.setdefault("openai", _openai(environ))
        self._environ = environ
        self._demo_pause = demo_pause
        self._built: dict[str, ModelProvider] = {}

    def __call__(self, name: str) -> ModelProvider | None:
        """Give a provider; None where no such name is configured."""
        if name not in self._built:
            endpoint = self._endpoints.get(name)
            if endpoint is None:
                return None
            self._built[name] = self._build(endpoint)
        return self._built[name]

    def capabilities(self, name: str, model: str) -> dict[str, Any] | None:
        """Tell what a provider's model can be asked, without building it; None where no such name is configured."""
        from antiphon.providers.known import capabilities_of

        endpoint = self._endpoints.get(name)
        return None if endpoint is None else capabilities_of(endpoint, model).document()

    def require_keys(self) -> None:
        """Require every key that is said to be in the environment; what AWS keeps is read when it is needed.

        Raises:
            SettingsError: one is not there.
        """
        for name, endpoint in self._endpoints.items():
            variable = endpoint.api_key_env
            if variable is None or self._from_environment(variable):
                continue
            problem = "holds a key of Antiphon" if self._environ.get(variable) else "missing"
            raise SettingsError(f"{variable}: {problem}, and ANTIPHON_PROVIDERS.{name} has its key there")

    async def aclose(self) -> None:
        """Close what was opened."""
        for provider in self._built.values():
            await provider.aclose()

    def _build(self, endpoint: ProviderEndpoint) -> ModelProvider:
        if endpoint.kind == "demo":
            from antiphon.providers.demo import Demo

            return Demo(pause=self._demo_pause)
        if endpoint.kind == "anthropic":
            from antiphon.providers import anthropic

            base_url = endpoint.base_url or anthropic.BASE_URL
            return anthropic.Anthropic(base_url, self._api_key(endpoint), citations=endpoint.citations)
        if endpoint.kind == "bedrock":
            from antiphon.providers.bedrock import Bedrock

            return Bedrock(
                region=endpoint.region,
                endpoint_url=endpoint.base_url,
                guardrail=endpoint.guardrail,
                citations=endpoint.citations,
            )
        if endpoint.kind == "openai_responses":
            from antiphon.providers import openai_responses

            base_url = endpoint.base_url or openai_responses.BASE_URL
            return openai_responses.OpenAIResponses(
                base_url,
                self._api_key(endpoint),
                dialect=endpoint.dialect,
                stream_options=endpoint.stream_options,
            )
        from antiphon.providers.openai_chat import OpenAIChat

        assert endpoint.base_url is not None  # the settings see to it
        return OpenAIChat(
            endpoint.base_url,
            self._api_key(endpoint),
            reads=endpoint.reads,
            dialect=endpoint.dialect,
            reasoning_content=endpoint.reasoning_content,
            stream_options=endpoint.stream_options,
        )

    def _from_environment(self, variable: str) -> str:
        return openai_key(self._environ) if variable == OPENAI_VARIABLE else self._environ.get(variable, "").strip()

    def _api_key(self, endpoint: ProviderEndpoint) -> ApiKey | str | None:
        if endpoint.api_key_secret is not None:
            return kept("secret", endpoint.api_key_secret, endpoint.api_key_field)
        if endpoint.api_key_parameter is not None:
            return kept("parameter", endpoint.api_key_parameter, endpoint.api_key_field)
        if endpoint.api_key_env is None:
            return None
        key = self._from_environment(endpoint.api_key_env)
        if not key:
            raise SettingsError(f"{endpoint.api_key_env}: missing")
        return key


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


def kept(kind: Literal["secret", "parameter"], name: str, field: str | None = None) -> Secret:
    """Give what reads a value that AWS keeps; nothing is read yet."""
    from antiphon.aws.secrets import Place, Secret

    return Secret(Place(kind, name, field).read)


class Seals:
    """The seal of a process, made on first use, and again when the secret has changed.

    Args:
        settings: where its keys are.

    Raises:
        SettingsError: the keys of the environment are malformed.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._secret = kept("secret", settings.seal_secret) if settings.seal_secret is not None else None
        self._text = ""
        self._seal: Seal | None = None
        if settings.seal_keys is not None:
            try:
                read_keys(settings.seal_keys.get_secret_value())
            except ValueError:
                raise SettingsError("ANTIPHON_SEAL_KEYS: not base64 of at least 32 bytes each") from None

    def __call__(self) -> Seal:
        """Give the seal.

        Raises:
            ApiError: ``seal_not_configured``: there are no keys, or they cannot be read.
        """
        try:
            text = self._read()
            if self._seal is None or text != self._text:
                self._seal, self._text = Seal(read_keys(text), secrets.token_bytes), text
        except (ProviderError, ValueError):
            raise ApiError("seal_not_configured") from None
        return self._seal

    def _read(self) -> str:
        if self._settings.seal_keys is not None:
            return self._settings.seal_keys.get_secret_value()
        if self._secret is None:
            raise ApiError("seal_not_configured")
        return self._secret.value()


class LazyDoor:
    """The guarded door of a process, imported on first use: few requests bring a URL.

    Args:
        settings: say whether ``http`` and private addresses are allowed.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._built: Door | None = None

    async def fetch(self, url: str, *, max_bytes: int, deadline: float, again: bool = False) -> Fetched:
        """Read what a URL holds; see ``Door.fetch``.

        Raises:
            FetchError: it may not be opened, gave nothing that can be used, or too much.
        """
        self._built = self._built or self._build()
        with measures.fetch():
            return await self._built.fetch(url, max_bytes=max_bytes, deadline=deadline, again=again)

    def _build(self) -> Door:
        from antiphon.fetch.door import GuardedDoor
        from antiphon.fetch.recent import RecentlyFetched

        guarded = GuardedDoor(http=self._settings.allow_http_urls, private=self._settings.allow_private_urls)
        return RecentlyFetched(guarded, time.monotonic)


def build_services(settings: Settings, stores: Stores, providers: Providers) -> Services:
    """Put the adapters of a process together."""
    return Services(
        keys=stores.keys,
        directory=stores.directory,
        door=LazyDoor(settings),
        circuits=Circuits(settings.circuit_failures, settings.circuit_seconds, secrets.token_bytes),
        responses=stores.responses,
        meter=stores.meter,
        providers=providers,
        seal=Seals(settings),
        clock=time.time,
        entropy=secrets.token_bytes,
        settings=settings,
        capabilities=providers.capabilities,
    )


def create_app() -> FastAPI:
    """Build the create function's app. It serves every route, so that its Function URL is a whole ``base_url``."""
    from antiphon.web.app import build_app
    from antiphon.web.routes import about, create, models, responses

    return build_app(_services(calls_models=True), [create.router, models.router, responses.router, about.router])


def retrieve_app() -> FastAPI:
    """Build the get function's app."""
    from antiphon.web.app import build_app
    from antiphon.web.routes import responses

    return build_app(_services(), [responses.router])


def models_app() -> FastAPI:
    """Build the list-models function's app. It also answers what needs no key, and every unknown path."""
    from antiphon.web.app import build_app
    from antiphon.web.routes import about, models

    return build_app(_services(), [models.router, about.router])


def _services(*, calls_models: bool = False) -> Services:
    from antiphon.awslambda import snapshot

    settings = read_settings(os.environ)
    providers = Providers(settings.providers, os.environ)
    if calls_models:
        providers.require_keys()
    stores = build_stores(settings)
    snapshot.register(stores.connect, stores.renew)
    if not snapshot.is_snapshot():
        stores.connect()  # certificates are read while the function starts, not while its first caller waits
    return build_services(settings, stores, providers)
