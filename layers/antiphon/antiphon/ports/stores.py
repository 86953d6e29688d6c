"""The interfaces of stores.

Every method may raise ``StorageUnavailable``, is a coroutine and never blocks the event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from antiphon.ports.usage import Subject
from antiphon.records import (
    SERVER,
    Account,
    Actor,
    Agent,
    Approval,
    Budget,
    Conversation,
    DeletedAgent,
    Grant,
    Group,
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

T = TypeVar("T")
Listed = TypeVar("Listed", User, Role, Group, Agent)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list.

    Attributes:
        records: as many as were asked for, or fewer: a page may end before its limit if its records are large.
        more: whether there are others behind them.
    """

    records: list[T]
    more: bool


class KeyStore(Protocol):
    """API keys, by the SHA-256 of the key.

    A change is written together with its entry in the audit log, which names who made it (``by``): both, or neither.
    """

    async def get(self, digest: str) -> Key | None:
        """Read a key, consistently; one trip."""

    async def add(self, key: Key, by: Actor = SERVER) -> None:
        """Keep a new key.

        Raises:
            AlreadyExists: a key with this digest is kept.
        """

    async def list(self, tenant: str) -> list[Key]:
        """List a tenant's keys, revoked and expired ones included, newest first."""

    async def some(self, tenant: str, limit: int, *, user: str | None = None, after: Key | None = None) -> Page[Key]:
        """List at most ``limit`` keys, newest first, revoked and expired ones included; one trip.

        It may lag behind a change by some seconds.

        Args:
            tenant: whose keys.
            limit: the most keys.
            user: only keys of this user; None for all.
            after: the key that they follow; None for the newest.
        """

    async def find(self, tenant: str, key_id: str) -> Key | None:
        """Read a key by its id; None if there is none. It may lag behind a change by some seconds."""

    async def limit(self, tenant: str, key_id: str, budget: Budget, by: Actor = SERVER) -> Key | None:
        """Set what may be used with a key that is not revoked; None if there is none."""

    async def revoke(self, tenant: str, key_id: str, at: int, by: Actor = SERVER) -> Key | None:
        """Revoke a key from a time on (seconds since the epoch); None if there is none. A first revocation stays."""

    async def last_used(self, tenant: str, digests: Sequence[str]) -> dict[str, int]:
        """Return when some of the tenant's keys were last used, in seconds since the epoch, by digest; one trip."""

    async def touch(self, tenant: str, digest: str, at: int) -> None:
        """Note that a key was used. Callers do this at most once an hour and never make a request wait for it."""


