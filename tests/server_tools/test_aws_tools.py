"""Lambda functions, knowledge bases and the web search: requests are those of boto3, and so is what is read."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
from collections.abc import Iterator
from typing import Any

import aiohttp
import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from pydantic import ValidationError

from antiphon.ports import Found, ToolCall, ToolResult
from antiphon.server_tools.aws import signature_problem
from antiphon.server_tools.pinning import CannotPin
from antiphon.server_tools.runners import Runners
from antiphon.server_tools.web_search.runner import WebSearchRunner
from antiphon.settings import Settings
from tests.support.answering import Answer, Answering, Asked
from tests.support.pinned import TOKEN, PinnedTools, entry_of, pinned

FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:refund:live"
BASE = "arn:aws:bedrock:eu-central-1:123456789012:knowledge-base/ABCDEFGHIJ"
SCHEMA = {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}
REFUND = {"function": FUNCTION, "name": "refund", "description": "Refunds.", "parameters": SCHEMA}
ALLOWED: dict[str, Any] = {"tool_functions": (FUNCTION,), "knowledge_bases": (BASE,), "web_search": "on"}
SENT = ("content-type", "x-amz-invocation-type", "x-amz-client-context", "x-amz-durable-execution-name")
KNOWN: dict[str, Any] = {"retrievalResults": []}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    """AWS: a server that notes what it is asked."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "HTTPS_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Answering() as server:
        for name, value in {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "DEFAULT_REGION": "eu-central-1"}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url("").rstrip("/"))
        yield server


def boto(name: str, region: str = "eu-central-1") -> Any:
    return boto3.client(name, region_name=region, config=Config(retries={"total_max_attempts": 1}))


def same(ours: Asked, theirs: Asked) -> None:
    """Require that two requests are the same, but for the time and the order of JSON's fields."""
    assert (ours.method, ours.path) == (theirs.method, theirs.path)
    assert json.loads(ours.body) == json.loads(theirs.body)
    for name in SENT[1:]:
        assert ours.headers.get(name) == theirs.headers.get(name)
    scopes = [part(asked, "Credential").split("/")[2:] for asked in (ours, theirs)]
    assert scopes[0] == scopes[1]
    require_signed(ours)


def part(asked: Asked, name: str) -> str:
    return asked.headers["authorization"].partition(f"{name}=")[2].partition(",")[0]


def require_signed(asked: Asked) -> None:
    """Require that a signature covers all that it must, and is the one that botocore makes."""
    names = part(asked, "SignedHeaders").split(";")
    assert {"host", "content-type", *(name for name in asked.headers if name.startswith("x-amz-"))} == {*names}
    headers = {name: asked.headers[name] for name in names if name != "x-amz-date"}
    url = f"http://{asked.headers['host']}{asked.path}"
    request = AWSRequest(method=asked.method, url=url, data=asked.body, headers=headers)
    request.context["timestamp"] = asked.headers["x-amz-date"]
    request.headers["X-Amz-Date"] = asked.headers["x-amz-date"]
    _, _, region, service, _ = part(asked, "Credential").split("/")
    signer = SigV4Auth(Credentials("a", "b"), service, region)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    assert signer.signature(text, request) == part(asked, "Signature")


async def tools(entry: Any, **settings: Any) -> PinnedTools:
    return await pinned(entry, **(ALLOWED | settings))


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


PASSAGES = {
    "retrievalResults": [
        {
            "content": {"type": "TEXT", "text": "Refunds take 5 days."},
            "location": {"type": "S3", "s3Location": {"uri": "s3://docs/policies/refunds.pdf"}},
            "metadata": {"x-amz-bedrock-kb-document-page-number": 3},
            "score": 0.75,
        },
        {
            "content": {"type": "ROW", "row": [{"columnName": "id", "columnValue": "7", "type": "LONG"}]},
            "location": {"type": "SQL", "sqlLocation": {"query": "SELECT"}},
        },
        {
            "content": {"type": "AUDIO", "audio": {"s3Uri": "s3://a/b.mp3", "transcription": "Hello."}},
            "location": {"type": "WEB", "webLocation": {"url": "https://example.com/talk"}},
            "documentId": "d1",
            "metadata": {"x-amz-bedrock-kb-source-file-name": "Talk"},
        },
    ]
}


