"""The command as its users start it: a process, its exit codes, and its output on stdout and stderr."""

from __future__ import annotations

import socket

import boto3
import pytest

from tests.support.command import Antiphon, run
from tests.support.tables import CORE, RESPONSES, create_tables

HELPER = "id: helper\nprovider: demo\nmodel: demo\n"


def test_a_newcomer_is_led_from_nothing_to_a_key(tmp_path):
    refused = run("keys", "create", "--user", "ada", cwd=tmp_path)
    assert (refused.code, refused.out) == (1, "")
    assert "antiphon users put ada" in refused.err
    assert run("users", "put", "ada", "--role", "ADMIN", cwd=tmp_path).code == 0
    refused = run("agents", "apply", "-", cwd=tmp_path, stdin=HELPER)
    assert (refused.code, "--author" in refused.err) == (1, True)
    assert run("agents", "apply", "-", "--author", "ada", cwd=tmp_path, stdin=HELPER).out == "created  helper\n"
    made = run("keys", "create", "--user", "ada", cwd=tmp_path)
    assert (made.code, made.out.count("\n")) == (0, 1)
    assert made.out.startswith("ap_local_")
    assert (tmp_path / ".antiphon" / "antiphon.db").exists()


def test_the_environment_says_where_and_an_option_says_otherwise(tmp_path):
    environ = {"ANTIPHON_DATABASE": str(tmp_path / "a.db")}
    assert run("users", "put", "ada", cwd=tmp_path, environ=environ).code == 0
    assert run("users", "list", "--json", cwd=tmp_path, environ=environ).data[0]["id"] == "ada"
    assert run("--database", "b.db", "users", "list", "--json", cwd=tmp_path, environ=environ).data == []
    assert not (tmp_path / ".antiphon").exists()


def test_the_state_of_the_local_server_can_be_elsewhere(tmp_path):
    environ = {"ANTIPHON_STATE": "state/of/mine"}
    assert run("users", "put", "ada", cwd=tmp_path, environ=environ).code == 0
    assert (tmp_path / "state" / "of" / "mine" / "antiphon.db").exists()


def test_help_explains_exit_codes_and_the_first_steps(tmp_path):
    helped = run("--help", cwd=tmp_path)
    assert helped.code == 0
    assert "Exit codes: 0 done; 1 refused" in helped.out
    assert "antiphon users put ada --role ADMIN" in helped.out


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("keys",),
        ("fly",),
        ("keys", "create"),
        ("--database", "x", "--stack", "y", "users", "list"),
        ("--core-table", "x", "users", "list"),
        ("--database", "x", "--core-table", "y", "--responses-table", "z", "users", "list"),
    ],
)
def test_wrong_usage_ends_with_two(arguments, capsys):
    outcome = Antiphon((), capsys.readouterr)(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert "antiphon" in outcome.err


def test_a_wrong_variable_is_named_and_its_value_is_not_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ANTIPHON_ENVIRONMENT", "Hunter2!")
    outcome = Antiphon(("--database", str(tmp_path / "a.db")), capsys.readouterr)("users", "list")
    assert outcome.code == 2
    assert "ANTIPHON_ENVIRONMENT" in outcome.err
    assert "Hunter2" not in outcome.err


def test_a_tenant_that_could_not_be_one_is_refused(file):
    assert "cannot be the id of a tenant" in file.refused("--tenant", "a#b", "users", "list")


def test_a_file_that_cannot_be_opened_ends_with_three(tmp_path, capsys):
    for path in (tmp_path, tmp_path / "absent" / "antiphon.db"):
        outcome = Antiphon(("--database", str(path)), capsys.readouterr)("users", "list")
        assert (outcome.code, outcome.out) == (3, "")
        assert outcome.err.startswith("antiphon: the store cannot be reached: ")


def test_a_file_that_is_no_database_ends_with_three_and_stays_as_it_is(tmp_path, capsys):
    path = tmp_path / "letter.txt"
    path.write_text("Dear Ada, " * 1000)
    assert Antiphon(("--database", str(path)), capsys.readouterr)("users", "put", "ada").code == 3
    assert path.read_text() == "Dear Ada, " * 1000


def test_tables_that_do_not_answer_end_with_three(monkeypatch, capsys):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("ANTIPHON_AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    place = ("--core-table", CORE, "--responses-table", RESPONSES)
    outcome = Antiphon(place, capsys.readouterr)("users", "list")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (3, "", 1)


def test_tables_that_are_not_there_end_with_three_and_say_so(emulator, capsys):
    place = ("--core-table", CORE, "--responses-table", RESPONSES)
    outcome = Antiphon(place, capsys.readouterr)("users", "list")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (3, "", 1)
    assert "ResourceNotFoundException" in outcome.err


TEMPLATE = """
Resources:
  Topic: {Type: AWS::SNS::Topic}
Outputs:
  CoreTableName: {Value: CORE}
  ResponsesTableName: {Value: RESPONSES}
  Environment: {Value: prod}
  ApiUrl: {Value: "https://api.example.com/"}
  Providers: {Value: '{"anthropic": {"kind": "anthropic"}}'}
"""


@pytest.fixture
def stacked(emulator, capsys):
    cloudformation = boto3.client("cloudformation", region_name="eu-west-1")
    template = TEMPLATE.replace("CORE", CORE).replace("RESPONSES", RESPONSES)
    cloudformation.create_stack(StackName="antiphon", TemplateBody=template)
    cloudformation.create_stack(StackName="other", TemplateBody=TEMPLATE.split("Outputs", maxsplit=1)[0])
    create_tables(emulator, "eu-west-1")
    return Antiphon(("--region", "eu-west-1"), capsys.readouterr)


def test_a_stack_says_where_and_which_environment(stacked):
    stacked.done("--stack", "antiphon", "users", "put", "ada", "--role", "ADMIN")
    made = stacked("--stack", "antiphon", "keys", "create", "--user", "ada")
    assert made.out.startswith("ap_prod_")
    assert "https://api.example.com/v1" in made.err


def test_a_stack_says_which_providers_its_agents_are_held_against(stacked, tmp_path, monkeypatch):
    monkeypatch.setenv("ANTIPHON_PROVIDERS", '{"anthropic": {"base_url": "http://local.example/v1"}}')
    stacked.done("--stack", "antiphon", "users", "put", "ada", "--role", "ADMIN")
    path = tmp_path / "agent.yaml"
    path.write_text("{id: a, author: ada, provider: anthropic, model: claude-opus-5, temperature: 0.3}")
    assert "agent a: temperature: " in stacked.refused("--stack", "antiphon", "agents", "apply", str(path))


def test_a_stack_that_is_not_there_is_refused(stacked):
    assert "stack absent" in stacked.refused("--stack", "absent", "users", "list")


def test_a_stack_of_something_else_is_refused(stacked):
    assert "is it a stack of Antiphon?" in stacked.refused("--stack", "other", "users", "list")


def test_missing_credentials_end_with_three(environ, monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "absent"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "absent"))
    for place in (("--stack", "antiphon"), ("--core-table", CORE, "--responses-table", RESPONSES)):
        outcome = Antiphon(place, capsys.readouterr)("users", "list")
        assert (outcome.code, outcome.out, outcome.err.count("\n")) == (3, "", 1)
        assert "credentials" in outcome.err
