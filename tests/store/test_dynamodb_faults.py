from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import NoCredentialsError

from antiphon import measures
from antiphon.aws import caller
from antiphon.aws.signature import Credentials
from antiphon.errors import StorageUnavailable, Superseded
from antiphon.records import Agent, Grant, LogBatch, OpenRun, StoredResponse
from antiphon.store.dynamodb import client, open_stores
from antiphon.store.dynamodb.client import PAUSES, DynamoDB
from antiphon.store.dynamodb.protocol import Refusal
from local.lambda_host.dynamodb import Command, Emulator, Reply
from tests.support.dynamodb import sign_as_anyone
from tests.support.stored import NOW, OWNER, PLENTY, Stores, add_turn, claimed, ended, noise
from tests.support.tables import RESPONSES
from tests.support.throttling import refusing

THROTTLED = "ProvisionedThroughputExceededException"
GUIDE = Agent("acme", "guide", "openai", "gpt-5", author="ann")
TURN = claimed()
BATCH = LogBatch(0, 1, float(NOW), b"0\n", last=False)

Story = Callable[[Stores], Coroutine[Any, Any, Any]]
CALLS: dict[str, Story] = {
    "key read": lambda stores: stores.keys.get("00"),
    "last use": lambda stores: stores.keys.touch("acme", "00", NOW),
    "account": lambda stores: stores.directory.account("acme", "ann"),
    "agent": lambda stores: stores.directory.agent("acme", "guide", ["public"]),
    "agents": lambda stores: stores.directory.agents("acme", ["public", "user:ann"]),
    "grant": lambda stores: stores.directory.put(Grant("acme", "guide", "public", 1)),
    "new agent": lambda stores: stores.directory.put_agent(GUIDE),
    "get": lambda stores: stores.responses.get(OWNER, TURN.id, NOW),
    "load": lambda stores: stores.responses.chain(OWNER, TURN.id, NOW, PLENTY),
    "claim": lambda stores: stores.responses.claim(TURN),
    "commit": lambda stores: stores.responses.commit(ended(TURN)),
    "large commit": lambda stores: stores.responses.commit(ended(TURN, noise(900_000))),
    "delete": lambda stores: stores.responses.delete(OWNER, TURN.id),
    "batch of a log": lambda stores: stores.runs.append(OWNER, TURN.id, BATCH, NOW),
    "log": lambda stores: stores.runs.read(OWNER, TURN.id, 0),
    "end of a log": lambda stores: stores.runs.latest(OWNER, TURN.id),
    "run for a worker": lambda stores: stores.runs.open(OpenRun(OWNER, TURN.id, NOW)),
    "runs for workers": lambda stores: stores.runs.list_open(),
}


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    sign_as_anyone(monkeypatch)


async def run(url: str, call: Story) -> Any:
    stores = Stores(*open_stores("core", "responses", endpoint_url=url), lambda _: None)

    try:
        return await call(stores)
    finally:
        await stores.responses.aclose()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "BUDGET_SECONDS", 0.3)


class Drawn:
    """Draws no pause at all, and notes how long the longest could have been."""

    def __init__(self) -> None:
        self.longest: list[float] = []

    def uniform(self, _: float, longest: float) -> float:
        self.longest.append(longest)
        return 0.0


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Drawn:
    drawn = Drawn()
    monkeypatch.setattr(client, "_RANDOM", drawn)
    return drawn


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("name", CALLS)
async def test_a_throttled_store_is_unavailable_after_its_budget(name: str) -> None:
    with refusing(THROTTLED) as endpoint, pytest.raises(StorageUnavailable) as refused:
        await run(endpoint.url, CALLS[name])
    assert "canary-text" not in str(refused.value)


async def test_a_call_is_tried_again_as_long_as_the_budget_lasts_with_pauses_that_stop_growing(drawn: Drawn) -> None:
    """Retries whose delays end long before the throttling does are no retries: aws/aws-sdk-js#402."""
    with refusing(THROTTLED, refusals=20) as endpoint:
        assert await run(endpoint.url, CALLS["key read"]) is None
        assert endpoint.operations == ["GetItem"] * 21
    assert drawn.longest == [*PAUSES, *[PAUSES[-1]] * 16]


