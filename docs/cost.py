"""Writes docs/cost.md: what a response costs, from counts of a run over a DynamoDB emulator and from list prices."""  # noqa: INP001

from __future__ import annotations

import asyncio
import os
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from unittest import mock

import httpx2
from fastapi import FastAPI

from antiphon.access import keys, roles
from antiphon.bootstrap import Providers, Stores, build_services
from antiphon.records import Agent, User
from antiphon.settings import Settings
from antiphon.store.dynamodb import open_stores
from antiphon.store.dynamodb.client import DynamoDB
from antiphon.web.app import build_app
from antiphon.web.routes import create
from docs.prices import CHECKED, PRICES, REGION, Price
from tests.support.billing import Billing
from tests.support.dynamodb import dynamodb
from tests.support.tables import CORE, RESPONSES, create_tables

if TYPE_CHECKING:
    from local.lambda_host.dynamodb import Emulator

COST: Final = Path(__file__).with_name("cost.md")
VOLUMES: Final = (0, 1_000, 100_000, 10_000_000)
SECONDS_OPEN: Final = 5
MEMORY_GB: Final = 1
LOG_BYTES: Final = 2048
METRICS: Final = {"metrics": 5, "readers": 2}
"""Of the create function, and of each of the others: docs/operations.md names them."""
FUNCTIONS: Final = 3
SECONDS_A_MONTH: Final = 30 * 24 * 3600
NOW: Final = 1_800_000_000.0
QUESTION: Final = "What is the capital of France? " * 16
_GB: Final = 1024**3
_PLACE: Final = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": REGION}


class Counts(NamedTuple):
    """What one response asked of DynamoDB."""

    calls: int
    reads: int
    writes: int
    stored: int


def measure() -> tuple[Counts, Counts]:
    """Run two turns of one conversation, the second on a warm function, and count each.

    While a response runs, the store is asked now and then whether it was cancelled: those reads are added.
    """
    with mock.patch.dict(os.environ, _PLACE), dynamodb() as emulator:
        create_tables(emulator, REGION)
        return asyncio.run(_turns(emulator))


async def _turns(emulator: Emulator) -> tuple[Counts, Counts]:
    database = DynamoDB(endpoint_url=emulator.url)
    settings = Settings(core_table=CORE, responses_table=RESPONSES)
    stores = Stores(*open_stores(CORE, RESPONSES, database=database), database.aclose)
    entropy = random.Random(0).randbytes  # noqa: S311 - the same ids in every run, so that the sizes are the same
    services = build_services(settings, stores, Providers({}, {}))
    app = build_app(replace(services, clock=lambda: NOW, entropy=entropy), [create.router])
    key = await _seed(stores, entropy)
    billing = Billing(emulator)
    looks = int(SECONDS_OPEN / settings.watch_seconds)
    first, answer = await _turn(app, billing, key, {}, looks)
    second, _ = await _turn(app, billing, key, {"previous_response_id": _id_in(answer)}, looks)
    await database.aclose()
    return first, second


async def _seed(stores: Stores, entropy: Callable[[int], bytes]) -> str:
    key = keys.make_key("dev", entropy)
    await stores.directory.put(User("default", "ada", role=roles.ADMIN))
    await stores.directory.put_agent(Agent("default", "guide", "demo", "demo", author="ada", instructions="Be brief."))
    await stores.keys.add(keys.record(key, tenant="default", user="ada", now=1))
    return key


async def _turn(app: FastAPI, billing: Billing, key: str, more: dict[str, str], looks: int) -> tuple[Counts, str]:
    billing.reset()
    asked = {"model": "guide", "input": QUESTION, "stream": True, **more}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://here") as client:
        answer = await client.post("/v1/responses", json=asked, headers={"authorization": f"Bearer {key}"})
    answer.raise_for_status()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others)
    return Counts(billing.calls + looks, billing.reads + looks, billing.writes, billing.stored), answer.text


def _id_in(answer: str) -> str:
    found = re.search(r"resp_\w+", answer)
    assert found is not None
    return found[0]


def components(counts: Counts) -> list[tuple[str, float]]:
    """Give what each part of one response costs in dollars, by name; storage for a month."""
    stored, logged = counts.stored / _GB, LOG_BYTES / _GB
    return [
        ("Lambda, time", SECONDS_OPEN * MEMORY_GB * _price("lambda_gb_second")),
        ("Lambda, invocation", _price("lambda_request")),
        ("DynamoDB, reads", counts.reads * _price("read_unit")),
        ("DynamoDB, writes", counts.writes * _price("write_unit")),
        ("DynamoDB, stored a month, with backup", stored * (_price("table_gb") + _price("backup_gb"))),
        ("Logs, taken in and kept a month", logged * (_price("log_gb") + _price("log_kept_gb"))),
    ]


def _price(name: str) -> float:
    return PRICES[name].dollars


