"""The sizes of functions and layers that `make build` prints."""

import subprocess
import sys

import pytest

from tests.support.translated import ROOT

LIMIT = 262_144_000


@pytest.fixture
def built(tmp_path):
    for name, size in (("AntiphonLayer", 3_000_000), ("DependenciesLayer", 65_000_000), ("ListModels", 500_000)):
        folder = tmp_path / name / "python"
        folder.mkdir(parents=True)
        with (folder / "file").open("wb") as file:
            file.truncate(size)
    (tmp_path / "template.yaml").write_text("{}")
    return tmp_path


def sizes(built):
    return subprocess.run(
        [sys.executable, ROOT / "layers/sizes.py", built], capture_output=True, text=True, check=False
    )


def test_each_layer_and_function_is_told_with_its_size(built):
    done = sizes(built)
    assert done.returncode == 0
    assert [line.split() for line in done.stdout.splitlines()[:3]] == [
        ["AntiphonLayer", "3.0", "MB"],
        ["DependenciesLayer", "65.0", "MB"],
        ["ListModels", "0.5", "MB"],
    ]
    assert "68.5 MB of 262.1" in done.stdout


def test_a_build_that_lambda_would_refuse_fails(built):
    with (built / "DependenciesLayer/python/file").open("wb") as file:
        file.truncate(LIMIT - 3_000_000 - 500_000)
    assert sizes(built).returncode == 0
    with (built / "DependenciesLayer/python/file").open("ab") as file:
        file.write(b"x")
    done = sizes(built)
    assert (done.returncode, "too large" in done.stdout) == (1, True)
