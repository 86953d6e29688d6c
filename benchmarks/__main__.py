"""`make bench`: run the benchmarks and print their tables; `python -m benchmarks imports` runs one of them."""

from __future__ import annotations

import sys

from benchmarks import (
    answers,
    coldstart,
    dynamodb,
    imports,
    providers,
    readers,
    runs,
    runtime,
    scale,
    stalls,
    steady,
    streams,
    tools,
    traces,
)
from benchmarks.table import show

BENCHMARKS = {
    "streams": streams.measure,
    "answers": answers.measure,
    "stalls": stalls.measure,
    "readers": readers.measure,
    "runs": runs.measure,
    "steady": steady.measure,
    "imports": imports.measure,
    "coldstart": coldstart.measure,
    "runtime": runtime.measure,
    "dynamodb": dynamodb.measure,
    "providers": providers.measure,
    "tools": tools.measure,
    "traces": traces.measure,
    "scale": scale.measure,
}


def main() -> int:
    """Run the benchmarks named on the command line, or all. Return the exit code."""
    names = sys.argv[1:] or list(BENCHMARKS)
    if unknown := set(names) - set(BENCHMARKS):
        print(f"There is no {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}.", file=sys.stderr)
        return 2
    for name in names:
        for table in BENCHMARKS[name]():
            show(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
