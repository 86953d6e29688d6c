"""`make build` ends with this: what each function weighs with its layers. Fails over Lambda's limit of 250 MB unzipped.

Standard library alone: it runs in the SAM CLI's environment.
"""  # noqa: INP001

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

LIMIT: Final = 262_144_000
"""Bytes of a function and its layers, unzipped (AWS Lambda Developer Guide, "Lambda quotas": 250 MB)."""


def size(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main(build: Path) -> int:
    """Print a line for each layer and function. Return the exit code."""
    folders = sorted(path for path in build.iterdir() if path.is_dir())
    sizes = {folder.name: size(folder) for folder in folders}
    for name, count in sizes.items():
        print(f"{name:18} {count / 1e6:6.1f} MB")  # noqa: T201
    layers = sum(count for name, count in sizes.items() if name.endswith("Layer"))
    largest = layers + max(count for name, count in sizes.items() if not name.endswith("Layer"))
    told = f"a function with its layers: {largest / 1e6:.1f} MB of {LIMIT / 1e6:.1f}"
    print(told if largest <= LIMIT else f"too large: {told}")  # noqa: T201
    return 0 if largest <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