async def test_a_knowledge_base_finds_passages_with_their_sources(aws: Answering) -> None:
    condition = {
        "andAll": [{"equals": {"key": "team", "value": "eu"}}, {"greaterThan": {"key": "year", "value": 2024}}]
    }
    aws.answer = lambda _: Answer(json=PASSAGES)
    base = await tools({"knowledge_base": {"id": "ABCDEFGHIJ", "results": 3, "filter": condition, "search": "hybrid"}})
    (tool,) = base.server.tools
    assert (tool.repeatable, tool.parameters["required"]) == (True, ["query"])
    result = await base.call("search", {"query": "refunds?"})
    assert result.found == (
        Found(
            "s3://docs/policies/refunds.pdf",
            "refunds.pdf",
            "Refunds take 5 days.",
            "s3://docs/policies/refunds.pdf",
            0.75,
        ),
        Found("", "", "id: 7"),
        Found("https://example.com/talk", "Talk", "Hello.", "d1"),
    )
    assert result.output.startswith("[1] refunds.pdf s3://docs/policies/refunds.pdf\nRefunds take 5 days.\n\n[2]")
    search = {"numberOfResults": 3, "filter": condition, "overrideSearchType": "HYBRID"}
    found = boto("bedrock-agent-runtime").retrieve(
        knowledgeBaseId="ABCDEFGHIJ",
        retrievalQuery={"text": "refunds?"},
        retrievalConfiguration={"vectorSearchConfiguration": search},
    )
    same(*aws.asked)
    assert [one["content"]["type"] for one in found["retrievalResults"]] == ["TEXT", "ROW", "AUDIO"]


async def test_a_knowledge_base_may_be_named_by_its_arn(aws: Answering) -> None:
    other = BASE.replace("eu-central-1", "us-east-1")
    aws.answer = lambda _: Answer(json=KNOWN)
    base = await tools(
        {"knowledge_base": {"id": other, "label": "docs"}}, knowledge_bases=("arn:aws:bedrock:*:knowledge-base/*",)
    )
    assert await base.call("search", {"query": "x"}) == ToolResult("Nothing was found.")
    boto("bedrock-agent-runtime", "us-east-1").retrieve(
        knowledgeBaseId=other,
        retrievalQuery={"text": "x"},
        retrievalConfiguration={"vectorSearchConfiguration": {"numberOfResults": 8}},
    )
    same(*aws.asked)


@pytest.mark.parametrize(
    "condition",
    [{}, {"equals": {"key": "a"}}, {"andAll": [{"equals": {"key": "a", "value": 1}}]}, {"is": {}}, {"andAll": [1, 2]}],
)
def test_a_filter_that_bedrock_would_refuse_is_refused_when_the_agent_is_applied(condition: Any) -> None:
    with pytest.raises(ValidationError):
        entry_of({"knowledge_base": {"id": "ABCDEFGHIJ", "filter": condition}})


async def test_the_web_is_searched_within_the_domains_of_the_agent(aws: Answering) -> None:
    page = {"title": "Limits", "url": "https://docs.aws.amazon.com/x", "text": "Six MB.", "publishedAt": 1790000000}
    aws.answer = lambda _: Answer(json={"results": [page, {"text": "No address."}]})
    web = await tools({"web_search": {"include": ["docs.aws.amazon.com"], "exclude": ["example.com"], "results": 5}})
    result = await web.call("web_search", {"query": "  lambda limits "})
    assert result.found == (Found(page["url"], "Limits", "Six MB.", page["url"]), Found("", "", "No address."))
    assert result.output == "[1] Limits https://docs.aws.amazon.com/x\nSix MB.\n\n[2]\nNo address."
    found = boto("bedrock-agentcore").invoke_web_search(
        webSearchId="web-search.v1",
        searchQuery="lambda limits",
        maxResults=5,
        filters={"domainFilter": {"include": ["docs.aws.amazon.com"], "exclude": ["example.com"]}},
    )
    same(*aws.asked)
    assert found["results"][0]["url"] == page["url"]


