"""The interface of what runs the tools of an agent's servers.

One runner for each kind of server, in ``server_tools``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from antiphon.records import ServerTool, ToolServer


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool that Antiphon runs.

    Attributes:
        token: marks the call: the same for every attempt of it, and for no other call. It is the id of its item, and a
            server that supports it does not do the same twice (``Idempotency-Key``, MCP's ``_meta``, the name of a
            durable execution of Lambda).
        server: where the tool is.
        tool: the tool, as it was pinned.
        arguments: what the model passes: a JSON object. It is not checked against the tool's schema.
        deadline: by when the call must have ended, in the event loop's time (seconds).
    """

    token: str
    server: ToolServer
    tool: ServerTool
    arguments: dict[str, Any]
    deadline: float


Cause = Literal["protocol", "execution", "http", "refused", "unknown"]
"""Why a call failed.

``protocol``: the server answered with an error of its protocol. ``execution``: the tool ran and reports an error.
``http``: the server answered with an HTTP status of failure. ``refused``: nothing was sent. ``unknown``: it was sent
and nothing came back, so the tool may have run or not.
"""


class ToolFailure(NamedTuple):
    """Why a call failed, for the model and for the caller: without secrets, addresses or what a gateway wrote.

    Attributes:
        cause: the kind of failure.
        message: one sentence.
        code: the protocol's or HTTP's number; 0 for none.
    """

    cause: Cause
    message: str
    code: int = 0


class Found(NamedTuple):
    """Something that a search found.

    Attributes:
        url: where it is; empty if it has no address.
        title: its title, or the name of its file.
        text: the passage.
        id: its id at the source; empty for none.
        score: how well it fits, from 0 to 1; None if the source has none.
    """

    url: str
    title: str
    text: str
    id: str = ""
    score: float | None = None


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The result of a call.

    Attributes:
        output: the text for the model; of a failed call what the tool wrote, which may be empty.
        failure: why it failed; None if it did not.
        images: images of the output, as data URLs with base64.
        found: what a search found, best first.
        reason: why it failed, for the log and the command line alone: it may name a setting and the place of a secret.
    """

    output: str = ""
    failure: ToolFailure | None = None
    images: tuple[str, ...] = ()
    found: tuple[Found, ...] = ()
    reason: str = ""


class Pinned(NamedTuple):
    """A server with its tools as they are now.

    Attributes:
        notes: what could not be used, and why.
    """

    server: ToolServer
    notes: tuple[str, ...] = ()


class PinTools(Protocol):
    """Looks up the tools of an agent's servers, once, when the agent is applied."""

    async def __call__(self, entries: Sequence[Any]) -> list[Pinned]:
        """Return the servers with their tools.

        Args:
            entries: the servers, as the agent's document has them.

        Raises:
            ApiError: 400: a server cannot be used, or the deployment does not allow it.
        """


class ToolRunner(Protocol):
    """Runs the tools of one kind of server."""

    async def call(self, call: ToolCall) -> ToolResult:
        """Run a tool. A failure is a result: nothing is raised but a cancellation, after which nothing stays open.

        At most ``MAX_RESULT_BYTES`` are read of what a server sends; the output may be longer than a model is shown.
        """

    async def aclose(self) -> None:
        """Close connections that are kept open."""
