"""Counts what a response asks of DynamoDB, by runs over an emulator on a loop whose time does not pass."""  # noqa: INP001

from __future__ import annotations

import asyncio
import os
import random
import re
import selectors
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar
from unittest import mock

import httpx2
from fastapi import FastAPI

from antiphon.access import keys, roles
from antiphon.bootstrap import Stores, build_services, table_stores
from antiphon.ports import Delta, ModelCall, Reads, StopDelta, TextDelta, UsageDelta
from antiphon.providers.configured import Providers
from antiphon.records import Agent, User
from antiphon.run import follow
from antiphon.settings import Settings
from antiphon.store.dynamodb.client import DynamoDB
from antiphon.web.app import build_app
from antiphon.web.routes import create, responses
from docs.prices import REGION
from tests.support.billing import Billing
from tests.support.dynamodb import dynamodb
from tests.support.tables import CORE, RESPONSES, create_tables

if TYPE_CHECKING:
    from local.lambda_host.dynamodb import Emulator

TOKENS: Final = 500
TOKENS_A_SECOND: Final = 60
PROBES: Final = 20
"""How many requests of each kind are sent and counted."""
PASSING: Final = ("L#", "RUNS")
"""How the partitions of logs and of runs begin: their rows are gone within a day, and are not counted as stored."""
NOW: Final = 1_800_000_000.0
QUESTION: Final = "What is the capital of France? " * 16
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
    """A model that writes a number of tokens at a steady pace."""

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


def measure_flood() -> list[Flood]:
    """Send requests without a good key, and count what they ask of DynamoDB."""
    with mock.patch.dict(os.environ, _PLACE), dynamodb() as emulator:
        create_tables(emulator, REGION)
        return asyncio.run(_floods(emulator))


async def _floods(emulator: Emulator) -> list[Flood]:
    database = DynamoDB(endpoint_url=emulator.url)
    settings = Settings(core_table=CORE, responses_table=RESPONSES)
    stores = table_stores(database, CORE, RESPONSES)
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
    stores = table_stores(database, CORE, RESPONSES)
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
