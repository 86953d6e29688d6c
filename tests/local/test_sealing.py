"""The local seal key: made once, for its owner alone."""

from __future__ import annotations

from antiphon.seal import read_keys
from local.sealing import seal_keys


def test_the_key_is_made_once_and_readable_by_its_owner_alone(tmp_path):
    file = tmp_path / "seal-keys"
    first = seal_keys(file)
    assert seal_keys(file) == first
    assert len(read_keys(first)[0]) == 32
    assert file.stat().st_mode & 0o777 == 0o600
