"""What is kept: the records behind the store ports, as frozen values.

A record
becomes a JSON document with ``dump`` and comes back, validated, with ``load``.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar

from antiphon.ids import place_of

Item = dict[str, Any]
"""One item in the specification's JSON form (Open Responses, "Items")."""

T = TypeVar("T")

_adapters: dict[Any, Any] = {}

PUBLIC: Final = "public"
"""The principal that everybody of a tenant is."""

QUEUED: Final = "queued"
IN_PROGRESS: Final = "in_progress"
RUNNING: Final = frozenset({QUEUED, IN_PROGRESS})
"""The statuses of a response that has not ended."""

DAY: Final = 86_400
"""Seconds."""
CANCELLED: Final = "cancelled"
DELETED: Final = "deleted"
"""The status of a turn of a conversation that was deleted. Its place stays taken, so it is never used again."""
CLOSED: Final = "closed"
"""The status of the last turn of a conversation that was deleted. It takes the place of whoever would add to it."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one user, key or agent may use; None for no limit. Days and months are those of UTC, minutes of the clock.

    Attributes:
        requests_per_minute: how many responses it may create.
        tokens_per_day, tokens_per_month: input and output tokens together.
        usd_per_month: US dollars, for the tokens whose price is known.
    """

    requests_per_minute: int | None = None
    tokens_per_day: int | None = None
    tokens_per_month: int | None = None
    usd_per_month: float | None = None


NO_BUDGET: Final = Budget()


@dataclass(frozen=True, slots=True)
class Limits:
    """One layer of configuration; None says nothing. Later layers (deployment, tenant, role) narrow earlier ones.

    Attributes:
        providers: names of the providers that may be used.
        models: names of the providers' models that may be used.
        defaults: request parameters by name, used if neither request nor agent sets one.
        maximums: the greatest value allowed for a numeric parameter, by name.
        retention_days: how long a stored response is kept.
        max_body_bytes: the largest request body.
        requests_per_minute, tokens_per_day, tokens_per_month, usd_per_month: what one user may use; see ``Budget``.
    """

    providers: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    defaults: dict[str, Any] = field(default_factory=dict)
    maximums: dict[str, float] = field(default_factory=dict)
    retention_days: int | None = None
    max_body_bytes: int | None = None
    requests_per_minute: int | None = None
    tokens_per_day: int | None = None
    tokens_per_month: int | None = None
    usd_per_month: float | None = None

    @property
    def budget(self) -> Budget:
        """What one user may use."""
        return Budget(self.requests_per_minute, self.tokens_per_day, self.tokens_per_month, self.usd_per_month)


@dataclass(frozen=True, slots=True)
class Tenant:
    """One customer of a deployment; its users, agents and responses are invisible to every other."""

    id: str
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Role:
    """A named set of feature permissions, after LibreChat's ``REMOTE_AGENTS``.

    Attributes:
        remote_agents: the permissions held, of ``USE``, ``CREATE``, ``SHARE``, ``SHARE_PUBLIC``.
        manage: what its users may manage with a management key: the rights of ``access.rights``.
    """

    tenant: str
    id: str
    remote_agents: frozenset[str] = frozenset()
    limits: Limits = Limits()
    manage: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Group:
    """A named set of users; membership is kept with the user."""

    tenant: str
    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody, or something, that calls."""

    tenant: str
    id: str
    name: str = ""
    role: str = "USER"
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Key:
    """An API key as it is kept: never the key itself.

    Attributes:
        digest: SHA-256 of the key, hexadecimal.
        id: the public name of the key, for lists and revocation.
        prefix: the first characters of the key, for recognition.
        created_at, expires_at, revoked_at: seconds since the epoch.
        agents: the agents it is limited to; None for all of its user's.
        read_only: it can read, and never create.
        management: it manages the deployment, and cannot call agents; every other key does the opposite.
        budget: what may be used with it, beside what its user may use.
    """

    digest: str
    id: str
    tenant: str
    user: str
    prefix: str
    name: str = ""
    created_at: int = 0
    expires_at: int | None = None
    revoked_at: int | None = None
    agents: tuple[str, ...] | None = None
    read_only: bool = False
    management: bool = False
    budget: Budget = Budget()


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """A secret that signs what is sent to a webhook.

    Attributes:
        text: in the form of Standard Webhooks, ``whsec_`` and base64.
        expires_at: seconds since the epoch; None for the newest.
    """

    text: str = field(repr=False)
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """An endpoint outside that is told of events.

    Attributes:
        event_types: what it is told of, such as ``response.completed``.
        secrets: the newest first; each of them signs until it expires.
    """

    tenant: str
    id: str
    url: str
    event_types: tuple[str, ...]
    secrets: tuple[WebhookSecret, ...]
    created_at: int
    updated_at: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class EventDelivery:
    """An event on its way to a webhook.

    Attributes:
        webhook: the webhook's id.
        user: whose response it is.
        subject: the id of the response, or of the approval.
        type: the event's type, such as ``response.completed``.
        created_at: when it happened, in seconds since the epoch.
        attempts: how often it was sent.
        failure: why the last attempt failed: a status, or a word; empty before the first.
    """

    tenant: str
    webhook: str
    user: str
    subject: str
    type: str
    created_at: int
    attempts: int = 0
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes or reads something as an operator: by which credentials, and from where. Kept for audit.

    Attributes:
        user: the id of the user whose key it is; of the command line and the console the name of the operator's
            account.
        via: how it came.
        key_id: the public name of the key; empty for the operator's own credentials for the store.
        address: the address that the request came from; empty if it did not come over a network.
        host: the name of the machine of the command line or console.
    """

    tenant: str
    user: str
    via: Literal["http", "cli", "console", "server"]
    key_id: str = ""
    address: str = ""
    host: str = ""


