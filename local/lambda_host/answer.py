"""The answer to one invocation, as far as it has arrived."""

from __future__ import annotations

import base64
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

PATIENCE: Final = 30.0
"""How long ``wait`` waits, in seconds, for what never comes when something is wrong."""

ENDED: Final = frozenset({"complete", "error", "cut"})
_PRELUDE_END: Final = b"\0" * 8


class InvocationAnswer:
    """One invocation's answer.

    Attributes:
        request_id: AWS's id of the invocation.
        attempt: what the function must echo; empty for nothing.
        payload: the event, as JSON.
        seconds: how long it may take.
        deadline: when it ends, in seconds since the epoch; 0 until it is taken.
        chunks: what was streamed, prelude included.
        trailers: what followed the last chunk.
        document: an answer in one piece; None for a stream.
        error: what the function reported in place of an answer.
        state: ``waiting``, ``streaming``, ``complete``, ``error`` or ``cut``.
        times: of the invocation, and of each chunk, by ``time.monotonic``.
    """

    def __init__(self, request_id: str, attempt: str, payload: bytes, seconds: float) -> None:
        self.request_id = request_id
        self.attempt = attempt
        self.payload = payload
        self.seconds = seconds
        self.deadline = 0.0
        self.chunks: list[bytes] = []
        self.trailers: dict[str, str] = {}
        self.document: dict[str, Any] | None = None
        self.error: dict[str, Any] | None = None
        self.state = "waiting"
        self.times = [time.monotonic()]
        self._changed = threading.Condition()

    def change(self, state: str | None = None, chunk: bytes | None = None) -> None:
        """Go on to another state, or take a chunk, and wake the readers."""
        with self._changed:
            self.state = state or self.state
            if chunk is not None:
                self.chunks.append(chunk)
                self.times.append(time.monotonic())
            self._changed.notify_all()

    def wait(self, come_true: Callable[[], bool], seconds: float | None = PATIENCE) -> None:
        """Wait until something holds of this answer.

        Raises:
            TimeoutError: it did not come to hold.
        """
        with self._changed:
            if not self._changed.wait_for(come_true, seconds):
                raise TimeoutError(f"never came: state {self.state}, chunks {self.chunks}")

    def ended(self, seconds: float | None = PATIENCE) -> InvocationAnswer:
        """Wait for the end, however it ends."""
        self.wait(lambda: self.state in ENDED, seconds)
        return self

    def pieces(self) -> Iterator[bytes]:
        """Yield the chunks as they arrive, to the end, however it ends. The prelude may be any number of them."""
        for taken in itertools.count():
            self.wait(partial(self._has, taken), None)
            if taken == len(self.chunks):
                return
            yield self.chunks[taken]

    def _has(self, taken: int) -> bool:
        return len(self.chunks) > taken or self.state in ENDED

    @property
    def prelude(self) -> dict[str, Any]:
        """The metadata of the prelude."""
        head: dict[str, Any] = json.loads(b"".join(self.chunks).split(_PRELUDE_END, 1)[0])
        return head

    @property
    def body(self) -> bytes:
        """The payload so far."""
        whole = b"".join(self.chunks)
        return whole.split(_PRELUDE_END, 1)[1] if _PRELUDE_END in whole else b""

    @property
    def trailer_error(self) -> dict[str, Any]:
        """The failure that the trailers report."""
        body: dict[str, Any] = json.loads(base64.b64decode(self.trailers["lambda-runtime-function-error-body"]))
        return body
