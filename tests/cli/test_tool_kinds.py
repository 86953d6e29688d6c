"""`agents apply` and `tools` with HTTP APIs, Lambda functions, knowledge bases and the web search; the examples."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from tests.support.answering import Answering

EXAMPLES = Path(__file__).parents[2] / "examples"
OF_KINDS = {
    "stock.yaml": ["stock: getItem", "stock: reserve"],
    "refund.yaml": ["refund: refund"],
    "manuals.yaml": ["knowledge_base: search"],
    "news.yaml": ["web_search: web_search"],
}


@pytest.fixture
def allowed(monkeypatch):
    monkeypatch.setenv("ANTIPHON_TOOL_FUNCTIONS", "arn:aws:lambda:eu-central-1:123456789012:function:refund:live")
    monkeypatch.setenv(
        "ANTIPHON_KNOWLEDGE_BASES", "arn:aws:bedrock:eu-central-1:123456789012:knowledge-base/ABCDEFGHIJ"
    )
    monkeypatch.setenv("ANTIPHON_WEB_SEARCH", "on")


@pytest.mark.parametrize("example", OF_KINDS)
def test_the_example_of_each_kind_is_applied_and_comes_back_as_it_was_written(staffed, allowed, example):
    path = str(EXAMPLES / example)
    name = example.removesuffix(".yaml")
    lines = "".join(f"  + {tool}\n" for tool in OF_KINDS[example])
    assert staffed.done("agents", "apply", path, "--author", "ada") == f"created  {name}\n{lines}"
    shown, written = staffed.read("agents", "show", name), yaml.safe_load(Path(path).read_text())
    for tool in (*shown["tools"], *written["tools"]):
        tool.get("http", {}).pop("openapi", None)  # the name of a file becomes what the agent needs of it
    assert shown["tools"] == written["tools"]
    assert staffed.done("agents", "apply", path) == f"unchanged  {name}\n"


@pytest.mark.parametrize(
    ("example", "parameter"),
    [("refund.yaml", "ToolFunctionArns"), ("manuals.yaml", "KnowledgeBaseArns"), ("news.yaml", "WebSearch")],
)
def test_what_the_deployment_does_not_allow_is_refused_by_the_name_of_its_parameter(staffed, example, parameter):
    assert parameter in staffed.refused("agents", "apply", str(EXAMPLES / example), "--author", "ada")
    assert staffed.read("agents", "list") == []


def test_the_document_of_an_api_is_read_beside_the_agent_file_from_any_folder(staffed, tmp_path, monkeypatch):
    folder = tmp_path / "agents"
    shutil.copytree(EXAMPLES, folder)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    path = str(folder / "stock.yaml")
    assert staffed.done("agents", "apply", path, "--author", "ada").startswith("created  stock\n")
    document = folder / "openapi/stock.yaml"
    document.write_text(document.read_text().replace("name: warehouse, in: query", "name: place, in: query"))
    changed = "updated  stock\n  ~ stock: getItem: parameters and call changed\n"
    lines = staffed.done("agents", "diff", path).splitlines(keepends=True)
    assert [line[:4] for line in lines if "name: " in line and line[2] in "+-"] == ["  - ", "  + "]
    assert lines[0] + lines[-1] == changed
    assert staffed.done("agents", "apply", path, "--author", "ada") == changed
    document.unlink()
    assert "openapi/stock.yaml: No such file" in staffed.refused("agents", "apply", path)


def test_an_agent_whose_api_was_a_file_is_shown_applied_and_tested_where_that_file_is_not(
    staffed, tmp_path, monkeypatch
):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    staffed.done("agents", "apply", str(EXAMPLES / "stock.yaml"), "--author", "ada")
    Path("shown.yaml").write_text(staffed.done("agents", "show", "stock"))
    assert staffed.done("agents", "apply", "shown.yaml") == "unchanged  stock\n"
    assert staffed.done("tools", "test", "stock") == "stock  http  getItem, reserve\n"
    assert staffed.done("tools", "diff", "stock") == "no difference\n"
    staffed.done("agents", "delete", "--yes", "stock")
    Path("copy.yaml").write_text(Path("shown.yaml").read_text().replace("id: stock", "id: copy"))
    assert staffed.done("agents", "apply", "copy.yaml") == "created  copy\n  + stock: getItem\n  + stock: reserve\n"
    assert staffed.done("agents", "show", "copy", "--version", "1").replace("id: copy", "id: stock") in (
        Path("shown.yaml").read_text()
    )


def test_a_document_that_is_too_large_to_be_stored_is_named_by_its_file_and_a_note(staffed, tmp_path):
    shutil.copytree(EXAMPLES, tmp_path / "agents")
    path, document = tmp_path / "agents/stock.yaml", tmp_path / "agents/openapi/stock.yaml"
    document.write_text(
        document.read_text().replace("items: { type: string }", f"items: {{ enum: [{'x' * 150_000}] }}")
    )
    applied = staffed("agents", "apply", str(path), "--author", "ada")
    assert "note: stock: what its operations need of the document is too large to be stored" in applied.err
    assert staffed.read("agents", "show", "stock")["tools"][0]["http"]["openapi"] == "openapi/stock.yaml"
    assert "only `antiphon agents apply` reads" in staffed.refused("tools", "test", "stock")


def test_what_cannot_be_compiled_is_refused_with_its_place_and_nothing_is_written(staffed, tmp_path):
    (tmp_path / "api.yaml").write_text("openapi: 3.1.0\npaths: { '/{id}': { get: { operationId: a } } }\n")
    agent = {"id": "a", "author": "ada", "provider": "demo", "model": "demo"}
    agent |= {"tools": [{"http": {"label": "api", "openapi": "api.yaml", "url": "https://a.example"}}]}
    path = tmp_path / "agent.yaml"
    path.write_text(yaml.safe_dump(agent))
    assert "api: #/paths/~1{id}/get: no parameter describes {id}" in staffed.refused("agents", "apply", str(path))
    assert staffed.read("agents", "list") == []


def test_tools_are_called_by_the_names_that_the_model_sees(staffed, allowed):
    for example in ("refund", "manuals", "news"):
        staffed.done("agents", "apply", str(EXAMPLES / f"{example}.yaml"), "--author", "ada")
    for example, name in (("refund", "refund"), ("manuals", "knowledge_base__search"), ("news", "web_search")):
        assert f"the tools are {name}" in staffed.refused("tools", "test", example, "zzz")


def test_an_operation_is_called_by_hand(staffed, tmp_path, monkeypatch):
    with Answering() as server:
        monkeypatch.setenv("ANTIPHON_TOOL_HOSTS", server.place)
        shutil.copytree(EXAMPLES, tmp_path / "agents")
        path = tmp_path / "agents/stock.yaml"
        path.write_text(path.read_text().replace("label: stock", f"label: stock\n      url: {server.url('/v1')}"))
        staffed.done("agents", "apply", str(path), "--author", "ada")
        arguments = '{"sku": "A 1", "warehouse": ["x", "y"]}'
        assert staffed.done("tools", "test", "stock", "stock__getItem", "--arguments", arguments) == "{}\n"
    assert server.asked[0].path == "/v1/items/A%201?warehouse=x&warehouse=y"


def test_calling_a_tool_by_hand_shows_which_secret_is_missing_and_what_asks_for_it(staffed, tmp_path, monkeypatch):
    with Answering() as server:
        monkeypatch.setenv("ANTIPHON_TOOL_HOSTS", server.place)
        shutil.copytree(EXAMPLES, tmp_path / "agents")
        path = tmp_path / "agents/stock.yaml"
        text = path.read_text().replace("label: stock", f"label: stock\n      url: {server.url('/v1')}")
        path.write_text(text.replace("# auth:", "auth:"))
        staffed.done("agents", "apply", str(path), "--author", "ada")
        outcome = staffed("tools", "test", "stock", "stock__getItem", "--arguments", '{"sku": "A"}')
    reason = "`auth` asks for the variable TOOL_STOCK_KEY, which is missing in the environment"
    told = "failed (refused): The operator must correct the credentials for this server."
    assert (outcome.code, outcome.out) == (1, f"{told}\nreason: {reason}\n")
    assert server.asked == []
