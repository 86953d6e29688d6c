"""A run to which something happens at any of its moments: at each wait of its task, and at each call of a store.

What happens: a shutdown, a cancellation, a deletion, a store that fails or whose answer is lost, another worker.
Whatever it is, and whenever it comes:

- the response ends, and waits for its lease at most if a store was out of order
- its stream is a whole one, whose last event is what is stored
- the same request sent again gets that answer, or is run anew if that one failed
- no call of a tool is made twice, and each response is counted once
- no approval is left of which nobody is asked, no log of what was deleted, and nothing in the queue

``ANTIPHON_ROUNDS`` sets how many moments are tried, 10000 for all; ``ANTIPHON_SEED`` repeats them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from antiphon.errors import ApiError, StorageUnavailable
from antiphon.run.cancel import delete
from antiphon.run.execution import Execution
from antiphon.run.registry import all_running
from tests.support.approvals import decide
from tests.support.caller import TENANT
from tests.support.durable import ADA, authenticated, ended, until
from tests.support.interrupted import PATIENCE, TOKENS, Asked, Model, Pair, turn_of
from tests.support.moments import Call, Calls, Waits, is_quiet
from tests.support.rounds import chance, rounds
from tests.support.streams import assert_stream


@pytest.fixture
def pair(tmp_path: Path, settings: dict[str, object]) -> Iterator[Pair]:
    with Model() as model, Pair(tmp_path, model, settings) as both:
        yield both


# what happens at a wait


def stop(_: Asked, execution: Execution) -> None:
    execution.stop()


def cancel(_: Asked, execution: Execution) -> None:
    cancelling = execution.cancel(PATIENCE)
    cancelling.send(None)  # what it does at once; the test waits for the ending itself
    cancelling.close()


def remove(asked: Asked, _: Execution) -> None:
    async def work() -> None:
        one = asked.pair.one
        with contextlib.suppress(ApiError):
            await delete(one.services, await authenticated(one, asked.key), asked.id)

    asked.beside.append(asyncio.get_running_loop().create_task(work()))


AT_WAITS = {"shutdown": stop, "cancellation": cancel, "deletion": remove}


# what happens at a call of a store


async def fail(_: Call) -> None:
    raise StorageUnavailable("it is broken")


async def lose(call: Call) -> None:
    await call()
    raise StorageUnavailable("its answer is lost")


def mark(asked: Asked) -> None:
    """Cancel as another process does that ends at once."""
    asked.pair.of_store(lambda other: other.responses.cancel(ADA, asked.id))


def erase(asked: Asked) -> None:
    """Delete from another process, which does not wait for the writer."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("antiphon.run.cancel.PATIENCE", 0)
        headers = {"authorization": f"Bearer {asked.key}"}
        asked.pair.other.client.delete(f"/v1/responses/{asked.id}", headers=headers)


def take(asked: Asked) -> None:
    """Let the other process take this one for dead, and end the response."""
    other = asked.pair.other
    with asked.pair.later(other):
        other.get(f"/v1/responses/{asked.id}", asked.key)
        until(lambda: is_quiet(other))


FAULTS: dict[str, tuple[Callable[[Call], Awaitable[Any]], int]] = {
    "failure": (fail, 1),
    "lost answer": (lose, 1),
    "outage": (fail, 9),
    "lost answers": (lose, 5),
}
AT_CALLS = {"cancellation elsewhere": mark, "deletion elsewhere": erase, "another worker": take}
DELETIONS = {"deletion", "deletion elsewhere"}


@dataclass(frozen=True)
class Moment:
    """What happens, and when.

    Attributes:
        agent: which agent was asked; the calls of one are not shown.
        what: what happens; empty for nothing.
        at: the number of the wait, or of the call.
        late: it happens at the end of that wait, or behind that call.
    """

    agent: str
    what: str = ""
    at: int = 0
    late: bool = False

    @property
    def is_fault(self) -> bool:
        return self.what in FAULTS


def ask(pair: Pair, moment: Moment, *, background: bool) -> tuple[Asked, Waits]:
    """Run a request to which something happens."""
    what, at, late = moment.what, moment.at, moment.late
    fault, many = FAULTS.get(what, (None, 1))

    async def beside(call: Call) -> Any:
        result = await call() if late else None
        if asked.id:
            asked.beside.append(asyncio.ensure_future(asyncio.to_thread(AT_CALLS[what], asked)))
            await asyncio.shield(asked.beside[-1])
        return result if late else await call()

    def at_wait() -> None:
        for execution in all_running():
            AT_WAITS[what](asked, execution)

    in_place = fault or (beside if what in AT_CALLS else None)
    asked = Asked(pair, moment.agent, background, Calls(pair.one, at if in_place else None, in_place, many))
    waits = Waits(pair.one, at if what in AT_WAITS else None, at_wait, late=late)
    with waits, asked.calls:
        asked.run()
    return asked, waits


# what must hold


