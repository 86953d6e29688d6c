"""One model turn: a provider's deltas -> the stream machine, within what the request allows.

Calls of tools that Antiphon runs are collected, and run when the model has ended.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from antiphon import measures
from antiphon.answering.bound_model import BoundModel
from antiphon.answering.failover import Failover
from antiphon.answering.stops import until_stop
from antiphon.context.sealed import Sealing
from antiphon.errors import ProviderError
from antiphon.ports import (
    CALL_STATE,
    CitationDelta,
    Delta,
    KeptDelta,
    MessageDelta,
    ModelCall,
    ReasoningDelta,
    ReasoningStateDelta,
    RefusalDelta,
    StopDelta,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from antiphon.spans import Span
from antiphon.spec.arguments import is_cut
from antiphon.stream.machine import Ended, IllegalOrder, ResponseStream
from antiphon.tools.table import OfferedTool, ToolTable

_CUT: Final = "max_output_tokens"
_INCOMPLETE: Final = {"length": _CUT, "content_filter": "content_filter"}
_PARAMETERS: Final = frozenset({"max_output_tokens", "temperature", "top_p", "presence_penalty", "frequency_penalty"})
_SENDABLE: Final = re.compile(r"[^\x00]{1,64}")
"""The ids of calls that a client can send back."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        incomplete_reason: why it is incomplete, in the specification's words if it has one.
        error: ``code`` and ``message``, if it failed.
    """

    status: Ended
    incomplete_reason: str | None = None
    error: dict[str, str] | None = None


@dataclass(slots=True)
class ServerCall:
    """A call that the model makes of a tool that Antiphon runs.

    Attributes:
        tool: what is called.
        state: what the model's provider must be given back with the call; None for nothing.
        pieces: the arguments.
    """

    tool: OfferedTool
    state: dict[str, str] | None
    pieces: list[str] = field(default_factory=list)

    @property
    def arguments(self) -> str:
        """The arguments, as the model wrote them."""
        return "".join(self.pieces).strip() or "{}"


@dataclass(slots=True)
class CallsMade:
    """The calls of a response, over all its model turns.

    Attributes:
        most: a hard stop; None for none.
        count: how many were made.
        ids: the ids of those that clients answer.
    """

    most: int | None
    count: int = 0
    ids: set[str] = field(default_factory=set)


class Turn:
    """One model turn on its way into a stream.

    Args:
        stream: takes the model's output.
        call: what was asked; fixes which tools may be called, and how many.
        response_id: from which ids of calls derive, if a provider sends none.
        table: the tools that are offered.
        calls: the calls of the response so far.
        sealing: returns what seals a reasoning's state, or None if nothing can be sealed.
        answering: the models to ask.
        keep: takes the id under which a model's provider keeps the response.
        kept: the ``provider``, ``model`` and ``id`` of a kept response, whose stream is read again; None for none.

    Attributes:
        begun: the first token came.
    """

    def __init__(
        self,
        stream: ResponseStream,
        call: ModelCall,
        response_id: str,
        table: ToolTable,
        calls: CallsMade,
        sealing: Sealing,
        answering: Failover,
        keep: Callable[[BoundModel, str], Awaitable[None]],
        kept: Mapping[str, str] | None = None,
    ) -> None:
        self._stream = stream
        self._call = call
        self._response_id = response_id
        self._permitted = _permitted(call)
        self._table = table
        self._calls = calls
        self._sealing = sealing
        self._answering = answering
        self._keep_id = keep
        self._kept = kept
        self._parallel = call.settings["parallel_tool_calls"]
        self._accepted: set[int] = set()
        self._suppressed: set[int] = set()
        self._of_servers: dict[int, ServerCall] = {}
        self._span: Span | None = None
        self.begun = False

    @property
    def call(self) -> ModelCall:
        """What is asked."""
        return self._call

    @property
    def server_calls(self) -> list[ServerCall]:
        """The calls of tools that Antiphon runs, in order."""
        return list(self._of_servers.values())

    @property
    def has_client_calls(self) -> bool:
        """Whether a client has to answer a call."""
        return len(self._accepted) > len(self._of_servers)

    async def run(self) -> Outcome:
        """Run the turn with whoever answers.

        Raises:
            ProviderError: the model's side failed.
        """
        return await self._answering.ask(self._call, self._attempt)

    async def _attempt(self, candidate: BoundModel) -> Outcome:
        with measures.model_call(candidate.name, candidate.model) as self._span:
            if self._span.sinks:
                self._span.facts |= _asked(self._call)
            return await self._consume(candidate)

    async def _consume(self, candidate: BoundModel) -> Outcome:
        """Take all deltas: a provider that is read to its end keeps its connection, one that is left closes it."""
        text = self._stream.text
        outcome: Outcome | None = None
        told = candidate.stream(self._call_to(candidate))
        async with aclosing(until_stop(told, self._call.stop) if self._call.stop else told) as deltas:
            async for delta in deltas:
                if not self.begun and not isinstance(delta, UsageDelta | MessageDelta | KeptDelta):
                    self._begin()
                if type(delta) is TextDelta:
                    if delta.text:
                        text(delta.text, delta.logprobs)
                elif isinstance(delta, StopDelta):
                    self._note(finish_reason=delta.reason)
                    reason = _INCOMPLETE.get(delta.reason) or (_CUT if self._is_cut() else None)
                    outcome = Outcome("incomplete", reason) if reason else Outcome("completed")
                elif isinstance(delta, ReasoningStateDelta | KeptDelta):
                    await self._keep(delta, candidate)
                elif isinstance(delta, ToolCallDelta):
                    if not await self._take_call(delta):
                        return Outcome("incomplete", "max_tool_calls")
                else:
                    self._take(delta)
        if outcome is None:
            raise ProviderError("model_error", retryable=not self.begun)
        return outcome

    def _is_cut(self) -> bool:
        return self._stream.is_cut or any(is_cut(call.arguments) for call in self._of_servers.values())

    def _call_to(self, candidate: BoundModel) -> ModelCall:
        """Return the call for a model. It continues the kept response if that is this model's."""
        if self._kept is None or {**candidate.maker, "id": self._kept["id"]} != self._kept:
            return self._call
        return replace(self._call, resumed=self._kept["id"])

    def _begin(self) -> None:
        """Note that the model has begun to answer."""
        self.begun = True
        self._answering.began()
        if self._span is not None:
            self._note(first_token_ms=self._span.elapsed_ms())

    def _note(self, **facts: Any) -> None:
        if self._span is not None:
            self._span.facts |= facts

    def _take(self, delta: Delta) -> None:
        """Pass a delta on."""
        if isinstance(delta, UsageDelta):
            self._answering.used(delta)
            self._note(**delta._asdict())
        elif isinstance(delta, ReasoningDelta) and delta.text:
            self._stream.reasoning(delta.text)
        elif isinstance(delta, RefusalDelta) and delta.text:
            self._stream.refusal(delta.text)
        elif isinstance(delta, CitationDelta):
            self._cite(delta)
        elif isinstance(delta, MessageDelta):
            self._stream.message(delta.phase)

    async def _keep(self, delta: ReasoningStateDelta | KeptDelta, candidate: BoundModel) -> None:
        """Keep what the provider wants back, or the id under which it keeps the response.

        Reasoning ends with its state. If nothing can be sealed, the state is lost with the turn.
        """
        if isinstance(delta, KeptDelta):
            await self._keep_id(candidate, delta.id)
            return
        seal = await self._sealing()
        if seal is not None:
            self._stream.reasoned(partial(seal, state={**delta.state, **self._answering.current.maker}))

    def _cite(self, delta: CitationDelta) -> None:
        try:
            self._stream.citation(*delta)
        except IllegalOrder as error:
            raise ProviderError("model_error") from error

    async def _take_call(self, delta: ToolCallDelta) -> bool:
        """Pass a call on unless the request forbids it. A name that nobody offered is for the client to mend."""
        slot = delta.slot
        if slot in self._suppressed:
            return True
        if slot not in self._accepted:
            forbidden = self._permitted is not None and delta.name not in self._permitted
            if delta.name is None or forbidden or (self._accepted and not self._parallel):
                self._suppressed.add(slot)
                return True
            if self._calls.most is not None and self._calls.count >= self._calls.most:
                return False
            self._accepted.add(slot)
            self._calls.count += 1
            await self._begin_call(delta, delta.name)
        if slot in self._of_servers:
            self._of_servers[slot].pieces.append(delta.arguments)
        elif delta.arguments:
            try:
                self._stream.arguments(slot, delta.arguments)
            except IllegalOrder as error:
                raise ProviderError("model_error") from error
        return True

    async def _begin_call(self, delta: ToolCallDelta, name: str) -> None:
        """Begin a call under the provider's id, or under one of ours if a client could not send that one back.

        The provider's own id, and what else it wants back with the call, is sealed beside it. A repeated id is never
        given back: endpoints refuse a history with two calls of one id, even those that made it.
        """
        call_id, state = delta.call_id, dict(delta.state or {})
        tool = self._table.called(name)
        if tool is not None and tool.server is not None:
            kept = {"kind": CALL_STATE, **state, **self._answering.current.maker}
            self._of_servers[delta.slot] = ServerCall(tool, kept if state else None)
            return
        if call_id and not _SENDABLE.fullmatch(call_id):
            state["call_id"], call_id = call_id, None
        ids = self._calls.ids
        if not call_id or call_id in ids:
            call_id = f"call_{self._response_id[5:]}{len(ids):02d}"
        ids.add(call_id)
        seal = await self._sealing() if state else None
        kept = {"kind": CALL_STATE, **state, **self._answering.current.maker}
        self._stream.call(delta.slot, call_id, name, None if seal is None else seal("reasoning", (), state=kept))


def _asked(call: ModelCall) -> dict[str, Any]:
    """Return what a model call was asked for, as facts of its span: numbers alone."""
    return {name: call.settings.get(name) for name in _PARAMETERS & call.explicit}


def _permitted(call: ModelCall) -> frozenset[str] | None:
    """Return the names that ``tool_choice`` leaves; None if it leaves any."""
    choice = call.settings.get("tool_choice")
    if choice == "none":
        return frozenset()
    if not isinstance(choice, dict):
        return None
    if choice["type"] == "allowed_tools":
        return frozenset(tool["name"] for tool in call.tools)
    return frozenset({choice["name"]})


def usage_resource(usage: UsageDelta | None, answered: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """Write usage in the specification's form; who answered stands under ``antiphon``, if that may vary."""
    if usage is None:
        return None
    own = {} if answered is None else {"antiphon": answered}
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
        **own,
    }
