"""How requests of tools are authorized, over a socket: where secrets are read, and where they go."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from pydantic import ValidationError

from antiphon.access.keys import make_key
from antiphon.aws import secrets
from antiphon.fetch.egress import EgressError, ToolRequest
from antiphon.server_tools import oauth as oauth_tokens
from antiphon.server_tools.auth import Auth
from antiphon.server_tools.authorization import problems
from antiphon.server_tools.client import ToolClient
from antiphon.server_tools.references import NoCredentials
from antiphon.settings import Settings
from tests.support.answering import Answer, Answering, Asked
from tests.support.keeper import AWS, Keeper

CANARY = "canary-secret"
NAME = "crm/key"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOL_CRM", CANARY)


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    with Keeper() as keeper:
        for name, value in {**AWS, "AWS_ENDPOINT_URL": keeper.url}.items():
            monkeypatch.setenv(name, value)
        secrets._secrets.cache_clear()
        secrets._parameters.cache_clear()
        yield keeper
    for opened in (secrets._secrets, secrets._parameters):
        if opened.cache_info().currsize:
            opened().client.close()
        opened.cache_clear()


def settings(*servers: Answering, **more: Any) -> Settings:
    return Settings(database="x", tool_hosts=tuple(server.place for server in servers), **more)


def auth(**said: Any) -> dict[str, Any]:
    return Auth.model_validate(said).wire()


async def sent(client: ToolClient, url: str, way: dict[str, Any], times: int = 1) -> list[int]:
    statuses = []
    try:
        for _ in range(times):
            deadline = asyncio.get_running_loop().time() + 20
            request = ToolRequest(url, headers={"content-type": "application/json"}, body=b"{}")
            async with client.send(way, request, deadline=deadline) as reply:
                await reply.read()
                statuses.append(reply.status)
    finally:
        await client.aclose()
    return statuses


@pytest.mark.parametrize(
    ("said", "header", "value"),
    [
        ({"bearer": {"env": "TOOL_CRM"}}, "authorization", f"Bearer {CANARY}"),
        ({"header": {"name": "X-Api-Key", "value": {"env": "TOOL_CRM"}}}, "x-api-key", CANARY),
        (
            {"basic": {"user": "ada", "password": {"env": "TOOL_CRM"}}},
            "authorization",
            "Basic " + base64.b64encode(f"ada:{CANARY}".encode()).decode(),
        ),
    ],
)
async def test_a_secret_of_the_environment_goes_into_its_header(said: Any, header: str, value: str) -> None:
    with Answering() as server:
        assert await sent(ToolClient(settings(server)), server.url(), auth(**said)) == [200]
    assert server.asked[0].headers[header] == value


async def test_a_secret_may_be_a_parameter_of_the_query() -> None:
    """Source: OpenAPI 3, "Security Scheme Object": a key of an API may be in a header or in the query."""
    way = auth(query={"name": "api_key", "value": {"env": "TOOL_CRM"}})
    with Answering() as server:
        client = ToolClient(settings(server))
        assert await sent(client, server.url("/mcp?a=b"), way) == [200]
        assert await sent(client, server.url("/mcp"), way) == [200]
    assert [asked.path for asked in server.asked] == [f"/mcp?a=b&api_key={CANARY}", f"/mcp?api_key={CANARY}"]
    assert client.without_secrets(way, f"You asked for ?api_key={CANARY}") == "You asked for ?api_key=[secret]"


async def test_a_secret_of_aws_is_read_once_and_only_if_the_operator_lists_it(keeper: Keeper) -> None:
    keeper.put("secret", NAME, '{"token":"canary-secret"}')
    way = auth(bearer={"secret": NAME, "field": "token"})
    with Answering() as server:
        with pytest.raises(NoCredentials, match="ToolSecretArns"):
            await sent(ToolClient(settings(server)), server.url(), way)
        assert server.asked == []
        allowed = settings(server, tool_secrets=("crm/*",))
        assert await sent(ToolClient(allowed), server.url(), way, times=3) == [200, 200, 200]
    assert {asked.headers["authorization"] for asked in server.asked} == {f"Bearer {CANARY}"}
    assert keeper.reads == [NAME]


async def test_a_secret_that_was_replaced_is_read_again_once_the_server_refuses_the_old_one(keeper: Keeper) -> None:
    keeper.put("secret", NAME, "canary-old")

    def answer(asked: Asked) -> Answer:
        return Answer(200 if asked.headers["authorization"] == "Bearer canary-new" else 401, json={})

    with Answering(answer) as server:
        client = ToolClient(settings(server, tool_secrets=(NAME,)))
        assert await sent(client, server.url(), auth(bearer={"secret": NAME})) == [401]
        keeper.put("secret", NAME, "canary-new")
        client._authorization._secrets._kept[("secret", NAME, None)]._renewable_from = 0.0  # type: ignore[attr-defined]
        assert await sent(client, server.url(), auth(bearer={"secret": NAME})) == [200]


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "ANTIPHON_SEAL_KEYS", "tool_crm", "TOOL_"])
def test_an_agent_cannot_name_a_variable_that_is_not_for_tools(name: str) -> None:
    with pytest.raises(ValidationError):
        Auth.model_validate({"bearer": {"env": name}})


async def test_a_key_of_antiphon_is_never_sent_to_a_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    """Source: CVE-2026-59822, a gateway that passed the key of its callers on to MCP servers."""
    monkeypatch.setenv("TOOL_CRM", make_key("dev", lambda size: b"a" * size))
    with Answering() as server, pytest.raises(NoCredentials):
        await sent(ToolClient(settings(server)), server.url(), auth(bearer={"env": "TOOL_CRM"}))
    assert server.asked == []


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"bearer": {}},
        {"bearer": {"secret": "a", "parameter": "b"}},
        {"bearer": {"env": "TOOL_A", "field": "b"}},
        {"bearer": CANARY},
        {"bearer": {"env": "TOOL_A"}, "sigv4": "execute-api"},
        {"header": {"name": "Mcp-Name", "value": {"env": "TOOL_A"}}},
        {"header": {"name": "Host", "value": {"env": "TOOL_A"}}},
        {"header": {"name": "a: b", "value": {"env": "TOOL_A"}}},
        {"oauth": {"token_url": "file:///etc", "client_id": "a", "client_secret": {"env": "TOOL_A"}}},
        {"none": True},
    ],
    ids=str,
)
def test_what_is_no_way_of_authorization_is_refused_when_the_agent_is_applied(said: Any) -> None:
    with pytest.raises(ValidationError):
        Auth.model_validate(said)


def test_the_settings_that_forbid_a_secret_are_named() -> None:
    way = auth(oauth={"token_url": "https://a.example/t", "client_id": "a", "client_secret": {"parameter": "/crm"}})
    assert list(problems(way, settings())) == [
        "`auth` asks for the parameter /crm, which is not in ANTIPHON_TOOL_PARAMETERS (on AWS: ToolParameterArns)"
    ]
    assert list(problems(way, settings(tool_parameters=("/crm",)))) == []
    assert list(problems(auth(sigv4="bedrock-agentcore"), settings())) == []


def tokens(*, expires: int | None = 3600) -> Answering:
    """Return a token server whose n-th token is ``token-n``."""

    def answer(_: Asked) -> Answer:
        told = {"access_token": f"token-{len(server.asked)}", "token_type": "bearer", "expires_in": expires}
        return Answer(json={name: value for name, value in told.items() if value is not None})

    server = Answering(answer)
    return server


def oauth(server: Answering, **more: Any) -> dict[str, Any]:
    said = {"token_url": server.url("/token"), "client_id": "us:er", "client_secret": {"env": "TOOL_CRM"}}
    return auth(oauth=said | more)


async def test_a_token_is_asked_for_once_with_the_servers_url_as_its_resource() -> None:
    with tokens() as issuer, Answering() as server:
        client = ToolClient(settings(issuer, server))
        assert await sent(client, server.url("/mcp?a=b"), oauth(issuer, scope="tools read"), times=3) == [200] * 3
    (asked,) = issuer.asked
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["client_credentials"],
        "resource": [server.url()],
        "scope": ["tools read"],
    }
    assert asked.headers["authorization"] == "Basic " + base64.b64encode(b"us%3Aer:canary-secret").decode()
    assert {request.headers["authorization"] for request in server.asked} == {"Bearer token-1"}


async def test_a_client_may_prove_itself_in_the_body() -> None:
    with tokens() as issuer, Answering() as server:
        way = oauth(issuer, authentication="body", resource="urn:crm", audience="crm")
        await sent(ToolClient(settings(issuer, server)), server.url(), way)
    form = parse_qs(issuer.asked[0].body.decode())
    assert (form["client_id"], form["client_secret"]) == (["us:er"], [CANARY])
    assert (form["resource"], form["audience"]) == (["urn:crm"], ["crm"])
    assert "authorization" not in issuer.asked[0].headers


async def test_a_token_is_replaced_once_if_it_is_refused_and_when_it_expires() -> None:
    def answer(asked: Asked) -> Answer:
        return Answer(401 if asked.headers["authorization"] == "Bearer token-1" else 200, json={})

    with tokens() as issuer, Answering(answer) as server:
        assert await sent(ToolClient(settings(issuer, server)), server.url(), oauth(issuer), times=2) == [200, 200]
        assert len(issuer.asked) == 2
    with tokens(expires=20) as issuer, Answering() as server:
        await sent(ToolClient(settings(issuer, server)), server.url(), oauth(issuer), times=2)
        assert len(issuer.asked) == 2
    with tokens() as issuer, Answering(lambda _: Answer(401, json={})) as server:
        assert await sent(ToolClient(settings(issuer, server)), server.url(), oauth(issuer)) == [401]
        assert (len(issuer.asked), len(server.asked)) == (2, 2)


async def test_only_so_many_tokens_are_kept_and_the_oldest_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oauth_tokens, "MAX_TOKENS", 3)
    with tokens() as issuer, Answering() as server:
        client = ToolClient(settings(issuer, server))
        for number in (0, 1, 2, 0, 3, 0, 1):
            await sent(client, server.url(f"/{number}"), oauth(issuer))
    resources = [parse_qs(asked.body.decode())["resource"][0] for asked in issuer.asked]
    assert resources == [server.url(f"/{number}") for number in (0, 1, 2, 3, 1)]


async def test_the_tokens_of_several_servers_with_one_way_of_authorization_are_all_hidden() -> None:
    with tokens() as issuer, Answering() as server:
        client, way = ToolClient(settings(issuer, server)), oauth(issuer)
        for number in range(2):
            await sent(client, server.url(f"/{number}"), way)
    assert client.without_secrets(way, "token-1 and token-2") == "[secret] and [secret]"


async def test_where_tokens_come_from_is_never_read_from_a_server() -> None:
    """Source: CVE-2026-31943, a request to an address that a server's OAuth metadata named."""
    with Answering() as inside, tokens() as issuer:
        told = {"www-authenticate": f'Bearer resource_metadata="{inside.url("/metadata")}"'}
        with Answering(lambda _: Answer(401, json={}, headers=told)) as server:
            client = ToolClient(settings(issuer, server, inside))
            assert await sent(client, server.url(), oauth(issuer)) == [401]
            assert await sent(client, server.url(), auth(bearer={"env": "TOOL_CRM"})) == [401]
            assert await sent(client, server.url(), {}) == [401]
    assert inside.connections == 0