def judge(asked: Asked, moment: Moment) -> None:
    what, is_fault = moment.what, moment.is_fault
    assert is_fault or not asked.waited, "it waited for its lease"
    shown = judge_ending(asked, what, is_fault=is_fault)
    final = judge_retry(asked, shown, is_deleted=shown is None and what in DELETIONS, is_fault=is_fault)
    if final is not None and final["status"] == "completed":
        judge_approval(asked, final, is_fault=is_fault)
    judge_rest(asked)
    tokens = [call.token for call in asked.pair.tools.calls]
    assert len(tokens) == len(set(tokens)), "a tool was called twice"
    assert {token.partition("_")[2][:31] for token in tokens} <= {each[5:] for each in asked.ids}
    used, sent = asked.used(), sum(TOKENS[turn_of(request)] for request in asked.pair.model.requests)
    assert used.get("requests", 0) == len(asked.ids) or (is_fault and used.get("requests", 0) < len(asked.ids))
    assert used.get("input_tokens", 0) <= sent
    assert what or used["input_tokens"] == sent


def judge_ending(asked: Asked, what: str, *, is_fault: bool) -> dict[str, Any] | None:
    """Hold what was sent against what is stored, and return that; None if nothing is."""
    (reply,) = asked.answers
    sent = None
    if reply.status_code == 200:
        sent = assert_stream(reply.content)[-1]["response"]
    else:
        assert (asked.is_refused and is_fault) or what in {*DELETIONS, "another worker"}, reply.text
    if asked.is_refused or asked.stored() is None:
        assert asked.is_refused or what in DELETIONS
        return None
    asked.ids.add(asked.id)
    shown = asked.pair.other.retrieve(asked.key, asked.id)
    if what == "another worker" and sent is not None:  # its items and its usage are its own
        sent = {**shown, **{name: sent[name] for name in ("status", "error")}}
    if sent is not None and not is_fault:
        assert sent == shown
    if sent is not None and what == "failure":
        assert shown["status"] == "completed"
    if what in {"shutdown", "cancellation", "cancellation elsewhere"}:
        assert shown["error"] is None or shown["error"]["code"] == "shutting_down"
    return shown


def judge_retry(
    asked: Asked, shown: dict[str, Any] | None, *, is_deleted: bool, is_fault: bool
) -> dict[str, Any] | None:
    """Send the request again, and return its response; None if it was deleted."""
    again = asked.send()
    if is_fault and again.status_code == 409:  # its reservation could not be removed
        with asked.pair.later(asked.pair.one, asked.pair.other):
            again = asked.send()
    if is_deleted:
        asked.ids.add(asked.id)
        log = asked.pair.of_store(lambda other: other.runs.inner.read(ADA, asked.id, 0))
        assert (again.status_code, log) == (404, [])
        return None
    assert again.status_code == 200, again.text
    final: dict[str, Any] = assert_stream(again.content)[-1]["response"]
    if shown is not None and shown["status"] != "failed":
        assert final == shown
    else:
        assert final["status"] == "completed"
    asked.ids.add(final["id"])
    return final


def judge_approval(asked: Asked, final: dict[str, Any], *, is_fault: bool) -> None:
    """Approve the call that the response waits for, if the store took it: it is made once."""
    pair = asked.pair
    waiting = [approval["id"] for approval in final["antiphon"].get("approvals", ())]
    assert [each.id for each in pending(pair)] == waiting
    assert waiting or is_fault
    for approval in waiting:
        decided = decide(pair.other, asked.key, approval)
        assert decided.status_code == 200, decided.text
        following = ended(pair.other, asked.key, decided.json()["next_response_id"])
        assert following["status"] == "completed"
        asked.ids.add(following["id"])
    assert [call.tool.name for call in pair.tools.calls].count("update") == len(waiting)


def judge_rest(asked: Asked) -> None:
    """Require that nothing is left."""
    pair = asked.pair
    until(lambda: pair.is_quiet)
    assert pending(pair) == []
    with pair.later(pair.other):
        pair.sweep()
        pair.sweep()
    assert pair.of_store(lambda other: other.runs.inner.list_open()) == []


def pending(pair: Pair) -> list[Any]:
    found: list[Any] = pair.of_store(lambda other: other.approvals.inner.pending(TENANT, 99)).records
    return found


def moments_of(pair: Pair, agent: str, *, background: bool) -> Iterator[Moment]:
    """Yield all that may happen to a run; it must end well untouched, too."""
    asked, waits = ask(pair, Moment(agent), background=background)
    judge(asked, Moment(agent))
    both, calls = (False, True), len(asked.calls.names)
    yield from (Moment(agent, what, at, late) for what in AT_WAITS for at in range(waits.count) for late in both)
    yield from (Moment(agent, what, at, late) for what in AT_CALLS for at in range(calls) for late in both)
    yield from (Moment(agent, what, at) for what in FAULTS for at in range(calls))


@pytest.mark.parametrize("background", [False, True], ids=["foreground", "background"])
def test_a_run_ends_well_whatever_happens_at_any_of_its_moments(pair: Pair, background: bool) -> None:
    moments = [each for agent in ("shown", "hidden") for each in moments_of(pair, agent, background=background)]
    tried = min(len(rounds(6 if pair.is_slow else 12)), len(moments))
    for moment in chance().sample(moments, tried):
        asked, _ = ask(pair, moment, background=background)
        try:
            judge(asked, moment)
        except BaseException as error:
            error.add_note(f"{moment} {asked.calls.names}")
            raise
