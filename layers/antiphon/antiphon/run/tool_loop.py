"""The loop: model turns, and between them the calls of tools that Antiphon runs.

    model turn -> its calls of servers' tools, at once -> their outputs into the context -> next model turn

It ends when a model turn makes no such call, when a client has to answer a call, or at a limit: calls, turns, time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from antiphon.answering.bound_model import BoundModel
from antiphon.answering.turn import CallsMade, Outcome, ServerCall, Turn
from antiphon.context.history import with_plain_names
from antiphon.context.sealed import Sealer, opened
from antiphon.context.window import fitted
from antiphon.ports import ModelCall, Services
from antiphon.records import Item, StoredResponse
from antiphon.run.aside import aside
from antiphon.run.prepare import Prepared
from antiphon.run.server_calls import Pending, ServerCalls, Writer, pending_of
from antiphon.stream.checkpoints import Checkpoints
from antiphon.stream.cuts import Cutter
from antiphon.stream.machine import ResponseStream
from antiphon.tools.calls import as_functions, is_call
from antiphon.tools.server_calls import SERVER_CALLS, begun, listed, type_of

MAX_MODEL_TURNS: Final = "max_model_turns"
"""Why a response is incomplete whose model would have been asked too often."""


class LoopHost(Writer, Protocol):
    """Who runs the response."""

    async def sealing(self) -> Sealer | None:
        """Return what seals a state; None if nothing can be sealed."""

    async def keep(self, model: BoundModel, kept_id: str) -> None:
        """Note the id under which a provider keeps the model turn that is under way."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """What earlier writers have done of a response.

    Attributes:
        items: the items that are done, as they are stored.
        cuts: where their deltas ended, see ``stream.cuts``.
        calls: the calls of tools that were under way, as they are stored.
        kept: the ``provider``, ``model`` and ``id`` of the model turn that was under way, if its provider keeps it.
    """

    items: Sequence[Item] = ()
    cuts: str = ""
    calls: Sequence[dict[str, Any]] = ()
    kept: dict[str, str] | None = None


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
        begins: the index of the first output item of the model turn.
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
        self._turn: Turn | None = None
        self.call = call
        self.begins = 0

    @property
    def begun(self) -> bool:
        """Whether anything was said or done."""
        return self._has_called or self.is_answering

    @property
    def is_answering(self) -> bool:
        """Whether the model turn that is under way has said something that no other worker could say again."""
        return self._turn is not None and self._turn.begun

    def used(self) -> list[list[Any]]:
        """Return what the models used so far, for another worker that may go on."""
        return self._ready.answering.stored()

    async def run(self) -> Outcome:
        """Run until the response is done.

        Raises:
            ProviderError: the model's side failed.
            ApiError: ``context_length_exceeded``: what the tools returned is too long for the model.
        """
        await self._resume()
        if any(map(is_call, self._stream.output)):
            return Outcome("completed")  # a lost writer came so far
        for _ in range(self._left()):
            turn = self._next_turn()
            outcome = await turn.run()
            self._turn = None
            if outcome.status != "completed" or not turn.server_calls:
                return outcome
            await self._answer(turn.server_calls)
            if turn.has_client_calls:
                return outcome
        return Outcome("incomplete", MAX_MODEL_TURNS)

    def _left(self) -> int:
        return self._ready.agent.max_model_turns if self._ready.table.has_servers else 1

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
        if not self._resumed.items:
            for server in self._ready.listed:
                own = self._stream.id_of("mcp_list_tools", self._stream.settle())
                self._stream.whole(listed(server, own))
        pending = pending_of(self._resumed.calls, self._ready.table, self._resumed.items)
        if pending:
            self._calls.count += len(pending)
            await self._make(pending)
        if any(item["type"] in SERVER_CALLS for item in self._stream.output):
            await self._go_on(0)

    async def _answer(self, calls: Sequence[ServerCall]) -> None:
        """Make the calls of a model turn, and add what came of it to what the model reads."""
        begins = self.begins
        await self._make(await self._pending(calls))
        await self._go_on(begins)

    async def _make(self, pending: list[Pending]) -> None:
        self._has_called = True
        include = self._ready.include
        await ServerCalls(self._services, self._stream, self._host, include).run(pending, self.call.deadline)
        await self._checkpoints.flush()

    async def _pending(self, calls: Sequence[ServerCall]) -> list[Pending]:
        """Return the calls with the items that they will be: what is called once has one id."""
        seal = await self._host.sealing() if any(call.state for call in calls) else None
        index, pending = self._stream.settle(), list[Pending]()
        for call in calls:
            sealed = seal("reasoning", (), state=call.state) if seal is not None and call.state else None
            index += sealed is not None
            assert call.tool.server is not None
            own = self._stream.id_of(type_of(call.tool.server), index)
            item = begun(call.tool, own, call.arguments, with_others=bool(pending))
            pending.append(Pending(item, call.tool, sealed))
            index += 1
        return pending

    async def _go_on(self, begins: int) -> None:
        """Let the model read the items from an index on, and choose freely from now on."""
        items = await self._as_read(self._stream.output[begins:])
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


def _free(choice: Any) -> Any:
    """Return a choice that was met: what had to be called was called."""
    if not isinstance(choice, dict):
        return "auto" if choice == "required" else choice
    return {**choice, "mode": "auto"} if choice["type"] == "allowed_tools" else "auto"