async def test_a_query_that_is_too_long_is_cut_rather_than_refused(aws: Answering) -> None:
    aws.answer = lambda _: Answer(json={"results": []})
    web = await tools({"web_search": {}}, web_search="us-east-1")
    assert await web.call("web_search", {"query": "x" * 300}) == ToolResult("Nothing was found.")
    assert aws.asked[0].json == {"searchQuery": "x" * 200, "maxResults": 10}
    assert "/us-east-1/bedrock-agentcore/" in aws.asked[0].headers["authorization"]


GATEWAY = {
    "mcp": {"label": "gw", "url": "https://gw-1.gateway.bedrock-agentcore.eu-central-1.amazonaws.com/mcp"},
    "auth": {"sigv4": "bedrock-agentcore"},
}
SEARCHES = [({"knowledge_base": {"id": "ABCDEFGHIJ"}}, "search"), ({"web_search": {}}, "web_search")]


@pytest.mark.parametrize(("entry", "name"), SEARCHES)
@pytest.mark.parametrize(
    "answer",
    [Answer(json={}), Answer(json=[]), Answer(json={"results": [1], "retrievalResults": [1]}), Answer(pieces=[b"<"])],
)
async def test_an_answer_that_is_none_of_the_api_is_a_failure(
    aws: Answering, entry: Any, name: str, answer: Answer
) -> None:
    aws.answer = lambda _: answer
    result = await (await tools(entry)).call(name, {"query": "x"})
    assert result.failure is not None
    assert result.failure.cause == "protocol"


@pytest.mark.parametrize(("entry", "name"), SEARCHES)
@pytest.mark.parametrize("arguments", [{}, {"query": " "}, {"query": 5}])
async def test_a_search_for_nothing_is_not_sent(aws: Answering, entry: Any, name: str, arguments: Any) -> None:
    result = await (await tools(entry)).call(name, arguments)
    assert result.failure is not None
    assert result.failure.cause == "refused"
    assert aws.connections == 0


@pytest.mark.parametrize(("entry", "name"), SEARCHES)
async def test_a_throttled_search_is_a_failure_with_its_number(aws: Answering, entry: Any, name: str) -> None:
    aws.answer = lambda _: Answer(
        429, json={"message": "slow down"}, headers={"x-amzn-errortype": "ThrottlingException"}
    )
    result = await (await tools(entry)).call(name, {"query": "x"})
    assert result.failure is not None
    assert (result.failure.cause, result.failure.code) == ("http", 429)


@pytest.mark.parametrize(
    ("entry", "parameter"),
    [
        ({"lambda": REFUND}, "ToolFunctionArns"),
        ({"knowledge_base": {"id": "ABCDEFGHIJ"}}, "KnowledgeBaseArns"),
        ({"knowledge_base": {"id": BASE}}, "KnowledgeBaseArns"),
        ({"web_search": {}}, "WebSearch"),
        (GATEWAY, "ToolGatewayArns"),
    ],
)
async def test_what_the_deployment_does_not_allow_is_refused_with_the_name_of_its_parameter(
    aws: Answering, entry: Any, parameter: str
) -> None:
    with pytest.raises(CannotPin, match=parameter):
        await pinned(entry)


def test_a_gateway_is_allowed_by_its_arn_and_only_a_signature_needs_that() -> None:
    url, listed = GATEWAY["mcp"]["url"], ("arn:aws:bedrock-agentcore:eu-central-1:123456789012:gateway/gw-1",)
    settings = Settings(database=":memory:", tool_gateways=listed)
    assert signature_problem(url, GATEWAY["auth"], settings) is None
    assert signature_problem(url, {"bearer": {"env": "TOOL_A"}}, Settings(database=":memory:")) is None
    assert "gw-2" in str(signature_problem(url.replace("gw-1", "gw-2"), GATEWAY["auth"], settings))


