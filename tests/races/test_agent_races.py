"""Several processes apply one agent at once: no version is lost, and every one has its entry in the audit log."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from antiphon.ports import AuditFilter, AuditLog, Directory
from antiphon.store.dynamodb import open_stores as open_tables
from antiphon.store.sqlite import open_stores as open_file
from tests.support.dynamodb import dynamodb, sign_as_anyone
from tests.support.tables import CORE, RESPONSES, create_tables

ROOT = Path(__file__).parents[2]
WRITERS = 4
EACH = 8


def race(store: str) -> None:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "layers/antiphon")])}
    command = [sys.executable, "-m", "tests.support.agent_writer", store]
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                subprocess.Popen(
                    [*command, f"w{number}", str(EACH)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    env=environ,
                    cwd=ROOT,
                )
            )
            for number in range(WRITERS)
        ]
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write("\n")
            writer.stdin.flush()
        assert [writer.wait(120) for writer in writers] == [0] * WRITERS


async def assert_nothing_was_lost(directory: Directory, audit: AuditLog) -> None:
    versions = await directory.agent_versions("acme", "guide")
    total = WRITERS * EACH
    assert [version.version for version in versions] == list(range(total, 0, -1))
    assert {version.instructions for version in versions} == {
        f"w{writer} {number}" for writer in range(WRITERS) for number in range(EACH)
    }
    page = await audit.some("acme", 2 * total, AuditFilter(kind="agent"))
    numbered = {entry.after["version"]: entry for entry in page.entries if entry.after}
    assert len(page.entries) == len(numbered) == total
    for version in versions:
        assert numbered[version.version].actor.user == version.instructions.split()[0]


async def test_no_version_is_lost_if_processes_apply_an_agent_at_once_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "antiphon.db"
    race(str(path))
    keys, directory, *_, audit = open_file(path)
    await assert_nothing_was_lost(directory, audit)
    await keys.aclose()


async def test_no_version_is_lost_if_processes_apply_an_agent_at_once_in_dynamodb(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sign_as_anyone(monkeypatch)
    with dynamodb() as emulator:
        create_tables(emulator)
        race(emulator.url)
        keys, directory, *_, audit = open_tables(CORE, RESPONSES, endpoint_url=emulator.url)
        await assert_nothing_was_lost(directory, audit)
        await keys.aclose()
