"""Functions and layers laid out as Lambda has them: read-only directories in place of /var/task and /opt.

Where Python 3.13 is at hand (``PYTHON313``), the layers are those of the template, made by their own Makefiles for this
machine; elsewhere our sources are copied and the third-party packages are those of the running Python.
"""

from __future__ import annotations

import compileall
import hashlib
import os
import platform
import py_compile
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
RUNTIME_LOCK: Final = ROOT / "requirements/lambda.txt"


class CannotBuild(Exception):
    """A layer could not be built; the message names what failed."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything lies.

    Attributes:
        python: the interpreter.
        folder: has ``task`` with a directory for each function, ``opt`` and ``runtime``.
    """

    python: str
    folder: Path

    @property
    def opt(self) -> Path:
        """The layers."""
        return self.folder / "opt"

    @property
    def runtime(self) -> Path:
        """The managed runtime."""
        return self.folder / "runtime"

    def task(self, code: str) -> Path:
        """Return the directory of a function by its ``CodeUri``."""
        return self.folder / "task" / Path(code).name


def find_python313() -> str | None:
    """Return a Python 3.13 that works: the one that ``PYTHON313`` names, or one of that name; None without one."""
    python = shutil.which(os.environ.get("PYTHON313") or "python3.13")
    if python is None:
        return None
    works = subprocess.run([python, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, check=False)  # noqa: S603
    return python if works.stdout.strip() == b"(3, 13)" else None


def lay_out(folder: Path, python313: str | None) -> Layout:
    """Lay everything out anew; the third-party packages only when their lock has changed.

    Args:
        folder: where; made if absent.
        python313: Python 3.13, for layers as on Lambda; None for the running Python and its packages.

    Raises:
        CannotBuild: see its message.
    """
    layout = Layout(python313 or sys.executable, folder)
    for made in ("opt", "task"):
        _remove(folder / made)
    _install(layout)
    shutil.copytree(ROOT / "functions", folder / "task", ignore=shutil.ignore_patterns("__pycache__"))
    if python313:
        _make_layers(layout)
    else:
        _copy_sources(layout)
    for made in ("opt", "task"):
        _protect(folder / made)
    return layout


def _copy_sources(layout: Layout) -> None:
    source = ROOT / "layers/antiphon"
    shutil.copytree(source / "antiphon", layout.opt / "python/antiphon", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(source / "antiphon-runtime", layout.opt)
    compileall.compile_dir(
        layout.opt, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH, workers=1
    )


def _make_layers(layout: Layout) -> None:
    """Build both layers with their Makefiles; /opt has the files of both."""
    packages = layout.folder / "dependencies"
    source = ROOT / "layers/dependencies"
    machine = {"arm64": "aarch64"}.get(platform.machine(), platform.machine())
    stamp = _digest(*(source / name for name in ("requirements.txt", "Makefile", "trim_endpoints.py"))) + machine
    if not _is_current(packages, stamp):
        _remove(packages)
        packages.mkdir(parents=True)
        _make(layout, "dependencies", packages, f"ARCHITECTURE={machine}", f"PYTHON={sys.executable}")
        (packages / ".stamp").write_text(stamp)
    shutil.copytree(packages, layout.opt, copy_function=os.link, ignore=shutil.ignore_patterns(".stamp"))
    own = layout.folder / "antiphon"
    _remove(own)
    _make(layout, "antiphon", own)
    shutil.copytree(own, layout.opt, copy_function=os.link, dirs_exist_ok=True)


def _make(layout: Layout, layer: str, into: Path, *variables: str) -> None:
    target = f"build-{layer.title()}Layer"
    command = ["make", "-s", "-C", str(ROOT / "layers" / layer), target]
    _run([*command, f"ARTIFACTS_DIR={into.resolve()}", f"PYTHON313={layout.python}", *variables])


def _install(layout: Layout) -> None:
    """Install what the managed runtime contains: AWS's awslambdaric."""
    runtime = layout.runtime
    stamp = _digest(RUNTIME_LOCK) + layout.python
    if _is_current(runtime, stamp):
        return
    _remove(runtime)
    version = "3.13" if layout.python != sys.executable else f"3.{sys.version_info.minor}"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    chosen = ["--only-binary=:all:", "--python-version", version, "--target", str(runtime)]
    _run([*pip, "--no-compile", "--require-hashes", *chosen, "-r", str(RUNTIME_LOCK)])
    _run([layout.python, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(runtime)])
    (runtime / ".stamp").write_text(stamp)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 our own commands
    if done.returncode:
        raise CannotBuild(f"{' '.join(command[:6])} failed:\n{done.stderr[-2000:]}")


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _is_current(folder: Path, stamp: str) -> bool:
    there = folder / ".stamp"
    return there.exists() and there.read_text() == stamp


def _protect(folder: Path) -> None:
    """Take the right to write from everything in a directory."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)


def _remove(folder: Path) -> None:
    if folder.exists():
        for path in [folder, *folder.rglob("*")]:
            if path.is_dir():
                path.chmod(path.stat().st_mode | 0o700)
        shutil.rmtree(folder)
