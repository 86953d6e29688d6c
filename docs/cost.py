"""Writes docs/cost.md: what a response costs, from counts of a run over a DynamoDB emulator and from list prices."""  # noqa: INP001

from __future__ import annotations

import asyncio
import os
import random
import re
import selectors
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar
from unittest import mock

import httpx2
from fastapi import FastAPI

from antiphon.access import keys, roles
from antiphon.bootstrap import Stores, build_services
from antiphon.ports import Delta, ModelCall, Reads, StopDelta, TextDelta, UsageDelta
from antiphon.providers.configured import Providers
from antiphon.records import Agent, User
from antiphon.run import follow
from antiphon.settings import Settings
from antiphon.store.dynamodb import open_stores
from antiphon.store.dynamodb.client import DynamoDB
from antiphon.web.app import build_app
from antiphon.web.routes import create, responses
from docs.prices import CHECKED, PRICES, REGION, Price
from tests.support.billing import Billing
from tests.support.dynamodb import dynamodb
from tests.support.tables import CORE, RESPONSES, create_tables

if TYPE_CHECKING:
    from local.lambda_host.dynamodb import Emulator

COST: Final = Path(__file__).with_name("cost.md")
VOLUMES: Final = (0, 1_000, 100_000, 10_000_000)
TOKENS: Final = 500
TOKENS_A_SECOND: Final = 60
SECONDS_OPEN: Final = TOKENS / TOKENS_A_SECOND
MEMORY_GB: Final = 1
LOG_BYTES: Final = 2048
METRICS: Final = {"metrics": 5, "readers": 2}
"""Of the create function, and of each of the others: docs/operations.md names them."""
REFUSED_MS: Final = 10
"""What Lambda is assumed to bill for a refused request. Measured through the functions on one core (x86_64, Python
3.11): 2.5 ms without a key, 4.1 ms with a made-up one. Lambda gives 1 GB about 0.6 cores."""
REFUSED_LOG_BYTES: Final = 1024
"""A refused request's line, 470 bytes in the same run, and Lambda's own."""
FLOOD: Final = 1_000_000
REST_A_SECOND: Final = 50
"""``ApiRequestsPerSecond`` of the template."""
PROBES: Final = 20
"""How many requests of each kind are sent and counted."""
FUNCTIONS: Final = 4
ROLL_UPS: Final = 4
"""Writes at the end of a response that one model answered: ``tests/e2e/test_trips.py`` counts them."""
PASSING: Final = ("L#", "RUNS")
"""How the partitions of logs and of runs begin: their rows are gone within a day, and are not counted as stored."""
SWEEP_MS: Final = 20
"""What Lambda is assumed to bill for a look for responses that nobody runs: one Query, which finds nothing."""
SWEEP_LOG_BYTES: Final = 1024
"""Lambda's own lines."""
STARTS_MS: Final = 200
"""What Lambda is assumed to bill of the create function for a background response: the checks, and the invocation."""
FOLLOWER_GB: Final = 0.5
"""Of the get function."""
SECONDS_A_MONTH: Final = 30 * 24 * 3600
NOW: Final = 1_800_000_000.0
QUESTION: Final = "What is the capital of France? " * 16
_GB: Final = 1024**3
_PLACE: Final = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": REGION}


T = TypeVar("T")


