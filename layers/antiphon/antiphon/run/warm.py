"""Warm up: check a request as ``create`` does and keep it, so that it can be continued. No model is asked.

The response is completed and has no output. It counts as a request of its user, and uses no tokens.
"""

from __future__ import annotations

from dataclasses import replace

from antiphon import measures
from antiphon.errors import ApiError, Superseded
from antiphon.ports import Services
from antiphon.records import StoredResponse
from antiphon.run.idempotency import Hold
from antiphon.run.prepare import draw_id, prepare, shortened
from antiphon.run.quota import Quota
from antiphon.run.run_request import RunRequest
from antiphon.run.sources import read_sources
from antiphon.run.tally import tally


async def warm(services: Services, run: RunRequest) -> StoredResponse:
    """Return the response to a request without an answer of a model; stored if the request has `store`.

    Raises:
        ApiError: it cannot be done; nothing was stored.
        StorageUnavailable: a store did not answer.
    """
    request = run.body
    if request.conversation is not None:
        message = "`conversation`: A warm-up cannot be added to a conversation."
        raise ApiError("invalid_value", message, param="conversation")
    response_id = draw_id(services, request.previous_response_id, stored=False)
    hold, quota = Hold(services, run.principal.owner, None, response_id), Quota(services, run.principal, runs=False)
    sources = await read_sources(services, run, hold, quota)
    ready = await prepare(services, run, sources, response_id, generate=False)
    await shortened(ready)
    noted = measures.current()
    noted.response_id, noted.agent, noted.provider = ready.record.id, ready.agent.id, ready.agent.provider
    response = {**ready.record.response, "status": "completed", "completed_at": int(services.clock())}
    ended = replace(ready.record, status="completed", response=response)
    if request.store:
        await _store(services, ready.record, ended)
    await tally(services, ended)
    return ended


async def _store(services: Services, begun: StoredResponse, ended: StoredResponse) -> None:
    await services.responses.claim(begun)
    try:
        await services.responses.commit(ended)
    except Superseded:
        raise ApiError("response_cancelled") from None
