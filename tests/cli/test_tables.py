"""Tables fit the terminal that they are written to; in a pipe each row stays one line."""

from __future__ import annotations

import os
import pty
import subprocess

import pytest

from cli import tables
from tests.support.command import EXECUTABLE, run

HEADER = ("ID", "NAME", "STATE", "NOTE")


@pytest.fixture
def terminal(monkeypatch):
    def terminal(width):
        monkeypatch.setattr(tables, "terminal_width", lambda: width)

    return terminal


def test_what_fits_is_one_line_a_row(terminal):
    terminal(20)
    assert tables.table(HEADER[:2], [("a", "b")]) == "ID  NAME\na   b"


def test_empty_columns_go_before_anything_else(terminal):
    terminal(16)
    assert tables.table(HEADER, [("abcdef", "", "x", "")]) == "ID      STATE\nabcdef  x"


def test_rows_become_blocks_if_they_are_still_too_wide(terminal):
    terminal(16)
    rows = [("abcdef", "b" * 9, "x", ""), ("g", "", "y", "")]
    assert tables.table(HEADER, rows) == "ID     abcdef\nNAME   bbbbbbbbb\nSTATE  x\n\nID     g\nSTATE  y"


def test_a_long_last_column_is_wrapped_under_itself(terminal):
    terminal(30)
    rows = [("verdict", "refused: user bob has no grant"), ("role", "USER")]
    assert tables.columns(rows) == "verdict  refused: user bob has\n         no grant\nrole     USER"


def test_wide_and_combining_characters_keep_the_columns_aligned():
    rows = [("漢字", "a"), ("e\u0301te\u0301", "b"), ("four", "c")]
    assert tables.columns(rows) == "漢字  a\ne\u0301te\u0301   b\nfour  c"


def test_an_id_is_never_cut(terminal):
    terminal(30)
    assert "k" * 60 in tables.columns([("id", "k" * 60)])


@pytest.mark.parametrize("width", [80, 120])
def test_keys_fit_a_real_terminal_and_are_whole_in_a_pipe(tmp_path, width):
    run("users", "put", "ada", "--role", "ADMIN", cwd=tmp_path)
    run(
        "keys",
        "create",
        "--user",
        "ada",
        "--name",
        "laptop of the office",
        "--read-only",
        "--expires",
        "90d",
        cwd=tmp_path,
    )
    ours, theirs = pty.openpty()
    environ = {"PATH": "/usr/bin:/bin", "COLUMNS": str(width)}
    subprocess.run(
        [EXECUTABLE, "keys", "list"], stdout=theirs, stderr=subprocess.DEVNULL, cwd=tmp_path, env=environ, check=True
    )
    os.close(theirs)
    shown = os.read(ours, 10_000).decode().splitlines()
    os.close(ours)
    assert max(map(len, shown)) <= width
    assert any("laptop of the office" in line for line in shown)
    assert len(run("keys", "list", cwd=tmp_path).out.splitlines()) == 2
