"""The interfaces of stores, providers, the fetcher of URLs, and the clock.

``bootstrap`` is the only module that names their adapters. Every store method may raise ``StorageUnavailable``, is
a coroutine and never blocks the event loop.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, Protocol

from antiphon.circuits import Circuits
from antiphon.ids import Entropy
from antiphon.records import (
    Account,
    Agent,
    Conversation,
    Grant,
    Group,
    Item,
    Key,
    LogBatch,
    OpenRun,
    Owner,
    Period,
    Reservation,
    Role,
    StoredResponse,
    Stretch,
    Tenant,
    User,
)
from antiphon.seal import Seal
from antiphon.settings import Settings

Clock = Callable[[], float]
"""Returns the time in seconds since the epoch, such as ``time.time``."""


class KeyStore(Protocol):
    """API keys, by the SHA-256 of the key."""

    async def get(self, digest: str) -> Key | None:
        """Read a key, consistently; one trip."""

    async def add(self, key: Key) -> None:
        """Keep a new key.

        Raises:
            AlreadyExists: a key with this digest is kept.
        """

    async def list(self, tenant: str) -> list[Key]:
        """List a tenant's keys, revoked and expired ones included, newest first."""

    async def revoke(self, tenant: str, key_id: str, at: int) -> Key | None:
        """Revoke a key from a time on (seconds since the epoch); None if there is none. A first revocation stays."""

    async def last_used(self, tenant: str) -> dict[str, int]:
        """Return when the tenant's keys were last used, in seconds since the epoch, by digest."""

    async def touch(self, tenant: str, digest: str, at: int) -> None:
        """Note that a key was used. Callers do this at most once an hour and never make a request wait for it."""


class Directory(Protocol):
    """Users, roles, groups, tenants, agents and grants."""

    async def account(self, tenant: str, user: str) -> Account | None:
        """Read a user with its role and tenant, in one trip; None if the user or its role is unknown.

        A tenant or a built-in role (ADMIN, USER) that was never stored exists with its defaults.
        """

    async def agent(self, tenant: str, agent: str, principals: Sequence[str]) -> tuple[Agent, int] | None:
        """Read an agent and the OR of the principals' bits on it, in one consistent trip; None if there is none."""

    async def agents(self, tenant: str, principals: Sequence[str]) -> list[tuple[Agent, int]]:
        """List the agents on which the principals have any bit, by id, in two trips, with the OR of their bits."""

    async def put(self, record: Tenant | Role | Group | User | Grant) -> None:
        """Keep a record, in the place of an earlier one with the same identity. A grant of 0 bits is removed."""

    async def put_agent(self, agent: Agent) -> None:
        """Keep an agent; with a new one its author's grant of all bits, both or neither."""

    async def delete_agent(self, tenant: str, agent: str) -> bool:
        """Remove an agent and all grants on it; whether there was one."""

    async def delete(self, record: User | Role | Group) -> bool:
        """Remove a user, role or group and all grants that it holds. Return whether there was one."""

    async def list_agents(self, tenant: str) -> list[Agent]:
        """List all agents of a tenant, by id."""

    async def list_users(self, tenant: str) -> list[User]:
        """List all users of a tenant, by id."""

    async def list_roles(self, tenant: str) -> list[Role]:
        """List all roles of a tenant by id, the built-in ones included."""

    async def list_groups(self, tenant: str) -> list[Group]:
        """List all groups of a tenant, by id."""

    async def get_tenant(self, tenant: str) -> Tenant:
        """Read a tenant; its defaults if it was never stored."""

    async def grants_on(self, tenant: str, agent: str) -> list[Grant]:
        """List the grants on an agent, by principal. It may lag behind a change by some seconds."""


