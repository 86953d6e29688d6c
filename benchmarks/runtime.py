"""What the streaming runtime adds to a delta: processor time, and bytes on the way to the Runtime API."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.bare_app import EVENTS
from benchmarks.process import ROOT, Process
from benchmarks.table import Table
from local.lambda_host.environment import Environment
from local.lambda_host.host import Host
from local.lambda_host.layers import lay_out
from local.lambda_host.template import read_template

REPETITIONS: Final = 9
MICRO: Final = 1e6
NOWHERE: Final = "http://127.0.0.1:1"


def measure() -> Iterable[Table]:
    """Run the benchmark."""
    with tempfile.TemporaryDirectory() as folder:
        layout = lay_out(Path(folder), None)
        with Host(layout, read_template(ROOT / "template.yaml"), NOWHERE, log=Path(folder) / "logs") as host:
            create = host.pools["CreateResponse"].function
        environ = {**create.environ, "PYTHONPATH": f"{create.opt / 'python'}:{ROOT}"}
        environment = Environment(
            replace(create, handler="benchmarks.bare_app.stream", environ=environ), Path(os.devnull)
        )
        rounds = [_round(environment) for _ in range(REPETITIONS + 1)][1:]
        environment.kill()
    used, framing = (min(figures) for figures in zip(*rounds, strict=True))
    yield Table(
        "The streaming runtime, a message of one event each",
        ("", "a delta"),
        (("processor time, us", f"{used * MICRO:.1f}"), ("bytes around it", f"{framing:.1f}")),
    )


def _round(environment: Environment) -> tuple[float, float]:
    """Stream once. Return seconds and bytes for each event. A chunk has its length in hexadecimal, and four bytes."""
    process = Process(environment.pid, 0)
    before = process.cpu()
    answer = environment.invoke(json.loads((ROOT / "events/create-response.rest.json").read_text()))
    answer.wait(lambda: answer.state == "complete", 60)
    return (process.cpu() - before) / EVENTS, sum(len(f"{len(chunk):x}") + 4 for chunk in answer.chunks) / EVENTS
