"""A proxy of WebSockets before a real service that changes each event as told. It has nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve


@contextmanager
def spoiling(root: str, fault: Callable[[dict[str, Any]], None]) -> Iterator[str]:
    """Serve the proxy. Yield its base URL, up to and with ``/v1``.

    Args:
        root: the service, without a path.
        fault: called with each event, which it changes in place.
    """

    def relay(client: ServerConnection) -> None:
        assert client.request is not None
        headers = {"authorization": client.request.headers["authorization"]}
        url = root.replace("http", "ws", 1) + client.request.path
        with connect(url, additional_headers=headers, proxy=None) as service:
            asking = Thread(target=lambda: forward(client, service))
            asking.start()
            for text in service:
                event = json.loads(text)
                fault(event)
                client.send(json.dumps(event))
            asking.join()

    with serve(relay, "127.0.0.1", 0) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}/v1"
        server.shutdown()
        thread.join()


def forward(client: ServerConnection, service: Any) -> None:
    """Send on what the client asks, until it leaves."""
    try:
        for text in client:
            service.send(text)
    except ConnectionClosed:
        """It left without a word."""
    service.close()
