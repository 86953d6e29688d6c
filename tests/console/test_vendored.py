"""The libraries of the page are those of their packages, byte for byte, and have their licences beside them."""

from __future__ import annotations

import hashlib
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "local/console/page/vendor"


def test_each_file_has_its_digest_and_no_other_file_is_there() -> None:
    lines = (FOLDER / "SHA256SUMS").read_text().splitlines()
    expected = {name: digest for digest, name in (line.split() for line in lines)}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in FOLDER.iterdir()}
    assert expected == {name: digest for name, digest in found.items() if name not in {"README.md", "SHA256SUMS"}}


def test_each_file_is_on_the_page_with_its_version_and_licence() -> None:
    rows = [row for row in (FOLDER / "README.md").read_text().splitlines() if row.startswith("| `")]
    named = {row.split("`")[1]: row for row in rows}
    libraries = {path.name for path in FOLDER.iterdir() if path.suffix in {".mjs", ".css"}}
    assert set(named) == libraries
    for row in named.values():
        licence = row.rsplit("`", 2)[1]
        assert (FOLDER / licence).is_file()
