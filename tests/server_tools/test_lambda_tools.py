"""Lambda functions as tools: requests are those of boto3, and so is what is read."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from pydantic import ValidationError

from antiphon.ports import ToolResult
from antiphon.server_tools.pinning import CannotPin
from tests.support.answering import Answer, Answering, Asked
from tests.support.aws_tools import FUNCTION, REFUND, SCHEMA, boto, same, tools
from tests.support.pinned import TOKEN, entry_of


async def test_a_function_is_invoked_with_the_arguments_and_its_token(aws: Answering) -> None:
    aws.answer = lambda _: Answer(json={"refunded": 5})
    refund = await tools({"lambda": REFUND})
    assert await refund.call("refund", {"order": "A 1"}) == ToolResult('{"refunded": 5}')
    context = base64.b64encode(
        json.dumps({"custom": {"antiphon_idempotency_key": TOKEN}}, separators=(",", ":")).encode()
    )
    boto("lambda").invoke(
        FunctionName=FUNCTION,
        InvocationType="RequestResponse",
        ClientContext=context.decode(),
        Payload=b'{"order":"A 1"}',
    )
    same(*aws.asked)


async def test_a_durable_function_is_started_under_the_name_of_the_call(aws: Answering) -> None:
    """The same name never starts a second execution (AWS Lambda Developer Guide, "Idempotency")."""
    refund = await tools({"lambda": REFUND | {"durable": True}})
    assert refund.tools["refund"].repeatable
    assert not (await tools({"lambda": REFUND})).tools["refund"].repeatable
    await refund.call("refund", {"order": "A"})
    await refund.call("refund", {"order": "A"})
    boto("lambda").invoke(
        FunctionName=FUNCTION,
        InvocationType="RequestResponse",
        DurableExecutionName=TOKEN,
        ClientContext=aws.asked[0].headers["x-amz-client-context"],
        Payload=b'{"order":"A"}',
    )
    assert [asked.headers["x-amz-durable-execution-name"] for asked in aws.asked] == [TOKEN] * 3
    same(aws.asked[1], aws.asked[2])


@pytest.mark.parametrize(
    ("returned", "output"), [("done", "done"), ({"a": "é"}, '{"a": "\\u00e9"}'), (None, "null"), ([1], "[1]")]
)
async def test_what_a_function_returns_is_shown_and_a_text_as_it_is(aws: Answering, returned: Any, output: str) -> None:
    aws.answer = lambda _: Answer(pieces=[json.dumps(returned).encode()])
    assert await (await tools({"lambda": REFUND})).call("refund") == ToolResult(output)


async def test_an_error_of_a_function_is_shown_without_its_stack_trace(aws: Answering) -> None:
    error = {
        "errorMessage": "no such order",
        "errorType": "KeyError",
        "stackTrace": ["  File /var/task/secret.py"],
        "requestId": "r",
    }
    aws.answer = lambda _: Answer(json=error, headers={"x-amz-function-error": "Unhandled"})
    result = await (await tools({"lambda": REFUND})).call("refund")
    assert result.output == "KeyError: no such order"
    assert result.failure is not None
    assert (result.failure.cause, result.failure.message) == ("execution", "The function failed.")


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (429, "TooManyRequestsException", "Lambda answered with status 429 (TooManyRequestsException)."),
        (
            404,
            "ResourceNotFoundException:http://internal.amazon.com/",
            "Lambda answered with status 404 (ResourceNotFoundException).",
        ),
        (
            403,
            "AccessDeniedException",
            "Lambda does not let us call it (AccessDeniedException). The operator must grant that.",
        ),
        (502, "", "Lambda answered with status 502."),
    ],
)
async def test_a_refusal_of_lambda_names_no_arn(aws: Answering, status: int, kind: str, message: str) -> None:
    aws.answer = lambda _: Answer(
        status, json={"Message": f"{FUNCTION} is wrong"}, headers={"x-amzn-errortype": kind} if kind else {}
    )
    result = await (await tools({"lambda": REFUND})).call("refund")
    assert result.failure is not None
    assert result == ToolResult(failure=result.failure)
    assert (result.failure.cause, result.failure.message, result.failure.code) == ("http", message, status)


async def test_an_event_that_lambda_would_refuse_is_not_sent(aws: Answering) -> None:
    result = await (await tools({"lambda": REFUND})).call("refund", {"order": "x" * 6_300_000})
    assert result.failure is not None
    assert result.failure.cause == "refused"
    assert aws.connections == 0


async def test_the_region_of_an_arn_is_the_one_that_is_called(aws: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    other = FUNCTION.replace("eu-central-1", "us-east-1")
    await (await tools({"lambda": REFUND | {"function": other}}, tool_functions=(other,))).call("refund")
    assert "/us-east-1/lambda/aws4_request" in aws.asked[0].headers["authorization"]


async def test_no_list_of_hosts_has_to_name_aws(aws: Answering) -> None:
    refund = await tools({"lambda": REFUND}, tool_hosts=("api.example.com",))
    assert (await refund.call("refund")).failure is None


async def test_a_function_that_speaks_mcp_lists_its_tools_when_the_agent_is_applied(aws: Answering) -> None:
    """The form of Amazon Bedrock's own tools ("Server-side tool use"): the event is a request of MCP."""
    listed = [{"name": name, "description": name.upper(), "inputSchema": SCHEMA} for name in ("find", "refund")]

    def answer(asked: Asked) -> Answer:
        result = (
            {"tools": listed}
            if asked.json["method"] == "tools/list"
            else {"content": [{"type": "text", "text": "found"}]}
        )
        return Answer(json={"jsonrpc": "2.0", "id": asked.json["id"], "result": result})

    aws.answer = answer
    crm = await tools({"lambda": {"function": FUNCTION, "payload": "mcp", "label": "crm", "allow": ["find"]}})
    assert [(tool.name, tool.description, tool.parameters) for tool in crm.server.tools] == [("find", "FIND", SCHEMA)]
    assert await crm.call("find", {"order": "A"}) == ToolResult("found")
    params = {"name": "find", "arguments": {"order": "A"}, "_meta": {"antiphon_idempotency_key": TOKEN}}
    assert aws.asked[1].json == {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


@pytest.mark.parametrize(
    ("returned", "cause", "message"),
    [
        ({"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message": "bad order"}}, "protocol", "bad order"),
        (
            {"jsonrpc": "2.0", "id": 1, "result": {"isError": True, "content": [{"type": "text", "text": "no"}]}},
            "execution",
            "The tool reports an error.",
        ),
        ("hello", "protocol", "The function did not return an answer of MCP."),
    ],
)
async def test_an_error_of_mcp_is_a_failure(aws: Answering, returned: Any, cause: str, message: str) -> None:
    listing = {"result": {"tools": [{"name": "find", "inputSchema": SCHEMA}]}}
    aws.answer = lambda asked: Answer(json=listing if asked.json["method"] == "tools/list" else returned)
    result = await (await tools({"lambda": {"function": FUNCTION, "payload": "mcp", "label": "crm"}})).call("find")
    assert result.failure is not None
    assert (result.failure.cause, result.failure.message) == (cause, message)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(json={"result": {"tools": []}}),
        Answer(json={"result": {"tools": [{"name": "find"}]}}),
        Answer(json={"result": {"tools": [{"name": "find", "inputSchema": SCHEMA}] * 2}}),
        Answer(json={"errorMessage": "broken"}, headers={"x-amz-function-error": "Unhandled"}),
        Answer(403, json={}),
        Answer(json="x"),
    ],
)
async def test_a_function_that_lists_no_usable_tools_is_refused_when_the_agent_is_applied(
    aws: Answering, answer: Answer
) -> None:
    aws.answer = lambda _: answer
    with pytest.raises(CannotPin):
        await tools({"lambda": {"function": FUNCTION, "payload": "mcp", "label": "crm"}})


@pytest.mark.parametrize(
    "source",
    [
        {"function": "refund", "name": "refund"},
        {"function": FUNCTION},
        {"function": FUNCTION, "name": "refund", "allow": ["a"]},
        {"function": FUNCTION, "payload": "mcp"},
        {"function": FUNCTION, "payload": "mcp", "label": "a", "name": "b"},
        {"function": FUNCTION.removesuffix(":live"), "name": "refund", "durable": True},
        {"function": FUNCTION, "name": "refund", "parameters": {"type": "string"}},
    ],
)
def test_a_function_that_is_described_wrongly_is_refused(source: Any) -> None:
    with pytest.raises(ValidationError):
        entry_of({"lambda": source})
