"""The folder of the local server: private, never removed under a server, and its `providers.json` is read by all."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import openai
import pytest

from antiphon.access.keys import make_key
from antiphon.errors import SettingsError
from antiphon.providers.configured import Providers
from antiphon.settings import ProviderEndpoint
from local.state import DEFAULT, make_private, settings_of, variables_of
from tests.support.command import run
from tests.support.local_server import ROOT, running, start

PLACE = {"ANTIPHON_DATABASE": "x.db"}
KEY = make_key("local", os.urandom)


def reset(state: Path) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "ANTIPHON_STATE": str(state)}
    command = [sys.executable, "-m", "local.reset"]
    return subprocess.run(command, check=False, cwd=ROOT, env=environ, capture_output=True, text=True)


def test_make_reset_refuses_while_a_server_runs_and_forgets_all_but_your_own_file_afterwards(tmp_path: Path) -> None:
    (tmp_path / "providers.json").write_text("{}")
    for end in ("", "-wal", "-shm", "-2", "-2-wal"):
        (tmp_path / f"antiphon.db.before-restore{end}").write_text("an old database")
    with running(tmp_path):
        refused = reset(tmp_path)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr == f"A server is using {tmp_path}: end it first (Ctrl-C in its terminal).\n"
        assert (tmp_path / "antiphon.db").exists()
    done = reset(tmp_path)
    assert (done.returncode, done.stdout) == (0, f"Forgotten. {tmp_path}/providers.json stays.\n")
    assert [path.name for path in tmp_path.iterdir()] == ["providers.json"]


def test_make_reset_of_nothing_is_fine(tmp_path: Path) -> None:
    assert reset(tmp_path / "absent").returncode == 0


def test_make_reset_removes_nothing_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Ada")
    assert reset(tmp_path).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_providers_come_from_the_folder_unless_the_variable_names_some(tmp_path: Path) -> None:
    (tmp_path / "providers.json").write_text('{"mine": {"base_url": "http://localhost:1/v1"}}')
    assert set(settings_of(PLACE, tmp_path).providers) == {"mine"}
    said = {**PLACE, "ANTIPHON_PROVIDERS": '{"other": {"kind": "demo"}}'}
    assert set(settings_of(said, tmp_path).providers) == {"other"}
    assert settings_of(PLACE, tmp_path / "absent").providers == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [(b"{", "providers.json: not JSON"), (b'{"a": {}}', "providers.json: a: base_url"), (b"\xff", "not UTF-8 text")],
)
def test_a_malformed_file_is_named(tmp_path: Path, text: bytes, problem: str) -> None:
    (tmp_path / "providers.json").write_bytes(text)
    with pytest.raises(SettingsError) as caught:
        settings_of(PLACE, tmp_path)
    assert problem in str(caught.value)
    assert "ANTIPHON_PROVIDERS" not in str(caught.value)


def test_the_server_and_the_command_line_read_the_same_file(tmp_path: Path) -> None:
    providers = {"mine": {"kind": "anthropic", "base_url": "http://localhost:1", "api_key_env": "MINE"}}
    (tmp_path / "providers.json").write_text(json.dumps(providers))
    process = start(tmp_path)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (1, "")
    assert "MINE: missing" in err
    environ = {"ANTIPHON_STATE": str(tmp_path)}
    assert run("users", "put", "ada", cwd=tmp_path, environ=environ).code == 0
    agent = tmp_path / "agent.yaml"
    agent.write_text("{id: a, author: ada, provider: mien, model: claude-opus-5}")
    refused = run("agents", "apply", str(agent), cwd=tmp_path, environ=environ)
    assert refused.code == 1
    assert f"there is no provider mien in {tmp_path}/providers.json: did you mean mine?" in refused.err
    agent.write_text("{id: a, author: ada, provider: mine, model: claude-opus-5, temperature: 0.3}")
    assert "temperature: claude-opus-5" in run("agents", "apply", str(agent), cwd=tmp_path, environ=environ).err


def test_a_change_on_the_command_line_holds_at_once(tmp_path: Path) -> None:
    environ = {"ANTIPHON_STATE": str(tmp_path)}
    with running(tmp_path) as server:
        assert server.client().models.list().data
        assert run("users", "put", "you", "--role", "USER", cwd=tmp_path, environ=environ).code == 0
        with pytest.raises(openai.PermissionDeniedError):
            server.client().models.list()
        assert run("users", "put", "you", "--role", "ADMIN", cwd=tmp_path, environ=environ).code == 0
        assert server.client().models.list().data


def test_a_process_elsewhere_gets_the_providers_and_their_keys_and_nothing_else(tmp_path: Path) -> None:
    assert variables_of({"OTHER": "x"}, tmp_path) == {}
    text = '{"groq": {"base_url": "https://api.groq.com/openai/v1", "api_key_env": "GROQ"}}'
    (tmp_path / "providers.json").write_text(text)
    environ = {"GROQ": "secret", "OTHER": "x"}
    assert variables_of(environ, tmp_path) == {"ANTIPHON_PROVIDERS": text, "GROQ": "secret"}
    said = {**environ, "ANTIPHON_PROVIDERS": "{}"}
    assert variables_of(said, tmp_path) == {"ANTIPHON_PROVIDERS": "{}"}


def test_a_local_key_that_was_revoked_is_replaced_at_the_next_start(tmp_path: Path) -> None:
    environ = {"ANTIPHON_STATE": str(tmp_path)}
    with running(tmp_path) as server:
        first = server.key
    (listed,) = run("keys", "list", "--json", cwd=tmp_path, environ=environ).data
    assert run("keys", "revoke", "--yes", listed["id"], cwd=tmp_path, environ=environ).code == 0
    with running(tmp_path) as server:
        assert server.key != first
        assert server.client().models.list().data


def test_a_key_of_antiphon_is_never_a_providers_key(tmp_path: Path) -> None:
    with running(tmp_path, OPENAI_API_KEY=KEY, OPENAI_BASE_URL="http://127.0.0.1:9/v1") as server:
        assert "openai" not in server.agents
    for held in (KEY, f" {KEY}\n"):
        assert Providers({}, {"OPENAI_API_KEY": held})("openai") is None
    own = ProviderEndpoint(kind="openai_responses", api_key_env="OPENAI_API_KEY")
    with pytest.raises(SettingsError, match=r"OPENAI_API_KEY: holds a key of Antiphon; provider openai in ANTIPHON_P"):
        Providers({"openai": own}, {"OPENAI_API_KEY": KEY}).require_keys()


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
