"""The headers by which a repeated request is recognized."""

from __future__ import annotations

import re
from typing import Any, Final

from starlette.datastructures import Headers

from antiphon.errors import ApiError
from antiphon.run.idempotency import Attempt, automatic_attempt, keyed_attempt

KEY: Final = "Idempotency-Key"
RETRIES: Final = "x-stainless-retry-count"
"""How often a client has retried automatically; every SDK that Stainless generates sends it, OpenAI's among them."""

REPLAYED: Final = "idempotent-replayed"
"""The header of an answer that was given before."""

_KEY: Final = re.compile(r"[\x20-\x7e]{1,255}")


def read_attempt(headers: Headers, key_id: str, body: dict[str, Any]) -> Attempt | None:
    """Describe a request by its headers and its body; None if it cannot be recognised again.

    Raises:
        ApiError: 400 ``invalid_value``; the idempotency key is none.
    """
    given = headers.getlist(KEY)
    if given:
        if len(given) > 1 or not _KEY.fullmatch(given[0]):
            raise ApiError("invalid_value", "The header must be 1 to 255 printable ASCII characters.", param=KEY)
        return keyed_attempt(key_id, given[0], body)
    retries = headers.get(RETRIES, "")
    return automatic_attempt(key_id, body, again=int(retries) > 0) if re.fullmatch("[0-9]{1,3}", retries) else None