_HEAD: Final = """\
# Cost

`make docs` writes this page: it runs two turns of a conversation over
a DynamoDB emulator, counts what they ask, and multiplies with the list prices of `docs/prices.py` ({region}, without
free tiers and discounts). Nothing here was billed. The model is the provider's bill, and by far the largest.

## What one response asks

| | first of a conversation, cold | the next, warm |
|---|---|---|
| DynamoDB calls | {first.calls} | {second.calls} |
| read units | {first.reads} | {second.reads} |
| write units | {first.writes} | {second.writes} |
| stored | {first_kb:.1f} KB | {second_kb:.1f} KB |

Both are streams with a question of {question} characters, answered by the demo model; {looks} of the calls and
read units are the looks whether the response was cancelled. "Cold" also reads who calls and notes that the key was
used, once an hour. A turn that continues others reads them: one more read unit for every 4 KB of the conversation.
Emulators bill nothing: the units are counted from the items' sizes by DynamoDB's own rules.

Assumed: a stream is open {seconds} seconds in {memory} GB of arm64, and leaves {log} bytes of logs (Lambda's own lines
and one of ours). Lambda bills the time that a stream is open, so halve its row for half the time, or for 512 MB. The
time that a function takes to start is billed too; under steady use it is seldom.

## A month, in dollars

{head}
"""

_TAIL: Final = """
Every response is counted like the first one above. {fixed}
The Function URL costs nothing; it and the REST API can be used side by side. Not in the table:

- Traffic out of AWS: the first 100 GB a month are free; then $0.09 a GB.
- `Metrics` (off unless you say so): $0.30 a month for each, by the hours in which requests come; so nothing while idle,
  and at most ${metrics:.2f} for the create function, ${readers:.2f} for each of the others and $0.30 for each error
  code that occurs. The first ten of an account are free.
- `Tracing` (off unless you say so): $5.00 for a million traces; X-Ray samples about one request in twenty.
- `Alarms` (off unless you say so): $0.10 a month for each metric that an alarm watches; the dashboard $3.00.
- A custom domain costs nothing itself; a web ACL and its rules are billed by AWS WAF.
- The layers and the built code in S3: cents. A secret is read when an environment first needs it: cents, too.
- Bytes that are streamed: none of ours, since the first 6 MB of each response are free.

## Starting faster

Both are off unless you ask for them ([deploy.md](deploy.md#starting-faster)). A month has 30 days, a function
{memory} GB.

| | a month, in dollars |
|---|---:|
| `SnapStart`: a snapshot of each of the {functions} live versions | {snapshots:.2f} |
| a snapshot of an earlier version, until you delete that version | {snapshot:.2f} |
| 1,000 starts from a snapshot | {restored:.2f} |
| one provisioned environment | {provisioned:.2f} |

A snapshot's size is its function's memory and disk; the figures count the memory. In a provisioned environment, running
costs {less:.0%} less. It is cheaper than ordinary ones where it runs more than {used:.0%} of the time.

## Prices

Last compared with their sources on {checked}. Other regions ask more: DynamoDB and logs about a quarter more in
Frankfurt.

| dollars | for one | source |
|---|---|---|
"""


def page() -> str:
    """Write the page."""
    first, second = measure()
    head = f"| | {' | '.join(f'{volume:,} responses' for volume in VOLUMES)} |\n|---|{'---:|' * len(VOLUMES)}"
    text = _HEAD.format(
        region=REGION,
        first=first,
        second=second,
        first_kb=first.stored / 1024,
        second_kb=second.stored / 1024,
        question=len(QUESTION),
        looks=int(SECONDS_OPEN / Settings(core_table=CORE, responses_table=RESPONSES).watch_seconds),
        seconds=SECONDS_OPEN,
        memory=MEMORY_GB,
        log=LOG_BYTES,
        head=head,
    )
    fixed = f"The secret with the seal keys costs ${_price('secret'):.2f} a month, a provider's as much."
    tail = _TAIL.format(fixed=fixed, **_measured(), **_faster())
    return text.rstrip("\n") + "\n" + "".join(_rows(first)) + tail + _prices()


def _measured() -> dict[str, float]:
    """What metrics cost at most a month."""
    return {name: count * _price("metric") for name, count in METRICS.items()}


def _faster() -> dict[str, str | float]:
    """What the ways to start faster cost a month. Provisioned: p + r * u is under o * u from u = p / (o - r) on."""
    kept = MEMORY_GB * SECONDS_A_MONTH
    ordinary, running = _price("lambda_gb_second"), _price("provisioned_run_gb_second")
    snapshot = kept * _price("snapshot_gb_second")
    return {
        "memory": MEMORY_GB,
        "functions": FUNCTIONS,
        "snapshots": FUNCTIONS * snapshot,
        "snapshot": snapshot,
        "restored": 1000 * MEMORY_GB * _price("snapshot_restored_gb"),
        "provisioned": kept * _price("provisioned_gb_second"),
        "less": 1 - running / ordinary,
        "used": _price("provisioned_gb_second") / (ordinary - running),
        "checked": CHECKED,
    }


def _rows(counts: Counts) -> Iterator[str]:
    parts = components(counts)
    for name, dollars in parts:
        yield _row(name, 0, dollars)
    yield _row("Secrets Manager, the seal keys", _price("secret"), 0)
    total = sum(dollars for _, dollars in parts)
    yield _row("**Through the Function URL**", _price("secret"), total)
    yield _row("REST API, requests", 0, _price("rest_request"))
    yield _row("**Through the REST API**", _price("secret"), total + _price("rest_request"))


def _row(name: str, fixed: float, each: float) -> str:
    return f"| {name} | {' | '.join(f'{fixed + each * volume:,.2f}' for volume in VOLUMES)} |\n"


def _prices() -> str:
    return "".join(map(_price_row, PRICES.values()))


def _price_row(price: Price) -> str:
    dollars = f"{price.dollars:.12f}".rstrip("0").rstrip(".")
    return f"| {dollars} | {price.unit} | <{price.source}> |\n"


def main() -> None:
    """Write the file."""
    COST.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
