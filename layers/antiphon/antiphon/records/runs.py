"""What is stored for a response while it runs: batches of its log, its entry in the queue, its reservation."""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.records.people import Owner


@dataclass(frozen=True, slots=True)
class LogBatch:
    """Some entries of a running response's log, written together.

    Attributes:
        number: its place in the log, from 0 without gaps.
        epoch: the epoch of its writer.
        at: when it was written, in seconds since the epoch.
        data: bytes of the log: entries as lines of JSON. A line may continue in the next batch.
        last: whether the response has ended; what is missing here is in the stored response.
    """

    number: int
    epoch: int
    at: float
    data: bytes
    last: bool = False


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A response that a worker has to run to its end.

    Attributes:
        at: when it was queued, or when it is to be looked at if it waits for approvals, in seconds since the epoch.
    """

    owner: Owner
    response_id: str
    at: float


@dataclass(frozen=True, slots=True)
class Reservation:
    """The record that a request which may be sent again was accepted, and which response answers it.

    Attributes:
        name: the name of the request among its owner's: a key's id and a digest, not what the caller sent.
        digest: SHA-256 of the body, hexadecimal.
        response_id: the id of the response; each attempt has another.
        until: seconds since the epoch; if the response is not claimed by then, the attempt was lost.
        expires_at: seconds since the epoch.
        deleted: whether the response was deleted.
    """

    owner: Owner
    name: str
    digest: str
    response_id: str
    until: float
    expires_at: int
    deleted: bool = False