@pytest.mark.parametrize("service", ["secretsmanager", "dynamodb"])
async def test_a_signature_goes_to_no_host_that_the_operator_does_not_list(service: str) -> None:
    """It has all rights of the process: an agent could read the key of a provider with it."""
    url = f"https://{service}.eu-central-1.amazonaws.com"
    paths = {"/": {"post": {"operationId": "GetSecretValue", "requestBody": {"content": {"application/json": {}}}}}}
    api = {"http": {"label": "aws", "openapi": {"openapi": "3.0.0", "paths": paths}, "url": url}}
    mcp = {"mcp": {"label": "aws", "url": url}}
    for entry in (api, mcp):
        with pytest.raises(CannotPin, match=r"gets no signature .* ToolHosts"):
            await pinned(entry | {"auth": {"sigv4": service}})
    listed = await pinned(api | {"auth": {"sigv4": service}}, tool_hosts=(f"{service}.eu-central-1.amazonaws.com",))
    assert listed.server.auth == {"sigv4": {"service": service}}


@pytest.mark.parametrize(("entry", "name"), [*SEARCHES, ({"lambda": REFUND}, "refund")])
async def test_what_is_not_allowed_any_more_is_not_called(aws: Answering, entry: Any, name: str) -> None:
    allowed = await tools(entry)
    later = await pinned(entry, **ALLOWED)
    later._runners = type(allowed._runners)(
        allowed._runners._settings.model_copy(update={"tool_functions": (), "knowledge_bases": (), "web_search": "off"})
    )
    result = await later.call(name, {"query": "x"})
    assert result.failure is not None
    assert result.failure.cause == "refused"
    assert aws.connections == 0


async def test_credentials_that_are_fetched_are_fetched_once(aws: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that starts from a snapshot has those of a container, and no keys in its environment."""
    keys = {"AccessKeyId": "c", "SecretAccessKey": "d", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    aws.answer = lambda _: Answer(json={"results": []})
    runner = WebSearchRunner(Settings(database=":memory:", web_search="on"))
    web = await tools({"web_search": {}})
    with Answering(lambda _: Answer(json=keys)) as container:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.url("/credentials"))
        for _ in range(3):
            deadline = asyncio.get_running_loop().time() + 20
            call = ToolCall(TOKEN, web.server, web.server.tools[0], {"query": "x"}, deadline)
            assert (await runner.call(call)).failure is None
        await runner.aclose()
    assert len(container.asked) == 1
    assert {asked.headers["x-amz-security-token"] for asked in aws.asked} == {"t"}


@pytest.mark.parametrize(("entry", "name"), [*SEARCHES, ({"lambda": REFUND}, "refund")])
async def test_without_credentials_nothing_is_sent(
    aws: Answering, entry: Any, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    result = await (await tools(entry)).call(name, {"query": "x"})
    assert result.failure is not None
    assert result.failure.cause == "refused"
    assert aws.connections == 0


async def test_calls_that_are_made_at_once_share_one_client(aws: Answering) -> None:
    """The first calls of a process came with clients of their own, of which all but one were never closed."""
    settings = Settings(database=":memory:", tool_functions=("*",))
    runners = Runners(settings)
    entry = {"lambda": {"function": FUNCTION, "name": "refund"}}
    found = await tools(entry, tool_functions=("*",))
    deadline = asyncio.get_running_loop().time() + 20
    asked = [ToolCall(f"mcp_{number}", found.server, found.tools["refund"], {}, deadline) for number in range(4)]
    await asyncio.gather(*(runners("lambda").call(one) for one in asked))
    await runners.aclose()
    assert len(aws.asked) == len(asked)
    gc.collect()
    assert [each for each in gc.get_objects() if isinstance(each, aiohttp.ClientSession) and not each.closed] == []
