"""The commands of `docs/data.md` bring a destroyed server back as it was, and tables, too."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from tests.support.command import Antiphon
from tests.support.deployment import Deployment
from tests.support.dynamodb import dynamodb as emulated
from tests.support.dynamodb import sign_as_anyone
from tests.support.local_server import ROOT, running
from tests.support.possessions import settle
from tests.support.tables import CORE, RESPONSES, create_tables

BLOCK = re.compile(r"<!-- tests/local/test_backup.py runs this -->\n```sh\n(.*?)```", re.DOTALL)
PAGE = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")


def run_block(number: int, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a block of the page as it is."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANTIPHON_")}
    return subprocess.run(
        ["sh", "-e", "-c", BLOCK.findall(PAGE)[number]],
        cwd=folder,
        env={**kept, "PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def antiphon(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("antiphon")), *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def replayed(client, response: str) -> list[dict]:
    return [event.model_dump() for event in client.responses.retrieve(response, stream=True)]


def audited(folder: Path) -> str:
    return antiphon(folder, "audit", "--json").stdout


def test_a_destroyed_server_comes_back_by_the_commands_of_the_page(tmp_path: Path) -> None:
    state = tmp_path / ".antiphon"
    with running(state) as server:
        client, agent = server.client(), server.agents[0]
        first = client.responses.create(model=agent, input="My name is Ada.")
        events = replayed(client, first.id)
        with client.responses.create(model=agent, input="Count.", stream=True) as stream:
            started = next(iter(stream)).response.id
            done = run_block(0, tmp_path)
            assert done.returncode == 0, done.stderr
            log = audited(tmp_path)
        refused = run_block(1, tmp_path)
        assert refused.returncode == 1
        assert "stop it first" in refused.stderr
        key = server.key
    backup = tmp_path / "antiphon-backup.db"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    seen = shutil.copy(backup, tmp_path / "seen.db")
    usage = antiphon(tmp_path, "--database", str(seen), "usage", "--json").stdout
    shutil.rmtree(state)
    done = run_block(1, tmp_path)
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE((state / "antiphon.db").stat().st_mode) == 0o600
    assert audited(tmp_path) == log
    assert antiphon(tmp_path, "usage", "--json").stdout == usage
    (state / "key").write_text(key)
    (state / "key").chmod(0o600)
    with running(state) as server:
        assert server.key == key
        client = server.client()
        assert client.responses.retrieve(first.id).output_text == first.output_text
        assert replayed(client, first.id) == events
        assert client.responses.create(model=agent, input="Who am I?", previous_response_id=first.id).status
        assert client.responses.retrieve(started).status in {"failed", "incomplete", "completed"}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    state = tmp_path / ".antiphon"
    state.mkdir()
    assert antiphon(tmp_path, "users", "put", "ada", "--role", "ADMIN").returncode == 0
    return state / "antiphon.db"


def test_a_file_that_is_no_whole_backup_is_refused_and_changes_nothing(tmp_path: Path, database: Path) -> None:
    assert antiphon(tmp_path, "backup", "b.db").returncode == 0
    whole = (tmp_path / "b.db").read_bytes()
    before = database.read_bytes()
    spoilt = bytearray(whole)
    spoilt[4096:8192] = b"\x55" * 4096
    for name, content in (("none", b"no database"), ("cut", whole[: len(whole) // 2]), ("spoilt", bytes(spoilt))):
        (tmp_path / name).write_bytes(content)
        refused = antiphon(tmp_path, "restore", "--yes", name)
        assert refused.returncode == 1, name
        assert refused.stderr.startswith("antiphon: "), refused.stderr
    assert antiphon(tmp_path, "restore", "--yes", "b.db", "--sha256", "0" * 64).returncode == 1
    assert antiphon(tmp_path, "backup", "b.db").returncode == 1
    assert database.read_bytes() == before


def test_what_a_restore_replaces_is_kept_and_its_log_is_not_read_any_more(tmp_path: Path, database: Path) -> None:
    digest = antiphon(tmp_path, "backup", "b.db").stdout.split()[0]
    assert antiphon(tmp_path, "users", "put", "bob").returncode == 0
    assert antiphon(tmp_path, "restore", "--yes", "b.db", "--sha256", digest).returncode == 0
    assert '"bob"' not in antiphon(tmp_path, "users", "list", "--json").stdout
    before = antiphon(tmp_path, "--database", f"{database}.before-restore", "users", "list", "--json").stdout
    assert '"bob"' in before


def test_a_second_restore_keeps_what_the_first_replaced(tmp_path: Path, database: Path) -> None:
    assert antiphon(tmp_path, "backup", "b.db").returncode == 0
    assert antiphon(tmp_path, "users", "put", "bob").returncode == 0
    asides = [f"{database}.before-restore", f"{database}.before-restore-2"]
    for aside in asides:
        restored = json.loads(antiphon(tmp_path, "restore", "--yes", "--json", "b.db").stdout)
        assert Path(restored["before"]).resolve() == Path(aside).resolve()
    kept = [antiphon(tmp_path, "--database", aside, "users", "list", "--json").stdout for aside in asides]
    assert ['"bob"' in text for text in kept] == [True, False]


@pytest.mark.parametrize("words", [("backup",), ("users", "export", "ada", "--output")])
def test_nobody_else_can_have_made_the_file_before(tmp_path: Path, database: Path, words: tuple[str, ...]) -> None:
    planted = tmp_path / "copy.part"
    planted.touch(0o666)
    planted.chmod(0o666)
    with planted.open("rb") as read_by_others:
        assert antiphon(tmp_path, *words, "copy").returncode == 0
        assert read_by_others.read() == b""
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o600
    assert sorted(each.name for each in tmp_path.iterdir() if each.name.startswith("copy")) == ["copy", "copy.part"]


@pytest.fixture
def emulator(monkeypatch):
    sign_as_anyone(monkeypatch)
    with emulated() as serving:
        create_tables(serving)
        yield serving


def test_tables_come_back_item_for_item_from_a_restored_copy(emulator, tmp_path, monkeypatch, capsys) -> None:
    asyncio.run(_filled(Deployment(tmp_path, emulator)))
    before = items(CORE), items(RESPONSES)
    client = boto3.client("dynamodb", region_name="eu-central-1")
    for table in (CORE, RESPONSES):
        pitr = {"PointInTimeRecoveryEnabled": True}
        client.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=pitr)
        restored = {"SourceTableName": table, "TargetTableName": f"{table}-restored", "UseLatestRestorableTime": True}
        client.restore_table_to_point_in_time(**restored)
        client.delete_table(TableName=table)
    monkeypatch.setenv("ANTIPHON_AWS_ENDPOINT_URL", emulator.url)
    file = str(tmp_path / "antiphon-backup.gz")
    copied = Antiphon(
        ("--core-table", f"{CORE}-restored", "--responses-table", f"{RESPONSES}-restored"), capsys.readouterr
    )
    into = Antiphon(("--core-table", CORE, "--responses-table", RESPONSES), capsys.readouterr)
    digest = copied.done("backup", file).split()[0]
    assert stat.S_IMODE(Path(file).stat().st_mode) == 0o600
    create_tables(emulator)
    cut = tmp_path / "cut.gz"
    cut.write_bytes(Path(file).read_bytes()[:-2000])
    assert "damaged" in into.refused("restore", "--yes", str(cut))
    into.done("restore", "--yes", file, "--sha256", digest)
    assert (items(CORE), items(RESPONSES)) == before
    assert "not empty" in into.refused("restore", "--yes", file)


async def _filled(deployment: Deployment) -> None:
    await settle(deployment.services)
    await deployment.stores.aclose()


def items(table: str) -> list[str]:
    client = boto3.client("dynamodb", region_name="eu-central-1")
    pages = client.get_paginator("scan").paginate(TableName=table)
    return sorted(str(sorted(item.items())) for page in pages for item in page["Items"])
