"""The guard: checks each event against the grammar before it is passed on. Used if ``ANTIPHON_CHECK_STREAMS`` is set.

    machine -> guard: does it fit the grammar? -> the next stage
                      else: nothing more of the machine; what is open is closed, error, response.failed

A client never sees what breaks the grammar, and the terminal event is checked before the response is stored. A
violation is one log line, ``stream invalid``, with the rule; it never quotes the stream.
"""

from __future__ import annotations

import contextlib
import copy
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from antiphon.errors import CODES, AntiphonError
from antiphon.records import Item
from antiphon.stream.closing import closing
from antiphon.stream.events import Event, Sink, error_event, opening
from antiphon.stream.fold import ENDINGS
from antiphon.stream.grammar import Checker, Violation
from antiphon.stream.machine import Ended, ResponseStream

log: Final = logging.getLogger("antiphon.run")

CODE: Final = "stream_invalid"
INVALID: Final = "stream invalid"
"""The message of the log line; ``template.yaml`` counts it as a metric."""


class StreamInvalid(AntiphonError):
    """The machine broke the grammar; what it made was not sent."""


class Guard:
    """Lets the events of one stream through while they fit the grammar.

    Args:
        resource: the response as it begins.
        to: takes what is let through.
    """

    def __init__(self, resource: dict[str, Any], to: Sink) -> None:
        self._resource = resource
        self._to = to
        self._checker = Checker()
        self._broken = False
        self._sent = 0
        self._open: list[Event] = []
        self._output: list[Item] = []
        self._told = False
        self._ended = False

    def put(self, event: Event) -> None:
        """Let an event through.

        Raises:
            StreamInvalid: it does not fit, or an earlier one did not.
        """
        if self._broken:
            raise StreamInvalid(CODE)
        try:
            self._checker.feed(event)
        except Violation as violation:
            self._refuse(violation.rule)
            raise StreamInvalid(CODE) from violation
        self._pass(event)

    def open(self, send: Callable[[], None]) -> None:
        """Open the stream by ``send``; what is wrong with it shows at the next event."""
        with contextlib.suppress(StreamInvalid):
            send()

    def ending(self, make: Callable[[], Event]) -> Event:
        """Return the terminal event that ``make`` builds if the stream is sound with it, else a failure."""
        if not self._broken:
            try:
                return self._sound(make())
            except StreamInvalid:
                pass
            except Violation as violation:
                self._refuse(violation.rule)
            except AntiphonError:
                self._refuse("order")
        return self._failure()

    def end(self, ending: Event, send: Callable[[Event], None]) -> None:
        """Send the terminal event: by ``send``, the machine's own way, unless the machine is broken."""
        if not self._broken:
            with contextlib.suppress(StreamInvalid):
                send(ending)
            if self._ended:
                return
            ending = self._failure()
        if ending["type"] == "response.failed" and not self._told:
            self._number(error_event(ending["response"]["error"]))
        self._number(ending)

    def _sound(self, ending: Event) -> Event:
        """Check a terminal event before it is stored, with a copy of the checker.

        Raises:
            Violation: it does not fit.
        """
        checker = copy.deepcopy(self._checker)
        error = ending["response"]["error"]
        events = [error_event(error), ending] if error and ending["type"] == "response.failed" else [ending]
        for number, event in enumerate(events, self._sent):
            checker.feed({**event, "sequence_number": number})
        return ending

    def _failure(self) -> Event:
        """Close what is open, out of what was sent, and build the terminal event."""
        for event in opening(self._resource)[self._sent :]:
            self._number(event)
        for event in closing(self._open):
            self._number(event)
        error = {"code": CODE, "message": CODES[CODE].message}
        response = {**self._resource, "status": "failed", "error": error, "output": list(self._output)}
        return {"type": "response.failed", "response": response}

    def _refuse(self, rule: str) -> None:
        self._broken = True
        extra = {"response_id": self._resource["id"], "rule": rule, "sequence_number": self._sent}
        log.error(INVALID, extra=extra)

    def _number(self, event: Event) -> None:
        self._pass({**event, "sequence_number": self._sent})

    def _pass(self, event: Event) -> None:
        kind = event["type"]
        if kind == "response.output_item.added":
            self._open = [event]
        elif kind == "response.output_item.done":
            self._open = []
            self._output.append(event["item"])
        elif self._open:
            self._open.append(event)
        self._told = self._told or kind == "error"
        self._ended = kind in ENDINGS
        self._sent += 1
        self._to(event)


def guarded(machine: type[ResponseStream]) -> type[ResponseStream]:
    """Return a stream machine with a guard behind it, with the same methods."""

    class GuardedStream(machine):  # type: ignore[misc, valid-type] # a base that is known at run time only
        """A stream machine with a guard behind it, with the same methods.

        Args:
            resource, obfuscate, seal: as for ``ResponseStream``.
            to: takes each event that fits the grammar.
        """

        def __init__(
            self,
            resource: dict[str, Any],
            to: Sink,
            *,
            obfuscate: bool = True,
            seal: Callable[[str, Sequence[str]], str] | None = None,
        ) -> None:
            self._guard = Guard(resource, to)
            super().__init__(resource, self._guard.put, obfuscate=obfuscate, seal=seal)

        def open(self) -> None:
            """Open the stream; what is wrong with it shows at the next event."""
            self._guard.open(super().open)

        def ending(self, status: Ended, **facts: Any) -> Event:
            """Return the terminal event if the stream is sound with it, else a failure."""
            build = super().ending
            return self._guard.ending(lambda: build(status, **facts))

        def end(self, ending: Event) -> None:
            """Send the terminal event."""
            self._guard.end(ending, super().end)

    return GuardedStream
