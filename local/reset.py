"""`make reset`: forget the local state; refused while a server uses it. ``providers.json`` is yours, so it stays."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from local.state import ASIDE, DATABASE, KEY, LAMBDA, LOCK, PROVIDERS, TOOL_HOSTS, URL, alone, folder

OURS = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", KEY, "seal-keys", LAMBDA, LOCK, TOOL_HOSTS, URL)
"""What the local servers write into the folder."""


def main() -> int:
    """Forget the state and return the exit code."""
    state = folder(os.environ)
    with alone(state) as free, alone(state / LAMBDA) as free_of_lambda:
        if not (free and free_of_lambda):
            print(f"A server is using {state}: end it first (Ctrl-C in its terminal).", file=sys.stderr)
            return 1
        for path in (*(state / name for name in OURS), *state.glob(f"{DATABASE}{ASIDE}*")):
            _remove(path)
    kept = sorted(path.name for path in state.iterdir()) if state.is_dir() else []
    if state.is_dir() and not kept:
        state.rmdir()
    print(f"Forgotten. {state / PROVIDERS} stays." if PROVIDERS in kept else "Forgotten.")
    return 0


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
