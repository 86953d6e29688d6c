"""Lambda functions as tools, on ministack: real functions that a real Lambda API runs."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from antiphon.ports import ToolResult
from tests.support.pinned import TOKEN, pinned
from tests.support.stack import AWS, MINISTACK, Stack

pytestmark = pytest.mark.ministack

CODE = """
def plain(event, context):
    if event.get("order") == "none":
        raise KeyError("no such order")
    return {"refunded": event["order"], "context": (getattr(context, "client_context", None) is not None)}

TOOLS = [{"name": "find", "description": "Finds.", "inputSchema": {"type": "object", "properties": {}}}]

def mcp(event, context):
    if event["method"] == "tools/list":
        return {"jsonrpc": "2.0", "id": event["id"], "result": {"tools": TOOLS}}
    said = event["params"]["name"] + " " + event["params"]["_meta"]["antiphon_idempotency_key"]
    return {"jsonrpc": "2.0", "id": event["id"], "result": {"content": [{"type": "text", "text": said}]}}
"""


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The ARNs of two functions, with their aliases."""
    if not os.environ.get("CI") and not MINISTACK.exists():
        pytest.skip("needs ministack: `make install-ministack`")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", CODE)
    with Stack(tmp_path_factory.mktemp("ministack") / "log") as stack, pytest.MonkeyPatch.context() as patch:
        for name, value in (AWS | {"AWS_ENDPOINT_URL": stack.url}).items():
            patch.setenv(name, value)
        yield {name: made(stack.client("lambda"), name, packed.getvalue()) for name in ("plain", "mcp")}


def made(client: Any, name: str, code: bytes) -> str:
    role = "arn:aws:iam::000000000000:role/tools"
    of_code = {"Runtime": "python3.13", "Role": role, "Handler": f"app.{name}", "Code": {"ZipFile": code}}
    client.create_function(FunctionName=name, **of_code)
    version = client.publish_version(FunctionName=name)["Version"]
    arn: str = client.create_alias(FunctionName=name, Name="live", FunctionVersion=version)["AliasArn"]
    return arn


async def test_a_function_is_invoked_by_its_alias_and_returns_its_result(functions: dict[str, str]) -> None:
    refund = await pinned({"lambda": {"function": functions["plain"], "name": "refund"}}, tool_functions=("*",))
    result = await refund.call("refund", {"order": "A 1"})
    assert result.failure is None
    assert json.loads(result.output)["refunded"] == "A 1"


async def test_an_error_of_a_function_is_a_failed_call_that_says_why(functions: dict[str, str]) -> None:
    refund = await pinned({"lambda": {"function": functions["plain"], "name": "refund"}}, tool_functions=("*",))
    result = await refund.call("refund", {"order": "none"})
    assert result.failure is not None
    assert result.failure.cause == "execution"
    assert "no such order" in result.output
    assert "app.py" not in result.output


async def test_a_function_that_lists_its_tools_is_pinned_and_called(functions: dict[str, str]) -> None:
    entry = {"lambda": {"function": functions["mcp"], "payload": "mcp", "label": "crm"}}
    crm = await pinned(entry, tool_functions=("*",))
    assert [tool.name for tool in crm.server.tools] == ["find"]
    assert await crm.call("find") == ToolResult(f"find {TOKEN}")


async def test_a_function_that_is_gone_is_a_failed_call(functions: dict[str, str]) -> None:
    gone = functions["plain"].replace(":plain:", ":gone:")
    refund = await pinned({"lambda": {"function": gone, "name": "refund"}}, tool_functions=("*",))
    result = await refund.call("refund", {"order": "A 1"})
    assert result.failure is not None
    assert (result.failure.cause, result.failure.code) == ("http", 404)
