"""A layer that is built twice from the same sources is the same, byte by byte: nothing new is no new version."""

import subprocess
import sys

from tests.support.translated import ROOT


def built(folder):
    """The files of our layer, as `sam build` makes it; any Python can compile it."""
    folder.mkdir()
    variables = [f"ARTIFACTS_DIR={folder}", f"PYTHON313={sys.executable}"]
    subprocess.run(["make", "-s", "-C", ROOT / "layers/antiphon", "build-AntiphonLayer", *variables], check=True)
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_our_layer_is_the_same_when_it_is_built_again(tmp_path):
    once, again = built(tmp_path / "once"), built(tmp_path / "again")
    assert any(path.suffix == ".pyc" for path in once)
    assert [path for path in once if once[path] != again.get(path)] == []
    assert set(once) == set(again)
