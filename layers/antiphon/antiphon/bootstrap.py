"""Connect everything: the only module that names the adapters, and it imports only those that a process needs."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from antiphon import deferred  # isort: skip - before whatever makes models  # noqa: F401

from antiphon.audit import AUDIT_DAYS
from antiphon.circuits import Circuits
from antiphon.errors import SettingsError
from antiphon.fetch.lazy import LazyDoor, LazyPost
from antiphon.ports import (
    ApprovalStore,
    AuditLog,
    ConversationStore,
    Directory,
    KeyStore,
    Meter,
    RunStore,
    Services,
    StartWorker,
    UsageStore,
)
from antiphon.providers.configured import Providers
from antiphon.records import Owner
from antiphon.seal import Seals, check_keys
from antiphon.server_tools.runners import LazyPinning, Runners
from antiphon.settings import Settings, read_settings
from antiphon.spans import trace_with
from antiphon.usage.lazy import LazyCosts

if TYPE_CHECKING:
    from fastapi import FastAPI

    from antiphon.awslambda.events import EventSender
    from antiphon.ports.personal import PersonalData
    from antiphon.ports.webhooks import WebhookStore
    from antiphon.store.dynamodb.client import DynamoDB
    from antiphon.store.sqlite.database import SQLite
    from antiphon.store.sqlite.webhooks import SQLiteWebhooks


class Stores(NamedTuple):
    """The stores of a process, over one database.

    Attributes:
        aclose: closes the database.
        webhooks: returns the store of webhooks.
        personal: returns the store of what is stored of one user.
        connect: opens connections before the first call needs them.
        renew: drops connections and credentials.
    """

    keys: KeyStore
    directory: Directory
    responses: ConversationStore
    meter: Meter
    runs: RunStore
    approvals: ApprovalStore
    usage: UsageStore
    audit: AuditLog
    aclose: Callable[[], Awaitable[None]]
    webhooks: Callable[[], WebhookStore]
    personal: Callable[[], PersonalData]
    connect: Callable[[], object] = lambda: None
    renew: Callable[[], object] = lambda: None


def build_stores(settings: Settings) -> Stores:
    """Open the stores: DynamoDB if tables are set, SQLite if a file is.

    Raises:
        SettingsError: the file cannot be used.
    """
    core, responses = settings.core_table, settings.responses_table
    if core is not None and responses is not None:
        from antiphon.store.dynamodb.client import DynamoDB

        return table_stores(DynamoDB(endpoint_url=settings.aws_endpoint_url), core, responses, settings.audit_days)
    from antiphon.store.sqlite import open_stores
    from antiphon.store.sqlite.database import SQLite

    file = SQLite(settings.database or "")
    stores = open_stores(file, audit_days=settings.audit_days)
    return Stores(*stores, file.aclose, lambda: _outbox(file), lambda: _personal(file))


def table_stores(database: DynamoDB, core: str, responses: str, audit_days: int = AUDIT_DAYS) -> Stores:
    """Return the stores over two tables of DynamoDB.

    Args:
        database: the client, which the stores close.
        core: the name of the table of keys, people, agents, grants and counters.
        responses: the name of the table of responses.
        audit_days: how long entries of the audit log are kept.
    """
    from antiphon.store.dynamodb import open_stores

    def webhooks() -> WebhookStore:
        from antiphon.store.dynamodb.webhooks import DynamoDBWebhooks

        return DynamoDBWebhooks(database, core)

    def personal() -> PersonalData:
        from antiphon.store.dynamodb.personal import DynamoDBPersonal

        return DynamoDBPersonal(database, core, responses)

    tables = open_stores(core, responses, database=database, audit_days=audit_days)
    return Stores(*tables, database.aclose, webhooks, personal, database.connect, database.renew)


def _personal(file: SQLite) -> PersonalData:
    from antiphon.store.sqlite.personal import SQLitePersonal

    return SQLitePersonal(file)


def _outbox(file: SQLite) -> SQLiteWebhooks:
    from antiphon.store.sqlite.webhooks import SQLiteWebhooks

    return SQLiteWebhooks(file)


_RECEIVERS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def start_tracing(environ: Mapping[str, str], settings: Settings, providers: Providers) -> None:
    """Make the traces of this process if the environment names a receiver of OTLP.

    Nothing is imported for it otherwise.

    Raises:
        SettingsError: a variable of OpenTelemetry is malformed.
    """
    is_off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER") == "none"
    if is_off or not any(environ.get(name) for name in _RECEIVERS):
        return
    from antiphon.telemetry.tracer import open_tracer

    trace_with(open_tracer(environ, providers.endpoint, settings.otlp_headers_secret))


async def deliver_webhooks(settings: Settings, services: Services) -> None:
    """Send what happens to the webhooks of a file until it is cancelled. For a process that serves by itself.

    Without a file nothing is sent here: on AWS a function does it.
    """
    from antiphon.ports.webhooks import Outbox

    outbox = services.webhooks()
    if settings.database is None or not isinstance(outbox, Outbox):
        return
    from antiphon.fetch.posting import webhook_post
    from antiphon.webhooks.delivery import deliver_forever

    post = webhook_post(settings.webhook_hosts)
    try:
        await deliver_forever(outbox, post, services.clock)
    finally:
        await post.aclose()


def build_services(
    settings: Settings, stores: Stores, providers: Providers, start_worker: StartWorker | None = None
) -> Services:
    """Connect the adapters of a process.

    Args:
        settings: the settings.
        stores: the stores.
        providers: the providers.
        start_worker: starts a worker for a background response; None if this process runs them itself.

    Raises:
        SettingsError: the keys for sealing or the prices are malformed.
    """
    post = LazyPost(settings.webhook_hosts)
    return Services(
        keys=stores.keys,
        directory=stores.directory,
        door=LazyDoor(http=settings.allow_http_urls, private=settings.allow_private_urls),
        runners=Runners(settings),
        pin_tools=LazyPinning(settings),
        circuits=Circuits(settings.circuit_failures, settings.circuit_seconds, secrets.token_bytes),
        responses=stores.responses,
        meter=stores.meter,
        runs=stores.runs,
        approvals=stores.approvals,
        usage=stores.usage,
        audit=stores.audit,
        providers=providers,
        seal=Seals(_seal_keys(settings), secrets.token_bytes),
        clock=time.time,
        entropy=secrets.token_bytes,
        settings=settings,
        capabilities=providers.capabilities,
        provider_names=providers.names,
        require_fit=providers.require_fit,
        cost=LazyCosts(settings.prices, providers.endpoint),
        start_worker=start_worker or _start_here,
        webhooks=stores.webhooks,
        post=post,
        allows_webhook=post.allows,
        personal=stores.personal,
    )


async def _start_here(services: Services, owner: Owner, response_id: str) -> None:
    """Start a worker in this process. What runs responses is imported when the first one starts."""
    from antiphon.run.worker import start_here

    await start_here(services, owner, response_id)


def _seal_keys(settings: Settings) -> Callable[[], str] | None:
    if settings.seal_keys is not None:
        keys = settings.seal_keys.get_secret_value()
        check_keys(keys)
        return lambda: keys
    if settings.seal_secret is not None:
        from antiphon.aws.secrets import kept

        return kept("secret", settings.seal_secret, asked_by="ANTIPHON_SEAL_SECRET").value
    return None


def create_app() -> FastAPI:
    """Build the create function's app. It serves every route, so that its Function URL is a whole ``base_url``."""
    from antiphon.web.app import build_app
    from antiphon.web.routers import ROUTERS

    return build_app(_services(calls_models=True), ROUTERS)