class ResponseStore(Protocol):
    """Stored responses. Owner and tenant are part of every key; a response past its ``expires_at`` is absent."""

    async def claim(self, response: StoredResponse) -> None:
        """Take a place in a conversation for a response in progress; one conditional write.

        Raises:
            SlotTaken: another turn has this id.
        """

    async def checkpoint(self, response: StoredResponse) -> None:
        """Store what a response in progress has come to; one conditional write.

        Does nothing if the response was cancelled or another writer holds the lease.
        """

    async def commit(self, response: StoredResponse) -> None:
        """Store how a response ended, once, if its lease is still this writer's.

        Raises:
            Superseded: it was ended or deleted by somebody else meanwhile.
        """

    async def take_over(self, seen: StoredResponse, taken: StoredResponse) -> bool:
        """Make somebody else the writer of a response that has not ended; one conditional write.

        Args:
            seen: the response as it was read; nothing happens if its lease has changed since, or it was cancelled.
            taken: the same response with the new writer's lease and epoch.

        Returns:
            whether ``taken`` is stored now.
        """

    async def cancel(self, owner: Owner, response_id: str) -> bool:
        """Ask the writer of a response in progress to end it; one conditional write. Whether it was in progress."""

    async def is_wanted(self, response: StoredResponse) -> bool:
        """Return whether a response is still in progress for its writer: not cancelled, ended or deleted; one read."""

    async def get(self, owner: Owner, response_id: str, now: float) -> StoredResponse | None:
        """Read a response, consistently; None if it is absent, expired or another owner's."""

    async def chain(self, owner: Owner, response_id: str, now: float, max_bytes: int) -> list[StoredResponse] | None:
        """Read a response with all turns before it, oldest first, in at most two sequential trips.

        None if the response, or any turn before it, is absent.

        Raises:
            ChainTooLarge: it is over ``max_bytes``: as stored, which shows before the second trip, or as JSON.
        """

    async def delete(self, owner: Owner, response_id: str) -> bool:
        """Remove a response and all its content; whether there was one. Its reservation stays, and says so."""

    async def reserve(self, wanted: Reservation, now: float, replaced: Reservation | None = None) -> Reservation | None:
        """Take a request up if nobody has, or if ``replaced`` still has it; one conditional write.

        Return what is there instead, or None if it is now the wanted one, sent before or not.
        """

    async def release(self, held: Reservation) -> None:
        """Remove a reservation, if it is still this one."""


class RunStore(Protocol):
    """What is kept of responses while they run: their logs, and which of them a worker has to run."""

    async def append(self, owner: Owner, response_id: str, batch: LogBatch, expires_at: int) -> bool:
        """Add a batch to the log of a response; one conditional write.

        The number decides: nobody writes a batch twice, so a writer whose response was taken over cannot go on.

        Args:
            owner: whose response it is.
            response_id: its id.
            batch: what is added.
            expires_at: when the batch may be removed, in seconds since the epoch.

        Returns:
            whether it is the log's batch of this number; False if another writer's is.
        """

    async def read(self, owner: Owner, response_id: str, first: int) -> list[LogBatch]:
        """Read the batches of a log from a number on, in order, consistently; one trip for each MB."""

    async def latest(self, owner: Owner, response_id: str) -> LogBatch | None:
        """Read the last batch of a log, consistently; one trip. None if the log is empty."""

    async def erase(self, owner: Owner, response_id: str) -> None:
        """Remove the log of a response."""

    async def open(self, run: OpenRun) -> None:
        """Note a response for a worker; one write."""

    async def close(self, owner: Owner, response_id: str) -> None:
        """Remove the note; one write."""

    async def list_open(self, owner: Owner | None = None) -> list[OpenRun]:
        """List the noted responses of an owner, consistently, or those of all owners."""


class Opened(NamedTuple):
    """A conversation as it was read: its record and newest turn, which has no content if it was cut (``chunks``)."""

    record: Conversation
    newest: StoredResponse | None


class ConversationStore(ResponseStore, Protocol):
    """Conversations: a record each, and turns that are stored responses. Two writers claim the same place; one gets it.

    A place of a conversation is never used twice, so who claims the place after the newest turn has read them all.
    """

    async def save_conversation(self, record: Conversation) -> bool:
        """Store a record, if the stored one has the revision before it, or none is stored and it is the first.

        One conditional write. Return whether it is stored.
        """

    async def open_conversation(self, owner: Owner, conversation_id: str, now: float) -> Opened | None:
        """Read a conversation, consistently, in one trip; None if it is absent, expired, deleted or another owner's."""

    async def turns(self, owner: Owner, lineage: Sequence[Stretch], max_bytes: int) -> list[StoredResponse]:
        """Read the turns of some stretches, oldest first, in one trip. What is not there any more is left out.

        Raises:
            ChainTooLarge: they are over ``max_bytes``: as stored, which shows before the trip, or as JSON.
        """

    async def some_turns(
        self, owner: Owner, conversation_id: str, after: int | None, *, newest_first: bool, limit: int
    ) -> list[StoredResponse]:
        """Read at most ``limit`` turns of a conversation in order; fewer if they are large, none at its end.

        Args:
            owner: whose it is.
            conversation_id: the conversation.
            after: the depth of the turn that they follow in that order; None to begin.
            newest_first: the order.
            limit: the most turns.
        """

    async def rewrite(
        self, owner: Owner, response_id: str, change: Callable[[StoredResponse], StoredResponse]
    ) -> StoredResponse | None:
        """Change a turn that has ended, in the place where it is. None if it is absent or still in progress.

        Args:
            owner: whose it is.
            response_id: the turn.
            change: returns it as it is to be; called again if another writer was first.
        """

    async def clear_conversation(self, owner: Owner, conversation_id: str, last: str) -> None:
        """Remove all turns of a conversation but its last, whose id is given, then its record. It can be sent again."""


