"""`antiphon console` as a process of its own, and the console of `make run`."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.support import local_server
from tests.support.command import EXECUTABLE, run
from tests.support.dynamodb import dynamodb
from tests.support.service import Service
from tests.support.streams import assert_stream
from tests.support.tables import CORE, RESPONSES, create_tables


@contextmanager
def console(database: Path, *arguments: str) -> Iterator[httpx2.Client]:
    """Run the command on a database; yields a client that has its token."""
    with opened("--database", str(database), "console", *arguments, cwd=database.parent) as client:
        yield client


@contextmanager
def opened(*arguments: str, cwd: Path, **environ: str) -> Iterator[httpx2.Client]:
    process = subprocess.Popen(
        [EXECUTABLE, *arguments],
        env={"PATH": "/usr/bin:/bin", **environ},
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "#token=" in line:
                break
        address = re.search(r"(http://127\.0\.0\.1:\d+)/console/#token=(\S+)", "".join(lines))
        assert address, process.communicate(timeout=10)
        with httpx2.Client(base_url=address[1], timeout=30, trust_env=False) as client:
            client.headers["x-antiphon-console"] = address[2]
            yield client
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


def test_the_command_manages_its_database_and_passes_calls_on_to_the_service(tmp_path: Path) -> None:
    with Service(tmp_path) as service, console(tmp_path / "antiphon.db", "--url", service.base_url) as client:
        assert "Antiphon console" in client.get("/", follow_redirects=True).text
        assert client.get("/console/facts").json()["base_url"] == service.base_url
        made = client.post("/v1/admin/keys", json={"user": "ada"}).json()
        listed = client.get("/v1/admin/keys").json()["data"]
        assert [key["id"] for key in listed] == [made["id"]]
        headers = {"authorization": f"Bearer {made['key']}"}
        body = {"model": "agent", "input": "Hi", "stream": True}
        answer = client.post("/v1/responses", json=body, headers=headers)
        assert answer.headers["content-type"] == "text/event-stream"
        assert_stream(answer.content)
        assert client.get("/v1/models?limit=1", headers=headers).json()["object"] == "list"
        assert client.get("/v1/models").json()["error"]["code"] == "missing_api_key"


def test_the_command_manages_tables_by_the_credentials_of_its_environment(tmp_path: Path) -> None:
    with dynamodb() as emulator:
        create_tables(emulator)
        environ = {"AWS_ACCESS_KEY_ID": "made-up", "AWS_SECRET_ACCESS_KEY": "made-up", "AWS_REGION": "eu-central-1"}
        environ["AWS_ENDPOINT_URL_DYNAMODB"] = emulator.url
        place = ("--core-table", CORE, "--responses-table", RESPONSES)
        with opened(*place, "console", cwd=tmp_path, **environ) as client:
            assert client.get("/console/facts").json()["place"] == f"{CORE}, {RESPONSES}"
            assert client.put("/v1/admin/users/ada", json={"role": "ADMIN"}).json()["id"] == "ada"
            assert [user["id"] for user in client.get("/v1/admin/users").json()["data"]] == ["ada"]
            answer = client.get("/v1/models")
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "service_unreachable")
    assert "--url" in answer.json()["error"]["message"]


def test_every_request_of_the_command_needs_the_token(tmp_path: Path) -> None:
    with Service(tmp_path) as service, console(tmp_path / "antiphon.db", "--url", service.base_url) as client:
        del client.headers["x-antiphon-console"]
        key = {"authorization": f"Bearer {service.key()}"}
        for path in ("/v1/admin/agents", "/v1/models", "/v1/nothing"):
            assert client.get(path, headers=key).json()["error"]["code"] == "invalid_api_key"


def test_a_service_that_does_not_answer_is_said_so(tmp_path: Path) -> None:
    with Service(tmp_path):
        pass
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with console(tmp_path / "antiphon.db", "--url", url) as client:
            answer = client.post("/v1/responses", json={"model": "agent", "input": "Hi"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "service_unreachable")
    assert "Is it running?" in answer.json()["error"]["message"]


def test_a_port_in_use_and_a_wrong_url_are_refused(tmp_path: Path) -> None:
    with Service(tmp_path):
        pass
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = run("--database", "antiphon.db", "console", "--port", port, cwd=tmp_path)
    assert refused.code == 1
    assert f"port {port} is in use" in refused.err
    assert run("--database", "antiphon.db", "console", "--url", "nowhere", cwd=tmp_path).code == 1


def test_make_run_prints_the_address_of_its_console(tmp_path: Path) -> None:
    with local_server.running(tmp_path) as running:
        found = re.search(r"console    (http://127\.0\.0\.1:\d+)/console/#token=(\S+)", running.banner)
        assert found
        assert found[1] == running.base_url.removesuffix("/v1")
        headers = {"x-antiphon-console": found[2]}
        agents = httpx2.get(f"{found[1]}/v1/admin/agents", headers=headers).json()["data"]
        assert {"assistant", "weather"} <= {agent["id"] for agent in agents}
        assert httpx2.get(f"{found[1]}/v1/admin/agents").status_code == 401
