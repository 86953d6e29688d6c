"""The function that sends events: what the table's stream and the queue make it do; SQS and EventBridge on a socket."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import urllib.parse
from dataclasses import replace
from pathlib import Path

import openai
import pytest

from antiphon.bootstrap import event_sender
from antiphon.ids import place_of
from antiphon.records import EventDelivery, Webhook, WebhookSecret, dump
from antiphon.store.dynamodb import layout
from antiphon.store.dynamodb.approvals import DynamoDBApprovals
from antiphon.store.dynamodb.changes import ENDED, RUNNING
from antiphon.store.dynamodb.client import DynamoDB
from antiphon.store.dynamodb.conversations import DynamoDBConversations
from antiphon.store.dynamodb.webhooks import DynamoDBWebhooks
from antiphon.webhooks.delivery import PAUSES
from antiphon.webhooks.events import TYPES
from tests.support.answering import Answer, Answering
from tests.support.dynamodb import dynamodb
from tests.support.stored import NOW, approval, claimed
from tests.support.tables import CORE, RESPONSES, create_tables

ROOT = Path(__file__).parents[2]
QUEUE = "https://sqs.eu-central-1.amazonaws.com/1/hooks"
SECRET = WebhookSecret("whsec_" + "QUJD" * 8)


@pytest.fixture
def aws():
    """SQS and EventBridge: they note what they are asked, and take everything."""
    with Answering() as server:
        yield server


@pytest.fixture
def environ(aws, receiver):
    with dynamodb() as emulator:
        create_tables(emulator)
        yield {
            "ANTIPHON_CORE_TABLE": CORE,
            "ANTIPHON_RESPONSES_TABLE": RESPONSES,
            "ANTIPHON_AWS_ENDPOINT_URL": emulator.url,
            "ANTIPHON_WEBHOOK_QUEUE": QUEUE,
            "ANTIPHON_WEBHOOK_HOSTS": receiver.place,
            "ANTIPHON_EVENT_BUS": "orders",
            "AWS_ENDPOINT_URL_SQS": aws.url(""),
            "AWS_ENDPOINT_URL_EVENTS": aws.url(""),
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "made-up",
            "AWS_SECRET_ACCESS_KEY": "made-up",
        }


@pytest.fixture
async def database(monkeypatch, environ):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    database = DynamoDB(endpoint_url=environ["ANTIPHON_AWS_ENDPOINT_URL"])
    yield database
    await database.aclose()


@pytest.fixture
async def handle(database):
    events = event_sender()

    async def handle(*records):
        return await events.send(records)

    yield handle
    await events.aclose()


def webhook(receiver, name="we_1", types=TYPES):
    return Webhook("acme", name, receiver.url("/hook"), tuple(types), (SECRET,), NOW, NOW)


async def ended(database, status="completed", **changes):
    """Store a response that ends, and return the record of the stream that AWS makes of it."""
    store = DynamoDBConversations(database, RESPONSES)
    turn = replace(claimed(), **changes)
    key = layout.turn(turn.owner, place_of(turn.id))
    await store.claim(turn)
    before = await database.get(RESPONSES, key)
    await store.commit(replace(turn, status=status, response={**turn.response, "status": status}))
    after = await database.get(RESPONSES, key)
    change = {"SequenceNumber": f"1{status}", "ApproximateCreationDateTime": NOW, "OldImage": before, "NewImage": after}
    return {"eventSource": "aws:dynamodb", "eventName": "MODIFY", "dynamodb": change}, turn


def message(attempt=1, **changes):
    delivery = EventDelivery("acme", "we_1", "ann", "resp_1", "response.failed", NOW)
    return {
        "eventSource": "aws:sqs",
        "messageId": "m1",
        "receiptHandle": "h1",
        "body": dump(replace(delivery, **changes)).decode(),
        "attributes": {"ApproximateReceiveCount": str(attempt)},
    }


def calls(aws):
    return [(asked.headers["x-amz-target"].split(".")[1], asked.json) for asked in aws.asked]


@pytest.mark.parametrize("status", sorted(ENDED))
async def test_a_response_that_ends_goes_to_the_queue_once_for_each_webhook_and_to_the_bus(
    database, handle, aws, receiver, status
):
    webhooks = DynamoDBWebhooks(database, CORE)
    await webhooks.put(webhook(receiver))
    await webhooks.put(webhook(receiver, "we_2"))
    await webhooks.put(webhook(receiver, "we_3", ["response.born"]))
    record, turn = await ended(database, status)
    assert await handle(record) == []
    (queued, sent), (put, entries) = calls(aws)
    assert (queued, sent["QueueUrl"], put) == ("SendMessageBatch", QUEUE, "PutEvents")
    assert [json.loads(entry["MessageBody"])["webhook"] for entry in sent["Entries"]] == ["we_1", "we_2"]
    [entry] = entries["Entries"]
    assert (entry["EventBusName"], entry["Source"], entry["DetailType"]) == ("orders", "antiphon", f"response.{status}")
    detail = json.loads(entry["Detail"])
    assert (detail["data"], detail["tenant"], detail["user"]) == ({"id": turn.id}, "acme", "ann")


async def test_a_call_that_waits_for_an_approval_is_an_event(database, handle, aws):
    asked = approval()
    await DynamoDBApprovals(database, RESPONSES).save(asked)
    row = await database.get(RESPONSES, layout.pending_approval(asked))
    row["document"]["B"] = base64.b64encode(bytes(row["document"]["B"])).decode()  # as Lambda passes it
    change = {"SequenceNumber": "1", "NewImage": row, "Keys": {"pk": row["pk"], "sk": row["sk"]}}
    assert await handle({"eventSource": "aws:dynamodb", "eventName": "INSERT", "dynamodb": change}) == []
    [(_, entries)] = [call for call in calls(aws) if call[0] == "PutEvents"]
    [entry] = entries["Entries"]
    assert (entry["DetailType"], json.loads(entry["Detail"])["data"]) == ("approval.requested", {"id": asked.id})


async def test_a_change_that_is_no_ending_sends_nothing(database, handle, aws):
    record, _ = await ended(database)
    change = record["dynamodb"]
    running = {**change, "NewImage": change["OldImage"]}
    again = {**change, "OldImage": change["NewImage"]}
    inserted = {name: value for name, value in change.items() if name != "OldImage"}
    removed = {name: value for name, value in change.items() if name != "NewImage"}
    records = [{**record, "dynamodb": each} for each in (running, again, inserted, removed)]
    assert await handle(*records) == []
    assert aws.asked == []


async def test_what_the_bus_or_the_queue_does_not_take_is_passed_again_from_there(database, handle, aws, receiver):
    await DynamoDBWebhooks(database, CORE).put(webhook(receiver))
    record, _ = await ended(database)
    later = {**record, "dynamodb": {**record["dynamodb"], "SequenceNumber": "2"}}
    for refusal in (Answer(json={"Failed": [{"Id": "0"}]}), Answer(json={"FailedEntryCount": 1}), Answer(400)):
        aws.answer = lambda _, refusal=refusal: refusal
        assert await handle(record, later) == [record["dynamodb"]["SequenceNumber"]]


async def test_a_message_of_the_queue_is_delivered_and_verified(database, handle, receiver):
    await DynamoDBWebhooks(database, CORE).put(webhook(receiver))
    assert await handle(message()) == []
    [asked] = receiver.asked
    event = openai.OpenAI(api_key="none").webhooks.unwrap(asked.body, asked.headers, secret=SECRET.text)
    assert (event.type, event.data.id) == ("response.failed", "resp_1")


async def test_a_failed_delivery_is_hidden_for_longer_each_time_and_kept_after_the_last(
    database, handle, aws, receiver
):
    webhooks = DynamoDBWebhooks(database, CORE)
    await webhooks.put(webhook(receiver))
    receiver.answer = lambda _: Answer(500)
    for attempt in range(1, len(PAUSES) + 1):
        assert await handle(message(attempt)) == ["m1"]
    hidden = [arguments["VisibilityTimeout"] for _, arguments in calls(aws)]
    last = await webhooks.last_attempt("acme", "we_1")
    assert (last.attempts, last.failure) == (len(PAUSES), "500")
    assert hidden == [min(pause, 43_140) for pause in PAUSES]
    assert await handle(message(len(PAUSES) + 1)) == []
    [failed] = (await webhooks.failed("acme", 10)).records
    assert (failed.subject, failed.attempts, failed.failure) == ("resp_1", len(PAUSES) + 1, "500")


async def test_a_message_for_a_webhook_that_is_gone_is_dropped_and_one_that_is_no_message_comes_again(
    database, handle, receiver
):
    assert await handle(message()) == []
    assert await handle({**message(), "body": "{"}) == ["m1"]
    assert receiver.asked == []


async def test_requests_to_aws_are_signed_for_their_service(handle, database, aws, receiver):
    await DynamoDBWebhooks(database, CORE).put(webhook(receiver))
    receiver.answer = lambda _: Answer(500)
    await handle(message())
    [asked] = aws.asked
    assert "/eu-central-1/sqs/aws4_request" in asked.headers["authorization"]
    assert asked.headers["content-type"] == "application/x-amz-json-1.0"
    assert urllib.parse.urlsplit(asked.path).path == "/"


def test_the_function_itself_answers_which_records_failed(environ):
    code = (
        "import json, sys, app; context = type('Context', (), {'aws_request_id': 'r1'});"
        "print(json.dumps(app.handler(json.load(sys.stdin), context)))"
    )
    path = f"{ROOT / 'functions/send_events'}:{ROOT / 'layers/antiphon'}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps({"Records": [message(), {**message(), "messageId": "m2", "body": "{"}]}),
        env={**environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == {"batchItemFailures": [{"itemIdentifier": "m2"}]}


def test_the_filter_of_the_template_lets_exactly_the_endings_and_requests_through(template):
    [mapping] = [
        each["Properties"]
        for each in template["Resources"].values()
        if each["Type"] == "AWS::Lambda::EventSourceMapping" and "FilterCriteria" in each["Properties"]
    ]
    asked, pattern = [json.loads(each["Pattern"])["dynamodb"] for each in mapping["FilterCriteria"]["Filters"]]
    assert asked == {"Keys": {"pk": {"S": [{"prefix": layout.PENDING}]}}}
    assert set(pattern["OldImage"]["status"]["S"]) == RUNNING
    assert set(pattern["NewImage"]["status"]["S"]) == ENDED
