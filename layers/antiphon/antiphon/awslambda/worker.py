"""The handler of the function that runs queued responses. It is invoked asynchronously, with one of two events.

    {"run": {"tenant": ..., "user": ..., "response_id": ...}}    by whoever queues a response, or finds a queued one
    {"sweep": true}                                              by the schedule, once a minute

A run that fails is an invocation that failed: Lambda tries it again, and keeps what stays without success. One event
loop serves all invocations, so connections stay open.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from aws_lambda_powertools.logging.formatter import set_context_keys

from antiphon import measures
from antiphon.aws.workers import Workers
from antiphon.awslambda import snapshot
from antiphon.awslambda.http import IGNORED
from antiphon.awslambda.watch import WatchedWork, send_spans
from antiphon.errors import AntiphonError, trace
from antiphon.ports import Services
from antiphon.records import Owner
from antiphon.run.unstored import store_now
from antiphon.run.worker import perform, sweep

SETTLE_SECONDS: Final = 2.0
"""How long endings that the store did not take are tried once more, before the environment is frozen."""

DONE: Final[dict[str, str]] = {}

_log: Final = logging.getLogger("antiphon.awslambda.worker")


class InvocationFailed(AntiphonError):
    """An invocation failed; its message holds nothing of a request."""


class _Worker:
    """The worker function's services, which start further workers through the alias that was invoked."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._invoked: tuple[str, Workers] | None = None
        snapshot.register(lambda: None, self._renew)

    async def handle(self, event: Any, context: Any) -> None:
        """Do what an event asks for."""
        services = self._of(context.invoked_function_arn)
        match event:
            case {"run": {"tenant": str(tenant), "user": str(user), "response_id": str(response_id)}}:
                measures.current().response_id = response_id
                until = time.time() + context.get_remaining_time_in_millis() / 1000
                await perform(services, Owner(tenant, user), response_id, until)
                await store_now(SETTLE_SECONDS)
            case {"sweep": True}:
                await sweep(services)

    def _of(self, arn: str) -> Services:
        if self._invoked is None or self._invoked[0] != arn:
            self._invoked = (arn, Workers(arn))
        return replace(self._services, start_worker=self._invoked[1].start)

    def _renew(self) -> None:
        self._invoked = None


def worker(services: Services, service: str) -> Callable[[Any, Any], dict[str, Any]]:
    """Return the Lambda handler of the worker.

    Args:
        services: the adapters.
        service: the function's name in logs and metrics.
    """
    runner, work = asyncio.Runner(), _Worker(services)
    watched = WatchedWork(service)

    async def measured(event: Any, context: Any) -> None:
        trace_header = os.environ.get("_X_AMZN_TRACE_ID", "")  # the managed runtime sets it anew
        try:
            with watched.watching("run" if "run" in event else "sweep", context.aws_request_id, trace_header):
                await work.handle(event, context)
        finally:
            await send_spans()

    def handler(event: Any, context: Any) -> dict[str, Any]:
        if not isinstance(event, dict) or not {"run", "sweep"} & set(event):
            return dict(IGNORED)
        set_context_keys(correlation_id=context.aws_request_id)
        try:
            runner.run(measured(event, context))
        except Exception as error:  # noqa: BLE001 - the edge: the managed runtime would log its message
            _log.error("invocation failed", extra={"error": trace(error)})
            failed = type(error).__name__
        else:
            return dict(DONE)
        raise InvocationFailed(failed)

    return handler
