"""From calls of functions to the items of clients, and back."""

from __future__ import annotations

import json

import pytest

from antiphon.tools.calls import as_functions, call_item
from antiphon.tools.table import ToolTable

TOOLS = [{"type": "local_shell"}, {"type": "shell", "environment": {"type": "local"}}, {"type": "apply_patch"}]
TABLE = ToolTable(TOOLS)


def made(name, **arguments):
    return call_item(TABLE.called(name), name, json.dumps(arguments))


@pytest.mark.parametrize(
    ("name", "arguments", "item"),
    [
        (
            "local_shell",
            {"command": ["ls"], "timeout_ms": 5, "working_directory": "/"},
            {
                "type": "local_shell_call",
                "action": {"type": "exec", "command": ["ls"], "env": {}, "timeout_ms": 5, "working_directory": "/"},
            },
        ),
        (
            "local_shell",
            {"command": "ls | wc"},
            {"type": "local_shell_call", "action": {"type": "exec", "command": ["bash", "-lc", "ls | wc"], "env": {}}},
        ),
        (
            "shell",
            {"commands": ["ls", "pwd"], "max_output_length": 9, "timeout_ms": None},
            {
                "type": "shell_call",
                "action": {"commands": ["ls", "pwd"], "max_output_length": 9},
                "environment": {"type": "local"},
            },
        ),
        (
            "shell",
            {"command": "ls"},
            {"type": "shell_call", "action": {"commands": ["ls"]}, "environment": {"type": "local"}},
        ),
        (
            "apply_patch",
            {"type": "create_file", "path": "a", "diff": "+b"},
            {"type": "apply_patch_call", "operation": {"type": "create_file", "path": "a", "diff": "+b"}},
        ),
        (
            "apply_patch",
            {"operation": {"type": "delete_file", "path": "a", "diff": ""}},
            {"type": "apply_patch_call", "operation": {"type": "delete_file", "path": "a"}},
        ),
    ],
)
def test_a_call_is_the_item_that_its_client_expects(name, arguments, item):
    assert made(name, **arguments) == item


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("local_shell", "{"),
        ("local_shell", "{}"),
        ("local_shell", '{"command": []}'),
        ("shell", '{"commands": [1]}'),
        ("shell", "[]"),
        ("apply_patch", '{"type": "update_file", "path": "a"}'),
        ("apply_patch", '{"type": "move_file", "path": "a", "diff": ""}'),
        ("apply_patch", '{"type": "delete_file", "path": ""}'),
    ],
)
def test_arguments_that_make_no_call_of_the_type_make_none(name, arguments):
    assert call_item(TABLE.called(name), name, arguments) is None


def test_what_the_model_reads_of_a_call_is_what_it_called():
    for name, arguments in [
        ("local_shell", {"command": ["ls"], "timeout_ms": 5}),
        ("shell", {"commands": ["ls"], "timeout_ms": 5}),
        ("apply_patch", {"type": "update_file", "path": "a", "diff": "@@"}),
    ]:
        item = {**made(name, **arguments), "id": "x_1", "call_id": "c", "status": "completed"}
        (told,) = as_functions([item], TABLE)
        assert (told["type"], told["name"], told["call_id"]) == ("function_call", name, "c")
        assert json.loads(told["arguments"]) == arguments


def test_the_output_of_commands_is_read_as_text():
    chunks = [
        {"stdout": "a\nb", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}},
        {"stdout": "", "stderr": "no", "outcome": {"type": "timeout"}},
        {"stdout": "c", "stderr": ""},
    ]
    (told,) = as_functions([{"type": "shell_call_output", "call_id": "c", "output": chunks}], TABLE)
    assert told["output"] == "a\nb\nExit code: 0\n\nStandard error:\nno\nIt took too long and was stopped.\n\nc"


def test_the_output_of_a_patch_says_whether_it_failed():
    sent = [
        {"type": "apply_patch_call_output", "call_id": "c", "status": "completed"},
        {"type": "apply_patch_call_output", "call_id": "d", "status": "failed", "output": "No such file."},
    ]
    assert [item["output"] for item in as_functions(sent, TABLE)] == ["Done.", "Failed.\nNo such file."]


def test_items_that_are_no_calls_stay_as_they_are():
    items = [{"type": "message", "role": "user", "content": "Hi"}, {"type": "reasoning", "summary": []}]
    assert as_functions(items, TABLE) == items
