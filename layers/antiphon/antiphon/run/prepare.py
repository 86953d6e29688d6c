"""Prepare a response: check and read everything before it is claimed and a model is called.

sources      agent + grants | chain | reservation
settings     within the limits?
context      earlier turns, then the input: calls and outputs in pairs, sealed items open, attachments whole
call         the provider can carry it, the window holds it
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from antiphon import spans
from antiphon.access.principal import Principal
from antiphon.agents.effective import Effective, effective
from antiphon.answering.failover import Failover
from antiphon.context.attachments import with_attachments
from antiphon.context.compacted import expanded
from antiphon.context.history import context, with_plain_names
from antiphon.context.input import input_items
from antiphon.context.sealed import opened
from antiphon.context.window import fitted
from antiphon.errors import ApiError
from antiphon.ids import (
    branch_response_id,
    first_response_id,
    next_response_id,
    parse_response_id,
    random_base62,
)
from antiphon.ports import ModelCall, Services
from antiphon.records import IN_PROGRESS, QUEUED, Agent, Item, StoredResponse, ToolServer
from antiphon.run.aside import aside, aside_if_many
from antiphon.run.conversation import Joined, expiry, joined_by, with_own_ids
from antiphon.run.idempotency import Hold
from antiphon.run.lost import LEASE_MARGIN
from antiphon.run.quota import Quota
from antiphon.run.references import referenced_items
from antiphon.run.run_request import RunRequest
from antiphon.run.sources import Sources, read_sources
from antiphon.spec.request import CreateResponse
from antiphon.stream.cuts import VERSION
from antiphon.tools.calls import as_functions
from antiphon.tools.offer import brought
from antiphon.tools.server_calls import with_hidden
from antiphon.tools.table import ToolTable


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that can be served, before it is claimed.

    Attributes:
        agent, answering: who answers.
        record: the response as it begins.
        items: the context, with attachments as the caller sent them; all calls are those of functions.
        call: what the model would read if its window had no end.
        table: the tools that are offered.
        listed: the agent's servers whose tools the response lists.
        run: what is asked, and by whom.
        new: how many of the last items are never left out; 0 if the input is the whole conversation.
    """

    agent: Agent
    answering: Failover
    record: StoredResponse
    items: list[Item]
    call: ModelCall
    new: int
    table: ToolTable
    listed: tuple[ToolServer, ...]
    run: RunRequest


async def preview(services: Services, run: RunRequest) -> Prepared:
    """Go as far as the claim, and no further, for a caller who wants to know what would be read.

    It counts against the caller's rate, as a request that runs does, and not against the budget of tokens.

    Raises:
        ApiError: it cannot be done.
        StorageUnavailable: a store did not answer.
    """
    joined = await joined_by(services, run, adds=False)
    response_id = draw_id(services, run.body.previous_response_id, stored=False)
    hold, quota = Hold(services, run.principal.owner, None, response_id), Quota(services, run.principal, runs=False)
    sources = await read_sources(services, run, hold, quota, joined)
    return await prepare(services, run, sources, response_id)


def draw_id(services: Services, previous: str | None, *, stored: bool, joined: Joined | None = None) -> str:
    """Draw an id. That needs no look-up; whether the previous response exists is checked later."""
    if joined is not None and stored:
        return joined.next_id(services)
    if previous is None or parse_response_id(previous) is None:
        return first_response_id(services.entropy)
    if stored:
        return next_response_id(previous, services.entropy)
    return branch_response_id(previous, services.entropy)


async def prepare(
    services: Services,
    run: RunRequest,
    sources: Sources,
    response_id: str,
    claimed: StoredResponse | None = None,
    *,
    generate: bool = True,
) -> Prepared:
    """Build what the model is asked, and the response as it begins.

    Args:
        services: the adapters.
        run: what is asked, and by whom.
        sources: what it rests on.
        response_id: the id of the response to be.
        claimed: the response, if it was prepared and claimed before; then it holds the request's input.
        generate: whether a model will be asked; if not, there may be nothing to ask.

    Raises:
        ApiError: it cannot be done.
        StorageUnavailable: a store did not answer.
    """
    agent, answering, chain = sources.agent, sources.answering, sources.chain
    principal, request = run.principal, run.body
    settings = effective(
        agent,
        request,
        principal.limits,
        brought=_brought(sources, request, claimed),
        unknown_tools=services.settings.unknown_tools,
    )
    _require_store(request, settings.table)
    record = claimed
    if record is None:
        stored = await referenced_items(services, principal, request)
        record = _record(services, run, sources, settings, response_id)
        given = await aside_if_many(_count(request), partial(input_items, request, record.id, stored))
        record = replace(record, input=with_own_ids(given, record.id) if sources.joined else given)
    whole = [_with_hidden(turn) if turn.calls else turn for turn in chain]
    earlier, new = context(*await opened(services, principal.owner, agent.id, whole, record.input))
    own = as_functions(new, settings.table)
    items = expanded(with_plain_names(as_functions(earlier, settings.table) + own))
    asked = min(len(own), len(items))
    if generate and not items:
        message = "`input` is required if nothing is continued."
        raise ApiError("missing_required_parameter", message, param="input")
    call = ModelCall(
        model=agent.model,
        instructions=settings.instructions,
        items=items,
        tools=settings.offered,
        settings=settings.asked(),
        explicit=settings.explicit,
        include_logprobs=settings.include_logprobs,
        deadline=_deadline(services, run.until),
        asked=asked,
    )
    call = await with_attachments(services, answering.current.reads, call)
    answering.require(call)
    listed = _unlisted(settings.named_servers, earlier + new)
    new_items = asked if chain else 0
    return Prepared(agent, answering, record, items, call, new_items, settings.table, listed, run)


