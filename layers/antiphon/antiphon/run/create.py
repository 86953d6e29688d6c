"""Create a response: everything that must hold before a model is called, then the claim, then the run.

    agent + grants | chain | reservation      together: two sequential trips at most
    allowed? limits? conversation?
    claim                         one conditional write; from here on errors are events

It must not know HTTP or any adapter. What it raises is ``ApiError``, before anything is stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from antiphon.access.principal import Principal
from antiphon.agents.effective import Effective, effective
from antiphon.errors import ApiError, ChainTooLarge, SlotTaken
from antiphon.ids import (
    branch_response_id,
    first_response_id,
    next_response_id,
    parse_item_id,
    parse_response_id,
    random_base62,
)
from antiphon.ports import ModelCall, ModelProvider, Services
from antiphon.records import IN_PROGRESS, Agent, Item, StoredResponse, lineage_after
from antiphon.run.attachments import with_attachments
from antiphon.run.conversation import context, input_items, references
from antiphon.run.execution import Execution
from antiphon.run.idempotency import Attempt, Hold
from antiphon.run.models import visible_agent
from antiphon.run.retrieve import current
from antiphon.run.sealed import opened, sealer
from antiphon.run.window import fitted
from antiphon.spec.request import CreateResponse

DAY: Final = 86_400
SEALED_REASONING: Final = "reasoning.encrypted_content"
CLAIMS: Final = 4
"""How often a place is looked for: each loss means that another turn got there first."""

LEASE_MARGIN: Final = 5.0
"""Seconds after the deadline at which an unended response counts as lost."""


async def create(
    services: Services, principal: Principal, request: CreateResponse, until: float, attempt: Attempt | None = None
) -> Execution | StoredResponse:
    """Start a response; or give the one that answered the same request before.

    Args:
        services: the adapters.
        principal: the caller, already allowed to use the API.
        request: what is asked.
        until: when the host ends the process's turn, in seconds since the epoch.
        attempt: the request as one that may come again; of what is not stored nothing can be given again.

    Raises:
        ApiError: it cannot be done; nothing was stored and no model was called.
        StorageUnavailable: a store did not answer; likewise.
    """
    response_id = _new_id(services, request.previous_response_id, stored=request.store)
    hold = Hold(services, principal.owner, attempt if request.store else None, response_id)
    try:
        return await _create(services, principal, request, until, response_id, hold)
    except BaseException:
        await hold.release()
        raise


async def _create(
    services: Services, principal: Principal, request: CreateResponse, until: float, response_id: str, hold: Hold
) -> Execution | StoredResponse:
    (agent, provider), answered, chain = await _together(
        _agent(services, principal, request.model),
        hold.take(),
        _chain(services, principal, request.previous_response_id),
    )
    if isinstance(answered, StoredResponse):
        return answered
    ready = await _prepared(services, principal, request, agent, provider, chain, until, response_id)
    call, record = shortened(ready), ready.record
    seal = await sealer(services, principal.owner, agent.id) if SEALED_REASONING in request.include else None
    if request.store:
        record = await _claim(services, replace(record, reservation=hold.name), hold)
    options = request.stream_options
    obfuscate = options is None or options.include_obfuscation
    execution = Execution(services, record, stored=request.store, obfuscate=obfuscate, seal=seal)
    execution.start(provider, call)
    return execution


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that may be served, as it is before the claim.

    Attributes:
        agent, provider: who answers.
        record: the response as it begins.
        items: the context, with attachments as the caller sent them.
        call: what the model would read, were its window endless.
        new: how many of the last items are never left out; 0 where the input is the whole conversation.
    """

    agent: Agent
    provider: ModelProvider
    record: StoredResponse
    items: list[Item]
    call: ModelCall
    new: int


async def prepare(services: Services, principal: Principal, request: CreateResponse, until: float) -> Prepared:
    """Go as far as the claim, and no further: for those who want to know what would be read.

    Raises:
        ApiError: it cannot be done.
        StorageUnavailable: a store did not answer.
    """
    response_id = _new_id(services, request.previous_response_id, stored=False)
    (agent, provider), _, chain = await _together(
        _agent(services, principal, request.model),
        Hold(services, principal.owner, None, response_id).take(),
        _chain(services, principal, request.previous_response_id),
    )
    return await _prepared(services, principal, request, agent, provider, chain, until, response_id)


def shortened(ready: Prepared) -> ModelCall:
    """Give what the model is to read: as much as its window holds, where ``truncation`` allows to leave out the rest.

    Raises:
        ApiError: 400 ``context_length_exceeded``.
    """
    return fitted(ready.call, ready.agent.context_tokens, ready.new, ready.provider.count_tokens)


async def _prepared(
    services: Services,
    principal: Principal,
    request: CreateResponse,
    agent: Agent,
    provider: ModelProvider,
    chain: list[StoredResponse],
    until: float,
    response_id: str,
) -> Prepared:
    await _require_open_chain(services, principal, agent, chain)
    settings = effective(agent, request, principal.limits)
    referenced = await _referenced(services, principal, request)
    record = _record(services, principal, request, agent, settings, chain, until, response_id)
    record = replace(record, input=input_items(request, record.id, referenced))
    items = context(*await opened(services, principal.owner, agent.id, chain, record.input))
    call = ModelCall(
        model=agent.model,
        instructions=settings.instructions,
        items=items,
        tools=settings.offered,
        settings=settings.settings,
        explicit=settings.explicit,
        include_logprobs=settings.include_logprobs,
        deadline=_deadline(services, until),
        asked=len(record.input),
    )
    call = await with_attachments(services, provider.reads, call)
    provider.check(call)
    return Prepared(agent, provider, record, items, call, len(record.input) if chain else 0)


