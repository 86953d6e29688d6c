"""The header that names the tools that were left out of what the model was offered."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response

LEFT_OUT: Final = "x-antiphon-tools-left-out"


def named(answer: Response, response: dict[str, Any]) -> Response:
    """Return an answer whose header names the tools that its response leaves out, if there are any."""
    left_out = response.get("antiphon", {}).get("tools_left_out")
    if left_out:
        answer.headers[LEFT_OUT] = ", ".join(left_out)
    return answer
