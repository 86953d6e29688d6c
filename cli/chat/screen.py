"""Shows a response as it streams: its text, reasoning and calls on a terminal; in a pipe only the text."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, Final, TextIO

from cli.chat.items import lines_of, plain

DIM: Final = "\x1b[2m"
CYAN: Final = "\x1b[36m"
RED: Final = "\x1b[31m"
RESET: Final = "\x1b[0m"

_TEXT: Final = frozenset({"response.output_text.delta", "response.refusal.delta"})
_REASONING: Final = frozenset({"response.reasoning_text.delta", "response.reasoning_summary_text.delta"})
_SHOWN_LIVE: Final = frozenset({"message", "reasoning"})


class Screen:
    """Writes the events of responses.

    Args:
        out: for the text of answers; None shows none.
        notes: for everything else.
        is_terminal: whether both are one terminal; if not, reasoning is left out.
        has_styles: whether to use colours.
    """

    def __init__(self, out: TextIO | None, notes: TextIO, *, is_terminal: bool, has_styles: bool) -> None:
        self._out, self._notes = out, notes
        self._is_terminal, self._has_styles = is_terminal, has_styles
        self._section = ""
        self._is_at_start = True
        self._last_item = ""

    def put(self, event: dict[str, Any]) -> None:
        """Show one event."""
        kind = event.get("type")
        if kind in _TEXT:
            self._write("text", str(event.get("delta") or ""), "")
        elif kind in _REASONING and self._is_terminal:
            self._write("reasoning", str(event.get("delta") or ""), DIM)
        elif kind == "response.output_item.done":
            item = event.get("item") or {}
            if item.get("type") not in _SHOWN_LIVE:
                self._last_item = "\n".join(lines_of(item))
                self.note(self._last_item, CYAN)
        elif kind in {"response.reasoning_summary_part.done", "response.content_part.done"}:
            self._section = ""

    def close(self, response: dict[str, Any]) -> None:
        """End the lines of a response: why it is not complete, and on a terminal its id and tokens."""
        self._end_line()
        status = response.get("status")
        if status in {"failed", "incomplete", "cancelled"}:
            self.note(_reason(response), RED)
        if self._is_terminal:
            used = response.get("usage") or {}
            tokens = f"  {used['input_tokens']} + {used['output_tokens']} tokens" if used else ""
            self.note(f"{response.get('id')}{tokens}", DIM)
        self._section = ""

    def note(self, text: str, style: str = DIM) -> None:
        """Write lines of their own that are no part of the answer."""
        if self._is_terminal:
            self._end_line()
        print(self._styled(plain(text), style), file=self._notes, flush=True)

    def ask_about(self, item: dict[str, Any]) -> None:
        """Show an item that waits for an answer, unless it was the last one shown and has not been asked about yet."""
        text, shown, self._last_item = "\n".join(lines_of(item)), self._last_item, ""
        if text != shown:
            self.note(text)

    def _write(self, section: str, text: str, style: str) -> None:
        if not text or self._out is None:
            return
        if section != self._section:
            self._end_line()
        self._section = section
        shown = plain(text)
        self._is_at_start = shown.endswith("\n") if shown else self._is_at_start
        print(self._styled(shown, style), end="", file=self._out, flush=True)

    def _end_line(self) -> None:
        if not self._is_at_start:
            print(file=self._out, flush=True)
            self._is_at_start = True

    def _styled(self, text: str, style: str) -> str:
        return f"{style}{text}{RESET}" if self._has_styles and style and text else text


def screen(environ: Mapping[str, str] = os.environ, *, silent: bool = False) -> Screen:
    """Return the screen of this process; a silent one writes its notes alone (NO_COLOR: no-color.org)."""
    is_terminal = sys.stdout.isatty() and not silent
    out = None if silent else sys.stdout
    notes = sys.stdout if is_terminal else sys.stderr
    styled = is_terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    return Screen(out, notes, is_terminal=is_terminal, has_styles=styled)


def _reason(response: dict[str, Any]) -> str:
    status = str(response["status"])
    error = response.get("error") or {}
    details = response.get("incomplete_details") or {}
    why = error.get("message") or details.get("reason")
    return status if not why or why == status else f"{status}: {why}"
