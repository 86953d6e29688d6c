"""Python's collector of cyclic garbage while a function starts: off, because what is imported stays.

A function imports this first and calls ``ready`` last. What is there by then is never looked at again: not by the
collections of the requests to come either.
"""

from __future__ import annotations

import gc
from typing import TypeVar

T = TypeVar("T")

gc.disable()


def ready(handler: T) -> T:
    """Return the function's handler, and collect what is made from now on."""
    gc.freeze()
    gc.enable()
    return handler
