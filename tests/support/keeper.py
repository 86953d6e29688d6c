"""Secrets Manager and the Parameter Store of moto, behind a socket.

    with Keeper() as keeper:
        keeper.put("secret", "antiphon/openai", "sk-1")
        ...                                          # with AWS_ENDPOINT_URL=keeper.url
        assert keeper.reads == ["antiphon/openai"]

``trouble`` makes every further read fail as the services do: ``throttled``, or ``silent`` until ``calm``.
"""

from __future__ import annotations

import http.server
import json
import threading
from contextlib import ExitStack
from typing import Any, Literal, Self

import boto3
import requests
from moto import mock_aws

AWS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "eu-central-1"}
SERVICES = {"secretsmanager": "secretsmanager", "AmazonSSM": "ssm"}
READS = ("GetSecretValue", "GetParameter")


class Keeper:
    """The server; a context manager.

    Attributes:
        url: where it answers.
        reads: what was asked for, in order.
        reached: set when a read came that gets no answer.
    """

    def __init__(self) -> None:
        self.reads: list[str] = []
        self.trouble: Literal["", "throttled", "silent"] = ""
        self.reached = threading.Event()
        self._calm = threading.Event()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"keeper": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(mock_aws())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.calm()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._stack.close()

    def put(self, kind: Literal["secret", "parameter"], name: str, value: str | bytes | dict[str, str]) -> str:
        """Keep a value, in the place of an earlier one. Return its ARN."""
        text = json.dumps(value) if isinstance(value, dict) else value
        if kind == "parameter":
            parameters = self._client("ssm")
            parameters.put_parameter(Name=name, Value=text, Type="SecureString", Overwrite=True)
            arn: str = parameters.get_parameter(Name=name)["Parameter"]["ARN"]
            return arn
        secrets = self._client("secretsmanager")
        held = {"SecretBinary" if isinstance(text, bytes) else "SecretString": text}
        try:
            arn = secrets.create_secret(Name=name, **held)["ARN"]
        except secrets.exceptions.ResourceExistsException:
            arn = secrets.put_secret_value(SecretId=name, **held)["ARN"]
        return arn

    def calm(self) -> None:
        """End the trouble, and answer what waits."""
        self.trouble = ""
        self._calm.set()

    def answer(self, target: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Answer one request."""
        service, _, operation = target.partition(".")
        if operation in READS:
            asked = json.loads(body)
            self.reads.append(asked.get("SecretId") or asked["Name"])
            if self.trouble == "throttled":
                return 400, b'{"__type":"ThrottlingException","message":"canary"}'
            if self.trouble == "silent":
                self.reached.set()
                self._calm.wait()
        url = f"https://{SERVICES[service]}.eu-central-1.amazonaws.com/"
        answer = requests.post(url, data=body, headers=headers, timeout=30)
        return answer.status_code, answer.content

    def _client(self, service: str) -> Any:
        url = f"https://{service}.eu-central-1.amazonaws.com"
        return boto3.client(service, region_name="eu-central-1", endpoint_url=url)  # type: ignore[call-overload]


class _Handler(http.server.BaseHTTPRequestHandler):
    keeper: Keeper
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        kept = {
            name: value for name, value in self.headers.items() if name.lower().startswith(("x-amz", "auth", "con"))
        }
        status, answer = self.keeper.answer(self.headers["x-amz-target"], body, kept)
        self.send_response(status)
        self.send_header("content-type", "application/x-amz-json-1.1")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""
