"""What a command returns: a JSON document and its plain text, or a refusal."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


class Refused(Exception):
    """The command cannot be done; the message is one line with what to do instead."""


class Unreachable(Exception):
    """A server does not answer."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a command did or found.

    Attributes:
        data: the JSON form, for ``--json``; None if the command has written to stdout by itself.
        text: the form for people, on stdout; empty for none.
        notes: further information, on stderr in both forms.
        code: the exit code.
    """

    data: Any
    text: str = ""
    notes: tuple[str, ...] = ()
    code: int = 0

    def written(self, *, as_json: bool) -> str:
        """Return what goes to stdout, without the last line's end."""
        if as_json and self.data is not None:
            return json.dumps(self.data, ensure_ascii=False, indent=2)
        return self.text


def moment(seconds: int | None) -> str:
    """Write a time in seconds since the epoch as UTC, to the minute; empty for None."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%MZ")
