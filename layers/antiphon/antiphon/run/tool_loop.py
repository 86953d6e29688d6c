"""The loop: model turns, and between them the calls of tools that Antiphon runs.

    model turn -> its calls of servers' tools, at once -> their outputs into the context -> next model turn

It ends when a model turn makes no such call, when a client has to answer a call, or at a limit: calls, turns, time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from antiphon.answering.bound_model import BoundModel
from antiphon.answering.turn import CallsMade, Outcome, ServerCall, Turn
from antiphon.context.history import with_plain_names
from antiphon.context.sealed import Sealer, opened, sealed_states
from antiphon.context.window import fitted
from antiphon.errors import StorageUnavailable
from antiphon.ports import ModelCall, Services, ToolFailure, ToolResult, UsageDelta
from antiphon.records import Agent, Item, StoredResponse
from antiphon.run.aside import aside
from antiphon.run.prepare import Prepared
from antiphon.run.server_calls import (
    LATER,
    NO_STORE,
    Pending,
    ServerCalls,
    Writer,
    pending_of,
    places,
)
from antiphon.run.tool_approvals import ToolApprovals
from antiphon.stream.checkpoints import Checkpoints
from antiphon.stream.cuts import Cutter
from antiphon.stream.machine import ResponseStream
from antiphon.tools.calls import as_functions, is_call
from antiphon.tools.server_calls import (
    SERVER_CALLS,
    begun,
    hidden_items,
    listed,
    only_hidden,
    type_of,
    with_hidden,
)

MAX_MODEL_TURNS: Final = "max_model_turns"
"""Why a response is incomplete whose model would have been asked too often."""

NO_QUOTA: Final = "insufficient_quota"
"""Why a response is incomplete whose user, key or agent has used up a budget."""


class LoopHost(Writer, Protocol):
    """Who runs the response."""

    async def sealing(self) -> Sealer | None:
        """Return what seals a state; None if nothing can be sealed."""

    async def refusal(self) -> str | None:
        """Return why no model may be asked again: a budget is used up; None if one may.

        Raises:
            ApiError: ``storage_unavailable``: a budget cannot be checked.
        """

    async def keep(self, model: BoundModel, kept_id: str) -> None:
        """Store the id under which a provider keeps the present model turn."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """What earlier writers have done of a response.

    Attributes:
        items: the items that are done, as they are stored.
        cuts: where their deltas ended, see ``stream.cuts``.
        calls: the calls of tools that were under way, as they are stored.
        kept: the ``provider``, ``model`` and ``id`` of the model turn that was under way, if its provider keeps it.
        turns: how many model turns have ended.
    """

    items: Sequence[Item] = ()
    cuts: str = ""
    calls: Sequence[dict[str, Any]] = ()
    kept: dict[str, str] | None = None
    turns: int = 0


class ToolLoop:
    """The model turns of one response.

    Args:
        services: the adapters.
        record: the response.
        ready: the request.
        call: what the model is asked first.
        stream: takes what is said.
        checkpoints: through which the stream's events leave.
        host: runs the response.
        resumed: what earlier writers have done.

    Attributes:
        call: what the model is asked, or was asked last.
        approvals: what somebody has to approve, or has decided.
        hidden: calls that the response does not show, as they are stored with it.
        refusal: why no model is asked again; None if one was.
        begins: the index of the first output item of the model turn.
        turns: how many model turns have ended, those of earlier writers included.
        is_placing: a model turn has ended, and its calls are not stored yet.
        has_acted: a tool may have run that must not run twice.
    """

    def __init__(
        self,
        services: Services,
        record: StoredResponse,
        ready: Prepared,
        call: ModelCall,
        stream: ResponseStream,
        checkpoints: Checkpoints,
        host: LoopHost,
        resumed: Resumed,
    ) -> None:
        self._services = services
        self._record = record
        self._ready = ready
        self._stream = stream
        self._checkpoints = checkpoints
        self._host = host
        self._resumed = resumed
        self._calls = CallsMade(record.response["max_tool_calls"])
        self._added = 0
        self._has_called = False
        self.has_acted = False
        self.is_placing = False
        self._read_hidden = 0
        self._turn: Turn | None = None
        self.call = call
        self.begins = 0
        self.turns = resumed.turns
        self.approvals = ToolApprovals(services, record, ready, stream, host.sealing)
        self.refusal: str | None = None
        self.hidden: list[dict[str, Any]] = only_hidden(resumed.calls)
        self._shows = ready.agent.show_tools

    @property
    def agent(self) -> Agent:
        """The agent, as it was when the response was prepared."""
        return self._ready.agent

    @property
    def begun(self) -> bool:
        """Whether a tool was called, or the model has written anything."""
        return self._has_called or self.is_answering

    @property
    def is_answering(self) -> bool:
        """Whether the present model turn has output that no other worker could repeat."""
        return self._turn is not None and self._turn.begun

    def placed(self) -> None:
        """Note that the calls of the model turn are stored, so that another worker could go on with them."""
        self._turn, self.is_placing = None, False

    def used(self) -> list[list[Any]]:
        """Return what the models used so far, for another worker that may go on."""
        return self._ready.answering.stored()

    def counted(self) -> list[tuple[dict[str, str], UsageDelta]]:
        """Return what the models used so far that counts against limits."""
        return self._ready.answering.counted()

    async def run(self) -> Outcome:
        """Run until the response is done.

        Raises:
            ProviderError: the model's side failed.
            ApiError: ``context_length_exceeded``: what the tools returned is too long for the model.
        """
        await self._resume()
        if any(map(is_call, self._stream.output)):
            return Outcome("completed")  # a lost writer came so far
        acted = bool(self.hidden) or any(item["type"] in SERVER_CALLS for item in self._stream.output)
        for number in range(self._left()):
            self.refusal = await self._host.refusal() if number or acted else None
            if self.refusal is not None:
                return Outcome("incomplete", NO_QUOTA)
            if number or acted:
                await self._go_on()
            turn = self._next_turn()
            outcome = await turn.run()
            self.turns += 1
            if outcome.status != "completed" or not turn.server_calls:
                self._turn = None
                return outcome
            self.is_placing = True
            await self._estimate(turn.server_calls)
            await self._answer(turn.server_calls, with_clients=turn.has_client_calls)
            self.placed()
            if turn.has_client_calls or self.approvals.waiting:
                return outcome
        return Outcome("incomplete", MAX_MODEL_TURNS)

    def _left(self) -> int:
        return self._ready.agent.max_model_turns - self.turns if self._ready.table.has_servers else 1

    def _next_turn(self) -> Turn:
        kept, self._resumed = self._resumed.kept, Resumed()
        self._turn = Turn(
            self._stream,
            self.call,
            self._record.id,
            self._ready.table,
            self._calls,
            self._host.sealing,
            self._ready.answering,
            self._host.keep,
            kept,
        )
        return self._turn

    async def _resume(self) -> None:
        """Send what earlier writers have done, and end the calls that were under way."""
        cutter = Cutter(self._resumed.cuts)
        for item in self._resumed.items:
            self._stream.whole(item, cutter)
            self._calls.count += item["type"].endswith("_call")
        self._calls.count += len(self.hidden)
        if self._shows and not self._resumed.items:
            for server in self._ready.listed:
                own = self._stream.id_of("mcp_list_tools", self._stream.settle())
                self._stream.whole(listed(server, own))
        done = [*self._resumed.items, *hidden_items(self.hidden)]
        pending = pending_of(self._resumed.calls, self._ready.table, done)
        if not pending:
            pending = await self.approvals.take(
                [call for call in self._resumed.calls if "approval" in call], self._count_hidden()
            )
        if pending:
            self._calls.count += len(pending)
            await self._make(pending)

    async def _estimate(self, calls: Sequence[ServerCall]) -> None:
        """Estimate what the model turn used if its provider did not report it: the limits count it from now on."""
        answering = self._ready.answering
        if answering.is_unknown:
            self._stream.settle()
            made = [
                {"type": "function_call", "name": call.tool.function, "arguments": call.arguments} for call in calls
            ]
            said = [*self._stream.output[self.begins :], *made]
            await aside(self.call, lambda: answering.estimate(self.call, said))

    async def _answer(self, calls: Sequence[ServerCall], *, with_clients: bool) -> None:
        """Make the calls of a model turn, or ask for their approval.

        Args:
            calls: the calls.
            with_clients: the client has calls of the same model turn to answer.
        """
        later = [call for call in calls if with_clients and not self._may_run_beside(call)]
        asked = [call for call in calls if call not in later and _approval_of(call) is not None]
        others = [call for call in calls if call not in asked]
        if others:
            await self._make(await self._pending(others, later, LATER))
        if asked and not await self.approvals.ask(asked):
            await self._make(await self._pending(asked, asked, NO_STORE, after=bool(others)))

    def _may_run_beside(self, call: ServerCall) -> bool:
        """Return whether a call may run in a model turn that has calls for the client, too.

        It may if the next model turn reads what it returned: the conversation goes on by an id. If the client sends
        items, it may leave out those of servers, as several do, and the model would call the tool again.

        A call that needs an approval may not: no response could continue this one while the client has not answered.
        """
        if _approval_of(call) is not None:
            return False
        request, pinned = self._ready.run.body, call.tool.pinned
        by_id = request.previous_response_id is not None or request.conversation is not None
        is_read = self._shows and self._ready.run.returns_calls
        return (request.store and by_id) or (is_read and pinned is not None and pinned.repeatable)

    async def _make(self, pending: list[Pending]) -> None:
        self._has_called = True
        self.has_acted = self.has_acted or any(call.result is None and not call.is_repeatable for call in pending)
        include = self._ready.run.body.include
        calls = ServerCalls(self._services, self._stream, self._host, include, self.hidden)
        await calls.run(pending)
        await self._checkpoints.flush()
        if not self._shows and self._host.keeps_intents:
            with contextlib.suppress(StorageUnavailable):
                await self._host.save_calls(self.hidden)

    async def _pending(
        self, calls: Sequence[ServerCall], refused: Sequence[ServerCall], why: str, *, after: bool = False
    ) -> list[Pending]:
        """Return the calls with the items that they will be: what is called once has one id.

        Args:
            calls: the calls, all of one model turn.
            refused: those of them that are not made.
            why: the reason, for the model.
            after: whether the same turn has calls before these.
        """
        refusal = ToolResult(failure=ToolFailure("refused", why))
        sealed, pending = await sealed_states(self._host.sealing, [call.state for call in calls]), list[Pending]()
        numbers = places(self._stream.settle(), sealed, self._count_hidden())
        for call, state, place in zip(calls, sealed, numbers, strict=True):
            assert call.tool.server is not None
            own = self._stream.id_of(type_of(call.tool.server), place)
            item = begun(call.tool, own, call.arguments, with_others=after or bool(pending))
            result = refusal if call in refused else None
            pending.append(Pending(item, call.tool, state, result, is_shown=self._shows))
        return pending

    def _count_hidden(self) -> int | None:
        """Return how many calls the response does not show; None if it shows them."""
        return None if self._shows else len(self.hidden)

    async def _go_on(self) -> None:
        """Let the model read what came since its last turn began, and choose freely from now on."""
        begins = self.begins
        since = self.hidden[self._read_hidden :]
        self._read_hidden = len(self.hidden)
        items = await self._as_read(with_hidden(self._stream.output[begins:], since, begins))
        self.begins = len(self._stream.output)
        self._added += len(items)
        settings = {**self.call.settings, "tool_choice": _free(self.call.settings["tool_choice"])}
        longer = replace(self.call, items=[*self.call.items, *items], settings=settings, asked=0)
        ready, new = self._ready, self._ready.new + self._added if self._ready.new else 0
        count = ready.answering.current.count_tokens
        self.call = await aside(longer, lambda: fitted(longer, ready.agent.context_tokens, new, count))

    async def _as_read(self, items: list[Item]) -> list[Item]:
        """Return output items as a model reads them."""
        said = [item for item in items if item["type"] != "compaction"]
        turn = replace(self._record, input=[], response={**self._record.response, "output": said})
        (turn,), _ = await opened(self._services, self._record.owner, self._record.agent, [turn], [])
        return with_plain_names(as_functions(turn.response["output"], self._ready.table))


def _approval_of(call: ServerCall) -> str | None:
    """Return who has to approve a call; None for nobody."""
    return None if call.tool.pinned is None else call.tool.pinned.approval


def _free(choice: Any) -> Any:
    """Return a choice that was met: what had to be called was called."""
    if not isinstance(choice, dict):
        return "auto" if choice == "required" else choice
    return {**choice, "mode": "auto"} if choice["type"] == "allowed_tools" else "auto"
