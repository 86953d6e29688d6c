"""Reads a server-sent event stream from bytes, however they were cut.

It follows the WHATWG HTML standard, "Parsing an event
stream": a line ends in LF, CR LF or CR; a blank line ends an event; ``id`` and ``retry`` are noted; comments and other
fields are skipped.
"""

from __future__ import annotations

from typing import Final

MAX_EVENT_BYTES: Final = 8 * 1024 * 1024
"""No event is larger, so a stream that never ends its line cannot fill the memory."""

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class SseReader:
    """Turns chunks of bytes into the data of the events they complete.

    Args:
        max_event_bytes: a larger event is refused.

    Attributes:
        last_id: the id of the last event that had one; empty for none.
        retry_ms: after how many milliseconds to connect again, if the stream named a time.
    """

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max = max_event_bytes
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0
        self._after_cr = False
        self._begun = False
        self.last_id = b""
        self.retry_ms: int | None = None

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next bytes and return the data of each event that they complete, in order.

        Raises:
            ValueError: an event is larger than allowed.
        """
        if self._after_cr and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()
        if lines and not self._begun:
            self._begun = True
            lines[0] = lines[0].removeprefix(_BYTE_ORDER_MARK)
        events = self._events(lines)
        if self._size + len(self._rest) > self._max:
            raise ValueError("an event is too large")
        return events

    def flush(self) -> list[bytes]:
        """Return the data of the event that the end of the stream left without its blank line, if there is one."""
        rest, self._rest = self._rest, b""
        return self._events([rest, b""])

    def _events(self, lines: list[bytes]) -> list[bytes]:
        events = []
        data = self._data
        for line in lines:
            if not line:
                if data:
                    events.append(b"\n".join(data))
                    data.clear()
            elif line.startswith(b"data: "):
                data.append(line[6:])
            elif line.startswith(b"data:"):
                data.append(line[5:])
            elif line == b"data":
                data.append(b"")
            elif line.startswith(b"error:"):  # llama.cpp
                data.append(b'{"type":"error","error":%b}' % line[6:])
            else:
                self._note(line)
        self._size = sum(map(len, data))
        return events

    def _note(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"id" and b"\0" not in value:
            self.last_id = value
        elif name == b"retry" and value.isdigit() and len(value) < 10:  # noqa: PLR2004 - more is no time to wait
            self.retry_ms = int(value)
