"""A DynamoDB that can fall silent: it passes calls on to another one, until a test makes it stop answering."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from urllib.parse import urlsplit

from local.lambda_host.dynamodb import Command, Emulator, Reply


class Silenceable:
    """Where to call it, and how to silence it.

    Attributes:
        url: where it listens.
        silent: set while calls get no answer.
    """

    def __init__(self, server: Emulator, behind: str) -> None:
        self.url = server.url
        self.silent = threading.Event()
        self.over = threading.Event()
        self._behind = urlsplit(behind).netloc

    def handle(self, call: Command) -> Reply:
        """Pass a call on; while silent, hold it until the end and drop it."""
        if self.silent.is_set():
            self.over.wait()
            raise ConnectionAbortedError
        headers = {
            "x-amz-target": f"DynamoDB_20120810.{call.operation}",
            "authorization": f"Credential=a/b/{call.region}/dynamodb",
        }
        connection = HTTPConnection(self._behind)
        connection.request("POST", "/", json.dumps(call.arguments), headers)
        answer = connection.getresponse()
        status, document = answer.status, json.loads(answer.read())
        connection.close()
        return status, document


@contextmanager
def silenceable(behind: str) -> Iterator[Silenceable]:
    """Serve in front of the DynamoDB at a URL."""
    with Emulator(("127.0.0.1", 0)) as server:
        front = Silenceable(server, behind)
        server.handle = front.handle
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield front
        finally:
            front.over.set()
            server.shutdown()
            thread.join()