SERVER: Final = Actor("", "antiphon", "server")
"""The service itself, such as when a local server makes its first agents."""


@dataclass(frozen=True, slots=True)
class Fallback:
    """A model that stands in for an agent's own: a configured provider, and that provider's name of the model."""

    provider: str
    model: str


@dataclass(frozen=True, slots=True)
class AgentCompaction:
    """How an agent's conversations are compacted by themselves.

    Attributes:
        threshold: the tokens at which that happens; None for three quarters of the agent's ``context_tokens``.
        model: a model of the agent's provider that writes the summary; empty for a text that no model writes.
    """

    threshold: int | None = None
    model: str = ""


ToolKind = Literal["mcp", "lambda", "http", "knowledge_base", "web_search"]
"""The kinds of server whose tools Antiphon runs."""


@dataclass(frozen=True, slots=True)
class ServerTool:
    """A tool that Antiphon runs, as it was when its agent was applied.

    Attributes:
        name: its name at its server.
        description: for the model.
        parameters: JSON Schema of its arguments: an object.
        repeatable: it may run twice for one call (``safe_to_repeat``).
        approval: who has to approve a call: ``caller``, or a principal such as ``role:MANAGER``; None for nobody.
        timeout_seconds: the longest that one call may take.
        how: what its kind of server needs to call it.
    """

    name: str
    description: str = ""
    parameters: dict[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})
    repeatable: bool = False
    approval: str | None = None
    timeout_seconds: float = 30.0
    how: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolServer:
    """Where an agent's tools are that Antiphon runs, pinned when the agent was applied.

    Attributes:
        kind: how it is called.
        label: its name among the agent's servers (``server_label``); the model calls a tool ``label__tool``.
        tools: its tools.
        settings: where it is, and what else its kind needs: never a secret.
        auth: where its credentials are: references, never a secret.
        digest: SHA-256 of what the tools were pinned from, hexadecimal.
    """

    kind: ToolKind
    label: str
    tools: tuple[ServerTool, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    auth: dict[str, Any] = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Agent:
    """Instructions, a model and tools under one name; clients address it as ``model``.

    Attributes:
        provider: the name of a configured provider.
        model: the provider's own name of the model.
        parameters: request parameters by their wire name (``temperature``, ``max_output_tokens``, ``reasoning``, ...).
        tools: function tools in the specification's form.
        hide_instructions: a response echoes the caller's instructions alone, not the agent's.
        context_tokens: how many tokens the model can read and write at once; None if it is not known.
        fallbacks: who is asked, in this order, if the model fails before its first token.
        compaction: when and how a conversation is compacted; None for only when a request asks for it.
        servers: where the tools are that Antiphon runs.
        show_tools: a response shows the calls of these tools as items; if not, it shows none of them.
        max_model_turns: how often the model is asked for one response at most.
        budget: what all users together may use with it, beside what each of them may use.
        version: counts the changes of its content, from 1.
    """

    tenant: str
    id: str
    provider: str
    model: str
    author: str
    name: str = ""
    description: str = ""
    instructions: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    tools: tuple[dict[str, Any], ...] = ()
    hide_instructions: bool = False
    context_tokens: int | None = None
    fallbacks: tuple[Fallback, ...] = ()
    compaction: AgentCompaction | None = None
    servers: tuple[ToolServer, ...] = ()
    show_tools: bool = True
    max_model_turns: int = 16
    budget: Budget = Budget()
    created_at: int = 0
    updated_at: int = 0
    version: int = 1


@dataclass(frozen=True, slots=True)
class DeletedAgent:
    """An agent that was deleted and can still be restored.

    Attributes:
        deleted_at: seconds since the epoch.
        expires_at: from then on it cannot be restored, in seconds since the epoch.
    """

    agent: Agent
    deleted_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Grant:
    """What a principal may do with an agent.

    Attributes:
        principal: ``user:ID``, ``group:ID``, ``role:ID`` or ``public``.
        bits: VIEW 1, EDIT 2, DELETE 4, SHARE 8.
    """

    tenant: str
    agent: str
    principal: str
    bits: int


@dataclass(frozen=True, slots=True)
class Account:
    """All that a key's user brings: read together, cached together."""

    user: User
    role: Role
    tenant: Tenant


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a stored object is; part of its key, so no query can forget it."""

    tenant: str
    user: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of turns of one segment that a store reads in one go.

    Attributes:
        first, last: depths, both included.
        size: bytes as stored, all turns together.
        chunks: how many further parts its one turn was cut into; 0 if every turn is in one piece.
    """

    segment: str
    first: int
    last: int
    size: int
    chunks: int = 0


@dataclass(frozen=True, slots=True)
class Conversation:
    """The record of a conversation; its turns are stored responses of the same partition.

    Attributes:
        created_at, expires_at: seconds since the epoch. Additions move ``expires_at``: the record outlives its turns.
        agents: the agents that have answered in it.
        revision: how often the record was changed.
    """

    owner: Owner
    id: str
    created_at: int
    expires_at: int
    metadata: dict[str, str] = field(default_factory=dict)
    agents: tuple[str, ...] = ()
    revision: int = 0


STRETCH_BYTES: Final = 900_000
"""A stretch ends before this size: one DynamoDB Query page is 1 MB."""


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """One turn: what came in, what went out, and where it stands in its conversation.

    Attributes:
        agent: the agent's id; empty for a turn of a conversation that no agent ran.
        status: as in the resource, or ``DELETED`` or ``CLOSED`` for a place of a conversation that stays taken.
        created_at, expires_at: seconds since the epoch; ``expires_at`` None is for ever.
        lease: a random name of the one writer; empty once ended.
        lease_until: seconds since the epoch; later than this, an unended response counts as lost.
        lineage: the turns before this one, oldest first.
        input: this turn's own input items.
        response: the resource, output included: the fold of the events that were sent.
        size, chunks: what the store made of it; filled in on reading.
        reservation: the name under which its request can be sent again; empty for none.
        epoch: how often the response got a new writer.
        logged: its events are logged while it runs.
        job: what a worker needs to run it, until it has ended; None for a response that its request runs.
        calls: of tools that Antiphon runs: those that were about to be made, with what came of them so far. Only while
            the response runs.
        cuts: where the deltas of its texts ended, see ``stream.cuts``.
        stream_version: of the stream that its cuts give; 0 if it has none.
        lost_after: how many of its events were logged when its writer was lost; None if none was lost.
        key_id: the public name of the key that it was asked with; empty if that is not known.
        model: the first model that was to answer, as ``provider/model``; empty if no agent runs it.
    """

    owner: Owner
    id: str
    agent: str
    status: str
    created_at: int
    expires_at: int | None
    lease: str
    lease_until: float
    lineage: tuple[Stretch, ...]
    input: list[Item]
    response: dict[str, Any]
    size: int = 0
    chunks: int = 0
    reservation: str = ""
    epoch: int = 0
    logged: bool = False
    job: dict[str, Any] | None = None
    calls: list[dict[str, Any]] = field(default_factory=list)
    cuts: str = ""
    stream_version: int = 0
    lost_after: int | None = None
    key_id: str = ""
    model: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether it has its final status."""
        return self.status not in RUNNING

    @property
    def previous_response_id(self) -> str | None:
        """The id of the turn that this one continues."""
        previous: str | None = self.response["previous_response_id"]
        return previous


@dataclass(frozen=True, slots=True)
class Approval:
    """A call of a tool that waits for somebody to approve it, or waited.

    Attributes:
        owner: whose response made the call.
        id: of the item that asks for it.
        response_id: the response that made the call.
        agent: its agent.
        label, tool: the server and the tool, by their names.
        arguments: of the call; what is approved is just these.
        digest: of the tool as it was when it was asked: it must be the same when it is called.
        by: who decides: ``caller``, or a principal other than the caller.
        created_at, expires_at: seconds since the epoch.
        job: who asked and what, as in ``StoredResponse.job``.
        sealed: what the model's provider must be given back with the call, sealed; None for nothing.
        state: what was decided.
        decided_by: the user, or the name of the operator.
        decided_at: seconds since the epoch.
        reason: why it was denied, for the model.
        used_by: the response that made the call after the decision; no other can.
        revision: how often the record was changed.
    """

    owner: Owner
    id: str
    response_id: str
    agent: str
    label: str
    tool: str
    arguments: str
    digest: str
    by: str
    created_at: int
    expires_at: int
    job: dict[str, Any]
    sealed: str | None = None
    state: Literal["pending", "approved", "denied"] = "pending"
    decided_by: str = ""
    decided_at: int | None = None
    reason: str = ""
    used_by: str = ""
    revision: int = 0


@dataclass(frozen=True, slots=True)
class LogBatch:
    """Some entries of a running response's log, written together.

    Attributes:
        number: its place in the log, from 0 without gaps.
        epoch: of the writer.
        at: when it was written, in seconds since the epoch.
        data: bytes of the log: entries as lines of JSON. A line may go on in the next batch.
        last: the response has ended; what is missing here is in the stored response.
    """

    number: int
    epoch: int
    at: float
    data: bytes
    last: bool = False


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A response that a worker has to run to its end.

    Attributes:
        at: when it was queued, in seconds since the epoch.
    """

    owner: Owner
    response_id: str
    at: float


@dataclass(frozen=True, slots=True)
class Reservation:
    """That a request which may be sent again has been taken up: by whom, and which response answers it.

    Attributes:
        name: of the request, among its owner's: it holds the key's id and a digest, never what the caller sent.
        digest: SHA-256 of the body, hexadecimal.
        response_id: of the response that answers; no two attempts have the same one.
        until: seconds since the epoch; by then the response is claimed, or the attempt was lost.
        expires_at: seconds since the epoch.
        deleted: the response was deleted.
    """

    owner: Owner
    name: str
    digest: str
    response_id: str
    until: float
    expires_at: int
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time in which something is counted by itself: the number-th of its length since the epoch.

    Attributes:
        what: is counted.
        seconds: its length.
    """

    what: Literal["requests"]
    seconds: int
    number: int

    @classmethod
    def at(cls, what: Literal["requests"], seconds: int, now: float) -> Period:
        """Return the period that a time in seconds since the epoch falls into."""
        return cls(what, seconds, int(now // seconds))

    @property
    def name(self) -> str:
        """A name that no other period has."""
        return f"{self.what}#{self.seconds}#{self.number}"

    @property
    def ends(self) -> int:
        """When the next one begins, in seconds since the epoch."""
        return (self.number + 1) * self.seconds


def is_said(turn: StoredResponse, now: float) -> bool:
    """Return whether a turn's items belong to its conversation: as with OpenAI, those of a failed response do not."""
    alive = turn.expires_at is None or turn.expires_at > now
    return alive and turn.status in ("completed", "incomplete")


def without_content(turn: StoredResponse, turn_id: str, status: str) -> StoredResponse:
    """Return what keeps the place of a turn of a conversation taken.

    Args:
        turn: the turn.
        turn_id: an id of the same place.
        status: ``DELETED`` or ``CLOSED``.
    """
    response: dict[str, Any] = {"id": turn_id, "status": status, "previous_response_id": None, "output": []}
    return StoredResponse(
        owner=turn.owner,
        id=turn_id,
        agent="",
        status=status,
        created_at=turn.created_at,
        expires_at=turn.expires_at,
        lease=turn.lease,
        lease_until=turn.lease_until,
        lineage=turn.lineage,
        input=[],
        response=response,
    )


def lineage_after(parent: StoredResponse) -> tuple[Stretch, ...]:
    """Return the lineage of a turn that continues ``parent``: its last stretch grown by one turn, or a new stretch.

    Raises:
        ValueError: the parent's id is not a response id.
    """
    place = place_of(parent.id)
    if parent.lineage and not parent.chunks:
        *earlier, last = parent.lineage
        follows = last.segment == place.segment and last.last + 1 == place.depth and not last.chunks
        if follows and last.size + parent.size <= STRETCH_BYTES:
            grown = dataclasses.replace(last, last=place.depth, size=last.size + parent.size)
            return (*earlier, grown)
    return (*parent.lineage, Stretch(place.segment, place.depth, place.depth, parent.size, parent.chunks))


def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def dump(record: Any) -> bytes:
    """Write a record as a JSON document."""
    document: bytes = _adapter(type(record)).dump_json(record, exclude_defaults=True)
    return document


def load(kind: type[T], document: bytes | str) -> T:
    """Read a record from its JSON document.

    Raises:
        pydantic.ValidationError: the document is not of this kind.
    """
    record: T = _adapter(kind).validate_json(document)
    return record
