"""Every field of openai-python may be null here, so what its models write can be sent back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai.types.responses as theirs
import pytest
from openai.types.responses import parsed_response as parsed
from openai.types.responses import response_compact_params as compacting
from openai.types.responses import response_create_params as creating
from openai.types.responses import response_input_item_param as params
from openai.types.responses import response_output_item as outputs
from openai.types.shared import Reasoning as ReasoningSettings

from antiphon.errors import ApiError
from antiphon.spec import calls, content, further, items, loading, request, tools
from antiphon.spec.request import IGNORED, parse_compact, parse_create

ROOT = Path(__file__).parents[2]
CALL = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "4"}
CHOICES = "`function`, `custom`, `local_shell`, `shell`, `apply_patch`, `mcp`, `web_search`, `file_search`"
IMAGE = {"type": "input_image", "image_url": "https://example.com/a.png"}

FORMS: list[tuple[type, dict[str, Any], list[Any]]] = [
    (
        items.UserMessage,
        {"role": "user", "content": "Hi"},
        [theirs.EasyInputMessage, theirs.ResponseInputMessageItem, params.Message],
    ),
    (
        items.InstructingMessage,
        {"role": "system", "content": "Hi"},
        [theirs.EasyInputMessage, theirs.ResponseInputMessageItem, params.Message],
    ),
    (
        items.AssistantMessage,
        {"role": "assistant", "content": "Hi"},
        [theirs.EasyInputMessage, theirs.ResponseOutputMessage, parsed.ParsedResponseOutputMessage],
    ),
    (
        items.FunctionCall,
        CALL,
        [theirs.ResponseFunctionToolCall, theirs.ResponseFunctionToolCallItem, parsed.ParsedResponseFunctionToolCall],
    ),
    (items.FunctionCallOutput, OUTPUT, [theirs.ResponseFunctionToolCallOutputItem, params.FunctionCallOutput]),
    (
        calls.CustomToolCall,
        {"type": "custom_tool_call", "call_id": "c", "name": "edit", "input": "a"},
        [theirs.ResponseCustomToolCall, theirs.ResponseCustomToolCallItem],
    ),
    (
        calls.CustomToolCallOutput,
        {"type": "custom_tool_call_output", "call_id": "c", "output": "4"},
        [theirs.ResponseCustomToolCallOutput, theirs.ResponseCustomToolCallOutputItem],
    ),
    (
        calls.LocalShellCall,
        {"type": "local_shell_call", "call_id": "c", "action": {"type": "exec", "command": ["ls"]}},
        [outputs.LocalShellCall, params.LocalShellCall],
    ),
    (
        calls.LocalShellCallOutput,
        {"type": "local_shell_call_output", "call_id": "c", "output": "4"},
        [outputs.LocalShellCallOutput, params.LocalShellCallOutput],
    ),
    (
        calls.ShellCall,
        {"type": "shell_call", "call_id": "c", "action": {"commands": ["ls"]}},
        [theirs.ResponseFunctionShellToolCall, params.ShellCall],
    ),
    (
        calls.ShellCallOutput,
        {"type": "shell_call_output", "call_id": "c", "output": []},
        [theirs.ResponseFunctionShellToolCallOutput, params.ShellCallOutput],
    ),
    (
        calls.ApplyPatchCall,
        {"type": "apply_patch_call", "call_id": "c", "operation": {"type": "delete_file", "path": "a"}},
        [theirs.ResponseApplyPatchToolCall, params.ApplyPatchCall],
    ),
    (
        calls.ApplyPatchCallOutput,
        {"type": "apply_patch_call_output", "call_id": "c", "status": "completed"},
        [theirs.ResponseApplyPatchToolCallOutput, params.ApplyPatchCallOutput],
    ),
    (
        loading.AdditionalTools,
        {"type": "additional_tools", "role": "developer", "tools": []},
        [outputs.AdditionalTools, params.AdditionalTools],
    ),
    (
        loading.ToolSearchCall,
        {"type": "tool_search_call", "arguments": {}},
        [theirs.ResponseToolSearchCall, params.ToolSearchCall],
    ),
    (
        loading.ToolSearchOutput,
        {"type": "tool_search_output", "tools": []},
        [theirs.ResponseToolSearchOutputItem, theirs.ResponseToolSearchOutputItemParam],
    ),
    (items.Reasoning, {"type": "reasoning", "summary": []}, [theirs.ResponseReasoningItem]),
    (items.Compaction, {"type": "compaction", "encrypted_content": "A"}, [theirs.ResponseCompactionItem]),
    (items.ItemReference, {"id": "msg_123"}, [params.ItemReference]),
    (content.InputText, {"type": "input_text", "text": "Hi"}, [theirs.ResponseInputText]),
    (content.InputImage, IMAGE, [theirs.ResponseInputImage, theirs.ResponseInputImageContent]),
    (content.InputFile, {"type": "input_file"}, [theirs.ResponseInputFile, theirs.ResponseInputFileContent]),
    (
        content.OutputText,
        {"type": "output_text", "text": "Hi"},
        [theirs.ResponseOutputText, parsed.ParsedResponseOutputText],
    ),
    (content.Refusal, {"type": "refusal", "refusal": "No"}, [theirs.ResponseOutputRefusal]),
    (tools.FunctionTool, {"type": "function", "name": "look"}, [theirs.FunctionTool, theirs.FunctionToolParam]),
    (further.CustomTool, {"type": "custom", "name": "edit"}, [theirs.CustomTool, theirs.CustomToolParam]),
    (further.NamespaceTool, {"type": "namespace", "name": "crm", "tools": []}, [theirs.NamespaceTool]),
    (further.LocalShellTool, {"type": "local_shell"}, [theirs.tool.LocalShell]),
    (further.ShellTool, {"type": "shell"}, [theirs.FunctionShellTool, theirs.FunctionShellToolParam]),
    (further.ToolSearchTool, {"type": "tool_search"}, [theirs.ToolSearchTool]),
    (further.ApplyPatchTool, {"type": "apply_patch"}, [theirs.ApplyPatchTool, theirs.ApplyPatchToolParam]),
    (request.ReasoningParam, {}, [ReasoningSettings]),
    (request.TextParam, {}, [theirs.ResponseTextConfig]),
    (request.StreamOptions, {}, [creating.StreamOptions]),
]


def known(form: Any) -> set[str]:
    """List the fields of one of openai-python's models or typed dictionaries, by both of their names."""
    if hasattr(form, "model_fields"):
        return {name for field, info in form.model_fields.items() for name in (field, info.alias or field)}
    return {name for base in form.__mro__ for name in getattr(base, "__annotations__", ())}


