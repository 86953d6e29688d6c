"""Who runs this process."""

from __future__ import annotations

import getpass


def account_name() -> str:
    """Return the name of the operator's account on this machine; empty if it has none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
