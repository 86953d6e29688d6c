"""What a cold start takes: from the start of the process to the first byte, through the local Runtime API."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Final

from antiphon.access import keys, roles
from antiphon.bootstrap import build_stores
from antiphon.records import Agent, User
from antiphon.settings import Settings
from benchmarks.load import SHORT
from benchmarks.process import ROOT, Process, process
from benchmarks.table import Table
from local.lambda_host.dynamodb import create_tables, serve_apart
from local.lambda_host.environment import Environment, Function
from local.lambda_host.host import Host
from local.lambda_host.layers import find_python313, lay_out
from local.lambda_host.template import read_template

REPETITIONS: Final = 9
MILLI: Final = 1e3
REFERENCE: Final = "import fastapi, mangum, boto3; boto3.client('dynamodb')"
NAIVE: Final = "import fastapi, uvicorn, boto3, openai; boto3.client('dynamodb'); openai.OpenAI(api_key='none')"
REFERENCED: Final = "reference: fastapi, mangum and a boto3 client imported"
TABLES: Final = {"core_table": "CoreTable", "responses_table": "ResponsesTable"}
AWS: Final = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "eu-central-1"}

TO_REACH: Final = {"create: first event": "0.66", "get": "0.50", "list-models": "0.50"}
"""The share of the reference's processor time: 400 and 300 of the 603 ms that it took where the aim was set."""

ADAPTED: Final = "create behind uvicorn, as an adapter needs it: first event"
POLL_SECONDS: Final = 0.01
"""How often the Lambda Web Adapter asks whether its application is ready (its source, version 1.1.0)."""

Case = Callable[[], tuple[float, float, float]]
"""One cold start: its wall time and its processor time, in seconds, and the MB then held; 0 if not measured."""


def measure() -> Iterable[Table]:
    """Run the benchmark."""
    os.environ |= AWS
    with tempfile.TemporaryDirectory() as folder, process("upstream") as upstream, serve_apart() as database:
        template = read_template(ROOT / "template.yaml")
        create_tables(database, template.tables)
        key = asyncio.run(_seed(database))
        providers = json.dumps({"bench": {"base_url": f"http://127.0.0.1:{upstream.port}/v1"}})
        for python in (None, find_python313()):
            layout = lay_out(Path(folder) / ("3.13" if python else "own"), python)
            environ = {"ANTIPHON_PROVIDERS": providers, **AWS}
            with Host(layout, template, database, log=Path(folder) / "logs", environ=environ) as host:
                functions = {name: pool.function for name, pool in host.pools.items()}
            stock = _stock(Path(folder) / "stock", python) if python else f"{layout.opt / 'python'}"
            yield _table("3.13, built layers" if python else sys.version.split()[0], _cases(functions, key, stock))
            if find_python313() is None:
                return


def _stock(folder: Path, python: str) -> str:
    """Install the packages of the layer whole, as they come, and compile them. Return their folder."""
    lock = ROOT / "layers/dependencies/requirements.txt"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-compile",
        "--no-deps",
    ]
    chosen = ["--python-version", "3.13", "--only-binary=:all:", "--require-hashes", "--target", str(folder)]
    subprocess.run([*pip, *chosen, "-r", str(lock)], check=True)
    subprocess.run(
        [python, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(folder)], check=False
    )
    return str(folder)


def _cases(functions: Mapping[str, Function], key: str, stock: str) -> dict[str, Case]:
    create, get, models = (functions[name] for name in ("CreateResponse", "GetResponse", "ListModels"))
    path = f"{create.opt / 'python'}:{ROOT}"
    bare = replace(create, handler="benchmarks.bare_app.handler", environ={**create.environ, "PYTHONPATH": path})
    cases: dict[str, Case] = {
        "create: first event": lambda: cold(create, _event("create-response", key, "demo"), b"data: "),
        "create: first delta": lambda: cold(create, _event("create-response", key, "bench"), b"output_text.delta"),
        "get": lambda: cold(get, _event("get-response", key), b""),
        "list-models": lambda: cold(models, _event("list-models", key), b""),
        REFERENCED: lambda: _run(create.python, REFERENCE, stock),
        "floor: the same loop, nothing else": lambda: cold(bare, _event("create-response", key, "demo"), b"data: "),
        "an empty interpreter": lambda: _run(create.python, "pass", path),
    }
    if create.python == sys.executable:
        cases[ADAPTED] = lambda: adapted(create, _event("create-response", key, "demo"), b"data: ")
        cases["ceiling: fastapi, uvicorn, boto3, openai imported"] = lambda: _run(create.python, NAIVE, path)
    return cases


