"""What a cold start pays for imports: the processor time of a fresh interpreter, from compiled bytecode."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterable
from statistics import median
from typing import Final

from benchmarks.process import ROOT
from benchmarks.table import Table

REPETITIONS: Final = 9
ENVIRONMENT: Final = {
    "ANTIPHON_CORE_TABLE": "core",
    "ANTIPHON_RESPONSES_TABLE": "responses",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
}
NOTHING: Final = "pass"
LIBRARIES: Final = "import fastapi, mangum, boto3"


def measure() -> Iterable[Table]:
    """Run the benchmark."""
    functions = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))
    cases = {name: f"import sys; sys.path.insert(0, 'functions/{name}'); import app" for name in functions}
    cases |= {LIBRARIES: LIBRARIES, "an empty interpreter": NOTHING}
    for code in cases.values():
        run(code)  # compiles
    rounds = [{name: cpu(code) for name, code in cases.items()} for _ in range(REPETITIONS)]
    times = {name: median(figures[name] for figures in rounds) * 1e3 for name in cases}
    floor = times[LIBRARIES]
    yield Table(
        "Import, as a cold start pays it",
        ("", "CPU, ms", f"ratio to `{LIBRARIES}`", "modules"),
        [(name, f"{times[name]:.0f}", f"{times[name] / floor:.2f}", modules(code)) for name, code in cases.items()],
    )


def cpu(code: str) -> float:
    """Return the processor time of a fresh interpreter that runs some code, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(code)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def modules(code: str) -> str:
    """Return how many modules are loaded once some code has run."""
    return run(f"{code}\nimport sys; print(len(sys.modules))").strip()


def run(code: str) -> str:
    """Run some code in a fresh interpreter and give what it prints."""
    environ = {**os.environ, **ENVIRONMENT, "PYTHONPATH": "layers/antiphon"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environ, stdout=subprocess.PIPE, check=True, text=True
    )
    return done.stdout
