"""The names by which models call the tools of clients."""

from __future__ import annotations

import pytest

from antiphon.records import ServerTool, ToolServer
from antiphon.tools.choice import offered, translated
from antiphon.tools.functions import function_of
from antiphon.tools.table import LONGEST_NAME, ToolTable


def function(name, **more):
    return {"type": "function", "name": name, "description": None, "parameters": None, "strict": None, **more}


def custom(name, **more):
    return {"type": "custom", "name": name, **more}


def namespace(name, *tools):
    return {"type": "namespace", "name": name, "description": f"About {name}.", "tools": list(tools)}


def names(*tools):
    return [tool.function for tool in ToolTable(tools).tools]


def test_every_single_tool_has_a_name_of_its_own():
    tools = [function("look"), custom("edit"), namespace("crm", function("find"), custom("edit")), {"type": "shell"}]
    assert names(*tools) == ["look", "edit", "crm__find", "crm__edit", "shell"]


def test_a_name_of_the_clients_own_is_kept_wherever_it_stands():
    tools = [{"type": "shell"}, namespace("a", function("b")), function("shell"), function("a__b")]
    assert names(*tools) == ["shell_2", "a__b_2", "shell", "a__b"]


def test_a_long_name_is_cut_and_differs_from_others_that_begin_like_it():
    cut = names(namespace("n" * 60, function("find_one"), function("find_two")))
    assert all(len(name) == LONGEST_NAME for name in cut)
    assert len(set(cut)) == 2
    assert cut == names(namespace("n" * 60, function("find_one"), function("find_two")))


def test_a_tool_with_the_name_of_its_server_has_it_once():
    servers = [ToolServer("lambda", "refund", (ServerTool("refund"), ServerTool("find")))]
    table = ToolTable([], servers)
    assert [tool.function for tool in table.tools] == ["refund", "refund__find"]
    assert (
        table.function_of("mcp", "refund", "refund") == ToolTable([]).function_of("mcp", "refund", "refund") == "refund"
    )
    assert [tool.function for tool in ToolTable([function("refund")], servers).tools] == [
        "refund",
        "refund_2",
        "refund__find",
    ]


def test_a_tool_is_found_by_its_type_its_name_and_its_namespace():
    table = ToolTable([function("find"), namespace("crm", function("find")), {"type": "local_shell"}])
    assert table.function_of("function", "find") == "find"
    assert table.function_of("function", "find", "crm") == "crm__find"
    assert table.function_of("local_shell") == "local_shell"
    assert table.find("custom", "find") is None


@pytest.mark.parametrize(
    ("called", "tool"),
    [
        ("crm__add", ("crm", "add")),
        ("crm.add", ("crm", "add")),
        ("add", ("crm", "add")),
        ("find", (None, "find")),
        ("crm.find", ("crm", "find")),
        ("b.c", ("b", "c")),
        ("c", None),
        ("b_c", None),
    ],
)
def test_a_function_in_a_namespace_is_known_by_the_names_that_models_make_of_it(called, tool):
    crm = namespace("crm", function("find"), function("add"), function("c"))
    found = ToolTable([function("find"), crm, namespace("b", function("c"))]).called(called)
    assert (found and (found.namespace, found.name)) == tool


def test_a_tool_that_is_offered_no_more_has_the_name_that_it_had():
    table = ToolTable([])
    assert table.function_of("function", "find", "crm") == "crm__find"
    assert table.function_of("custom", "edit") == "edit"
    assert table.function_of("apply_patch") == "apply_patch"


def test_a_function_of_its_own_reaches_the_model_as_it_is():
    tool = function("look", description="Looks.", parameters={"type": "object"}, strict=True)
    assert function_of(ToolTable([tool]).tools[0]) == tool


def test_the_first_function_of_a_namespace_says_what_the_namespace_is_for():
    table = ToolTable([namespace("crm", function("find", description="Finds."), function("add", description="Adds."))])
    first, second = map(function_of, table.tools)
    assert first["description"].endswith("About crm.\n\nFinds.")
    assert second == function("crm__add", description="Adds.")


def test_a_grammar_is_told_in_the_description():
    form = {"type": "grammar", "syntax": "lark", "definition": 'start: "{x}"'}
    told = function_of(ToolTable([custom("edit", description="Edits.", format=form)]).tools[0])
    assert told["description"].startswith("Edits.")
    assert '(lark):\nstart: "{x}"' in told["description"]
    assert told["parameters"]["required"] == ["input"]


@pytest.mark.parametrize("kind", ["local_shell", "shell", "apply_patch"])
def test_a_tool_without_a_schema_gets_one(kind):
    told = function_of(ToolTable([{"type": kind}]).tools[0])
    assert set(told["parameters"]["required"]) <= set(told["parameters"]["properties"])
    assert told["description"]


def test_the_model_is_told_of_the_skills_of_a_shell():
    skill = {"name": "poems", "description": "How to write poems.", "path": "/skills/poems"}
    told = function_of(ToolTable([{"type": "shell", "environment": {"type": "local", "skills": [skill]}}]).tools[0])
    assert told["description"].endswith("There are instructions for poems in /skills/poems: How to write poems.")


CHOICES = [
    ("none", []),
    ("auto", ["find", "crm__find", "crm__add", "shell"]),
    ({"type": "function", "name": "find"}, ["find"]),
    ({"type": "function", "name": "find", "namespace": "crm"}, ["crm__find"]),
    ({"type": "function", "name": "add"}, ["crm__add"]),
    ({"type": "shell"}, ["shell"]),
    (
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "shell"}, {"type": "function", "name": "find"}]},
        ["find", "shell"],
    ),
]


@pytest.mark.parametrize(("choice", "left"), CHOICES)
def test_a_choice_leaves_the_tools_that_it_names_and_is_told_by_their_functions(choice, left):
    table = ToolTable([function("find"), namespace("crm", function("find"), function("add")), {"type": "shell"}])
    assert [tool.function for tool in offered(table, choice)] == left
    told = translated(choice, table)
    if isinstance(choice, str):
        assert told == choice
    elif choice["type"] == "allowed_tools":
        assert sorted(one["name"] for one in told["tools"]) == left
        assert told["mode"] == "auto"
    else:
        assert told == {"type": "function", "name": left[0]}
