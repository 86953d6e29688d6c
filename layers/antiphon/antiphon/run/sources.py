"""What a request rests on: who answers, and the conversation so far, read together with its reservation.

agent + grants | chain | reservation | quota      at once: two sequential trips at most
grants on the other agents of the chain           only if it has any
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from antiphon.access.principal import Principal
from antiphon.answering.failover import Failover
from antiphon.errors import ApiError, ChainTooLarge
from antiphon.ids import parse_response_id
from antiphon.ports import Services
from antiphon.records import Agent, StoredResponse, Stretch, lineage_after
from antiphon.run.conversation import Joined, said
from antiphon.run.idempotency import Hold
from antiphon.run.lost import settled
from antiphon.run.models import are_visible, visible_agent
from antiphon.run.quota import Quota
from antiphon.run.run_request import RunRequest


@dataclass(frozen=True, slots=True)
class Sources:
    """What a request rests on, as it was read.

    Attributes:
        agent, answering: who answers.
        chain: the turns to go on from, oldest first; empty if there are none, or if the request was answered before.
        answered: the answer to the same request that was given before, if there is one.
        joined: the conversation that the response is added to, if any; the chain is then what was said in it.
    """

    agent: Agent
    answering: Failover
    chain: list[StoredResponse]
    answered: StoredResponse | None
    joined: Joined | None = None

    @property
    def lineage(self) -> tuple[Stretch, ...]:
        """The lineage of the turn to be."""
        if self.joined is not None:
            return self.joined.lineage
        return lineage_after(self.chain[-1]) if self.chain else ()


async def read_sources(
    services: Services,
    run: RunRequest,
    hold: Hold,
    quota: Quota | None = None,
    joined: Joined | None = None,
) -> Sources:
    """Read at once all that a request rests on, and take its reservation.

    Of several refusals the agent's comes first, then the reservation's, the quota's and the chain's; without a quota,
    nothing is counted. If the request was answered before, the state of the chain does not matter.

    Raises:
        ApiError: it cannot be done.
        StorageUnavailable: a store did not answer.
    """
    taking = asyncio.ensure_future(hold.take())
    finding = asyncio.ensure_future(_agent(services, run.principal, run.body.model))
    agent, answered, admitted, chain = await asyncio.gather(
        finding,
        taking,
        _admitted(quota, hold, taking, finding),
        said(services, joined) if joined else _chain(services, run.principal, run.body.previous_response_id),
        return_exceptions=True,
    )
    if isinstance(agent, BaseException):
        raise agent
    if isinstance(answered, BaseException):
        raise answered
    if answered is not None:
        return Sources(*agent, [], answered)
    if isinstance(admitted, BaseException):
        raise admitted
    if isinstance(chain, BaseException):
        raise chain
    if joined is not None:
        return Sources(*agent, chain, None, joined)
    return Sources(*agent, await _open_chain(services, run.principal, agent[0], chain), None)


async def _admitted(
    quota: Quota | None,
    hold: Hold,
    taking: asyncio.Future[StoredResponse | None],
    finding: asyncio.Future[tuple[Agent, Failover]],
) -> None:
    """Count a request that will run. One that may have an earlier answer is looked up first."""
    if quota is not None and not (hold.may_be_answered and await taking is not None):
        await quota.take()
        found, _ = await finding
        await quota.take_agent(found)


async def _agent(services: Services, principal: Principal, agent_id: str) -> tuple[Agent, Failover]:
    found = await visible_agent(services, principal, agent_id)
    return found, Failover(services, principal.limits, found)


async def _chain(services: Services, principal: Principal, previous: str | None) -> list[StoredResponse]:
    if previous is None:
        return []
    place = parse_response_id(previous)
    if place is None:
        raise _gone()
    if place.turns + 1 >= services.settings.max_chain_turns:
        raise ApiError("context_length_exceeded", param="previous_response_id")
    now = services.clock()
    try:
        chain = await services.responses.chain(principal.owner, previous, now, services.settings.max_chain_bytes)
    except ChainTooLarge:
        await _require_head(services, principal, previous, now)
        raise ApiError("context_length_exceeded", param="previous_response_id") from None
    if not chain:
        raise _gone()
    return chain


async def _require_head(services: Services, principal: Principal, previous: str, now: float) -> None:
    """Require that the caller may see a response whose conversation is too large to read: else it is absent."""
    head = await services.responses.get(principal.owner, previous, now)
    if head is None or not await are_visible(services, principal, [head.agent]):
        raise _gone()


async def _open_chain(
    services: Services, principal: Principal, agent: Agent, chain: Sequence[StoredResponse]
) -> list[StoredResponse]:
    """Return the turns as they are now, if the caller may see each of them and the last one has ended.

    Revoking a grant also closes the conversations that used that agent. What is hidden is absent, whatever its state.
    """
    if not await are_visible(services, principal, {turn.agent for turn in chain} - {agent.id}):
        raise _gone()
    if not chain:
        return []
    last = await settled(services, chain[-1])
    if last is None:
        raise _gone()
    if not last.has_ended:
        raise ApiError("response_in_progress", param="previous_response_id")
    return [*chain[:-1], last]


def _gone() -> ApiError:
    return ApiError("previous_response_not_found", param="previous_response_id")
