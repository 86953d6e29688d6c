"""The approvals of one response: calls that it asks for, and decided calls that it begins with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from antiphon.answering.turn import ServerCall
from antiphon.context.sealed import Sealing, sealed_states
from antiphon.errors import ApiError, StorageUnavailable
from antiphon.ports import Services, ToolFailure, ToolResult
from antiphon.records import Approval, StoredResponse
from antiphon.run.approvals import VALID_SECONDS, digest_of, save_all, taken, waiting_text
from antiphon.run.prepare import Prepared, job_of
from antiphon.run.server_calls import Pending, places
from antiphon.stream.machine import ResponseStream
from antiphon.tools.server_calls import REQUEST, approved_call, requested

APART: Final = 2_000
"""How far the ids of the approvals are apart that one writer of a response asks for and the next: who takes over may
ask for something else, and an approval never stands for another call than the one that was shown."""


class ToolApprovals:
    """The approvals of one response.

    Args:
        services: the adapters.
        record: the response.
        ready: the request.
        stream: takes what is said.
        sealing: returns what seals a state.

    Attributes:
        waiting: calls that somebody has to approve.
        stored: those of which a row may be stored, whether or not the response has come to say so.
    """

    def __init__(
        self, services: Services, record: StoredResponse, ready: Prepared, stream: ResponseStream, sealing: Sealing
    ) -> None:
        self._services = services
        self._record = record
        self._ready = ready
        self._stream = stream
        self._sealing = sealing
        self.waiting: list[Approval] = []
        self.stored: list[Approval] = []

    async def ask(self, calls: Sequence[ServerCall]) -> bool:
        """Store calls that somebody has to approve, and say that they wait. Return whether they are stored."""
        sealed = await sealed_states(self._sealing, [call.state for call in calls])
        first = self._stream.settle() + 1 + APART * self._record.epoch
        approvals = [
            self._approval(call, self._stream.id_of(REQUEST, first + number), state)
            for number, (call, state) in enumerate(zip(calls, sealed, strict=True))
        ]
        self.stored = approvals
        try:
            await save_all(self._services, approvals)
        except StorageUnavailable:
            self.stored = []
            return False
        self.waiting = approvals
        self._stream.message()
        self._stream.text(waiting_text(approvals))
        named = {tool["server_label"] for tool in self._record.response["tools"] if tool["type"] == "mcp"}
        for approval in approvals:
            if self._ready.agent.show_tools and approval.label in named:
                self._stream.whole(requested(approval.id, approval.label, approval.tool, approval.arguments))
        return True

    async def take(self, calls: Sequence[dict[str, Any]], hidden: int | None) -> list[Pending]:
        """Take the approvals that the response begins with, and return their calls.

        Args:
            calls: as they are stored with the response.
            hidden: how many calls there are that the response does not show; None if it shows them.
        """
        found = [each for each in [await self._taken(call) for call in calls] if each is not None]
        pending: list[Pending] = []
        numbers = places(self._stream.settle(), [approval.sealed for approval, _ in found], hidden)
        for (approval, refusal), place in zip(found, numbers, strict=True):
            item = approved_call(approval, self._stream.id_of("mcp_call", place), with_others=bool(pending))
            result = None if refusal is None else ToolResult(failure=ToolFailure("refused", refusal))
            tool = self._ready.table.find("mcp", approval.tool, approval.label)
            pending.append(Pending(item, tool, approval.sealed, result, is_shown=hidden is None))
        return pending

    def _approval(self, call: ServerCall, own_id: str, sealed: str | None) -> Approval:
        server, tool = call.tool.server, call.tool.pinned
        assert server is not None
        assert tool is not None
        assert tool.approval is not None
        now = int(self._services.clock())
        return Approval(
            owner=self._record.owner,
            id=own_id,
            response_id=self._record.id,
            agent=self._record.agent,
            label=server.label,
            tool=tool.name,
            arguments=call.arguments,
            digest=digest_of(server, tool),
            by=tool.approval,
            created_at=now,
            expires_at=min(now + VALID_SECONDS, self._record.expires_at or now + VALID_SECONDS),
            job=job_of(self._ready.run.body, self._ready.run.principal),
            sealed=sealed,
        )

    async def _taken(self, call: dict[str, Any]) -> tuple[Approval, str | None] | None:
        try:
            return await taken(self._services, self._record, call, self._ready.table)
        except StorageUnavailable:
            raise ApiError("storage_unavailable") from None
