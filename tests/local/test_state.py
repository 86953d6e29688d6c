"""The folder of the local service is for its owner alone: it holds a key in clear, and what callers said."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from local.state import DEFAULT, make_private


def mode(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode)


@pytest.mark.parametrize("name", [DEFAULT, "state"])
def test_a_new_folder_is_for_its_owner_alone(tmp_path: Path, name: str) -> None:
    make_private(tmp_path / name)
    assert mode(tmp_path / name) == 0o700


def test_the_folder_of_an_earlier_version_is_closed(tmp_path: Path) -> None:
    (tmp_path / DEFAULT).mkdir(mode=0o755)
    make_private(tmp_path / DEFAULT)
    assert mode(tmp_path / DEFAULT) == 0o700


def test_a_folder_of_ones_own_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_private(tmp_path)
    assert mode(tmp_path) == 0o755
