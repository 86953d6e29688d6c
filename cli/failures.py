"""What a failed command exits with and writes to stderr. Any other exception is a defect and keeps its traceback."""

from __future__ import annotations

import sys
from typing import Final

from antiphon.errors import SettingsError, StorageUnavailable
from cli.output import Refused, Unreachable
from cli.usage import USAGE

REFUSED: Final = 1
UNREACHABLE: Final = 3


def failure(error: Exception) -> tuple[int, str] | None:
    """Return the exit code and the line for an expected failure; None for a defect."""
    if isinstance(error, Refused):
        return REFUSED, _line(error)
    if isinstance(error, SettingsError):
        return USAGE, _line(error)
    if isinstance(error, Unreachable):
        return UNREACHABLE, _line(error)
    if isinstance(error, (StorageUnavailable, *_aws())):
        return UNREACHABLE, f"the store cannot be reached: {_line(_root(error))}"
    return None


def _root(error: BaseException) -> BaseException:
    """Return what AWS's libraries raised in the first place, such as missing credentials; else the error itself."""
    causes = [error]
    while (cause := causes[-1].__cause__) is not None and cause not in causes:  # an error may be its own cause
        causes.append(cause)
    return next((cause for cause in causes if isinstance(cause, _aws())), error)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _aws() -> tuple[type[Exception], ...]:
    """Return what AWS's libraries raise, if they are in use at all."""
    if "botocore" not in sys.modules and "antiphon.store.dynamodb" not in sys.modules:
        return ()
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (slow to import)

    from antiphon.store.dynamodb.protocol import Refusal  # noqa: PLC0415 (as above)

    return BotoCoreError, ClientError, Refusal