def _require_store(request: CreateResponse, table: ToolTable) -> None:
    """Check that a call of a tool can wait for an approval: the response that asks for it has to be stored.

    Raises:
        ApiError: 400.
    """
    if not request.store and any(tool.pinned is not None and tool.pinned.approval for tool in table.tools):
        message = "This agent has tools that need an approval, so its responses need `store: true`."
        raise ApiError("unsupported_parameter", message, param="store", complete=True)


def _with_hidden(turn: StoredResponse) -> StoredResponse:
    """Return a turn with the calls in its output that it does not show."""
    output = with_hidden(turn.response["output"], turn.calls)
    return replace(turn, response={**turn.response, "output": output})


def _unlisted(servers: Iterable[ToolServer], items: Iterable[Item]) -> tuple[ToolServer, ...]:
    """Return the servers whose tools the conversation does not list yet."""
    known = {item.get("server_label") for item in items if item["type"] == "mcp_list_tools"}
    return tuple(server for server in servers if server.label not in known)


async def shortened(ready: Prepared) -> ModelCall:
    """Return what the model is to read: if ``truncation`` allows to leave out the rest, as much as its window holds.

    Raises:
        ApiError: 400 ``context_length_exceeded``.
    """
    count = ready.answering.current.count_tokens
    return await aside(ready.call, lambda: fitted(ready.call, ready.agent.context_tokens, ready.new, count))


def _brought(sources: Sources, request: CreateResponse, claimed: StoredResponse | None) -> Iterator[dict[str, Any]]:
    """Yield the tools in earlier turns and in the input."""
    for turn in (*sources.chain, *filter(None, [claimed])):
        yield from brought(turn.input)
    asked = request.input if isinstance(request.input, list) else ()
    yield from brought(item.wire() for item in asked if getattr(item, "tools", None))


def _count(request: CreateResponse) -> int:
    return len(request.input) if isinstance(request.input, list) else 1


def _record(
    services: Services, run: RunRequest, sources: Sources, settings: Effective, response_id: str
) -> StoredResponse:
    principal, request = run.principal, run.body
    now = int(services.clock())
    run_log = services.settings.run_log
    logged = request.store and (run_log == "all" or (request.background and run_log == "background"))
    return StoredResponse(
        owner=principal.owner,
        id=response_id,
        agent=sources.agent.id,
        status=QUEUED if request.background else IN_PROGRESS,
        created_at=now,
        expires_at=expiry(services, principal),
        lease=random_base62(services.entropy, 16),
        lease_until=now + services.settings.lease_seconds if logged else run.until + LEASE_MARGIN,
        lineage=sources.lineage,
        input=[],
        response=_resource(response_id, now, request, settings),
        logged=logged,
        stream_version=VERSION,
        key_id=principal.key_id,
        model=f"{sources.answering.current.name}/{sources.answering.current.model}",
        job=job_of(request, principal) if request.background else None,
    )


def job_of(request: CreateResponse, principal: Principal) -> dict[str, Any]:
    """Return what a worker needs to run a request: who asked, and the request without the input that is stored.

    If requests are traced, the trace is a part of it.
    """
    asked = request.model_dump(by_alias=True, exclude_none=True, exclude={"input"})
    trace = spans.traceparent()
    return {"request": asked, "key_digest": principal.key_digest, **({"trace": trace} if trace else {})}


def _resource(response_id: str, now: int, request: CreateResponse, settings: Effective) -> dict[str, Any]:
    """Build the response as it begins, with every field of ``ResponseResource``."""
    return {
        "id": response_id,
        "object": "response",
        "created_at": now,
        "completed_at": None,
        "status": QUEUED if request.background else IN_PROGRESS,
        "incomplete_details": None,
        "model": request.model,
        "previous_response_id": request.previous_response_id,
        "output": [],
        "error": None,
        "usage": None,
        **settings.echo(),
        "store": request.store,
        "background": request.background,
        "metadata": request.metadata or {},
        **({"conversation": {"id": request.conversation.id}} if request.conversation else {}),
    }


def _deadline(services: Services, until: float) -> float:
    """Return by when the run must have ended, in the event loop's time: early enough to store and send the ending."""
    left = until - services.clock() - services.settings.reserve_seconds
    return asyncio.get_running_loop().time() + max(left, 0.0)
