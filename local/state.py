"""The folder of the local service: its database, its key and what seals; for its owner alone."""

from __future__ import annotations

from pathlib import Path
from typing import Final

DEFAULT: Final = ".antiphon"
PRIVATE: Final = 0o700


def make_private(folder: Path) -> None:
    """Make a folder that only its owner can enter. One of another name that is there already keeps its mode."""
    folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    if folder.name == DEFAULT:
        folder.chmod(PRIVATE)
