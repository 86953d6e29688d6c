"""What is stored about a user, kind by kind: sequences of records that can begin behind any of their ids."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Final

from antiphon.access.grants import level_of
from antiphon.ids import parse_conversation_id, parse_response_id
from antiphon.manage.approvals import document as approval_document
from antiphon.manage.audit import entry_document
from antiphon.manage.changes import Document
from antiphon.manage.document import write_agent
from antiphon.manage.keys import key_document
from antiphon.manage.limits import write_limits
from antiphon.manage.operator import Operator
from antiphon.manage.pages import no_cursor, walk
from antiphon.manage.people import group_document, user_document
from antiphon.manage.reach import exists_for
from antiphon.manage.responses import response_summary
from antiphon.manage.usage import show_limits
from antiphon.manage.versions import is_their_own
from antiphon.manage.walks import all_deleted_agents, audit_entries, keys_of
from antiphon.ports import AuditFilter, Page, Services, Subject
from antiphon.records import (
    DAY,
    Agent,
    Approval,
    Conversation,
    Group,
    Owner,
    StoredResponse,
    User,
    is_said,
)
from antiphon.run.conversations import conversation_resource
from antiphon.run.tally import day_of
from antiphon.stream.kept import shown_item, shown_response
from antiphon.usage.counters import document as counters_document

Records = AsyncIterator[tuple[str, Document]]
"""Records, each with its id, in an order that does not change."""

_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Holder:
    """A user, and the operator who reads what is stored about the user."""

    services: Services
    operator: Operator
    user: str

    @property
    def owner(self) -> Owner:
        """The user as the owner of what is stored."""
        return Owner(self.operator.tenant, self.user)

    async def record(self) -> User | None:
        """Read the user's record."""
        return await self.services.directory.find(User, self.operator.tenant, self.user)

    async def exists(self) -> bool:
        """Return whether there is such a user, or keys or responses of one that was deleted."""
        if await self.record() is not None:
            return True
        made = await self.services.keys.some(self.operator.tenant, 1, user=self.user)
        return bool(made.records or (await self.services.responses.some(self.owner, 1, 0)).records)


async def is_known(of: Holder) -> bool:
    """Return whether anything is stored about a user, or the audit log has that there was one."""
    if await of.exists():
        return True
    for kind in (done_to, agents, deleted_agents, grants, conversations, approvals, usage):
        async with aclosing(kind(of, "")) as records:  # type: ignore[type-var] # they are generators
            async for _ in records:
                return True
    return False


async def user(of: Holder, after: str) -> Records:
    """Yield the user's record, with its limits."""
    stored = None if after else await of.record()
    if stored is not None:
        in_force = await show_limits(of.services, of.operator, kind="user", id=of.user)
        limits = {"limits": in_force["limits"], "own_limits": write_limits(stored.limits)}
        yield of.user, {**user_document(stored), **limits}


async def groups(of: Holder, after: str) -> Records:
    """Yield the groups that the user is in."""
    stored = await of.record()
    for name in sorted(stored.groups) if stored else ():
        group = await of.services.directory.find(Group, of.operator.tenant, name) if name > after else None
        if group is not None:
            yield name, group_document(group)


async def keys(of: Holder, after: str) -> Records:
    """Yield the user's keys without the keys themselves, newest first; to a user those that exist for their key."""
    last = await of.services.keys.find(of.operator.tenant, after) if after else None
    if after and (last is None or last.user != of.user or not exists_for(of.operator, last)):
        raise no_cursor()
    now = of.services.clock()
    async for key in keys_of(of.services, of.owner, last):
        if not exists_for(of.operator, key):
            continue
        used = await of.services.keys.last_used(key.tenant, [key.digest])
        yield key.id, key_document(key, now, used.get(key.digest))


async def grants(of: Holder, after: str) -> Records:
    """Yield the grants to the user itself."""
    for agent, bits in await of.services.directory.agents(of.operator.tenant, [f"user:{of.user}"]):
        if agent.id > after:
            yield agent.id, {"agent": agent.id, "principal": f"user:{of.user}", "level": level_of(bits), "bits": bits}


async def agents(of: Holder, after: str) -> Records:
    """Yield the agents that the user is the author of, each in all its versions, newest first."""
    begin, _, version = after.partition("/")
    if after and not (version.isascii() and version.isdecimal()):
        raise no_cursor()
    for agent, _ in await of.services.directory.agents(of.operator.tenant, [f"user:{of.user}"]):
        if agent.author == of.user and agent.id >= begin:
            for each in await of.services.directory.agent_versions(of.operator.tenant, agent.id):
                if agent.id > begin or each.version < int(version):
                    yield f"{agent.id}/{each.version}", _agent(each)