@pytest.mark.parametrize("code", ["ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException"])
async def test_stale_credentials_are_read_anew_and_the_call_is_sent_once_more(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signature was too old after a freeze, a token after its rotation: aws/aws-sdk-js-v3#7605, Yelp/Tron#1023."""
    signed: list[str] = []
    credentials_of = caller._keys
    monkeypatch.setattr(caller, "_keys", lambda environ: (signed.append("read"), credentials_of(environ))[1])
    with refusing(code, refusals=1) as endpoint:
        assert await run(endpoint.url, CALLS["key read"]) is None
        assert endpoint.operations == ["GetItem"] * 2
    assert signed == ["read"] * 2
    with refusing(code) as endpoint:
        with pytest.raises(Refusal, match=code):
            await run(endpoint.url, CALLS["key read"])
        assert endpoint.operations == ["GetItem"] * 2


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (THROTTLED, 400),
        ("ThrottlingException", 400),
        ("RequestLimitExceeded", 400),
        ("InternalServerError", 500),
        ("a checksum that does not fit", 200),
    ],
)
async def test_a_passing_fault_is_tried_again(code: str, status: int) -> None:
    with refusing(code, status=status, refusals=2) as endpoint:
        assert await run(endpoint.url, CALLS["key read"]) is None
        assert endpoint.operations == ["GetItem"] * 3


async def test_a_request_counts_its_calls_and_those_that_had_to_be_sent_again() -> None:
    async def reading(stores: Stores) -> measures.Measures:
        record = measures.begin("GET", None)
        await stores.keys.get("00")
        return record

    with refusing(THROTTLED, refusals=2) as endpoint:
        record = await run(endpoint.url, reading)
    assert (record.store_calls, record.store_retries) == (3, 2)


async def test_a_fault_that_does_not_pass_is_not_tried_again_and_says_what_it_is() -> None:
    with refusing("ResourceNotFoundException") as endpoint:
        with pytest.raises(Refusal, match="ResourceNotFoundException") as raised:
            await run(endpoint.url, CALLS["key read"])
        assert endpoint.operations == ["GetItem"]
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(("code", "level"), [("ConditionalCheckFailedException", "DEBUG"), (THROTTLED, "WARNING")])
async def test_a_call_that_failed_is_logged_with_its_request_id_and_nothing_of_its_content(
    caplog: pytest.LogCaptureFixture, code: str, level: str
) -> None:
    caplog.set_level("DEBUG", "antiphon.store.dynamodb")
    with refusing(code, refusals=1) as endpoint:
        assert await run(endpoint.url, CALLS["last use"]) is None
    assert told(caplog) == [(level, "DynamoDB call failed", "PutItem", code, "REQUEST42")]
    assert "canary-text" not in str(caplog.records[0].__dict__)


@pytest.mark.usefixtures("impatient")
async def test_a_call_without_an_answer_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(StorageUnavailable):
        await run(f"http://127.0.0.1:{port}", CALLS["get"])
    assert set(told(caplog)) == {("WARNING", "DynamoDB call failed", "GetItem", "ConnectionRefusedError", "")}


