"""Count the tokens that the model would read for a request. Nothing runs, and nothing is stored."""

from __future__ import annotations

from typing import Any

from antiphon.ports import Services
from antiphon.run.aside import aside
from antiphon.run.prepare import preview, shortened
from antiphon.run.run_request import RunRequest


async def count_input_tokens(services: Services, run: RunRequest) -> dict[str, Any]:
    """Return the ``response.input_tokens`` of a request.

    With ``truncation`` ``auto``, what would be left out is not counted. Otherwise all is counted, whether or not it
    fits the model's window: that is what the caller wants to know.

    Raises:
        ApiError: the request could not be served.
        StorageUnavailable: a store did not answer.
    """
    prepared = await preview(services, run)
    call = await shortened(prepared) if prepared.call.settings["truncation"] == "auto" else prepared.call
    counted = await aside(call, lambda: prepared.answering.current.count_tokens(call))
    return {"object": "response.input_tokens", "input_tokens": counted}