@pytest.mark.parametrize(("ours", "smallest", "others"), FORMS, ids=lambda value: getattr(value, "__name__", ""))
def test_null_is_absent_for_every_field_that_openai_python_knows(
    ours: Any, smallest: dict[str, Any], others: list[Any]
) -> None:
    nulls = dict.fromkeys(set().union(*map(known, others)))
    assert ours.model_validate({**nulls, **smallest}) == ours.model_validate(smallest)


@pytest.mark.parametrize(
    ("parse", "form"),
    [(parse_create, creating.ResponseCreateParamsStreaming), (parse_compact, compacting.ResponseCompactParams)],
)
def test_null_is_absent_for_every_field_of_openai_pythons_requests(parse: Any, form: Any) -> None:
    assert parse({**dict.fromkeys(known(form)), "model": "m"}) == parse({"model": "m"})


@pytest.mark.parametrize(
    ("theirs_", "ours"),
    [
        (creating.ResponseCreateParamsStreaming, request.CreateResponse),
        (ReasoningSettings, request.ReasoningParam),
        (theirs.FunctionToolParam, tools.FunctionTool),
    ],
)
def test_every_field_of_openai_python_that_is_not_honoured_is_documented(theirs_: Any, ours: Any) -> None:
    honoured = {name for name, field in ours.model_fields.items() if not field.exclude}
    page = (ROOT / "docs/clients.md").read_text()
    fields = page.partition("## Fields that clients send")[2].partition("\n## ")[0]
    others = {name for name in known(theirs_) - honoured if not name.endswith("_")}
    assert [name for name in sorted(others) if f"{name}`" not in fields] == []