class _Skipping(selectors.DefaultSelector):
    """Does not wait: what a loop would wait for is due at once, and its time goes on as if it had waited."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        """Return what is ready."""
        self.now += max(0.0, timeout or 0.0)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    """An event loop on which a paced stream takes no time, and the same number of writes each time."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        """Return the seconds that would have passed."""
        return self._skipping.now


class _AtOnce(DynamoDB):
    """Calls DynamoDB in the thread of the loop, whose time stands still meanwhile."""

    async def work(self, job: Callable[..., T], *arguments: Any) -> T:
        """Run something slow."""
        return job(*arguments)


class _Paced:
    """A model that says so many tokens at a steady pace."""

    def reads(self, model: str) -> Reads:  # noqa: ARG002 - the port's
        """Return that it reads text alone."""
        return Reads()

    def check(self, call: ModelCall) -> None:
        """Accept every call."""

    def count_tokens(self, call: ModelCall) -> int:  # noqa: ARG002 - the port's
        """Return a number."""
        return TOKENS

    async def stream(self, call: ModelCall) -> AsyncGenerator[Delta, None]:  # noqa: ARG002 - the port's
        """Yield a token at a time, as long as English ones, of random letters, which hardly compress."""
        letters = random.Random(0)  # noqa: S311 - nothing secret
        for _ in range(TOKENS):
            await asyncio.sleep(1 / TOKENS_A_SECOND)
            yield TextDelta(" " + "".join(letters.choices("abcdefghijklmnopqrstuvwxyz", k=3)))
        yield UsageDelta(TOKENS, TOKENS)
        yield StopDelta("stop")

    async def aclose(self) -> None:
        """Close nothing."""


class Counts(NamedTuple):
    """What one response asked of DynamoDB."""

    calls: int
    reads: int
    writes: int
    stored: int


class Flood(NamedTuple):
    """Requests of one kind, from somebody without a key, and what one asks of DynamoDB."""

    kind: str
    calls: float
    reads: float
    writes: float

    @property
    def dollars(self) -> float:
        """What one costs behind the Function URL."""
        return (
            _price("lambda_request")
            + REFUSED_MS / 1000 * MEMORY_GB * _price("lambda_gb_second")
            + self.reads * _price("read_unit")
            + self.writes * _price("write_unit")
            + REFUSED_LOG_BYTES / _GB * (_price("log_gb") + _price("log_kept_gb"))
        )


def measure_flood() -> list[Flood]:
    """Send requests without a good key, and count what they ask of DynamoDB."""
    with mock.patch.dict(os.environ, _PLACE), dynamodb() as emulator:
        create_tables(emulator, REGION)
        return asyncio.run(_floods(emulator))


async def _floods(emulator: Emulator) -> list[Flood]:
    database = DynamoDB(endpoint_url=emulator.url)
    settings = Settings(core_table=CORE, responses_table=RESPONSES)
    stores = Stores(*open_stores(CORE, RESPONSES, database=database), database.aclose)
    app = build_app(build_services(settings, stores, Providers({}, {})), [create.router])
    entropy = random.Random(0).randbytes  # noqa: S311 - nothing secret
    made_up = [keys.make_key("dev", entropy) for _ in range(PROBES)]
    billing = Billing(emulator)
    kinds = {
        "no key": [""] * PROBES,
        "a key of the wrong form or checksum": [f"Bearer {key[:-1]}" for key in made_up],
        "made-up keys of the right form, each another": [f"Bearer {key}" for key in made_up],
        "one made-up key of the right form, repeated": [f"Bearer {made_up[0]}"] * PROBES,
    }
    floods = [await _flood(app, billing, kind, sent) for kind, sent in kinds.items()]
    await database.aclose()
    return floods


async def _flood(app: FastAPI, billing: Billing, kind: str, sent: list[str]) -> Flood:
    billing.reset()
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://here") as client:
        for authorization in sent:
            headers = {"authorization": authorization} if authorization else {}
            answer = await client.post("/v1/responses", json={"model": "m", "input": "Hi"}, headers=headers)
            assert answer.status_code == httpx2.codes.UNAUTHORIZED
    return Flood(kind, billing.calls / PROBES, billing.reads / PROBES, billing.writes / PROBES)


RUNS: Final[dict[str, tuple[str, bool]]] = {
    "`RunLog=all`": ("all", False),
    "`RunLog=background` or `off`": ("off", False),
    "in the background, `RunLog=all` or `background`": ("all", True),
    "in the background, `RunLog=off`": ("off", True),
}
"""How a response can run: by ``run_log``, and whether in the background."""


def measure() -> tuple[Counts, Counts]:
    """Run two turns of one conversation, the second on a warm function, and count each."""
    return _measured_turns("all", background=False)


def measure_runs() -> dict[str, Counts]:
    """Run a response in each way, on a warm function; return its counts."""
    return {name: _measured_turns(run_log, background=background)[1] for name, (run_log, background) in RUNS.items()}


def measure_follower() -> Counts:
    """Follow a background response from another process, from its beginning to its end; return what that adds."""
    alone = _measured_turns("all", background=True)[1]
    with mock.patch.object(follow, "running", return_value=None):
        both = _measured_turns("all", background=True, followed=True)[1]
    return Counts(*(with_follower - without for with_follower, without in zip(both, alone, strict=True)))


def _measured_turns(run_log: str, *, background: bool, followed: bool = False) -> tuple[Counts, Counts]:
    with mock.patch.dict(os.environ, _PLACE), dynamodb() as emulator:
        create_tables(emulator, REGION)
        with asyncio.Runner(loop_factory=_Loop) as runner:
            return runner.run(_turns(emulator, run_log, background=background, followed=followed))


async def _turns(emulator: Emulator, run_log: str, *, background: bool, followed: bool) -> tuple[Counts, Counts]:
    database = _AtOnce(endpoint_url=emulator.url)
    settings = Settings.model_validate({"core_table": CORE, "responses_table": RESPONSES, "run_log": run_log})
    stores = Stores(*open_stores(CORE, RESPONSES, database=database), database.aclose)
    entropy = random.Random(0).randbytes  # noqa: S311 - the same ids in every run, so that the sizes are the same
    services = build_services(settings, stores, Providers({}, {}))
    loop, paced = asyncio.get_running_loop(), _Paced()
    services = replace(
        services, clock=lambda: NOW + loop.time(), entropy=entropy, providers=lambda _: paced, steady=loop.time
    )
    app = build_app(services, [create.router, responses.router])
    key = await _seed(stores, entropy)
    billing = Billing(emulator)
    more: dict[str, Any] = {"background": True} if background else {"stream": True}
    first, answer = await _turn(app, billing, key, more)
    second, _ = await _turn(app, billing, key, {**more, "previous_response_id": _id_in(answer)}, followed=followed)
    await database.aclose()
    return first, second


async def _seed(stores: Stores, entropy: Callable[[int], bytes]) -> str:
    key = keys.make_key("dev", entropy)
    await stores.directory.put(User("default", "ada", role=roles.ADMIN))
    await stores.directory.put_agent(Agent("default", "guide", "demo", "demo", author="ada", instructions="Be brief."))
    await stores.keys.add(keys.record(key, tenant="default", user="ada", now=1))
    return key


async def _turn(
    app: FastAPI, billing: Billing, key: str, more: dict[str, Any], *, followed: bool = False
) -> tuple[Counts, str]:
    billing.reset()
    headers = {"authorization": f"Bearer {key}"}
    asked = {"model": "guide", "input": QUESTION, **more}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://here") as client:
        answer = await client.post("/v1/responses", json=asked, headers=headers)
        if followed:
            path = f"/v1/responses/{_id_in(answer.text)}?stream=true"
            (await client.get(path, headers=headers)).raise_for_status()
    answer.raise_for_status()
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)
    passing = sum(size for (pk, _), size in billing.items.items() if pk.startswith(PASSING))
    return Counts(billing.calls, billing.reads, billing.writes, billing.stored - passing), answer.text


def _id_in(answer: str) -> str:
    found = re.search(r"resp_\w+", answer)
    assert found is not None
    return found[0]


def components(counts: Counts) -> list[tuple[str, float]]:
    """Return what each part of one response costs in dollars, by name; storage for a month."""
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

`make docs` computes this page. It runs two turns of a conversation on a DynamoDB emulator, counts the calls, and
multiplies them with the list prices in `docs/prices.py` ({region}, without free tiers and discounts). No figure is
from a bill. The model provider bills you separately, and that is by far the largest part.

## What one response needs

| | first of a conversation, cold | the next, warm |
|---|---|---|
| DynamoDB calls | {first.calls} | {second.calls} |
| read units | {first.reads} | {second.reads} |
| write units | {first.writes} | {second.writes} |
| stored | {first_kb:.1f} KB | {second_kb:.1f} KB |

Both responses are streams of {tokens} tokens at {pace} tokens a second, and are logged while they run (`RunLog=all`).
The question has {question} characters. {looks} of the calls and read units are checks whether the response was
cancelled. All but {bare} of the second one's write units are the log; {roll_ups} of these {bare} are the daily use of
the user, the key, the agent and the model ([usage](usage.md)). The cold one also reads the key and its user, and notes
once an hour that the key was used. A turn that continues a conversation reads its earlier turns: one more read unit for
every 4 KB. The units are computed from the sizes of the items by DynamoDB's own rules, because an emulator bills
nothing.

The figures assume that a stream is open for {seconds:.1f} seconds in {memory} GB of arm64, and writes {log} bytes of
logs (Lambda's own lines and one of Antiphon's). Lambda bills the time that a stream is open: for half the time, or for
512 MB, halve its row. Lambda also bills the time to start a function, which is rare under steady use.

## A month, in dollars

{head}
"""

