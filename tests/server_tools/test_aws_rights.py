"""What a deployment allows the tools of AWS, and the credentials that they are called with."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import aiohttp
import pytest

from antiphon.ports import ToolCall
from antiphon.server_tools.aws import signature_problem
from antiphon.server_tools.pinning import CannotPin
from antiphon.server_tools.runners import Runners
from antiphon.server_tools.web_search.runner import WebSearchRunner
from antiphon.settings import Settings
from tests.support.answering import Answer, Answering
from tests.support.aws_tools import ALLOWED, BASE, FUNCTION, REFUND, SEARCHES, tools
from tests.support.pinned import TOKEN, pinned

GATEWAY = {
    "mcp": {"label": "gw", "url": "https://gw-1.gateway.bedrock-agentcore.eu-central-1.amazonaws.com/mcp"},
    "auth": {"sigv4": "bedrock-agentcore"},
}


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