async def test_credentials_that_cannot_be_had_for_a_moment_are_waited_for(
    drawn: Drawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = caller._keys
    failures: Iterator[Exception] = iter([NoCredentialsError()] * 3)

    def keys(environ: Mapping[str, str]) -> Credentials:
        for failure in failures:
            raise failure
        return read(environ)

    monkeypatch.setattr(caller, "_keys", keys)
    with refusing(THROTTLED, refusals=0) as endpoint:
        assert await run(endpoint.url, CALLS["key read"]) is None
    assert len(drawn.longest) == 3


async def test_a_renewed_client_connects_anew_with_the_credentials_of_now(
    aws: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a SnapStart restore the connections are dead and the keys are those of the snapshot."""
    database = DynamoDB(endpoint_url=aws.url)
    first = database.connect()
    database.renew()
    database.renew()
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert database.connect() is not first
    with pytest.raises(Refusal, match="ResourceNotFoundException"):  # there are no tables in that region
        await database.get(RESPONSES, {"pk": {"S": "a"}, "sk": {"S": "b"}})
    await database.aclose()


@pytest.mark.usefixtures("impatient")
async def test_an_endpoint_that_refuses_connections_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(StorageUnavailable):
        await run(f"http://127.0.0.1:{port}", CALLS["get"])


async def test_a_claim_whose_answer_was_lost_counts_as_claimed(aws: Emulator, dynamodb: Stores) -> None:
    lose_first_answer(aws, "PutItem")
    await dynamodb.responses.claim(TURN)
    assert await dynamodb.responses.get(OWNER, TURN.id, NOW) is not None


async def test_a_batch_of_a_log_whose_answer_was_lost_counts_as_logged(aws: Emulator, dynamodb: Stores) -> None:
    lose_first_answer(aws, "PutItem")
    assert await dynamodb.runs.append(OWNER, TURN.id, BATCH, NOW + 60)
    assert await dynamodb.runs.read(OWNER, TURN.id, 0) == [BATCH]


@pytest.mark.parametrize("length", [2, 900_000])
async def test_a_commit_whose_answer_was_lost_counts_as_committed(aws: Emulator, dynamodb: Stores, length: int) -> None:
    await dynamodb.responses.claim(TURN)
    lose_first_answer(aws, "PutItem")
    await dynamodb.responses.commit(ended(TURN, noise(length)))
    found = await dynamodb.responses.get(OWNER, TURN.id, NOW)
    assert found is not None
    assert found.response == ended(TURN, noise(length)).response


async def test_a_deletion_whose_answer_was_lost_counts_as_deleted(aws: Emulator, dynamodb: Stores) -> None:
    await add_turn(dynamodb.responses)
    lose_first_answer(aws, "DeleteItem")
    assert await dynamodb.responses.delete(OWNER, TURN.id)
    assert await dynamodb.responses.get(OWNER, TURN.id, NOW) is None


async def test_a_writer_that_dies_between_parts_and_head_leaves_the_claim_as_it_was(
    aws: Emulator, dynamodb: Stores
) -> None:
    turn = claimed(input=[{"text": noise(800_000)}])
    await dynamodb.responses.claim(turn)
    before = await dynamodb.responses.get(OWNER, turn.id, NOW)
    throttle_heads(aws)
    with pytest.raises(StorageUnavailable):
        await dynamodb.responses.commit(ended(turn, noise(800_000, seed=2)))
    assert await dynamodb.responses.get(OWNER, turn.id, NOW) == before
    rows = all_rows(aws)
    assert len(rows) == 2 + 3  # the claim's head and part, and the dead writer's parts, which go with their TTL
    assert all(row["expires_at"]["N"] == str(turn.expires_at) for row in rows)


def claimed_and_committed_before(aws: Emulator, stores: Stores, operation: str) -> StoredResponse:
    """Claim a large response, and commit it just before the next call of an operation of DynamoDB."""
    turn = claimed(input=[{"text": noise(800_000)}])
    asyncio.run(stores.responses.claim(turn))
    once = iter([True])

    def commit(call: Command) -> Reply:
        if call.operation == operation and next(once, False):
            asyncio.run(stores.responses.commit(ended(turn)))
        return aws.ask(call)

    aws.handle = commit
    return turn


def test_a_response_that_is_committed_while_its_claim_is_being_read_is_not_lost(
    aws: Emulator, dynamodb: Stores
) -> None:
    turn = claimed_and_committed_before(aws, dynamodb, "Query")
    found = asyncio.run(dynamodb.responses.get(OWNER, turn.id, NOW))
    assert found is not None
    assert found.response == ended(turn).response


def test_a_response_that_is_committed_while_it_is_being_deleted_is_deleted(aws: Emulator, dynamodb: Stores) -> None:
    turn = claimed_and_committed_before(aws, dynamodb, "DeleteItem")
    assert asyncio.run(dynamodb.responses.delete(OWNER, turn.id))
    assert all_rows(aws) == []


async def test_nothing_is_left_over_after_commit_lost_commit_or_deletion(aws: Emulator, dynamodb: Stores) -> None:
    turn = claimed(input=[{"text": noise(800_000)}])
    store = dynamodb.responses

    await store.claim(turn)
    assert len(all_rows(aws)) == 2
    await store.commit(ended(turn, noise(400_000, seed=2)))
    committed = all_rows(aws)
    assert len(committed) == 3
    with pytest.raises(Superseded):
        await store.commit(ended(turn, noise(900_000, seed=3)))
    assert all_rows(aws) == committed
    assert await store.delete(OWNER, turn.id)
    assert all_rows(aws) == []


async def test_keys_that_a_batch_did_not_process_are_asked_for_again(aws: Emulator, dynamodb: Stores) -> None:
    await dynamodb.directory.put_agent(GUIDE)
    rounds: Iterator[int] = iter(range(2))

    def leave_out(call: Command) -> Reply:
        if call.operation != "BatchGetItem" or next(rounds, None) is None:
            return aws.ask(call)
        return 200, {"Responses": {}, "UnprocessedKeys": call.arguments["RequestItems"]}

    aws.handle = leave_out
    assert await dynamodb.directory.agent("acme", "guide", ["user:ann"]) == (GUIDE, 15)
    assert next(rounds, None) is None


async def test_a_batch_that_makes_progress_is_paused_for_as_briefly_as_at_its_start(
    aws: Emulator, dynamodb: Stores, drawn: Drawn
) -> None:
    keys = [{"pk": {"S": f"a{number}"}, "sk": {"S": "b"}} for number in range(12)]

    def one_at_a_time(call: Command) -> Reply:
        [(table, request)] = call.arguments["RequestItems"].items()
        asked = request if isinstance(request, list) else request["Keys"]
        left = asked[1:]
        unprocessed = {table: left if isinstance(request, list) else {**request, "Keys": left}} if left else {}
        name = "UnprocessedItems" if isinstance(request, list) else "UnprocessedKeys"
        return 200, {"Responses": {}, name: unprocessed}

    aws.handle = one_at_a_time
    database = DynamoDB(endpoint_url=aws.url)
    await database.batch_get(RESPONSES, keys)
    await database.batch_delete(RESPONSES, keys)
    await database.aclose()
    assert drawn.longest == [PAUSES[0]] * 22


@pytest.mark.usefixtures("impatient")
async def test_keys_that_are_never_processed_make_the_store_unavailable(aws: Emulator, dynamodb: Stores) -> None:
    def leave_out(call: Command) -> Reply:
        return 200, {"Responses": {}, "UnprocessedKeys": call.arguments["RequestItems"]}

    aws.handle = leave_out
    with pytest.raises(StorageUnavailable):
        await dynamodb.directory.agent("acme", "guide", ["user:ann"])


async def test_a_second_close_does_nothing(aws: Emulator) -> None:
    database = DynamoDB(endpoint_url=aws.url)
    await database.get(RESPONSES, {"pk": {"S": "a"}, "sk": {"S": "b"}})
    await database.aclose()
    await database.aclose()


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[Any, ...]]:
    """Return what was logged, with its fields."""
    fields = ("levelname", "msg", "operation", "code", "dynamodb_request_id")
    return [tuple(getattr(record, field) for field in fields) for record in caplog.records]


def all_rows(aws: Emulator) -> list[dict[str, Any]]:
    """Read the whole table of responses."""
    rows: list[dict[str, Any]] = []
    arguments = {"TableName": RESPONSES}
    while True:
        _, page = aws.ask(Command("Scan", arguments))
        rows += page["Items"]
        if "LastEvaluatedKey" not in page:
            return rows
        arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def lose_first_answer(aws: Emulator, operation: str) -> None:
    """Let one call take effect and its answer be a fault."""
    once = iter([True])

    def lose(call: Command) -> Reply:
        answer = aws.ask(call)
        if call.operation == operation and next(once, False):
            return 500, {"__type": "InternalServerError", "message": "lost"}
        return answer

    aws.handle = lose


def throttle_heads(aws: Emulator) -> None:
    """Refuse every write of a head from now on."""

    def refuse(call: Command) -> Reply:
        if call.operation == "PutItem" and "document" in call.arguments["Item"]:
            return 400, {"__type": THROTTLED}
        return aws.ask(call)

    aws.handle = refuse
