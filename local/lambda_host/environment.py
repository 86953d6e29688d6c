"""An execution environment: one process behind a Runtime API of its own, watched and ended as Lambda would.

A process that is over its time or memory, or no longer needed, is killed at once, and its answers are cut. It needs
``/proc``, so Linux.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from local.lambda_host.answer import ENDED, InvocationAnswer
from local.lambda_host.runtime_api import RuntimeApiServer

WATCH_SECONDS: Final = 0.05
INIT_SECONDS: Final = 10.0
"""How long a start may take (AWS Lambda Developer Guide, "Init phase"). Each has a machine of its own there, so here no
more start at once than there are cores, and the time of one that waits counts from when it begins."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function as its configuration has it, and where it lies on this machine.

    Attributes:
        name: its logical name in the template.
        handler: such as ``app.handler``.
        task: the directory of its code: Lambda's ``/var/task``.
        opt: the directory of its layers: Lambda's ``/opt``.
        runtime: the directory of the managed runtime: Lambda's ``/var/runtime``.
        python: the interpreter.
        seconds: its time-out.
        megabytes: its memory.
        environ: its variables.
        concurrency: how many invocations one environment takes at once.
    """

    name: str
    handler: str
    task: Path
    opt: Path
    runtime: Path
    python: str
    seconds: float
    megabytes: int
    environ: Mapping[str, str]
    concurrency: int = 1

    def variables(self, address: str) -> dict[str, str]:
        """Return the whole environment of a process (AWS Lambda Developer Guide, "Defined runtime variables")."""
        own = {
            "PATH": os.environ["PATH"],
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PYTHONDONTWRITEBYTECODE": "1",  # as where the file system is read-only
            "PYTHONPATH": os.pathsep.join(map(str, (self.task, self.opt / "python", self.runtime))),
            "LAMBDA_TASK_ROOT": str(self.task),
            "LAMBDA_RUNTIME_DIR": str(self.runtime),
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.megabytes),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_RUNTIME_API": address,
            "_HANDLER": self.handler,
        }
        if self.concurrency > 1:
            own["AWS_LAMBDA_MAX_CONCURRENCY"] = str(self.concurrency)
        return own | dict(self.environ)

    def command(self) -> list[str]:
        """Return the command: the managed runtime, or the wrapper with the managed runtime as its arguments."""
        runtime = [self.python, "-m", "awslambdaric", self.handler]
        wrapper = self.environ.get("AWS_LAMBDA_EXEC_WRAPPER")
        if wrapper is None:
            return runtime
        return [str(self.opt / Path(wrapper).relative_to("/opt")), *runtime]


class Environment:
    """One process of a function, from its cold start to its end.

    Args:
        function: what it runs.
        log: where its output goes; appended to.
    """

    def __init__(self, function: Function, log: Path) -> None:
        self.function = function
        self.api = RuntimeApiServer(function.name, sampled="AWS_XRAY_DAEMON_ADDRESS" in function.environ).__enter__()
        self.peak = 0.0
        self.open: list[InvocationAnswer] = []
        self._log = log.open("ab")
        self._begun = time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603 our own functions
            function.command(),
            cwd=function.task,
            env=function.variables(self.api.address),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            process_group=0,  # Ctrl-C in the terminal is for the host alone
        )
        self.pid = self._process.pid
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    @property
    def alive(self) -> bool:
        """Whether it can take invocations."""
        return self._process.poll() is None

    @property
    def free(self) -> bool:
        """Whether it can take one more invocation now."""
        self.open = [answer for answer in self.open if answer.state not in ENDED]
        return self.alive and len(self.open) < self.function.concurrency

    def invoke(self, event: Any) -> InvocationAnswer:
        """Take an event. The caller has checked that the environment is free."""
        answer = self.api.invoke(event, seconds=self.function.seconds)
        self.open.append(answer)
        if not self._watcher.is_alive():
            self.api.cut()
        return answer

    def wait_for_start(self) -> None:
        """Wait until the function has started, or has ended without that."""
        while self.alive and not self._has_started():
            self.api.asked.wait(WATCH_SECONDS)

    def kill(self) -> None:
        """Kill the process, and wait until its open answers are cut."""
        self._process.kill()
        self._watcher.join()

    def _watch(self) -> None:
        while self._is_running():
            reason = self._over()
            if reason:
                self._log.write(f"{self.function.name}: {reason}; killed\n".encode())
                self._process.kill()
        self.api.cut()
        self.api.__exit__()
        self._log.close()

    def _has_started(self) -> bool:
        return self.api.asked.is_set() or self.api.at_snapshot.is_set()

    def _is_running(self) -> bool:
        try:
            self._process.wait(WATCH_SECONDS)
        except subprocess.TimeoutExpired:
            return True
        return False

    def _over(self) -> str:
        """Return the limit that it is over, or an empty text."""
        self.peak = max(self.peak, resident(self.pid))
        if self.peak > self.function.megabytes:
            return f"out of memory: {self.peak:.0f} of {self.function.megabytes} MB"
        if not self._has_started() and time.monotonic() - self._begun > INIT_SECONDS:
            return f"not started after {INIT_SECONDS:.0f} s"
        now = time.time()
        late = [a for a in list(self.api.handed_out.values()) if a.state not in ENDED and now >= a.deadline]
        return f"{late[0].request_id} timed out after {self.function.seconds:g} s" if late else ""


def resident(pid: int) -> float:
    """Return the memory of a process in MB, or 0 if it has ended (proc_pid_statm(5))."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


def starts_at_once() -> threading.Semaphore:
    """Return a semaphore that lets as many environments start at once as there are cores."""
    return threading.Semaphore(len(os.sched_getaffinity(0)))


class Pool:
    """All environments of one function: a free one is reused; if there is none, a new one starts.

    Args:
        function: what they run.
        log: where their output goes.
        starts: how many may start at once; shared by all pools of a host.

    Attributes:
        environments: those that run, or ran until lately.
    """

    def __init__(self, function: Function, log: Path, starts: threading.Semaphore | None = None) -> None:
        self.function = function
        self._starts = starts or starts_at_once()
        self.environments: list[Environment] = []
        self.log = log
        self._lock = threading.Lock()

    def invoke(self, event: Any) -> InvocationAnswer:
        """Pass an event to a free environment. If there is none, start one."""
        answer = self._reuse(event)
        if answer is not None:
            return answer
        with self._starts:
            return self._reuse(event) or self._start(event)

    def _reuse(self, event: Any) -> InvocationAnswer | None:
        with self._lock:
            self.environments = [environment for environment in self.environments if environment.alive]
            free = next((environment for environment in self.environments if environment.free), None)
            return None if free is None else free.invoke(event)

    def _start(self, event: Any) -> InvocationAnswer:
        with self._lock:
            environment = Environment(self.function, self.log)
            self.environments.append(environment)
            answer = environment.invoke(event)
        environment.wait_for_start()
        return answer

    def kill(self) -> None:
        """End all environments, so that the next invocation is a cold start."""
        with self._lock:
            for environment in self.environments:
                environment.kill()
            self.environments = []
