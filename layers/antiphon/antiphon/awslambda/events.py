"""The handler of the function that sends events. It is called with records of two sources.

    the stream of the table    something happened: its event goes to the bus, and to the queue once for each webhook
    the queue                  one attempt to deliver an event to a webhook; after a failure the message is put off

What fails is named in the answer, so that Lambda passes only that again. Records of the stream keep their order: after
a failure, all from there on come again.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import orjson
from aws_lambda_powertools.logging.formatter import set_context_keys

from antiphon.awslambda.watch import WatchedWork
from antiphon.errors import trace
from antiphon.ports import Clock
from antiphon.ports.webhooks import Post, WebhookStore
from antiphon.records import EventDelivery, Webhook, dump, load
from antiphon.webhooks.delivery import attempt, give_up, pause_after
from antiphon.webhooks.events import event_body

SOURCE: Final = "antiphon"
"""The source of events on the bus."""

_log: Final = logging.getLogger("antiphon.awslambda.events")

Record = dict[str, Any]


class MessageQueue(Protocol):
    """The queue of deliveries."""

    async def send(self, bodies: Sequence[str]) -> None:
        """Put messages into the queue."""

    async def put_off(self, receipt: str, seconds: int) -> None:
        """Hide a message that was received."""


class EventBus(Protocol):
    """A bus that takes events."""

    async def put(self, entries: Sequence[dict[str, Any]]) -> None:
        """Put events on the bus."""


@dataclass(frozen=True, slots=True)
class EventSender:
    """Sends events.

    Attributes:
        event_in: returns the event of a record of the stream; None if nothing happened that is one.
        aclose: closes the connections, which Lambda never does.
        bus: None if there is none.
    """

    webhooks: WebhookStore
    post: Post
    queue: MessageQueue
    bus: EventBus | None
    clock: Clock
    event_in: Callable[[Record], EventDelivery | None]
    aclose: Callable[[], Awaitable[None]]

    async def send(self, records: Sequence[Record]) -> list[str]:
        """Handle the records of an invocation, all of one source; return the ids of those that failed."""
        if records and records[0].get("eventSource") == "aws:sqs":
            done = await asyncio.gather(*(self._attempted(record) for record in records))
            return [record["messageId"] for record, is_done in zip(records, done, strict=True) if not is_done]
        known: dict[str, list[Webhook]] = {}
        for record in records:
            try:
                await self._spread(record, known)
            except Exception as error:  # noqa: BLE001 - Lambda is told which record failed
                _log.error("event not sent", extra={"error": trace(error)})
                return [record["dynamodb"]["SequenceNumber"]]
        return []

    async def _spread(self, record: Record, known: dict[str, list[Webhook]]) -> None:
        """Send the event of a record to the bus and to the queue."""
        event = self.event_in(record)
        if event is None:
            return
        if event.tenant not in known:
            known[event.tenant] = await self.webhooks.list_all(event.tenant)
        wanted = [webhook for webhook in known[event.tenant] if event.type in webhook.event_types]
        await self.queue.send([dump(replace(event, webhook=webhook.id)).decode() for webhook in wanted])
        if self.bus is not None:
            await self.bus.put([_entry(event)])

    async def _attempted(self, record: Record) -> bool:
        """Try to deliver a message of the queue; return whether it is done with."""
        try:
            received = int(record["attributes"]["ApproximateReceiveCount"])
            delivery = replace(load(EventDelivery, record["body"]), attempts=received - 1)
            failed = await attempt(self.webhooks, self.post, delivery, self.clock())
            if failed is None:
                return True
            pause = pause_after(failed)
            if pause is None:
                await give_up(self.webhooks, failed)
                return True
            await self.queue.put_off(record["receiptHandle"], pause)
        except Exception as error:  # noqa: BLE001 - Lambda is told which message failed
            _log.error("delivery not attempted", extra={"error": trace(error)})
        return False


def sender(events: EventSender, service: str) -> Callable[[Any, Any], dict[str, Any]]:
    """Return the Lambda handler of the function.

    Args:
        events: sends.
        service: the function's name in logs and metrics.
    """
    runner, watched = asyncio.Runner(), WatchedWork(service)

    def handler(event: Any, context: Any) -> dict[str, Any]:
        records = event.get("Records", []) if isinstance(event, dict) else []
        set_context_keys(correlation_id=context.aws_request_id)
        with watched.watching("events", context.aws_request_id, os.environ.get("_X_AMZN_TRACE_ID", "")):
            failed = runner.run(events.send(records))
        return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}

    return handler


def _entry(event: EventDelivery) -> dict[str, Any]:
    """Return an event as EventBridge takes it: the body that webhooks get, with the tenant and the user."""
    detail = {**orjson.loads(event_body(event)), "tenant": event.tenant, "user": event.user}
    return {
        "Source": SOURCE,
        "DetailType": event.type,
        "Detail": orjson.dumps(detail).decode(),
        "Time": event.created_at or int(datetime.now(UTC).timestamp()),
    }