@pytest.mark.parametrize(
    "answer",
    [
        Answer(400, json={"error": "invalid_client", "error_description": CANARY}),
        Answer(json={"access_token": 5}),
        Answer(json={"access_token": "a", "token_type": "mac"}),
        Answer(json=[]),
        Answer(302, headers={"location": "http://127.0.0.1:1/"}),
        Answer(pieces=[b"x" * 70_000]),
    ],
)
async def test_without_a_token_nothing_is_sent_and_the_reason_holds_no_secret(answer: Answer) -> None:
    with Answering(lambda _: answer) as issuer, Answering() as server, pytest.raises(NoCredentials) as caught:
        await sent(ToolClient(settings(issuer, server)), server.url(), oauth(issuer))
    assert server.asked == []
    assert CANARY not in str(caught.value) + repr(caught.value)
    assert caught.value.failure.cause == "refused"


async def test_the_token_server_is_held_against_the_list_of_hosts() -> None:
    with tokens() as issuer, Answering() as server, pytest.raises(NoCredentials):
        await sent(ToolClient(settings(server)), server.url(), oauth(issuer))
    assert issuer.connections == 0


async def test_a_signature_covers_the_method_the_query_and_the_body(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    with Answering() as server:
        way = auth(sigv4={"service": "bedrock-agentcore", "region": "eu-central-1"})
        assert await sent(ToolClient(settings(server)), server.url("/mcp?b=2&a=1"), way) == [200]
    proof = server.asked[0].headers["authorization"]
    assert "/eu-central-1/bedrock-agentcore/aws4_request" in proof
    assert "SignedHeaders=content-type;host;x-amz-date" in proof


async def test_a_server_that_redirects_gets_the_credentials_and_nobody_else_does() -> None:
    """Sources: vercel/ai#20578 and adcontextprotocol/adcp-client#2427."""
    moved = Answer(307, headers={"location": "http://127.0.0.1/"})
    with Answering() as elsewhere, Answering(lambda _: moved) as server:
        moved.headers["location"] = elsewhere.url()
        client = ToolClient(settings(server, elsewhere))
        with pytest.raises(EgressError, match="redirect"):
            await sent(client, server.url(), auth(bearer={"env": "TOOL_CRM"}))
        assert elsewhere.connections == 0


async def test_a_secret_that_a_server_sends_back_is_hidden() -> None:
    with Answering() as server:
        client = ToolClient(settings(server))
        way = auth(basic={"user": "ada", "password": {"env": "TOOL_CRM"}})
        await sent(client, server.url(), way)
    echoed = server.asked[0].headers["authorization"]
    assert client.without_secrets(way, f"You sent {echoed} with {CANARY}.") == "You sent Basic [secret] with [secret]."
