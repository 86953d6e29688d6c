"""Files for their owner alone, which get their name when all is written and on the disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.output import Refused


def require_new(file: Path) -> None:
    """Check that nothing has the name of a file.

    Raises:
        Refused: something has.
    """
    if file.exists():
        raise Refused(f"{file} exists: choose another name")


@contextmanager
def written(file: Path) -> Iterator[Path]:
    """Yield a new file of mode 0600 that is renamed to ``file`` at the end. If writing fails, it is removed.

    Its name is not in use: in a shared folder such as ``/tmp``, another user could otherwise make it first and read it.

    Raises:
        Refused: it cannot be written.
    """
    part: Path | None = None
    try:
        number, name = tempfile.mkstemp(prefix=f"{file.name}.", suffix=".part", dir=file.parent)
        os.close(number)
        part = Path(name)
        yield part
        with part.open("rb") as opened:
            os.fsync(opened.fileno())
        part.replace(file)
    except OSError as error:
        raise Refused(f"{file}: {error.strerror}") from None
    finally:
        if part is not None:
            part.unlink(missing_ok=True)
