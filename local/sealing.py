"""The key that seals what clients keep for us: made once, stored with the database, readable only by its owner."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path


def seal_keys(file: Path) -> str:
    """Return the content of the key file, in the form of ``ANTIPHON_SEAL_KEYS``. Make it if there is none."""
    try:
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text().strip()
    with os.fdopen(opened, "w") as fresh:
        key = base64.b64encode(secrets.token_bytes(32)).decode()
        fresh.write(key + "\n")
    return key
