"""The command against both kinds of store, and as a real process."""

from __future__ import annotations

import os

import boto3
import pytest

from tests.support.command import Antiphon
from tests.support.dynamodb import dynamodb
from tests.support.tables import CORE, RESPONSES, create_tables


@pytest.fixture(autouse=True)
def environ(monkeypatch):
    """Let no setting of this machine reach a command."""
    for name in os.environ:
        if name.startswith(("ANTIPHON_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps the credentials that it once found


@pytest.fixture
def file(tmp_path, capsys):
    """The command on an SQLite file of its own."""
    return Antiphon(("--database", str(tmp_path / "antiphon.db")), capsys.readouterr)


@pytest.fixture
def emulator(environ, monkeypatch):
    """An empty DynamoDB, which the environment names."""
    with dynamodb() as emulator:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", emulator.url)
        yield emulator


@pytest.fixture
def tables(emulator, capsys):
    """The command on DynamoDB tables."""
    create_tables(emulator)
    return Antiphon(("--core-table", CORE, "--responses-table", RESPONSES), capsys.readouterr)


@pytest.fixture(params=["file", "tables"])
def antiphon(request):
    """The command, once on each kind of store."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def staffed(antiphon):
    """A deployment with an author, a member of a group, and a role that may use agents."""
    antiphon.done("roles", "put", "STAFF", "--permission", "USE")
    antiphon.done("groups", "put", "staff")
    antiphon.done("users", "put", "ada", "--role", "ADMIN")
    antiphon.done("users", "put", "bob", "--role", "STAFF", "--group", "staff")
    return antiphon


@pytest.fixture
def helper(staffed, tmp_path):
    """The same with ada's agent ``helper``."""
    path = tmp_path / "helper.yaml"
    path.write_text("id: helper\nauthor: ada\nprovider: demo\nmodel: demo\n")
    staffed.done("agents", "apply", str(path))
    return staffed
