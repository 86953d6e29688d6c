"""``antiphon check``: send a server what clients send, and report each answer that breaks the rules."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from cli.output import Output, Refused
from cli.progress import counted
from cli.server import KEYS, check_url
from cli.tables import aligned

if TYPE_CHECKING:
    from cli.probes import Probe
    from cli.remote import CheckedServer


@dataclass(frozen=True, slots=True)
class Result:
    """What one probe found.

    Attributes:
        check: the probe's name.
        promise: what it holds the server to.
        seconds: how long it took.
        problems: what is wrong; empty if it passed.
        served: false if the server does not have what is checked, and need not have it.
    """

    check: str
    promise: str
    seconds: float
    problems: list[str]
    served: bool = True


async def check(args: Namespace) -> Output:
    """Run every probe, one after the other.

    Raises:
        Refused: the URL is none, or there is no key.
        Unreachable: the server does not answer.
    """
    import aiohttp  # noqa: PLC0415 (slow to import, and no other command needs it)

    from cli.chat_probes import CHAT_PROBES  # noqa: PLC0415 (they import jsonschema, which is slow)
    from cli.probes import PROBES  # noqa: PLC0415 (as above)
    from cli.remote import CheckedServer  # noqa: PLC0415 (it imports aiohttp)

    key = args.key or next((os.environ[name] for name in KEYS if os.environ.get(name)), "")
    url = check_url(args.url)
    if not key:
        raise Refused(f"the API key is missing: pass it with --key, or in {KEYS[0]}")
    async with aiohttp.ClientSession(trust_env=True) as session:
        server = CheckedServer(session, url, key, args.agent)
        await _require_api(server)
        probes = counted(CHAT_PROBES if args.chat else PROBES, "check", lambda probe: probe.__name__)
        results = [await _run(probe, server) for probe in probes]
    return _report(server, results)


async def _require_api(server: CheckedServer) -> None:
    """Check that a URL is not one of Antiphon without its ``/v1``, of which every check would fail.

    Raises:
        Refused: it is.
    """
    from cli.client import refusal_line  # noqa: PLC0415 (it imports aiohttp)

    reply = await server.request("GET", "/models")
    answer = reply.json()
    error = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(error, dict) and error.get("code") == "route_not_found":
        raise Refused(refusal_line(reply.status, reply.body))


async def _run(probe: Probe, server: CheckedServer) -> Result:
    from cli.socket import NotServed  # noqa: PLC0415 (it imports aiohttp)

    began, served = time.monotonic(), True
    try:
        problems = await probe(server)
    except NotServed:
        problems, served = [], False
    except (KeyError, TypeError, AttributeError, IndexError):
        problems = ["an answer lacks what the specification requires"]
    promise = (probe.__doc__ or "").strip()
    return Result(probe.__name__, promise, round(time.monotonic() - began, 3), problems, served)


def _report(server: CheckedServer, results: list[Result]) -> Output:
    failed = sum(bool(result.problems) for result in results)
    served = sum(result.served for result in results)
    rows = [(_word(result), result.check, result.promise) for result in results]
    lines: list[str] = []
    for line, result in zip(aligned(rows), results, strict=True):
        lines += [line, *(f"        - {problem}" for problem in result.problems)]
    absent = "" if served == len(results) else f", {len(results) - served} not served"
    verdict = f"{served - failed} of {served} passed{absent}: {server.base_url}, agent {server.agent}"
    data = {
        "url": server.base_url,
        "agent": server.agent,
        "passed": served - failed,
        "failed": failed,
        "checks": [asdict(result) for result in results],
    }
    return Output(data, "\n".join([*lines, "", verdict]), code=1 if failed else 0)


def _word(result: Result) -> str:
    return "FAILED" if result.problems else "ok" if result.served else "absent"
