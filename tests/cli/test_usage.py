"""Wrong usage is one line that names the likely word; the global options stand before or after the command."""

from __future__ import annotations

import argparse
import os
import re
import socket
import subprocess
import sys

import pytest

from antiphon import __version__
from antiphon.access import roles
from cli import verbs
from cli.commands import Later
from tests.support.command import EXECUTABLE, Antiphon, leaves, run


@pytest.fixture
def antiphon(capsys):
    return Antiphon((), capsys.readouterr)


LEAVES = list(leaves(verbs.parser()))


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("keys", "creat"), "there is no command 'creat': did you mean create? See `antiphon keys --help`."),
        (("kyes", "list"), "there is no command 'kyes': did you mean keys? See `antiphon --help`."),
        (("fly",), "there is no command 'fly': it is one of agents, tools, keys, "),
        (("keys",), "a command is missing: create, limit, list, revoke. See `antiphon keys --help`."),
        (("keys", "create"), "--user is missing. See `antiphon keys create --help`."),
        (
            ("keys", "create", "--usr=x"),
            "there is no option --usr: did you mean --user? See `antiphon keys create --help`.",
        ),
        (("users", "list", "--databse", "x"), "there is no option --databse: did you mean --database? "),
        (("users", "put", "ada", "eve"), "'eve' is one argument too many. See `antiphon users put --help`."),
        (("roles", "put", "A", "--permission", "USER"), "there is no --permission 'USER': did you mean USE? "),
        (("completion", "tcsh"), "there is no shell 'tcsh': "),
    ],
)
def test_wrong_usage_is_one_line_with_the_likely_word_and_no_usage_text(antiphon, arguments, line):
    outcome = antiphon(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"antiphon: {line}")
    assert outcome.err.count("\n") == 1
    assert "usage:" not in outcome.err


def test_the_version_is_printed(antiphon):
    outcome = antiphon("--version")
    assert (outcome.code, outcome.out) == (0, f"antiphon {__version__}\n")


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_every_command_has_help_and_lists_no_global_option_again(antiphon, words):
    outcome = antiphon(*words, "--help")
    assert outcome.code == 0
    assert not re.search(r"^ +--(stack|tenant|json|database)\b", outcome.out, re.MULTILINE)


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_what_every_command_does_exists(words):
    parser = verbs.parser()
    for word in words:
        (inner,) = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        parser = inner.choices[word]
    later = parser.get_default("run") or parser.get_default("standalone")
    assert isinstance(later, Later)
    assert callable(later.load())


def test_global_options_stand_before_or_after_the_command(file):
    file.done("users", "put", "ada", "--tenant", "acme")
    file.done("--tenant", "acme", "users", "put", "bob")
    before = file.read("--tenant", "acme", "users", "list")
    assert [user["id"] for user in before] == ["ada", "bob"]
    assert file.read("users", "list", "--tenant", "acme") == before


def test_permissions_and_shells_are_those_that_exist():
    assert verbs.PERMISSIONS == roles.PERMISSIONS


def test_help_and_usage_errors_import_nothing_that_is_slow(tmp_path):
    code = (
        "import sys; from cli.verbs import parser; parser(); print({'pydantic', 'asyncio', 'yaml'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("shell", verbs.SHELLS)
def test_completion_is_printed_for_a_shell(antiphon, shell):
    assert "antiphon" in antiphon.done("completion", shell)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("antiphon ag", {"agents"}),
        ("antiphon keys ", {"create", "limit", "list", "revoke"}),
        ("antiphon keys create --rea", {"--read-only"}),
        ("antiphon roles put A --permission ", {"USE", "CREATE", "SHARE", "SHARE_PUBLIC"}),
        ("antiphon completion ", {"bash", "zsh", "fish"}),
    ],
)
def test_a_shell_completes_from_the_real_parser(tmp_path, line, wanted):
    """The protocol is argcomplete's: the shell passes the line and the cursor, and reads file descriptor 8."""
    environ = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_SHELL": "bash",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "COMP_TYPE": "9",
        "PATH": "/usr/bin:/bin",
        "OUT": str(tmp_path / "out"),
    }
    subprocess.run(["sh", "-c", f'exec "{EXECUTABLE}" 8>"$OUT" 9>/dev/null'], env=environ, check=True, timeout=60)
    assert {word.strip() for word in (tmp_path / "out").read_text().split("\n")} == wanted


def test_an_absent_database_is_named_and_not_made(tmp_path):
    outcome = run("users", "list", cwd=tmp_path)
    assert (outcome.code, outcome.out) == (1, "")
    assert f"there is no database at {tmp_path}/.antiphon/antiphon.db" in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_a_new_database_is_announced_and_the_one_in_use_is_named(tmp_path):
    database = f"{tmp_path}/.antiphon/antiphon.db"
    assert f"note: made a new database, {database}" in run("users", "put", "ada", cwd=tmp_path).err
    assert f"note: using the database {database} (the local server's" in run("users", "list", cwd=tmp_path).err
    other = {"ANTIPHON_DATABASE": str(tmp_path / "other.db")}
    run("users", "put", "eve", cwd=tmp_path, environ=other)
    assert "other.db (ANTIPHON_DATABASE)" in run("users", "list", cwd=tmp_path, environ=other).err
    refused = run("users", "show", "ada", cwd=tmp_path, environ=other)
    assert refused.code == 1
    assert "other.db (ANTIPHON_DATABASE)" in refused.err
    assert run("--database", database, "users", "list", cwd=tmp_path).err == ""


def test_a_mistyped_database_is_announced_and_not_made(tmp_path):
    outcome = run("--database", "typo.db", "users", "list", cwd=tmp_path)
    assert (outcome.code, outcome.out) == (0, "")
    assert f"there is no database at {tmp_path}/typo.db, and none was made" in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_a_refused_first_command_leaves_no_database(tmp_path):
    assert run("users", "put", "ada", "--role", "NONE", cwd=tmp_path).code == 1
    assert not list(tmp_path.glob(".antiphon/*"))


def test_half_of_the_tables_is_refused_in_the_words_of_the_options(antiphon):
    outcome = antiphon("--core-table", "x", "users", "list")
    assert (outcome.code, outcome.err) == (2, "antiphon: --core-table and --responses-table go together\n")


def test_a_store_that_does_not_answer_is_one_line_without_the_log(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    environ = {
        "AWS_ACCESS_KEY_ID": "made-up",
        "AWS_SECRET_ACCESS_KEY": "made-up",
        "ANTIPHON_AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    }
    options = ("--core-table", "a", "--responses-table", "b", "--region", "eu-central-1")
    outcome = run(*options, "users", "list", cwd=tmp_path, environ=environ)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (3, "", 1)
    assert outcome.err.startswith("antiphon: the store cannot be reached: ")


def test_what_the_terminal_cannot_show_is_escaped(tmp_path):
    run("users", "put", "ada", "--name", "漢", cwd=tmp_path)
    listed = run("users", "list", cwd=tmp_path, environ={"PYTHONIOENCODING": "ascii"})
    assert (listed.code, "\\u6f22" in listed.out) == (0, True)


def test_a_reader_that_has_gone_is_no_traceback(tmp_path):
    run("users", "put", "ada", cwd=tmp_path)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [EXECUTABLE, "users", "list"], stdout=writer, stderr=subprocess.PIPE, cwd=tmp_path, text=True, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")
