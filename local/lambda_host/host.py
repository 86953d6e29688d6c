"""The host: the template's functions in their environments, behind the front doors, on one DynamoDB.

with Host(layout, template, url, log=folder) as host:
    host.rest.root, host.url.root
    host.pools["CreateResponse"].kill()         # the next invocation is a cold start
    host.queue.taken                            # what functions sent to functions
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Self

from local.lambda_host.answer import InvocationAnswer
from local.lambda_host.environment import Function, Pool, starts_at_once
from local.lambda_host.front import Front, rest_door, url_door
from local.lambda_host.invocations import EventQueue, Schedules
from local.lambda_host.layers import Layout
from local.lambda_host.template import Template
from local.lambda_host.websocket import WebSocketFront


class Host:
    """All functions of a template, ready to be called; a context manager.

    Args:
        layout: where code and layers lie.
        template: what is to run.
        database: the URL of DynamoDB.
        log: the directory of the functions' logs.
        port: of the REST API; the Function URL takes the next one. 0 for any.
        environ: variables that are set, or replaced, in every function.
        limits: the time-outs of some functions, in seconds, by logical name.
        scheduled: whether the template's schedules run; if not, ``tick`` sends their events.
        changes: fields of ``Function`` that are replaced in every function.

    Attributes:
        pools: the functions' environments, by logical name.
        rest, url: the front doors.
        socket: the front door for WebSockets, if the template has one.
        queue: takes what functions send to functions asynchronously.
    """

    def __init__(
        self,
        layout: Layout,
        template: Template,
        database: str,
        *,
        log: Path,
        port: int = 0,
        environ: Mapping[str, str] | None = None,
        scheduled: bool = False,
        limits: Mapping[str, float] | None = None,
        **changes: Any,
    ) -> None:
        self.queue = EventQueue(self.invoke, template.functions)
        self.socket = _socket_front(template, self.invoke)
        lambdas = {"AWS_ENDPOINT_URL_LAMBDA": self.queue.url}
        own = {"ANTIPHON_AWS_ENDPOINT_URL": database, **lambdas, **(environ or {})}
        if self.socket is not None:
            own["AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"] = self.socket.pushes
        log.mkdir(parents=True, exist_ok=True)
        starts = starts_at_once()
        self.pools = {
            name: Pool(
                _function(name, properties, layout, own, _limited(changes, limits, name)), log / f"{name}.log", starts
            )
            for name, properties in template.functions.items()
        }
        self.rest = Front(rest_door(template, self.invoke), port, template.gateway_headers)
        self.url = Front(url_door(template.urls[0], self.invoke), port and port + 1)
        self._scheduled = scheduled
        self._schedules = template.schedules
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Open the front doors."""
        self._stack.enter_context(self.queue)
        if self._scheduled:
            self._stack.enter_context(Schedules(self.queue, self._schedules))
        self._stack.enter_context(self.rest)
        self._stack.enter_context(self.url)
        if self.socket is not None:
            self._stack.enter_context(self.socket)
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the front doors and end every environment."""
        self._stack.close()
        for pool in self.pools.values():
            pool.kill()

    def invoke(self, function: str, event: Any) -> InvocationAnswer:
        """Hand an event to a function by its logical name."""
        return self.pools[function].invoke(event)

    def tick(self) -> list[InvocationAnswer]:
        """Send the event of each schedule once; return the answers."""
        return [self.invoke(schedule.function, schedule.event) for schedule in self._schedules]

    @property
    def breaches(self) -> list[str]:
        """Where a function that runs now broke the Runtime API's protocol."""
        running = [environment for pool in self.pools.values() for environment in pool.environments]
        return [breach for environment in running for breach in environment.api.breaches]


def _socket_front(template: Template, invoke: Callable[[str, Any], InvocationAnswer]) -> WebSocketFront | None:
    api = template.socket
    return WebSocketFront(partial(invoke, api.function), api.message, api.stage) if api is not None else None


def _limited(changes: Mapping[str, Any], limits: Mapping[str, float] | None, name: str) -> Mapping[str, Any]:
    return {**changes, "seconds": limits[name]} if limits and name in limits else changes


def _function(
    name: str, properties: Mapping[str, Any], layout: Layout, environ: Mapping[str, str], changes: Mapping[str, Any]
) -> Function:
    variables = {key: str(value) for key, value in properties["Environment"]["Variables"].items()}
    level = properties.get("LoggingConfig", {}).get("ApplicationLogLevel", "INFO")
    fields: dict[str, Any] = {
        "handler": properties["Handler"],
        "task": layout.task(properties["CodeUri"]).resolve(),
        "opt": layout.opt.resolve(),
        "runtime": layout.runtime.resolve(),
        "python": layout.python,
        "seconds": float(properties["Timeout"]),
        "megabytes": int(properties["MemorySize"]),
        "environ": {"AWS_LAMBDA_LOG_LEVEL": level, **variables, **environ},
    }
    return Function(name, **(fields | dict(changes)))
