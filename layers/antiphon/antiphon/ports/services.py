"""All adapters of one process, as one value."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from antiphon.circuits import Circuits
from antiphon.ids import Entropy
from antiphon.ports.audit import AuditLog
from antiphon.ports.fetching import Door
from antiphon.ports.models import ModelCall, ModelProvider, UsageDelta
from antiphon.ports.stores import ApprovalStore, ConversationStore, Directory, KeyStore, Meter, RunStore
from antiphon.ports.tools import Pinned, PinTools, ToolRunner
from antiphon.ports.usage import UsageStore
from antiphon.records import Owner, ToolKind
from antiphon.seal import Seal
from antiphon.settings import Settings

if TYPE_CHECKING:
    from antiphon.ports.personal import PersonalData
    from antiphon.ports.webhooks import Post, WebhookStore

Clock = Callable[[], float]
"""Returns the time in seconds since the epoch, such as ``time.time``."""

StartWorker = Callable[["Services", Owner, str], Awaitable[None]]
"""Starts a worker for the response of an owner with this id."""


async def _none(entries: Sequence[Any]) -> list[Pinned]:
    del entries
    return []


@dataclass(frozen=True, slots=True)
class Services:
    """All adapters of one process, as ``bootstrap`` puts them together.

    Attributes:
        providers: returns the provider of a configured name, or None; it is imported on its first use.
        seal: returns what seals and opens. It may block for as long as a secret takes to read. ApiError
            ``seal_not_configured`` if there is no key.
        door: opens the URLs that callers choose.
        circuits: keep calls from models that keep failing.
        runners: returns what runs the tools of a kind of server; it is imported on its first use.
        pin_tools: looks up the tools of an agent's servers.
        steady: returns seconds of a clock that is never set, such as ``time.monotonic``: for what is kept in memory.
        capabilities: returns what a provider's model supports, by the names of the request's fields; None if
            nothing is known. It needs no credentials.
        provider_names: the names of all providers; None if there may be others.
        require_fit: checks that a provider's model can be asked something. ApiError 400, if not; nothing happens if the
            provider is not known.
        cost: returns what a model of a provider asks for some tokens, in billionths of a US dollar; None if its price
            is not known.
        alone_since: when this process began, in seconds since the epoch, if it alone runs the responses of its stores:
            a writer from before is gone. None if there may be others.
        start_worker: starts a worker for a response, and does not wait for it. It never raises: whoever looks at a
            queued response starts what was not started.
        webhooks: returns the store of webhooks; it is imported on its first use.
        post: sends a request to the URL of a webhook; what it needs is imported on its first use.
        allows_webhook: checks whether the settings let a webhook be at a URL; the name is not looked up.
        personal: returns the store of what is stored of one user; it is imported on its first use.
    """

    keys: KeyStore
    directory: Directory
    responses: ConversationStore
    meter: Meter
    runs: RunStore
    approvals: ApprovalStore
    usage: UsageStore
    audit: AuditLog
    providers: Callable[[str], ModelProvider | None]
    seal: Callable[[], Seal]
    door: Door
    circuits: Circuits
    runners: Callable[[ToolKind], ToolRunner]
    clock: Clock
    entropy: Entropy
    settings: Settings
    start_worker: StartWorker
    webhooks: Callable[[], WebhookStore]
    post: Post
    allows_webhook: Callable[[str], bool]
    personal: Callable[[], PersonalData]
    capabilities: Callable[[str, str], dict[str, Any] | None] = lambda _provider, _model: None
    provider_names: frozenset[str] | None = None
    require_fit: Callable[[str, str, ModelCall], None] = lambda _provider, _model, _call: None
    pin_tools: PinTools = _none
    steady: Clock = time.monotonic
    alone_since: int | None = None
    cost: Callable[[str, str, UsageDelta], int | None] = lambda _provider, _model, _usage: None
