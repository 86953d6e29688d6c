"""Environments of the local Lambda host, with a function that does nothing but start and answer."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local.lambda_host.environment import Function, Pool
from tests.support.hosted import layout

RUNTIME = """
import http.client, os, pathlib, sys, json
journal = os.open(os.environ["JOURNAL"], os.O_WRONLY | os.O_APPEND)
os.write(journal, b"begin\\n")
import asyncio, http.server, logging.config, unittest.mock, xml.dom.minidom  # what a start takes
if sys.argv[1] == "broken":
    os.write(journal, b"ready\\n")
    sys.exit(1)
os.write(journal, b"ready\\n")
api = os.environ["AWS_LAMBDA_RUNTIME_API"]

def ask(method, path, body=None, headers={}):
    there = http.client.HTTPConnection(api)
    there.request(method, "/2018-06-01/runtime/" + path, body, headers)
    answer = there.getresponse()
    return answer.headers, answer.read()

while True:
    head, event = ask("GET", "invocation/next")
    echo = {"lambda-runtime-invocation-id": head["lambda-runtime-invocation-id"], "content-type": "application/json"}
    ask("POST", "invocation/%s/response" % head["lambda-runtime-aws-request-id"], event, echo)
"""


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    (tmp_path / "awslambdaric.py").write_text(RUNTIME)
    journal = tmp_path / "journal"
    journal.touch()
    return journal


def pool(journal: Path, starts: int, handler: str = "app.handler") -> Pool:
    folder = journal.parent
    function = Function(
        name="Plain",
        handler=handler,
        task=folder,
        opt=folder,
        runtime=folder,
        python=sys.executable,
        seconds=30,
        megabytes=1024,
        environ={"JOURNAL": str(journal)},
    )
    return Pool(function, folder / "log", threading.Semaphore(starts))


def at_once(journal: Path) -> int:
    """Return how many were starting at the same time at most."""
    now = most = 0
    for line in journal.read_text().split():
        now += 1 if line == "begin" else -1
        most = max(most, now)
    return most


def test_no_more_environments_start_at_once_than_may(journal: Path) -> None:
    plain = pool(journal, 2)
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda number: plain.invoke({"n": number}).ended(), range(12)))
    assert [answer.document for answer in answers] == [{"n": number} for number in range(12)]
    assert at_once(journal) <= 2
    plain.kill()


def test_an_environment_that_cannot_start_lets_the_next_one_start(journal: Path) -> None:
    broken = pool(journal, 1, "broken")
    assert [broken.invoke({}).ended().state for _ in range(3)] == ["cut"] * 3
    assert journal.read_text().count("begin") == 3


def test_a_function_of_the_managed_runtime_that_raises_is_an_error_and_runs_on(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return {'n': 1 / event}\n")
    function = Function(
        name="Failing",
        handler="app.handler",
        task=tmp_path,
        opt=tmp_path,
        runtime=layout().runtime,
        python=layout().python,
        seconds=30,
        megabytes=1024,
        environ={},
    )
    failing = Pool(function, tmp_path / "log")
    failed = failing.invoke(0).ended()
    assert (failed.state, failed.error and failed.error["errorType"]) == ("error", "ZeroDivisionError")
    assert failing.invoke(2).ended().document == {"n": 0.5}
    [environment] = failing.environments
    assert environment.api.breaches == []
    failing.kill()
