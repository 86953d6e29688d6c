"""What a call to DynamoDB costs its caller: by our client and by botocore's, in turn; the emulator is elsewhere."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from antiphon.store.dynamodb.sender import Sender
from benchmarks.coldstart import AWS
from benchmarks.process import ROOT
from benchmarks.table import Table
from local.lambda_host.dynamodb import create_tables, serve_apart
from local.lambda_host.template import read_template

REPETITIONS: Final = 9
CALLS: Final = 40
MICRO: Final = 1e6
TABLE: Final = "ResponsesTable"
HEAD: Final = {"pk": {"S": "R#default#ada#segment"}, "sk": {"S": "000000"}}
ITEM: Final = {**HEAD, "document": {"B": os.urandom(2_000)}, "body": {"B": os.urandom(20_000)}, "tag": {"S": "tag"}}

Send = Callable[[str, dict[str, Any]], object]


def measure() -> Iterable[Table]:
    """Run the benchmark."""
    os.environ |= AWS
    with serve_apart() as url:
        create_tables(url, read_template(ROOT / "template.yaml").tables)
        ours, theirs = Sender(url), _botocore(url)
        for number in range(20):
            ours.send("PutItem", {"TableName": TABLE, "Item": {**ITEM, "sk": {"S": f"{number:06}"}}})
        yield _table(ours.send, theirs)
        ours.close()


def _table(ours: Send, theirs: Send) -> Table:
    condition = "pk = :pk AND sk BETWEEN :first AND :last"
    between = {":pk": HEAD["pk"], ":first": HEAD["sk"], ":last": {"S": "000019"}}
    query = {"TableName": TABLE, "KeyConditionExpression": condition, "ExpressionAttributeValues": between}
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "GetItem of nothing": ("GetItem", {"TableName": TABLE, "Key": {**HEAD, "sk": {"S": "none"}}}),
        "GetItem of 22 KB": ("GetItem", {"TableName": TABLE, "Key": HEAD}),
        "PutItem of 22 KB": ("PutItem", {"TableName": TABLE, "Item": ITEM}),
        "Query of 20 items, 440 KB": ("Query", query),
    }
    rows = []
    for name, (operation, arguments) in calls.items():
        rounds = [[_cpu(send, operation, arguments) for send in (ours, theirs)] for _ in range(REPETITIONS)]
        own, botocores = (min(figures) * MICRO for figures in zip(*rounds, strict=True))
        rows.append((name, f"{own:.0f}", f"{botocores:.0f}", f"{own / botocores:.2f}"))
    return Table("A call to DynamoDB, CPU of the caller", ("", "ours, us", "botocore, us", "ratio"), rows)


def _cpu(send: Send, operation: str, arguments: dict[str, Any]) -> float:
    begun = time.process_time()
    for _ in range(CALLS):
        send(operation, arguments)
    return (time.process_time() - begun) / CALLS


def _botocore(url: str) -> Send:
    """Make botocore's client as ours is: one attempt, a connection kept open."""
    import botocore.session
    from botocore.config import Config

    config = Config(retries={"mode": "standard", "total_max_attempts": 1})
    client = botocore.session.Session().create_client("dynamodb", endpoint_url=url, config=config)
    names = {"GetItem": client.get_item, "PutItem": client.put_item, "Query": client.query}
    return lambda operation, arguments: names[operation](**arguments)
