"""`agents`: the store becomes what the files say, and a file comes back out."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from tests.support.mcp_server import McpServer, text, tool

EXAMPLES = Path(__file__).parents[2] / "examples"
HELPER = {"id": "helper", "author": "ada", "provider": "demo", "model": "demo"}


@pytest.fixture
def written(tmp_path):
    """Write documents to a file and give its path."""

    def written(*documents):
        path = tmp_path / "agents.yaml"
        path.write_text(yaml.safe_dump_all(documents))
        return str(path)

    return written


def results(outcome):
    return [(result["id"], result["result"]) for result in outcome]


def test_a_new_agent_is_created_and_the_same_file_then_changes_nothing(staffed, written):
    path = written(HELPER)
    assert results(staffed.read("agents", "apply", path)) == [("helper", "created")]
    before = staffed.read("agents", "show", "helper")
    assert results(staffed.read("agents", "apply", path)) == [("helper", "unchanged")]
    assert staffed.read("agents", "show", "helper") == before


def test_a_changed_file_updates_the_agent(staffed, written):
    staffed.done("agents", "apply", written(HELPER))
    assert staffed.done("agents", "apply", written({**HELPER, "temperature": 0.5})) == "updated  helper\n"
    assert staffed.read("agents", "show", "helper") == {**HELPER, "temperature": 0.5}


def test_what_a_file_no_longer_says_is_gone(staffed, written):
    staffed.done("agents", "apply", written({**HELPER, "temperature": 0.5, "instructions": "x"}))
    staffed.done("agents", "apply", written(HELPER))
    assert staffed.read("agents", "show", "helper") == HELPER


def test_several_documents_are_applied_together(staffed, written):
    outcome = staffed.read("agents", "apply", written(HELPER, {**HELPER, "id": "other"}))
    assert results(outcome) == [("helper", "created"), ("other", "created")]
    assert [agent["id"] for agent in staffed.read("agents", "list")] == ["helper", "other"]


def test_nothing_is_applied_where_one_document_is_wrong(staffed, written):
    path = written(HELPER, {**HELPER, "id": "other", "tools": [{"name": "a b"}]})
    assert f"{path}: document 2: tools[0].name: " in staffed.refused("agents", "apply", path)
    path = written(HELPER, {**HELPER, "id": "other", "author": "eve"})
    assert "antiphon users put eve" in staffed.refused("agents", "apply", path)
    path = written(HELPER, {**HELPER, "id": "other", "grants": [{"principal": "group:x", "level": "viewer"}]})
    assert "antiphon groups put x" in staffed.refused("agents", "apply", path)
    assert "twice" in staffed.refused("agents", "apply", written(HELPER, HELPER))
    assert staffed.read("agents", "list") == []


def test_a_file_without_documents_is_refused(antiphon, tmp_path):
    path = tmp_path / "empty.yaml"
    path.write_text("# nothing yet\n")
    assert "no document" in antiphon.refused("agents", "apply", str(path))


def test_a_new_agent_needs_an_author(staffed, written):
    path = written({name: value for name, value in HELPER.items() if name != "author"})
    assert "name its author with `--author USER`" in staffed.refused("agents", "apply", path)
    staffed.done("agents", "apply", path, "--author", "bob")
    assert staffed.read("agents", "show", "helper")["author"] == "bob"
    assert results(staffed.read("agents", "apply", path)) == [("helper", "unchanged")]


def test_an_author_does_not_change(staffed, written):
    staffed.done("agents", "apply", written(HELPER))
    assert "belongs to user ada" in staffed.refused("agents", "apply", written({**HELPER, "author": "bob"}))
    assert "belongs to user ada" in staffed.refused("agents", "apply", written(HELPER), "--author", "bob")


def test_an_agent_of_somebody_is_not_taken_over_silently(staffed, written):
    staffed.done("agents", "apply", written(HELPER))
    theirs = {"id": "helper", "provider": "demo", "model": "demo", "instructions": "Mine now."}
    line = staffed.refused("agents", "apply", written(theirs))
    assert "agent helper exists, belongs to user ada and differs from the file" in line
    assert "--author ada" in line
    assert staffed.read("agents", "show", "helper") == HELPER
    outcome = staffed.read("agents", "apply", written(theirs), "--author", "ada")
    assert results(outcome) == [("helper", "updated")]


def test_grants_alone_are_no_silent_change_of_somebodys_agent(helper, written):
    shared = {**HELPER, "author": None, "grants": [{"principal": "public", "level": "viewer"}]}
    assert "differs from the file" in helper.refused("agents", "apply", written(shared))


def test_several_files_and_folders_are_applied_together(staffed, tmp_path):
    folder = tmp_path / "agents"
    folder.mkdir()
    for name in ("b.yaml", "a.json"):
        (folder / name).write_text(json.dumps({**HELPER, "id": name[0]}))
    (folder / "notes.txt").write_text("no agent")
    single = tmp_path / "c.yml"
    single.write_text(json.dumps({**HELPER, "id": "c"}))
    outcome = staffed.read("agents", "apply", str(folder), str(single))
    assert results(outcome) == [("a", "created"), ("b", "created"), ("c", "created")]


def test_nothing_is_applied_if_one_of_several_files_is_wrong(staffed, tmp_path):
    (tmp_path / "a.yaml").write_text("id: a\nauthor: ada\nprovider: demo\nmodel: demo\n")
    (tmp_path / "b.yaml").write_text("id: b\nauthor: ada\nprovider: demo\n")
    assert f"{tmp_path}/b.yaml: model: is missing (line 1)" in staffed.refused("agents", "apply", str(tmp_path))
    (tmp_path / "b.yaml").write_text("id: a\nauthor: ada\nprovider: demo\nmodel: demo\n")
    line = staffed.refused("agents", "apply", str(tmp_path))
    assert f"agent a is there twice, first in {tmp_path}/a.yaml" in line
    assert staffed.read("agents", "list") == []


def test_a_folder_without_agent_files_is_refused(antiphon, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "the folder has no file that ends in .yaml" in antiphon.refused("agents", "apply", str(tmp_path / "empty"))


def test_a_mistake_is_named_with_its_line_and_the_likely_field(staffed, tmp_path):
    path = tmp_path / "agent.yaml"
    path.write_text("id: a\nprovider: demo\nmodel: demo\ntemprature: 1\ntools:\n  - name: ok\n  - name: not ok\n")
    line = staffed.refused("agents", "apply", str(path), "--author", "ada")
    assert f"{path}: temprature: there is no such field; did you mean temperature? (line 4)" in line
    assert re.search(r"tools\[1\]\.name: .* \(line 7\)", line)


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("limits: {token_per_day: 5}", "limits.token_per_day: there is no such field; did you mean tokens_per_day?"),
        ("reasoning: {efort: low}", "reasoning.efort: there is no such field; did you mean effort?"),
        ("fallbacks: [{provdier: demo, model: m}]", "fallbacks[0].provdier: there is no such field; did you mean pro"),
        (
            "grants: [{principle: public, level: viewer}]",
            "grants[0].principle: there is no such field; did you mean pr",
        ),
        ("tools: [{name: a, parmeters: {}}]", "tools[0].parmeters: there is no such field; did you mean parameters?"),
        ("tools: [{htpp: {}}]", "tools[0].htpp: there is no such field; did you mean http?"),
        (
            "tools: [{http: {label: a, opnapi: b}}]",
            "tools[0].http.opnapi: there is no such field; did you mean openapi?",
        ),
        ("tools: [{mcp: {label: a}, aproove: {}}]", "tools[0].aproove: there is no such field; did you mean approve?"),
        (
            "text: {format: {type: json_schema, scema: {}}}",
            "text.format.scema: there is no such field; did you mean schema?",
        ),
    ],
)
def test_a_misspelt_field_anywhere_in_a_document_is_named_with_the_likely_one(staffed, tmp_path, field, told):
    path = tmp_path / "agent.yaml"
    path.write_text(f"id: a\nprovider: demo\nmodel: demo\n{field}\n")
    assert told in staffed.refused("agents", "apply", str(path), "--author", "ada")


def test_a_diff_shows_what_apply_would_change_and_changes_nothing(helper, written):
    changed = {**HELPER, "temperature": 0.5, "grants": [{"principal": "group:staff", "level": "viewer"}]}
    path = written(changed, {**HELPER, "id": "other"})
    lines = helper.done("agents", "diff", path).splitlines()
    assert lines[0] == "updated  helper"
    assert {"  +temperature: 0.5", "  +- principal: group:staff"} <= set(lines)
    assert "created  other" in lines
    assert "  +id: other" in lines
    compared = helper.read("agents", "diff", path)
    assert results(compared) == [("helper", "updated"), ("other", "created")]
    assert (compared[0]["before"], compared[0]["after"]) == (HELPER, changed)
    assert [agent["id"] for agent in helper.read("agents", "list")] == ["helper"]
    helper.done("agents", "apply", path)
    assert helper.done("agents", "diff", path).splitlines() == ["unchanged  helper", "unchanged  other"]


def test_the_author_of_a_new_agent_is_its_owner(helper):
    assert helper.read("grants", "list", "helper") == [
        {"agent": "helper", "principal": "user:ada", "level": "owner", "bits": 15}
    ]


def test_grants_of_a_file_are_added_and_others_stay(helper, written):
    helper.done("grants", "add", "helper", "public", "viewer")
    path = written({**HELPER, "grants": [{"principal": "group:staff", "level": "editor"}]})
    assert results(helper.read("agents", "apply", path)) == [("helper", "updated")]
    assert results(helper.read("agents", "apply", path)) == [("helper", "unchanged")]
    held = {grant["principal"]: grant["level"] for grant in helper.read("grants", "list", "helper")}
    assert held == {"user:ada": "owner", "group:staff": "editor", "public": "viewer"}


def test_a_file_cannot_lower_its_author(helper, written):
    path = written({**HELPER, "grants": [{"principal": "user:ada", "level": "viewer"}]})
    assert "stays its owner" in helper.refused("agents", "apply", path)


def test_what_show_writes_apply_takes_unchanged(staffed, tmp_path):
    staffed.done("groups", "put", "editors")
    staffed.done("agents", "apply", str(EXAMPLES / "team.yaml"))
    path = tmp_path / "shown.yaml"
    path.write_text(staffed.done("agents", "show", "summary"))
    assert results(staffed.read("agents", "apply", str(path))) == [("summary", "unchanged")]
    path.write_text(json.dumps(staffed.read("agents", "show", "summary")))
    assert results(staffed.read("agents", "apply", str(path))) == [("summary", "unchanged")]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_every_example_can_be_applied(staffed, path, tmp_path, monkeypatch):
    staffed.done("groups", "put", "editors")
    allowed = {
        "TOOL_FUNCTIONS": "arn:*",
        "KNOWLEDGE_BASES": "arn:aws:bedrock:*:knowledge-base/ABCDEFGHIJ",
        "WEB_SEARCH": "on",
    }
    for name, value in allowed.items():
        monkeypatch.setenv(f"ANTIPHON_{name}", value)
    monkeypatch.setenv("TOOL_CRM_KEY", "made-up")
    tools = {name: tool(name, lambda _: text("")) for name in ("find", "update")}
    with McpServer(tools) as server:
        monkeypatch.setenv("ANTIPHON_TOOL_HOSTS", f"*,{server.place}")
        here = Path(shutil.copytree(EXAMPLES, tmp_path / "examples")) / path.name
        here.write_text(path.read_text().replace("https://mcp.example.com/mcp", server.url()))
        outcome = staffed.read("agents", "apply", str(here), "--author", "ada")
    assert {result["result"] for result in outcome} == {"created"}


def test_a_deleted_agent_is_gone_with_its_grants(helper, written):
    helper.done("grants", "add", "helper", "public", "viewer")
    assert helper.done("agents", "delete", "--yes", "helper") == "deleted  helper\n"
    assert "no agent helper" in helper.refused("agents", "show", "helper")
    assert "no agent helper" in helper.refused("agents", "delete", "--yes", "helper")
    helper.done("agents", "apply", written(HELPER))
    assert len(helper.read("grants", "list", "helper")) == 1


def test_agents_are_listed_in_columns(helper):
    header, row = helper.done("agents", "list").splitlines()
    assert header.split() == ["ID", "NAME", "PROVIDER", "MODEL", "AUTHOR", "UPDATED"]
    assert row.split()[:5] == ["helper", "-", "demo", "demo", "ada"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": "my agent"}, "id: it must be 1 to 64 letters, digits and `._-`, a letter or digit first"),
        (
            {"grants": [{"principal": "ada", "level": "viewer"}]},
            "grants[0].principal: it must be `user:ID`, `group:ID`, `role:ID` or `public`",
        ),
        (
            {"tools": [{"mcp": {"label": "x", "url": "https://x.example/"}, "auth": {"bearer": "canary"}}]},
            "auth.bearer: never the secret itself: name it, as in `{ env: TOOL_TOKEN }`",
        ),
    ],
)
def test_a_field_of_the_wrong_form_is_explained_in_words(file, tmp_path, fields, message):
    path = tmp_path / "agent.yaml"
    path.write_text(json.dumps({"id": "a", "provider": "demo", "model": "demo", **fields}))
    refused = file.refused("agents", "apply", str(path))
    assert message in refused
    assert "canary" not in refused
