"""The queue of webhooks in SQS, and the bus of EventBridge (their API References)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from antiphon.aws.json_service import JsonService
from antiphon.errors import StorageUnavailable

BATCH: Final = 10
"""The most entries of one call, of either service."""

LONGEST_PAUSE: Final = 43_200
"""A message can be hidden for 12 hours from when it was received, in seconds."""


class Queue:
    """A queue.

    Args:
        url: its URL.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._sqs = JsonService("sqs", "AmazonSQS", "1.0")

    async def send(self, bodies: Sequence[str]) -> None:
        """Put messages into the queue.

        Raises:
            StorageUnavailable: not all of them are there now.
        """
        for begin in range(0, len(bodies), BATCH):
            entries = [
                {"Id": str(index), "MessageBody": body} for index, body in enumerate(bodies[begin : begin + BATCH])
            ]
            answer = await self._sqs.call("SendMessageBatch", QueueUrl=self._url, Entries=entries)
            if answer.get("Failed"):
                raise StorageUnavailable("the queue did not take every message")

    async def put_off(self, receipt: str, seconds: int) -> None:
        """Hide a message that was received, before it is delivered again."""
        pause = min(seconds, LONGEST_PAUSE - 60)
        await self._sqs.call(
            "ChangeMessageVisibility", QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=pause
        )

    async def aclose(self) -> None:
        """Close what was opened."""
        await self._sqs.aclose()


class Bus:
    """An event bus.

    Args:
        name: its name or ARN.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._events = JsonService("events", "AWSEvents", "1.1")

    async def put(self, entries: Sequence[dict[str, Any]]) -> None:
        """Put events on the bus; each entry has ``Source``, ``DetailType``, ``Detail`` and ``Time``.

        Raises:
            StorageUnavailable: not all of them are there now.
        """
        for begin in range(0, len(entries), BATCH):
            named = [{**entry, "EventBusName": self._name} for entry in entries[begin : begin + BATCH]]
            answer = await self._events.call("PutEvents", Entries=named)
            if answer.get("FailedEntryCount"):
                raise StorageUnavailable("the bus did not take every event")

    async def aclose(self) -> None:
        """Close what was opened."""
        await self._events.aclose()
