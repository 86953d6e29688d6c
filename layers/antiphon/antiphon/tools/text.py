r"""The input of a custom tool, out of the arguments of its function while they stream.

    {"inp | ut": "a\ | nb | "}        becomes      nothing, "a", a line feed and "b", nothing

Pure. If a model writes something other than the one argument, the input comes at the end, as ``calls.input_of`` reads
it.
"""

from __future__ import annotations

import json
import re
from typing import Final

from antiphon.tools.calls import input_of
from antiphon.tools.table import INPUT

_BEGIN: Final = re.compile(rf'\s*\{{\s*"{INPUT}"\s*:\s*"')
_PREFIX: Final = f'{{"{INPUT}":"'
_WHOLE: Final = re.compile(r'(?:[^"\\]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+')
_PART: Final = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?")
"""What stands of an escape whose rest has not come."""


class CustomInput:
    """The text of one input. Halves of surrogate pairs come as they are."""

    __slots__ = ("_begun", "_over", "_waiting", "given")

    def __init__(self) -> None:
        self._waiting = ""
        self._begun = False
        self._over = False
        self.given = ""

    def feed(self, piece: str) -> str:
        """Return the text that a piece of the arguments adds."""
        if self._over:
            return ""
        self._waiting += piece
        if not self._begun and not self._begin():
            return ""
        return self._take()

    def rest(self, arguments: str) -> str:
        """Return the text that can only be read from the whole arguments."""
        if self._begun:
            return ""
        self._over = True
        self.given = input_of(arguments)
        return self.given

    def _begin(self) -> bool:
        """Look for the beginning of the text; what cannot become one is left to the end."""
        match = _BEGIN.match(self._waiting)
        if match:
            self._begun, self._waiting = True, self._waiting[match.end() :]
        elif not _PREFIX.startswith("".join(self._waiting.split())):
            self._over = True
        return self._begun

    def _take(self) -> str:
        text = ""
        while self._waiting and not self._over:
            match = _WHOLE.match(self._waiting)
            end = match.end() if match else 0
            text += json.loads(f'"{self._waiting[:end]}"', strict=False)
            self._waiting = self._waiting[end:]
            if self._waiting.startswith('"'):
                self._over = True
            elif _PART.fullmatch(self._waiting):
                break
            elif self._waiting:  # no escape of JSON's: models write such, and mean the character
                text, self._waiting = text + self._waiting[0], self._waiting[1:]
        self.given += text
        return text