async def deleted_agents(of: Holder, after: str) -> Records:
    """Yield the user's agents that were deleted and can be restored."""
    async for gone in all_deleted_agents(of.services, of.operator.tenant, after):
        is_theirs = gone.agent.author == of.user
        if is_theirs and (of.operator.principal is None or await is_their_own(of.services, of.operator, gone.agent)):
            yield gone.agent.id, {**_agent(gone.agent), "deleted_at": gone.deleted_at, "removed_at": gone.expires_at}


async def usage(of: Holder, after: str) -> Records:
    """Yield what the user used, by day."""
    now = of.services.clock()
    first = day_of(now - of.services.settings.usage_days * DAY)
    subject = Subject(of.operator.tenant, "user", of.user)
    for day in await of.services.usage.of(subject, first, day_of(now)):
        if day.day > after:
            yield day.day, {"day": day.day, **counters_document(day.counters)}


async def responses(of: Holder, after: str) -> Records:
    """Yield the user's responses with their input and output, newest first."""
    last = await _turn(of, after) if after else None
    async for turn in walk(partial(_responses, of), last):
        found = await of.services.responses.get(turn.owner, turn.id, of.services.clock())
        if found is not None:
            content = {"input": found.input, "response": shown_response(found.response)}
            yield found.id, {**response_summary(found), **content}


async def conversations(of: Holder, after: str) -> Records:
    """Yield the user's conversations."""
    if after and parse_conversation_id(after) is None:
        raise no_cursor()
    now = of.services.clock()
    async for record in _walk_conversations(of, after):
        if record.expires_at > now:
            yield record.id, {**conversation_resource(record), "expires_at": record.expires_at}


async def items(of: Holder, after: str) -> Records:
    """Yield the items that the user added to conversations without asking an agent, as they were added."""
    place = parse_response_id(after) if after else None
    if after and place is None:
        raise no_cursor()
    if place is not None:
        begun = f"conv_{place.segment}"
        async for found in _added(of, begun, place.depth):
            yield found
        after = begun
    async for record in _walk_conversations(of, after):
        async for found in _added(of, record.id, None):
            yield found


async def approvals(of: Holder, after: str) -> Records:
    """Yield the calls of tools that needed an approval, decided or not."""

    async def fetch(last: Approval | None) -> Page[Approval]:
        return await of.services.personal().approvals(of.owner, _PAGE, after=last.id if last else after)

    async for approval in walk(fetch):
        yield approval.id, approval_document(approval, of.services.clock())


async def done_by(of: Holder, after: str) -> Records:
    """Yield the entries of the audit log on what the user did, newest first."""
    async for found in _entries(of, AuditFilter(actor=of.user), after):
        yield found


async def done_to(of: Holder, after: str) -> Records:
    """Yield the entries of the audit log on what others did to the user, newest first."""
    async for name, entry in _entries(of, AuditFilter(target=f"user:{of.user}"), after):
        if entry["actor"]["user"] != of.user:
            yield name, entry


async def _responses(of: Holder, last: StoredResponse | None) -> Page[StoredResponse]:
    return await of.services.responses.some(of.owner, _PAGE, of.services.clock(), after=last)


async def _turn(of: Holder, response_id: str) -> StoredResponse:
    found = None
    if parse_response_id(response_id) is not None:
        found = await of.services.responses.get(of.owner, response_id, 0)
    if found is None or not found.agent:
        raise no_cursor()
    return found


def _walk_conversations(of: Holder, after: str) -> AsyncIterator[Conversation]:
    async def fetch(last: Conversation | None) -> Page[Conversation]:
        return await of.services.personal().conversations(of.owner, _PAGE, after=last.id if last else after)

    return walk(fetch)


async def _added(of: Holder, conversation: str, after: int | None) -> Records:
    """Yield the items of a conversation behind a depth that were added to it without running an agent."""
    now = of.services.clock()
    while True:
        turns = await of.services.responses.some_turns(of.owner, conversation, after, newest_first=False, limit=_PAGE)
        if not turns:
            return
        for turn in turns:
            if not turn.agent and is_said(turn, now):
                added = [shown_item(item) for item in (*turn.input, *turn.response["output"])]
                yield turn.id, {"conversation": conversation, "created_at": turn.created_at, "items": added}
        place = parse_response_id(turns[-1].id)
        assert place is not None
        after = place.depth


async def _entries(of: Holder, wanted: AuditFilter, after: str) -> Records:
    async for entry in audit_entries(of.services, of.operator.tenant, wanted, after or None):
        yield entry.id, entry_document(entry)


def _agent(agent: Agent) -> Document:
    times = {"created_at": agent.created_at, "updated_at": agent.updated_at}
    return {**write_agent(agent, []), "version": agent.version, **times}
