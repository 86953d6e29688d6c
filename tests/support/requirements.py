"""The manifest of requirements: what must hold, and the tests that prove it (``tests/spec/requirements/*.yaml``).

A requirement names its tests as ``room/test_module::test_name``, or a whole module. The manifest is the one source: the
tests themselves do not name requirements.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import yaml

TESTS: Final = Path(__file__).parent.parent
FOLDER: Final = TESTS / "spec/requirements"
SPECIFICATION: Final = "https://www.openresponses.org/specification"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One sentence that must hold.

    Attributes:
        id: ``OR-...`` for the specification's, ``W-...`` for the design's own.
        says: the sentence.
        section: the anchor in the specification, or the design's heading.
        tests: what proves it.
        level: MUST or SHOULD; PROMISE for the design's own.
        served: false for an optional feature that is not served; then the tests prove the refusal.
        open: true for what is promised and not there yet; then there are no tests.
    """

    id: str
    says: str
    section: str
    tests: tuple[str, ...]
    level: str = "PROMISE"
    served: bool = True
    open: bool = False

    @property
    def status(self) -> str:
        """Return a word for what is known of it."""
        return "open" if self.open else "met" if self.served else "not served"

    @property
    def link(self) -> str:
        """Return the section as Markdown."""
        return f"[{self.section}]({SPECIFICATION}#{self.section})" if self.level != "PROMISE" else self.section


@cache
def requirements() -> tuple[Requirement, ...]:
    """Read the manifest, the specification's requirements first."""
    files = (FOLDER / "official.yaml", FOLDER / "wire.yaml")
    rows = [row for file in files for row in yaml.safe_load(file.read_text(encoding="utf-8"))]
    return tuple(Requirement(**{**row, "tests": tuple(row["tests"])}) for row in rows)


def exists(test: str) -> bool:
    """Return whether there is such a test, or such a module with tests."""
    module, _, name = test.partition("::")
    names = _names(TESTS / f"{module}.py")
    return name in names if name else bool(names)


@cache
def _names(file: Path) -> frozenset[str]:
    if not file.exists():
        return frozenset()
    body = ast.parse(file.read_text(encoding="utf-8")).body
    functions = (node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(name for name in functions if name.startswith("test_"))
