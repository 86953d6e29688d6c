"""The licences of what is deployed, and of what `make run` installs: all permissive, or weak copyleft by file."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALLOWED = {
    "Apache Software License",
    "Apache-2.0",
    "BSD License",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "MIT License",
    "MIT No Attribution License (MIT-0)",
    "MIT-0",
    "MPL-2.0",
    "PSF-2.0",
    "Python Software Foundation License",
}
LOCKS = ("layers/dependencies/requirements.txt", "requirements/run.txt")


def packages(lock: str) -> list[str]:
    """Return the packages of a lock that this platform installs."""
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    names = [
        found[1] for line in lines if (found := re.match(r"([A-Za-z0-9_.-]+)==", line)) and "sys_platform" not in line
    ]
    assert names
    return names


def licences(package: str) -> set[str]:
    """Return the names of a package's licences: of its expression (PEP 639), its classifiers, or its field."""
    about = metadata.metadata(package)
    expression = about.get("License-Expression")
    if expression:
        return set(re.split(r"[()\s]+(?:AND|OR)?[()\s]*", expression)) - {"", "AND", "OR"}
    classifiers = [each.rsplit(" :: ", 1)[-1] for each in about.get_all("Classifier", []) if each.startswith("License")]
    return set(classifiers) or {about.get("License") or "none"}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_has_a_licence_that_is_allowed(lock: str) -> None:
    others = {package: found for package in packages(lock) if (found := licences(package) - ALLOWED)}
    assert others == {}