class PushedMessages:
    """Answers the messages of a WebSocket API with what is pushed to its connections.

    Args:
        services: the adapters.
    """

    def __init__(self, services: Services) -> None:
        from antiphon.aws.push import MAX_BYTES, PushEndpoint
        from antiphon.web.websocket.gateway import GatewayMessages

        self._messages = GatewayMessages(services, MAX_BYTES)
        self._endpoints: dict[tuple[str, str], PushEndpoint] = {}
        self.admit = self._messages.admit

    async def deliver(self, context: dict[str, str], body: bytes, until: float) -> None:
        """Answer a message; see ``awslambda.websocket.Messages``."""
        from antiphon.aws.push import ConnectionGone, PushEndpoint
        from antiphon.web.websocket.gateway import Delivery

        place = context["domain"], context["stage"]
        endpoint = self._endpoints[place] = self._endpoints.get(place) or PushEndpoint(*place)
        given = Delivery(context["connection"], context["key"], context["request"], body, until)

        async def push(message: bytes) -> bool:
            try:
                await endpoint.send(given.connection, message)
            except ConnectionGone:
                return False
            return True

        await self._messages.answer(given, push)


def retrieve_app() -> FastAPI:
    """Build the get function's app."""
    from antiphon.web.app import build_app
    from antiphon.web.routes import approvals, conversations, responses

    return build_app(_services(), [responses.router, conversations.router, approvals.router])


def models_app() -> FastAPI:
    """Build the list-models function's app. It also answers what needs no key, and every unknown path."""
    from antiphon.web.app import build_app
    from antiphon.web.routes import about, models

    return build_app(_services(), [models.router, about.router])


def manage_app() -> FastAPI:
    """Build the manage function's app."""
    from antiphon.web.app import build_app
    from antiphon.web.routes import admin

    return build_app(_services(), admin.routers)


def worker_services() -> Services:
    """Connect the adapters of the function that runs queued responses."""
    return _services(calls_models=True)


def event_sender() -> EventSender:
    """Connect what the function that sends events needs.

    Raises:
        SettingsError: the settings name no tables or no queue.
    """
    from antiphon.aws.messages import Bus, Queue
    from antiphon.awslambda.events import EventSender
    from antiphon.fetch.posting import webhook_post
    from antiphon.store.dynamodb.changes import event_in

    settings = read_settings(os.environ)
    if settings.core_table is None or settings.webhook_queue is None:
        raise SettingsError("ANTIPHON_CORE_TABLE and ANTIPHON_WEBHOOK_QUEUE are required")
    stores, post, queue = build_stores(settings), webhook_post(settings.webhook_hosts), Queue(settings.webhook_queue)
    bus = None if settings.event_bus is None else Bus(settings.event_bus)

    async def aclose() -> None:
        for opened in (stores, post, queue, bus):
            if opened is not None:
                await opened.aclose()

    return EventSender(stores.webhooks(), post, queue, bus, time.time, event_in, aclose)


def _services(*, calls_models: bool = False) -> Services:
    from antiphon.awslambda import snapshot

    settings = read_settings(os.environ)
    providers = Providers(settings.providers, os.environ)
    if calls_models:
        providers.require_keys()
    start_tracing(os.environ, settings, providers)
    stores = build_stores(settings)
    snapshot.register(stores.connect, stores.renew)
    if not snapshot.is_snapshot():
        stores.connect()  # certificates are read while the function starts, not while its first caller waits
    return build_services(settings, stores, providers, _invoking(settings))


def _invoking(settings: Settings) -> StartWorker | None:
    """Return what starts a worker in another function; None if the settings name none."""
    if settings.worker_function is None:
        return None
    from antiphon.aws.workers import Workers
    from antiphon.awslambda import snapshot

    workers = Workers(settings.worker_function)
    snapshot.register(lambda: None, workers.renew)
    return workers.start
