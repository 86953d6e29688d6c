"""Writes docs/cost.md: what a response costs, from counts of a run over a DynamoDB emulator and from list prices."""  # noqa: INP001

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from antiphon.settings import Settings
from docs.counted import (
    PROBES,
    QUESTION,
    RUNS,
    TOKENS,
    TOKENS_A_SECOND,
    Counts,
    Flood,
    measure,
    measure_flood,
    measure_follower,
    measure_runs,
)
from docs.prices import CHECKED, PRICES, REGION, Price
from tests.support.tables import CORE, RESPONSES

COST: Final = Path(__file__).with_name("cost.md")
VOLUMES: Final = (0, 1_000, 100_000, 10_000_000)
SECONDS_OPEN: Final = TOKENS / TOKENS_A_SECOND
MEMORY_GB: Final = 1
LOG_BYTES: Final = 2048
METRICS: Final = {"metrics": 5, "readers": 2}
"""Of the create function, and of each of the others: docs/operations.md names them."""
REFUSED_MS: Final = 10
"""What Lambda is assumed to bill for a refused request. Measured through the functions on one core (x86_64, Python
3.11): 2.5 ms without a key, 4.1 ms with a made-up one. A function with 1 GB gets about 0.6 cores."""
REFUSED_LOG_BYTES: Final = 1024
"""A refused request's line, 470 bytes in the same run, and Lambda's own."""
FLOOD: Final = 1_000_000
REST_A_SECOND: Final = 50
"""``ApiRequestsPerSecond`` of the template."""
FUNCTIONS: Final = 4
ROLL_UPS: Final = 4
"""Writes at the end of a response that one model answered: ``tests/e2e/test_trips.py`` counts them."""
SWEEP_MS: Final = 20
"""What Lambda is assumed to bill for a look for responses that nobody runs: one Query, which finds nothing."""
SWEEP_LOG_BYTES: Final = 1024
"""Lambda's own lines."""
STARTS_MS: Final = 200
"""What Lambda is assumed to bill of the create function for a background response: the checks, and the invocation."""
FOLLOWER_GB: Final = 0.5
"""Of the get function."""
SECONDS_A_MONTH: Final = 30 * 24 * 3600
_GB: Final = 1024**3


def refusal(flood: Flood) -> float:
    """Return what one request of a flood costs behind the Function URL, in dollars."""
    return (
        _price("lambda_request")
        + REFUSED_MS / 1000 * MEMORY_GB * _price("lambda_gb_second")
        + flood.reads * _price("read_unit")
        + flood.writes * _price("write_unit")
        + REFUSED_LOG_BYTES / _GB * (_price("log_gb") + _price("log_kept_gb"))
    )


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
running costs {less:.0%} less. It is cheaper than ordinary ones if it runs more than {used:.0%} of the time.

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
    dearest = max(refusal(flood) for flood in floods)
    month, url_month = REST_A_SECOND * SECONDS_A_MONTH, 10 * 1000 / REFUSED_MS * SECONDS_A_MONTH
    return {
        "floods": "".join(
            f"| {each.kind} | {each.calls * FLOOD:,.0f} | {each.reads * FLOOD:,.0f} | {each.writes * FLOOD:,.0f} "
            f"| {refusal(each) * FLOOD:.2f} | {(refusal(each) + rest) * FLOOD:.2f} |\n"
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