class Directory(Protocol):
    """Users, roles, groups, tenants, agents and grants.

    A change is written together with its entry in the audit log, which names who made it (``by``): both, or neither.
    What changes nothing writes nothing.
    """

    async def account(self, tenant: str, user: str) -> Account | None:
        """Read a user with its role and tenant, in one trip; None if the user or its role is unknown.

        A tenant or a built-in role (ADMIN, USER) that was never stored exists with its defaults.
        """

    async def agent(self, tenant: str, agent: str, principals: Sequence[str]) -> tuple[Agent, int] | None:
        """Read an agent and the OR of the principals' bits on it, in one consistent trip; None if there is none."""

    async def agents(self, tenant: str, principals: Sequence[str], limit: int | None = None) -> list[tuple[Agent, int]]:
        """List the agents on which the principals have any bit, by id, in two trips, with the OR of their bits.

        Args:
            tenant: whose agents they are.
            principals: the names under which grants are held.
            limit: the most agents, the first ones; None for all.
        """

    async def put(self, record: Tenant | Role | Group | User | Grant, by: Actor = SERVER) -> None:
        """Store a record, in the place of an earlier one with the same identity. A grant of 0 bits is removed."""

    async def put_agent(
        self, agent: Agent, by: Actor = SERVER, *, rolled_back_to: int | None = None, new: bool = False
    ) -> Agent:
        """Store an agent and return it as it is stored; with a new one its author's grant of all bits, both or neither.

        Of one that exists, its grants, its author and its time of creation stay; if its content changes, it gets the
        next version, and the former one is kept. A new one in the place of a deleted one counts on; the deleted one
        cannot be restored any more.

        Args:
            agent: the agent; its version is not used.
            by: who stores it.
            rolled_back_to: the former version that it is a copy of, for the audit log.
            new: there must be none of this id, or the same by the same author, which an earlier try stored.

        Raises:
            AlreadyExists: there is another one, although it was to be new.
        """

    async def delete_agent(self, tenant: str, agent: str, by: Actor = SERVER) -> bool:
        """Delete an agent; it can be restored with its grants for some time. Return whether there was one."""

    async def restore_agent(self, tenant: str, agent: str, by: Actor = SERVER) -> Agent | None:
        """Bring a deleted agent back, with its grants and versions; None if there is none that can be restored."""

    async def deleted_agent(self, tenant: str, agent: str) -> DeletedAgent | None:
        """Read a deleted agent, consistently; None if there is none that can be restored."""

    async def deleted_agents(self, tenant: str, limit: int, *, after: str = "") -> Page[DeletedAgent]:
        """List at most ``limit`` agents that can be restored, by id, those behind the id ``after``; one trip."""

    async def give_agent(self, tenant: str, agent: str, author: str, by: Actor = SERVER) -> bool:
        """Make another user the author and owner of an agent, in all its versions. Return whether there is one.

        The grant of the former author stays. What was interrupted is finished when it is repeated.
        """

    async def purge_agent(self, tenant: str, agent: str, by: Actor = SERVER) -> bool:
        """Remove an agent for good, deleted before or not, with versions and grants. Return whether there was one."""

    async def agent_versions(self, tenant: str, agent: str) -> list[Agent]:
        """List the versions of an agent that are kept, newest first; the first is in force. None if it is absent."""

    async def agent_version(self, tenant: str, agent: str, version: int) -> Agent | None:
        """Read a version of an agent, consistently; None if it is not kept, or the agent is absent."""

    async def delete(self, record: User | Role | Group, by: Actor = SERVER) -> bool:
        """Remove a user, role or group and all grants that it holds. Return whether there was one."""

    async def find(self, kind: type[Listed], tenant: str, id: str) -> Listed | None:
        """Read a user, role, group or agent, consistently; None if there is none. A built-in role always exists."""

    async def some(self, kind: type[Listed], tenant: str, limit: int, *, after: str = "") -> Page[Listed]:
        """List at most ``limit`` users, roles, groups or agents by id, those behind the id ``after``; one trip.

        Of roles, the built-in ones are included.
        """

    async def some_grants(self, tenant: str, agent: str, limit: int, *, after: str = "") -> Page[Grant]:
        """List at most ``limit`` grants on an agent by principal, those behind the principal ``after``; one trip.

        It may lag behind a change by some seconds.
        """

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

    async def checkpoint(self, response: StoredResponse) -> bool:
        """Store what a response in progress has come to; one conditional write.

        Return whether it is stored: not if the response was cancelled or another writer holds the lease.
        """

    async def commit(self, response: StoredResponse) -> None:
        """Store how a response ended, once, if its lease is still this writer's.

        Raises:
            Superseded: it was ended or deleted by somebody else meanwhile.
        """

    async def take_over(self, seen: StoredResponse, taken: StoredResponse) -> bool:
        """Hand a response that has not ended to another writer, with one conditional write.

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

    async def some(
        self, owner: Owner, limit: int, now: float, *, after: StoredResponse | None = None
    ) -> Page[StoredResponse]:
        """List at most ``limit`` responses of an owner, newest first, without their content; at most two trips.

        It may lag behind a change by some seconds. Turns of conversations that no agent ran are left out.

        Args:
            owner: whose responses.
            limit: the most responses.
            now: seconds since the epoch; what has expired by then is left out.
            after: the response that they follow; None for the newest.
        """

    async def chain(self, owner: Owner, response_id: str, now: float, max_bytes: int) -> list[StoredResponse] | None:
        """Read a response with all turns before it, oldest first, in at most two sequential trips.

        None if the response, or any turn before it, is absent.

        Raises:
            ChainTooLarge: it is over ``max_bytes``: as stored, which shows before the second trip, or as JSON.
        """

    async def delete(self, owner: Owner, response_id: str) -> bool:
        """Remove a response and its content, and mark its reservation as deleted. Return whether there was one."""

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


class ApprovalStore(Protocol):
    """Calls of tools that wait for an approval, by tenant."""

    async def save(self, approval: Approval) -> bool:
        """Store an approval, if the stored one has the revision before it, or none is stored and it is the first.

        One conditional write. Return whether it is stored, now or by an earlier try.
        """

    async def get(self, tenant: str, approval_id: str) -> Approval | None:
        """Read an approval, consistently; one trip."""

    async def delete(self, tenant: str, approval_id: str) -> None:
        """Remove an approval; nothing happens if there is none."""

    async def pending(
        self, tenant: str, limit: int, after: Approval | None = None, *, since: int = 0
    ) -> Page[Approval]:
        """List approvals that nobody has decided, oldest first; those that have expired may be among them.

        Args:
            tenant: whose.
            limit: the most approvals.
            after: the one that they follow; None for the oldest.
            since: leave out those that were asked for before, in seconds since the epoch.
        """


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
    """Counters, one for each subject and period. Every period begins at 0."""

    async def take(self, subject: Subject, period: Period, limit: int) -> bool:
        """Count one, unless ``limit`` (at least 1) is reached; one conditional write. Whether it was counted."""