def test_a_field_that_is_not_served_is_refused_with_what_to_do() -> None:
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"prompt": {"id": "pmpt_1"}}, "prompt", "Leave it out."),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "file_1"}]}]},
            "input[0].content[0].file_id",
            "Send the data or a URL.",
        ),
        ({"tools": [{"type": "function", "name": "f", "async": True}]}, "tools[0].async", "Leave it out."),
    ]
    for fields, param, remedy in cases:
        with pytest.raises(ApiError) as caught:
            parse_create({"model": "m", "input": "Hi", **fields})
        assert (caught.value.code, caught.value.param) == ("unsupported_parameter", param)
        assert caught.value.message.endswith(remedy)


def test_a_hint_for_a_cache_changes_nothing() -> None:
    hint = {"prompt_cache_breakpoint": {"mode": "explicit"}}
    plain = {"model": "m", "input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}]}
    hinted = {"model": "m", "input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi", **hint}]}]}
    assert parse_create(hinted).input[0].wire() == parse_create(plain).input[0].wire()  # type: ignore[index, union-attr]
    assert parse_create({**plain, **dict.fromkeys(IGNORED, "x")}) == parse_create(plain)


def test_the_original_detail_of_an_image_is_read_as_auto() -> None:
    """Codex sends it: https://github.com/openai/codex, ``view_image``."""
    parsed_request = parse_create(
        {"model": "m", "input": [{"role": "user", "content": [{**IMAGE, "detail": "original"}]}]}
    )
    assert parsed_request.input[0].wire()["content"][0]["detail"] == "auto"  # type: ignore[index, union-attr]


def test_citations_of_files_and_empty_reasoning_are_left_out() -> None:
    """What a conversation with OpenAI's own API, or with a server that has no summaries, brings along."""
    cited = {"type": "file_citation", "file_id": "file_1", "filename": "a.pdf", "index": 0}
    said = {"type": "output_text", "text": "Hi", "annotations": [cited], "logprobs": None}
    sent = [{"role": "assistant", "content": [said]}, {"type": "reasoning", "id": "rs_1", "encrypted_content": ""}]
    message, thought = parse_create({"model": "m", "input": sent}).input  # type: ignore[misc]
    assert message.wire()["content"] == [{"type": "output_text", "text": "Hi", "annotations": []}]  # type: ignore[union-attr]
    assert thought.wire() == {"type": "reasoning", "id": "rs_1", "summary": []}  # type: ignore[union-attr]


def test_reasoning_that_has_only_content_keeps_its_text() -> None:
    """https://github.com/vllm-project/vllm/issues/28248."""
    sent = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}
    item = parse_create({"model": "m", "input": [sent]}).input[0]  # type: ignore[index]
    assert item.wire() == {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"input": []}, "`input`: This must have at least one entry."),
        ({"input": 5}, "`input`: This must be text or a list."),
        (
            {"input": [{"role": "user", "content": 5}]},
            "`input[0].content`: This must be text or a list.",
        ),
        ({"temperature": 3}, "`temperature`: This must be at most 2."),
        ({"max_output_tokens": 15}, "`max_output_tokens`: This must be at least 16."),
        ({"text": 5}, "`text`: This must be an object."),
        ({"truncation": "x"}, "`truncation`: This must be `auto` or `disabled`."),
        (
            {"tools": [{"type": "function", "name": "a b"}]},
            "`tools[0].name`: This may have only letters, digits, `_` and `-`.",
        ),
        (
            {"tool_choice": {"type": "x"}},
            f"`tool_choice.type`: This type is not taken here. Send {CHOICES} or `allowed_tools`.",
        ),
        ({"nope": None}, "`nope`: There is no such field. Remove it."),
        ({"inputs": "x"}, "`inputs`: There is no such field. Did you mean `input`?"),
        ({"max_output_token": 1}, "`max_output_token`: There is no such field. Did you mean `max_output_tokens`?"),
        ({"reasoning": {"efort": "low"}}, "`reasoning.efort`: There is no such field. Did you mean `effort`?"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_text", "text": "x", "txet": "y"}]}]},
            "`input[0].content[0].txet`: There is no such field. Did you mean `text`?",
        ),
        (
            {"tools": [{"type": "custom", "name": "a", "frmat": {}}]},
            "`tools[0].frmat`: There is no such field. Did you mean `format`?",
        ),
        ({"x" * 65: 1}, f"`{'x' * 65}`: There is no such field. Remove it."),
    ],
)
def test_a_refusal_reads_as_a_person_would_write_it(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse_create({"model": "m", "input": "Hi", **fields})
    assert caught.value.message == message
