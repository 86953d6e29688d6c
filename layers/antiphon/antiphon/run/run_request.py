"""What is asked, by whom and until when: one value from the door to the claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from antiphon.access.principal import Principal
from antiphon.run.idempotency import Attempt
from antiphon.spec.request import CreateResponse


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A request for a response.

    Attributes:
        principal: the caller, already allowed to use the API.
        body: what is asked.
        until: when the host ends the process's turn, in seconds since the epoch.
        attempt: this request, if it can be recognised when it is sent again; without effect if nothing is stored.
        stop: texts at which the answer ends.
        returns_calls: the client gets the calls that Antiphon made, and can send them back.
        calls: of tools that were approved, which the response begins with; see ``run.approvals``.
    """

    principal: Principal
    body: CreateResponse
    until: float
    attempt: Attempt | None = None
    stop: tuple[str, ...] = ()
    returns_calls: bool = True
    calls: Sequence[dict[str, Any]] = ()