_TAIL: Final = """
Every response is counted like the first one above. {fixed} The Function URL costs nothing; it and the REST API can be
used side by side. Not in the table:

- Traffic out of AWS: the first 100 GB a month are free; then $0.09 a GB.
- `Metrics` (off by default): $0.30 a month for each metric, for the hours with requests only. So they cost nothing
  while idle, and at most ${metrics:.2f} for the create function, ${readers:.2f} for each of the others and $0.30 for
  each error code that occurs. The first ten of an account are free.
- `Tracing` (off by default): $5.00 for a million traces; X-Ray samples about one request in twenty.
- `Alarms` (off by default): $0.10 a month for each metric that an alarm watches; the dashboard $3.00.
- A custom domain costs nothing itself; a web ACL and its rules are billed by AWS WAF.
- The layers and the built code in S3: cents. A secret is read when an environment first needs it: cents, too.
- Bytes that are streamed: none of ours, since the first 6 MB of each response are free.

## What durable runs cost

Counted of the second turn of a conversation, {tokens} tokens at {pace} a second, on a warm function. The log is written
at the first delta and then every 250 ms. Its rows are removed after a day; what stays with the response, where each
delta ended, is part of what is stored.

| | DynamoDB calls | read units | write units | stored | DynamoDB, dollars per 1,000 | with Lambda |
|---|---:|---:|---:|---:|---:|---:|
{runs}
The column "with Lambda" counts {seconds:.1f} seconds in {memory} GB, and for a background response also {starts} ms
(assumed) of the function that creates it, and the second invocation. A poll of a background response is a request of
its own, with a read unit for every 4 KB of the response. Who follows a response from another process reads its log:
{follower.reads} read units from its beginning to its end, and the get function waits that long in {follower_gb} GB:
${following:.2f} per 1,000 followed responses.

The sweeper looks for background responses that nobody runs once a minute, also while idle: 43,200 invocations of
{sweep_ms} ms (assumed) a month, with a read unit and {sweep_log} bytes of logs (assumed) each: ${sweeps:.2f} a month.

## What a flood costs

A million requests from somebody without a key, sent to `POST /v1/responses`; each is one invocation:

| | DynamoDB calls | read units | write units | Function URL, dollars | REST API, dollars |
|---|---:|---:|---:|---:|---:|
{floods}
The calls and units come from {probes} requests of each kind over the emulator. Assumed: {refused_ms} ms in
{memory} GB and {refused_log} bytes of logs for each; measured through the functions on one core were 2.5 ms, and 4.1
ms for a made-up key. Most of it is the front door and the logs, not the look-up.

- The REST API takes `ApiRequestsPerSecond` (50) from everybody together. API Gateway refuses what is over that, on a
  best-effort basis, and does not bill it. A month of it, {month:,.0f} million requests that are let in, costs
  ${most:,.0f} at most.
- The Function URL takes what arrives, until `CreateResponseReserved` environments are busy. Ten of them, at
  {refused_ms} ms a request, serve up to 1,000 a second: {url_month:,.0f} million a month, ${url_most:,.0f}. It is off
  by default.
- A web ACL with a rate-based rule (`WebAclArn`) stops one address before a function runs.

## Starting faster

Both are off unless you ask for them ([deploy.md](deploy.md#starting-faster)). A month has 30 days, a function {memory}
GB.

| | a month, in dollars |
|---|---:|
| `SnapStart`: a snapshot of each of the {functions} live versions | {snapshots:.2f} |
| a snapshot of an earlier version, until you delete that version | {snapshot:.2f} |
| 1,000 starts from a snapshot | {restored:.2f} |
| one provisioned environment | {provisioned:.2f} |

A snapshot's size is its function's memory and disk; the figures count the memory. In a provisioned environment,
running costs {less:.0%} less. It is cheaper than ordinary ones where it runs more than {used:.0%} of the time.

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
        roll_ups=ROLL_UPS,
        first=first,
        second=second,
        first_kb=first.stored / 1024,
        second_kb=second.stored / 1024,
        question=len(QUESTION),
        looks=int(SECONDS_OPEN / Settings(core_table=CORE, responses_table=RESPONSES).watch_seconds),
        tokens=TOKENS,
        pace=TOKENS_A_SECOND,
        bare=measure_runs()["`RunLog=background` or `off`"].writes,
        seconds=SECONDS_OPEN,
        memory=MEMORY_GB,
        log=LOG_BYTES,
        head=head,
    )
    fixed = f"The secret with the seal keys costs ${_price('secret'):.2f} a month, a provider's as much."
    tail = _TAIL.format(fixed=fixed, **_measured(), **_durable(), **_flooded(), **_faster())
    return text.rstrip("\n") + "\n" + "".join(_rows(first)) + tail + _prices()


def _durable() -> dict[str, Any]:
    """What runs that are logged, followed or in the background cost."""
    follower = measure_follower()
    waiting = SECONDS_OPEN * FOLLOWER_GB * _price("lambda_gb_second") + _price("lambda_request")
    return {
        "tokens": TOKENS,
        "pace": TOKENS_A_SECOND,
        "seconds": SECONDS_OPEN,
        "runs": "".join(_run_row(name, counts) for name, counts in measure_runs().items()),
        "starts": STARTS_MS,
        "follower": follower,
        "follower_gb": FOLLOWER_GB,
        "following": 1000 * (waiting + follower.reads * _price("read_unit")),
        "sweep_ms": SWEEP_MS,
        "sweep_log": SWEEP_LOG_BYTES,
        "sweeps": sweeps(),
    }


def _run_row(name: str, counts: Counts) -> str:
    units = counts.reads * _price("read_unit") + counts.writes * _price("write_unit")
    _, in_background = RUNS[name]
    running = SECONDS_OPEN * MEMORY_GB * _price("lambda_gb_second") + _price("lambda_request")
    starting = STARTS_MS / 1000 * MEMORY_GB * _price("lambda_gb_second") + _price("lambda_request")
    whole = units + running + (starting if in_background else 0)
    return (
        f"| {name} | {counts.calls} | {counts.reads} | {counts.writes} | {counts.stored / 1024:.1f} KB "
        f"| {units * 1000:.3f} | {whole * 1000:.3f} |\n"
    )


def sweeps() -> float:
    """Return what a month of looks for responses that nobody runs costs, in dollars."""
    logged = SWEEP_LOG_BYTES / _GB * (_price("log_gb") + _price("log_kept_gb"))
    time = SWEEP_MS / 1000 * MEMORY_GB * _price("lambda_gb_second")
    each = _price("schedule") + _price("lambda_request") + time + _price("read_unit") + logged
    return SECONDS_A_MONTH / 60 * each


def _flooded() -> dict[str, str | float]:
    """What a flood costs; a month of it, at the dearest kind."""
    floods, rest = measure_flood(), _price("rest_request")
    dearest = max(flood.dollars for flood in floods)
    month, url_month = REST_A_SECOND * SECONDS_A_MONTH, 10 * 1000 / REFUSED_MS * SECONDS_A_MONTH
    return {
        "floods": "".join(
            f"| {each.kind} | {each.calls * FLOOD:,.0f} | {each.reads * FLOOD:,.0f} | {each.writes * FLOOD:,.0f} "
            f"| {each.dollars * FLOOD:.2f} | {(each.dollars + rest) * FLOOD:.2f} |\n"
            for each in floods
        ),
        "probes": PROBES,
        "refused_ms": REFUSED_MS,
        "refused_log": REFUSED_LOG_BYTES,
        "month": month / FLOOD,
        "most": month * (dearest + rest),
        "url_month": url_month / FLOOD,
        "url_most": url_month * dearest,
    }


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
    yield _row("The sweeper, once a minute", sweeps(), 0)
    total, fixed = sum(dollars for _, dollars in parts), _price("secret") + sweeps()
    yield _row("**Through the Function URL**", fixed, total)
    yield _row("REST API, requests", 0, _price("rest_request"))
    yield _row("**Through the REST API**", fixed, total + _price("rest_request"))


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
