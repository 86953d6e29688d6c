"""Calls of tools that clients run, other than functions, and their outputs (OpenAI's API, "Responses": input items)."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from antiphon.spec.base import CalledName, CallId, ItemId, Status, Text, Wire
from antiphon.spec.content import Hint, InputContent, by_type

_CALLERS: Final = frozenset({"async", "async_", "caller"})
MAX_COMMANDS: Final = 1000


class CustomToolCall(Wire):
    """A call of a custom tool."""

    unserved: ClassVar[frozenset[str]] = _CALLERS

    type: Literal["custom_tool_call"]
    id: ItemId | None = None
    call_id: CallId
    name: CalledName
    namespace: CalledName | None = None
    input: Text
    status: Status | None = None
    created_by: Hint = None


class CustomToolCallOutput(Wire):
    """The output of a custom tool."""

    unserved: ClassVar[frozenset[str]] = _CALLERS

    type: Literal["custom_tool_call_output"]
    id: ItemId | None = None
    call_id: CallId
    output: InputContent
    status: Status | None = None
    name: Hint = None
    created_by: Hint = None


class LocalShellAction(Wire):
    """One command, as a list of its words."""

    type: Literal["exec"]
    command: Annotated[list[Text], Field(max_length=MAX_COMMANDS)]
    env: dict[str, str] = Field(default_factory=dict)
    timeout_ms: int | None = None
    user: str | None = None
    working_directory: str | None = None


class LocalShellCall(Wire):
    """A call of the local shell."""

    type: Literal["local_shell_call"]
    id: ItemId | None = None
    call_id: CallId
    action: LocalShellAction
    status: Status | None = None


def _either(schema: dict[str, Any]) -> None:
    """Write in a schema that ``id`` stands for ``call_id``."""
    schema["required"].remove("call_id")
    text = {"type": "string"}
    schema["anyOf"] = [{"required": [name], "properties": {name: text}} for name in ("call_id", "id")]


class LocalShellCallOutput(Wire):
    """The output of the local shell. In OpenAI's API its ``id`` is that of the call; its clients send ``call_id``."""

    model_config = ConfigDict(json_schema_extra=_either)

    type: Literal["local_shell_call_output"]
    id: ItemId | None = None
    call_id: CallId
    output: Text
    status: Status | None = None

    @model_validator(mode="before")
    @classmethod
    def _id_is_the_calls(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("call_id") is None and value.get("id") is not None:
            return {**{name: item for name, item in value.items() if name != "id"}, "call_id": value["id"]}
        return value


class ShellAction(Wire):
    """Commands, and their limits."""

    commands: Annotated[list[Text], Field(max_length=MAX_COMMANDS)]
    max_output_length: int | None = None
    timeout_ms: int | None = None


class ShellCall(Wire):
    """A call of the shell."""

    unserved: ClassVar[frozenset[str]] = _CALLERS

    type: Literal["shell_call"]
    id: ItemId | None = None
    call_id: CallId
    action: ShellAction
    environment: Hint = None
    status: Status | None = None
    created_by: Hint = None


class Exit(Wire):
    """The command ended."""

    type: Literal["exit"]
    exit_code: int


class Timeout(Wire):
    """The command took too long."""

    type: Literal["timeout"]


class ShellOutput(Wire):
    """What a command wrote, and how it ended. Clients add fields of their own."""

    model_config = ConfigDict(extra="ignore")

    stdout: Text = ""
    stderr: Text = ""
    outcome: (
        Annotated[Annotated[Exit, Tag("#exit")] | Annotated[Timeout, Tag("#timeout")], Discriminator(by_type)] | None
    ) = None


class ShellCallOutput(Wire):
    """The outputs of the commands of one call."""

    unserved: ClassVar[frozenset[str]] = _CALLERS

    type: Literal["shell_call_output"]
    id: ItemId | None = None
    call_id: CallId
    output: Annotated[list[ShellOutput], Field(fail_fast=True, max_length=MAX_COMMANDS)]
    max_output_length: int | None = None
    status: Literal["in_progress", "completed", "incomplete", "failed"] | None = None
    created_by: Hint = None


class FileChange(Wire):
    """A file to create or update."""

    type: Literal["create_file", "update_file"]
    path: Text
    diff: Text


class FileDeletion(Wire):
    """A file to delete."""

    type: Literal["delete_file"]
    path: Text
    diff: Hint = None


class ApplyPatchCall(Wire):
    """A change of one file."""

    unserved: ClassVar[frozenset[str]] = _CALLERS

    type: Literal["apply_patch_call"]
    id: ItemId | None = None
    call_id: CallId
    operation: Annotated[
        Annotated[FileChange, Tag("#create_file")]
        | Annotated[FileChange, Tag("#update_file")]
        | Annotated[FileDeletion, Tag("#delete_file")],
        Discriminator(by_type),
    ]
    status: Status | None = None
    created_by: Hint = None


class ApplyPatchCallOutput(Wire):
    """Whether a file was changed."""

    unserved: ClassVar[frozenset[str]] = _CALLERS

    type: Literal["apply_patch_call_output"]
    id: ItemId | None = None
    call_id: CallId
    status: Literal["completed", "failed"]
    output: Text | None = None
    created_by: Hint = None
