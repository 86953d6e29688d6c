"""SnapStart: what a process does before its snapshot is taken and after each restore from it.

The registry is AWS's own (``snapshot_restore_py``, part of the managed
Python runtimes from 3.12 on), so that the managed runtime runs the hooks of the buffered functions, and ours those of
the streaming one. Whoever restores the snapshot gets a copy: connections in it are dead, credentials old, and the state
of ``random`` is every copy's (AWS Lambda Developer Guide, "Lambda SnapStart").
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping
from typing import Final

SNAP_START: Final = "snap-start"


def is_snapshot(environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether Lambda takes a snapshot of this process."""
    return environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == SNAP_START


def register(prepare: Callable[[], object], renew: Callable[[], object]) -> None:
    """Register what comes before the snapshot and after each restore. Does nothing if no snapshot will be taken.

    Args:
        prepare: does ahead what every restored copy would have to do.
        renew: closes what is of no use in a copy.
    """
    if not is_snapshot():
        return
    from snapshot_restore_py import register_after_restore, register_before_snapshot

    register_before_snapshot(prepare)
    register_after_restore(renew)
    register_after_restore(random.seed)


def before_snapshot() -> None:
    """Run what is registered for before the snapshot, last one first, as the managed runtime does."""
    from snapshot_restore_py import get_before_snapshot

    for function, arguments, named in reversed(get_before_snapshot()):
        function(*arguments, **named)


def after_restore() -> None:
    """Run what is registered for after a restore, first one first."""
    from snapshot_restore_py import get_after_restore

    for function, arguments, named in get_after_restore():
        function(*arguments, **named)