async def _together(agent: Any, answered: Any, chain: Any) -> Any:
    """Read all at once and tell the first refusal; the state of the chain is nothing to what was answered before."""
    results = await asyncio.gather(agent, answered, chain, return_exceptions=True)
    for result in results[:2] if isinstance(results[1], StoredResponse) else results:
        if isinstance(result, BaseException):
            raise result
    return results


async def _agent(services: Services, principal: Principal, agent_id: str) -> tuple[Agent, ModelProvider]:
    found = await visible_agent(services, principal, agent_id)
    provider = services.providers(found.provider)
    if provider is None:
        raise ApiError("provider_not_configured")
    return found, provider


async def _chain(services: Services, principal: Principal, previous: str | None) -> list[StoredResponse]:
    if previous is None:
        return []
    place = parse_response_id(previous)
    if place is None:
        raise ApiError("previous_response_not_found", param="previous_response_id")
    if place.depth + 1 >= services.settings.max_chain_turns:
        raise ApiError("context_length_exceeded", param="previous_response_id")
    now = services.clock()
    try:
        chain = await services.responses.chain(principal.owner, previous, now, services.settings.max_chain_bytes)
    except ChainTooLarge:
        raise ApiError("context_length_exceeded", param="previous_response_id") from None
    if not chain:
        raise ApiError("previous_response_not_found", param="previous_response_id")
    chain = [current(turn, now) for turn in chain]
    if chain[-1].status == IN_PROGRESS:
        raise ApiError("response_in_progress", param="previous_response_id")
    return chain


async def _require_open_chain(
    services: Services, principal: Principal, agent: Agent, chain: Iterable[StoredResponse]
) -> None:
    """Revoking a grant also closes the conversations that used that agent (access.md)."""
    for other in {turn.agent for turn in chain} - {agent.id}:
        try:
            await visible_agent(services, principal, other)
        except ApiError:
            raise ApiError("previous_response_not_found", param="previous_response_id") from None


async def _referenced(services: Services, principal: Principal, request: CreateResponse) -> dict[str, Item]:
    """Read the items that the input refers to, by the ids of their responses."""
    wanted = references(request)
    places = {item: parse_item_id(item) for _, item in wanted}
    now = services.clock()
    responses = {place[0] for place in places.values() if place}
    found = await asyncio.gather(*(services.responses.get(principal.owner, response, now) for response in responses))
    items = {item["id"]: item for turn in found if turn is not None for item in (*turn.input, *turn.response["output"])}
    for index, item in wanted:
        if item not in items:
            raise ApiError("response_not_found", "There is no such item.", param=f"input[{index}].id")
    return {item: items[item] for _, item in wanted}


def _record(
    services: Services,
    principal: Principal,
    request: CreateResponse,
    agent: Agent,
    settings: Effective,
    chain: list[StoredResponse],
    until: float,
    response_id: str,
) -> StoredResponse:
    now = int(services.clock())
    parent = chain[-1] if chain else None
    days = min(services.settings.retention_days, principal.limits.retention_days or services.settings.retention_days)
    return StoredResponse(
        owner=principal.owner,
        id=response_id,
        agent=agent.id,
        status=IN_PROGRESS,
        created_at=now,
        expires_at=now + days * DAY,
        lease=random_base62(services.entropy, 16),
        lease_until=until + LEASE_MARGIN,
        lineage=lineage_after(parent) if parent else (),
        input=[],
        response=_resource(response_id, now, request, settings),
    )


def _new_id(services: Services, previous: str | None, *, stored: bool) -> str:
    """Draw an id; no look-up is needed for it, and whether the previous response is there shows later."""
    if previous is None or parse_response_id(previous) is None:
        return first_response_id(services.entropy)
    if stored:
        return next_response_id(previous, services.entropy)
    return branch_response_id(previous, services.entropy)


def _resource(response_id: str, now: int, request: CreateResponse, settings: Effective) -> dict[str, Any]:
    """Build the response as it begins, with every field of ``ResponseResource``."""
    return {
        "id": response_id,
        "object": "response",
        "created_at": now,
        "completed_at": None,
        "status": IN_PROGRESS,
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
    }


async def _claim(services: Services, record: StoredResponse, hold: Hold) -> StoredResponse:
    """Take a place; where another turn continued the same response first, branch off beside it."""
    for _ in range(CLAIMS):
        hold.require()
        try:
            await services.responses.claim(record)
        except SlotTaken:
            record = _elsewhere(services, record)
            await hold.move(record.id)
        else:
            return record
    raise ApiError("storage_unavailable")


def _elsewhere(services: Services, record: StoredResponse) -> StoredResponse:
    """Give the same turn another id, with the ids of its own items derived anew."""
    previous = record.previous_response_id
    new = branch_response_id(previous, services.entropy) if previous else first_response_id(services.entropy)
    items = [{**item, "id": item["id"].replace(record.id[5:], new[5:])} for item in record.input]
    return replace(record, id=new, response={**record.response, "id": new}, input=items)


def _deadline(services: Services, until: float) -> float:
    """Give when the run must have ended, in the event loop's time: early enough to store and send the ending."""
    left = until - services.clock() - services.settings.reserve_seconds
    return asyncio.get_running_loop().time() + max(left, 0.0)
