"""One service on the demo model, as a newcomer has it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from antiphon.records import Fallback
from antiphon.run.server_calls import LATER
from tests.support.server_tools import Tools, says, server
from tests.support.service import Service
from tests.support.upstream import Gate, Request, Script, Upstream, answer, finish, text, tool_call, usage

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
HERE = Path(__file__).parent
ROOT = HERE.parent.parent


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Its agent answers by a fallback: so clients see what Antiphon adds to a response, too.

    The agent ``acting`` has a tool that runs on the server; of ``asking`` it needs the caller's approval. The model of
    ``both`` calls the functions of the client and the tool of the server at once; for each question that runs once.
    """
    runner = Tools(get_population=says("2.1 million people"))
    with CallingUpstream() as upstream, Service(tmp_path, upstream, runner=runner) as running:
        running.agent("agent", provider="nowhere", fallbacks=(Fallback("demo", "demo"),))
        running.agent("acting", provider="demo", servers=(server("get_population", label="atlas", parameters=CITY),))
        asking = server("get_population", label="atlas", parameters=CITY, approval="caller")
        running.agent("asking", provider="demo", servers=(asking,))
        running.agent("both", provider="up", servers=(server("get_population", label="register", parameters=CITY),))
        yield running
    assert sum(call.server.label == "register" for call in runner.calls) == len(upstream.questions)


def clients_python(environment: str = "clients") -> str:
    """Return the Python of an environment of clients; skip if there is none, unless this is CI."""
    python = ROOT / f".venv-{environment}/bin/python"
    if not os.environ.get("CI") and not python.exists():
        pytest.skip("needs the clients: `make clients`")
    return str(python)


def outcomes(script: str, service: Service, key: str, api: str, environment: str = "clients") -> dict[str, str]:
    """Run the cases of a script in ``python/`` on an API, each of which must pass; return what each gave, by name."""
    environ = {**os.environ, "BASE_URL": service.base_url, "API_KEY": key, "API": api}
    command = [clients_python(environment), str(HERE / f"python/{script}.py")]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    outcome: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    failed = {name: report for name, report in outcome.items() if report != "passed"}
    assert not failed, "\n".join(failed.values())
    return outcome


def node() -> str:
    """Return Node.js; skip if it or the packages of ``node/`` are not installed, unless this is CI."""
    found = shutil.which("node")
    if not os.environ.get("CI") and (found is None or not (HERE / "node/node_modules/ai").exists()):
        pytest.skip("needs Node.js and its packages: `make clients`")
    assert found is not None
    return found


class CallingUpstream(Upstream):
    """A model that calls all offered functions that the user's message names, at once and for Paris, then quotes what
    they returned.

    Attributes:
        questions: the users' messages in each conversation in which the tool of the server was called.
    """

    def __init__(self) -> None:
        super().__init__()
        self.questions: set[str] = set()

    def take(self, request: Request) -> Script:
        self.requests.append(request)
        messages = request.body["messages"]
        begins = max(index for index, message in enumerate(messages) if message["role"] == "user")
        said, since = str(messages[begins]["content"]), messages[begins:]
        outputs = [message for message in since if message["role"] == "tool" and LATER not in str(message["content"])]
        answered = {message["tool_call_id"] for message in outputs}
        made_before = [call for message in since for call in message.get("tool_calls") or ()]
        done = {call["function"]["name"] for call in made_before if call["id"] in answered}
        offered = [tool["function"]["name"] for tool in request.body.get("tools") or ()]
        calls = [name for name in offered if name in said and name not in done]
        if any(name.startswith("register__") for name in calls):
            self.questions.add(str([message["content"] for message in messages if message["role"] == "user"]))
        arguments = json.dumps({"city": "Paris"})
        made = [
            tool_call(index, f"call_{len(self.requests)}_{index}", name, arguments) for index, name in enumerate(calls)
        ]
        if made:
            return Script.stream(*made, finish("tool_calls"), usage(3, 3))
        return answer(" and ".join(str(message["content"]) for message in outputs))


class HoldingUpstream(Upstream):
    """A model that answers "One two three". If its input contains "Hold", it stops after "One ".

    A request whose input contains "Release" lets it continue, so a client in another process can do that. "Release" may
    arrive before "Hold": the worker of a background response can call its model after the client has its answer.
    """

    def __init__(self) -> None:
        super().__init__()
        self._held: list[Gate] = []
        self._early = 0

    def take(self, request: Request) -> Script:
        self.requests.append(request)
        said = str(request.body["messages"][-1]["content"])
        held: list[Any] = []
        if "Hold" in said and self._early:
            self._early -= 1
        elif "Hold" in said:
            held = [Gate()]
            self._held += held
        elif "Release" in said and self._held:
            self._held.pop().open()
        elif "Release" in said:
            self._early += 1
        return Script.stream(text("One "), *held, text("two "), text("three"), finish(), usage(3, 3))


@pytest.fixture
def holding(tmp_path: Path) -> Iterator[Service]:
    """A service whose model can be held in the middle of an answer."""
    with HoldingUpstream() as upstream, Service(tmp_path, upstream, watch_seconds=0.05) as running:
        yield running