def _table(title: str, cases: Mapping[str, Case]) -> Table:
    for case in cases.values():
        case()  # warms the file cache
    rounds = [{name: case() for name, case in cases.items()} for _ in range(REPETITIONS)]
    least = {name: min(figures[name][1] for figures in rounds) * MILLI for name in cases}
    rows = []
    for name in cases:
        wall, cpu = (median(figures[name][which] for figures in rounds) * MILLI for which in (0, 1))
        held = median(figures[name][2] for figures in rounds)
        ratio = f"{least[name] / least[REFERENCED]:.2f}"
        rows.append(
            (
                name,
                f"{wall:.0f}",
                f"{cpu:.0f}",
                f"{least[name]:.0f}",
                ratio,
                TO_REACH.get(name, ""),
                f"{held:.0f}" if held else "",
            )
        )
    columns = ("", "wall, ms", "CPU, ms", "least CPU, ms", "ratio to the reference", "to reach", "memory, MB")
    return Table(f"Cold start, Python {title}", columns, rows)


def cold(function: Function, event: Mapping[str, Any], mark: bytes) -> tuple[float, float, float]:
    """Start a process, hand it an event, and measure to the first byte of a mark, or to the answer in one piece."""
    begun = time.perf_counter()
    environment = Environment(function, Path(os.devnull))
    answer = environment.invoke(event)
    answer.wait(lambda: answer.document is not None or (bool(mark) and mark in answer.body))
    wall = time.perf_counter() - begun
    started = Process(environment.pid, 0)
    cpu, held = started.cpu(), started.memory("VmRSS")
    environment.kill()
    return wall, cpu, held


def adapted(function: Function, event: Mapping[str, Any], mark: bytes) -> tuple[float, float, float]:
    """Start a function's application as a server, ask until it is ready, and send it the request of an event.

    That is what a web adapter does at a cold start; its own start, its exchange with the Runtime API and its memory
    come on top.
    """
    port = _free_port()
    command = [function.python, "-m", "uvicorn", "--factory", "antiphon.bootstrap:create_app", "--port", str(port)]
    begun = time.perf_counter()
    with subprocess.Popen(
        [*command, "--log-level", "warning"], cwd=function.task, env=function.variables("")
    ) as server:
        while not _is_ready(port):
            time.sleep(POLL_SECONDS)
        _send(port, event, mark)
        wall = time.perf_counter() - begun
        started = Process(server.pid, port)
        cpu, held = started.cpu(), started.memory("VmRSS")
        server.kill()
    return wall, cpu, held


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except ConnectionRefusedError:
        return False
    finally:
        connection.close()


def _send(port: int, event: Mapping[str, Any], mark: bytes) -> None:
    """Send an event's request, and read its answer until the mark."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"authorization": event["headers"]["Authorization"], "content-type": "application/json"}
    connection.request(event["httpMethod"], event["path"], event["body"], headers)
    seen, answer = b"", connection.getresponse()
    while mark not in seen:
        seen += answer.read1()
    connection.close()


def _run(python: str, code: str, path: str) -> tuple[float, float, float]:
    begun, before = time.perf_counter(), os.times()
    subprocess.run([python, "-c", code], env={**os.environ, "PYTHONPATH": path}, check=True)
    after = os.times()
    cpu = after.children_user - before.children_user + after.children_system - before.children_system
    return time.perf_counter() - begun, cpu, 0.0


def _event(name: str, key: str, model: str = "") -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / f"events/{name}.rest.json").read_text())
    event["multiValueHeaders"]["Authorization"] = [f"Bearer {key}"]
    event["headers"]["Authorization"] = f"Bearer {key}"
    body = json.dumps({"model": model, "input": "Hello", "stream": True}) if model else None
    return event | {"body": body}


async def _seed(database: str) -> str:
    stores = build_stores(Settings(**TABLES, aws_endpoint_url=database))
    await stores.directory.put(User("default", "bench", role=roles.ADMIN))
    for agent, model in (("demo", "demo"), ("bench", SHORT.model)):
        await stores.directory.put_agent(Agent("default", agent, agent, model, author="bench"))
    key = keys.make_key("bench", os.urandom)
    await stores.keys.add(keys.record(key, tenant="default", user="bench", now=1))
    await stores.aclose()
    return key