class Meter(Protocol):
    """Counters, one for each user and period. Every period begins at 0."""

    async def take(self, owner: Owner, period: Period, limit: int) -> bool:
        """Count one, unless ``limit`` (at least 1) is reached; one conditional write. Whether it was counted."""

    async def add(self, owner: Owner, period: Period, amount: int) -> None:
        """Count more, whatever was counted; one write."""

    async def count(self, owner: Owner, period: Period) -> int:
        """Read what was counted, consistently; one trip."""


# What a provider answers, as a few neutral deltas. Only the stream machine makes events of them.


Phase = Literal["commentary", "final_answer"]
"""What a message is for, in the specification's words."""


class MessageDelta(NamedTuple):
    """The next delta begins a new message. Without it, text up to a call or reasoning is one message."""

    phase: Phase | None = None


class TextDelta(NamedTuple):
    """A piece of the answer. ``logprobs`` in the specification's ``LogProb`` form, if asked for."""

    text: str
    logprobs: list[dict[str, Any]] | None = None


class RefusalDelta(NamedTuple):
    """A piece of a refusal."""

    text: str


class ReasoningDelta(NamedTuple):
    """A piece of readable reasoning (a summary)."""

    text: str


class ReasoningStateDelta(NamedTuple):
    """What the provider must be given back unchanged with the reasoning before it, which ends here.

    Only the model that made it is given it: ``kind`` names its protocol, the rest is a signature or encrypted content.
    It comes back as ``state`` of the reasoning item in ``ModelCall.items``.
    """

    state: dict[str, str]


class CitationDelta(NamedTuple):
    """Where a stretch of the answer comes from. ``start`` and ``end`` are characters of the open part's text."""

    url: str
    title: str
    start: int
    end: int


CALL_STATE: Final = "call"
"""The ``kind`` of a state that belongs to the next function call: its ``call_id`` and what else came with it."""


class ToolCallDelta(NamedTuple):
    """A piece of a function call; ``slot`` tells parallel calls apart. The first brings ``call_id`` and ``name``.

    The first piece may also bring a ``state``: what the provider must be given back unchanged with this call.
    """

    slot: int
    call_id: str | None = None
    name: str | None = None
    arguments: str = ""
    state: dict[str, str] | None = None


