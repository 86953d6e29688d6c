"""The streaming function as a real process behind the strict Runtime API of ``local.lambda_host``.

    with LocalRuntimeApi() as api, api.function("tests.support.lambda_app.handler", log=tmp_path / "log"):
        answer = api.invoke(event)
        answer.wait(lambda: b"data: 0" in answer.body)      # as it arrived, chunk by chunk
        answer.ended()                                      # and to its end

Every breach of the protocol fails the test at the end.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.lambda_host.answer import PATIENCE
from local.lambda_host.runtime_api import RuntimeApiServer

__all__ = ["PATIENCE", "ROOT", "LocalRuntimeApi", "kill"]

ROOT = Path(__file__).parents[2]
WRAPPER = ROOT / "layers/antiphon/antiphon-runtime"


class LocalRuntimeApi(RuntimeApiServer):
    """The Runtime API of one execution environment, which asserts at the end that nobody broke the protocol."""

    def __exit__(self, *exc: object) -> None:
        super().__exit__(*exc)
        assert self.breaches == []

    @contextmanager
    def function(
        self, handler: str, *, log: Path, task_root: Path = ROOT, environ: dict[str, str] | None = None
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run a function as Lambda does: the wrapper is given the interpreter and the runtime's own bootstrap."""
        own = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT / 'layers/antiphon'}:{ROOT}",
            "LAMBDA_TASK_ROOT": str(task_root),
            "AWS_LAMBDA_RUNTIME_API": self.address,
            "_HANDLER": handler,
        }
        command = [str(WRAPPER), sys.executable, "/var/runtime/bootstrap.py"]
        with log.open("ab") as output:
            process = subprocess.Popen(command, cwd=task_root, env=own | (environ or {}), stdout=output, stderr=output)
            try:
                yield process
            finally:
                process.kill()
                process.wait(PATIENCE)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a function as the platform does at a time-out: at once."""
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE)
