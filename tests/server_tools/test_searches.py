"""Knowledge bases and the web search: requests are those of boto3, and so is what is read."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from antiphon.ports import Found, ToolResult
from tests.support.answering import Answer, Answering
from tests.support.aws_tools import BASE, SEARCHES, boto, same, tools
from tests.support.pinned import entry_of

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
    aws.answer = lambda _: Answer(json={"retrievalResults": []})
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