class UsageDelta(NamedTuple):
    """Tokens used by this model turn so far; a later one replaces an earlier one."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0


class KeptDelta(NamedTuple):
    """The provider keeps the response under this id; see ``ModelCall.kept``. It comes first."""

    id: str


StopReason = Literal["stop", "tool_calls", "length", "content_filter"]


class StopDelta(NamedTuple):
    """Why the model stopped: the last delta of a turn."""

    reason: StopReason


Delta = (
    MessageDelta
    | TextDelta
    | RefusalDelta
    | ReasoningDelta
    | ReasoningStateDelta
    | CitationDelta
    | ToolCallDelta
    | UsageDelta
    | KeptDelta
    | StopDelta
)


@dataclass(frozen=True, slots=True)
class ModelCall:
    """What is asked of a model: the exact context and the settings in force.

    Attributes:
        model: the provider's own name of the model.
        instructions: the system text; empty for none.
        items: the whole context, oldest first: items in the specification's form. What was sealed is open: reasoning
            and compaction items have a ``summary``, and no ``encrypted_content``; reasoning may have a ``state``.
        tools: the function tools that may be offered, in the specification's form (``allowed_tools`` already applied).
        settings: the request fields in force by wire name, as the response echoes them: ``temperature``, ``top_p``,
            ``presence_penalty``, ``frequency_penalty``, ``max_output_tokens``, ``tool_choice``,
            ``parallel_tool_calls``, ``text``, ``reasoning``, ``top_logprobs``, ``service_tier``,
            ``safety_identifier``, ``prompt_cache_key``.
        explicit: the names among them that the request, the agent or the configuration set; a provider sends no other,
            so the model's own defaults hold.
        include_logprobs: the caller asked for ``message.output_text.logprobs``.
        deadline: by when the call must have ended, in the event loop's time (seconds).
        asked: how many of the last items came with this request, in its order; so an error can name their place.
        stop: texts at which the answer ends. Antiphon cuts it there in any case; a provider that is sent them saves the
            tokens after it.
        kept: the provider may run it in the background and keep it, so that another call can go on with it.
        resumed: the id of a kept response, whose stream is read again from its beginning; empty for a new one.
    """

    model: str
    instructions: str
    items: Sequence[Item]
    tools: Sequence[dict[str, Any]]
    settings: dict[str, Any]
    explicit: frozenset[str]
    include_logprobs: bool
    deadline: float
    asked: int = 0
    stop: tuple[str, ...] = ()
    kept: bool = False
    resumed: str = ""


Medium = Literal["image", "pdf", "text"]
"""What an image or a file turns out to be; ``text`` is a text file."""


class Reads(NamedTuple):
    """What a provider's models can be given beside plain text.

    Attributes:
        message: in a user's message.
        output: in the output of a function call.
    """

    message: frozenset[Medium] = frozenset()
    output: frozenset[Medium] = frozenset()


class ApiKey(Protocol):
    """The key of an endpoint, wherever it is kept. Nothing formats it."""

    async def get(self) -> str:
        """Return the key.

        Raises:
            ProviderError: ``provider_auth``: it cannot be read.
        """

    async def renewed(self, refused: str) -> str | None:
        """Return another key than the one that the endpoint refused, or None if there is none for now."""


class ModelProvider(Protocol):
    """A provider of models. It gets images and files whole, as base64 data URLs, and fetches nothing."""

    def reads(self, model: str) -> Reads:
        """Return what one of its models reads besides text. Anything else is refused before it is stored or sent."""

    def check(self, call: ModelCall) -> None:
        """Refuse a call that this provider cannot carry, before anything is stored or sent.

        Raises:
            ApiError: 400, with the message and parameter for the caller.
        """

    def count_tokens(self, call: ModelCall) -> int:
        """Count the tokens of what a call gives the model to read, without asking the model: exactly, if possible.

        It adds up: parts of ``call.items`` counted alone, by calls without instructions, tools and format, give
        together what they add to the whole, but for rounding.
        """

    def stream(self, call: ModelCall) -> AsyncGenerator[Delta, None]:
        """Run one model turn. Closing the generator stops the provider's stream and closes its connection.

        The last delta is a ``StopDelta``; a stream that ends without one was cut.

        Raises:
            ProviderError: the model's side failed.
        """

    async def discard(self, kept_id: str, deadline: float) -> None:
        """Stop and forget a response that was kept. It never raises.

        Args:
            kept_id: as a ``KeptDelta`` has it.
            deadline: by when it must have ended, in the event loop's time (seconds).
        """

    async def aclose(self) -> None:
        """Close connections that are kept open."""


class Fetched(NamedTuple):
    """What a URL holds. ``media_type`` as declared, in lower case, without parameters; empty for none."""

    content: bytes
    media_type: str


class Door(Protocol):
    """The one way to URLs that a caller chose."""

    async def fetch(self, url: str, *, max_bytes: int, deadline: float, again: bool = False) -> Fetched:
        """Read what a URL holds.

        Args:
            url: what the caller gave, unchecked.
            max_bytes: the most that is read.
            deadline: by when it must have ended, in the event loop's time (seconds).
            again: it was read in an earlier turn: what came then will do.

        Raises:
            FetchError: it may not be opened, gave nothing that can be used, or too much.
        """


StartWorker = Callable[["Services", Owner, str], Awaitable[None]]
"""Starts a worker for the response of an owner with this id."""


@dataclass(frozen=True, slots=True)
class Services:
    """All adapters of one process, as ``bootstrap`` puts them together.

    Attributes:
        providers: returns the provider of a configured name, or None; it is imported on its first use.
        seal: returns what seals and opens. It may block for as long as a secret takes to read. ApiError
            ``seal_not_configured`` if there is no key.
        door: opens the URLs that callers choose.
        circuits: keep calls from models that keep failing.
        steady: returns seconds of a clock that is never set, such as ``time.monotonic``: for what is kept in memory.
        capabilities: returns what a provider's model supports, by the names of the request's fields; None if
            nothing is known. It needs no credentials.
        start_worker: starts a worker for a response, and does not wait for it. It never raises: whoever looks at a
            queued response starts what was not started.
    """

    keys: KeyStore
    directory: Directory
    responses: ConversationStore
    meter: Meter
    runs: RunStore
    providers: Callable[[str], ModelProvider | None]
    seal: Callable[[], Seal]
    door: Door
    circuits: Circuits
    clock: Clock
    entropy: Entropy
    settings: Settings
    start_worker: StartWorker
    capabilities: Callable[[str, str], dict[str, Any] | None] = lambda _provider, _model: None
    steady: Clock = time.monotonic
