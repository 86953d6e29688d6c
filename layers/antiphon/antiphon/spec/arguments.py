"""Whether the arguments of a function call are all there. Pure.

Models write JSON with faults, too. Only what stops in the midst is cut; the rest is for the client to judge.
"""

from __future__ import annotations

import json
import re
from typing import Final

_PART: Final = re.compile(r"-|\.|[eE][+-]?|t(r(ue?)?)?|f(a(l(se?)?)?)?|n(u(ll?)?)?")
"""What may stand at the end if a number or a word was cut."""
_DECODER: Final = json.JSONDecoder(strict=False)
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{0,3})?$")


def is_whole(arguments: str) -> bool:
    """Whether they are JSON."""
    return bool(arguments) and _fault(arguments) is None


def is_cut(arguments: str) -> bool:
    """Whether they stop before their end. Without any there is nothing to cut."""
    text = arguments.rstrip()
    fault = _fault(text) if text else None
    if fault is None:
        return False
    rest = text[fault.pos :]
    return (
        fault.msg.startswith("Unterminated string") or not rest or _PART.fullmatch(rest) is not None or _escaped(text)
    )


def _escaped(text: str) -> bool:
    return _ESCAPE.search(text) is not None


def _fault(text: str) -> json.JSONDecodeError | None:
    try:
        _DECODER.decode(text)
    except json.JSONDecodeError as error:
        return error
    except RecursionError:
        return None
    return None
