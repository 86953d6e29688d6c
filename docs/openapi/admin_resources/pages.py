"""The pages of lists."""

from __future__ import annotations

from typing import Literal

from docs.openapi.shown import Shown


class AdminList(Shown):
    """A page of a list."""

    object: Literal["list"]
    first_id: str | None
    last_id: str | None
    """Send it as `after` for the next page."""
    has_more: bool
