"""An MCP server on loopback, in either form of the protocol, with tools that a test defines.

with McpServer({"find": tool("Find.", lambda arguments: text("found"))}) as server:
    ... server.url() ...
    assert server.methods == ["server/discover", "tools/list"]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.answering import Answer, Answering, Asked

STATELESS = "2026-07-28"
META = "io.modelcontextprotocol/"


@dataclass
class Tool:
    """A tool: its definition, and what it does. It returns a result, or a whole answer."""

    definition: dict[str, Any]
    run: Callable[[dict[str, Any]], dict[str, Any] | Answer]


def tool(
    description: str, run: Callable[[dict[str, Any]], dict[str, Any] | Answer], schema: dict[str, Any] | None = None
) -> Tool:
    given = schema or {"type": "object", "properties": {"query": {"type": "string"}}}
    return Tool({"description": description, "inputSchema": given}, run)


def text(*texts: str, **more: Any) -> dict[str, Any]:
    return {"resultType": "complete", "content": [{"type": "text", "text": said} for said in texts], **more}


def find(run: Any = lambda arguments: text(f"found {arguments['query']}"), **more: Any) -> dict[str, Tool]:
    """Return one tool, ``find``."""
    return {"find": tool("Find something.", run, **more)}


class McpServer(Answering):
    """The server.

    Attributes:
        tools: by their names; a test may change them while it runs.
        version: the newest that it has; one before 2026-07-28 needs a handshake.
        keeps_sessions: a handshake gives a session, without which nothing else is answered.
        pages: how many tools are on a page; 0 for all.
        events: answer with server-sent events.
    """

    def __init__(self, tools: dict[str, Tool], version: str = STATELESS, *, events: bool = False) -> None:
        super().__init__(self._answer)
        self.tools = tools
        self.version = version
        self.events = events
        self.pages = 0
        self.sessions = 0
        self.keeps_sessions = True

    @property
    def methods(self) -> list[str]:
        """What was asked for: methods of the protocol, and of HTTP if it was no POST."""
        return [asked.json["method"] if asked.method == "POST" else asked.method for asked in self.asked]

    @property
    def calls(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.method == "POST" and asked.json["method"] == "tools/call"]

    def _answer(self, asked: Asked) -> Answer:
        if asked.method == "DELETE":
            return Answer()
        message = asked.json
        if "id" not in message:
            return Answer(202)
        problem = self._problem(asked, message)
        if problem is not None:
            return Answer(400, json={"jsonrpc": "2.0", "id": message["id"], "error": problem})
        given = getattr(self, "_" + message["method"].replace("/", "_"))(message.get("params", {}))
        if isinstance(given, Answer):
            return given
        answer = {"jsonrpc": "2.0", "id": message["id"], **given}
        headers = {"mcp-session-id": f"session-{self.sessions}"} if message["method"] == "initialize" else {}
        headers = headers if self.keeps_sessions else {}
        return Answer.events(answer, **headers) if self.events else Answer(json=answer, headers=headers)

    def _problem(self, asked: Asked, message: dict[str, Any]) -> dict[str, Any] | None:
        if self.version == STATELESS:
            if asked.headers.get("mcp-method") != message["method"]:
                return {"code": -32020, "message": "Header mismatch"}
            said = message["params"]["_meta"][f"{META}protocolVersion"]
            if said != STATELESS:
                return {"code": -32022, "message": "Unsupported", "data": {"supported": [STATELESS]}}
        elif (
            self.keeps_sessions
            and message["method"] != "initialize"
            and asked.headers.get("mcp-session-id") != f"session-{self.sessions}"
        ):
            return {"code": -32600, "message": "Session required"}
        return None

    def _server_discover(self, _: dict[str, Any]) -> dict[str, Any]:
        if self.version != STATELESS:
            return {"error": {"code": -32601, "message": "Method not found"}}
        return {"result": {"resultType": "complete", "supportedVersions": [STATELESS], "capabilities": {"tools": {}}}}

    def _initialize(self, params: dict[str, Any]) -> dict[str, Any]:
        self.sessions += 1
        info = {"name": "test", "version": "1"}
        assert params["clientInfo"]["name"] == "antiphon"
        return {"result": {"protocolVersion": self.version, "capabilities": {"tools": {}}, "serverInfo": info}}

    def _tools_list(self, params: dict[str, Any]) -> dict[str, Any]:
        listed = [{"name": name, **given.definition} for name, given in self.tools.items()]
        start = int(params.get("cursor", 0))
        end = start + self.pages if self.pages else len(listed)
        more = {"nextCursor": str(end)} if end < len(listed) else {}
        return {"result": {"resultType": "complete", "tools": listed[start:end], **more}}

    def _tools_call(self, params: dict[str, Any]) -> dict[str, Any] | Answer:
        if params["name"] not in self.tools:
            return {"error": {"code": -32602, "message": f"Unknown tool: {params['name']}"}}
        given = self.tools[params["name"]].run(params["arguments"])
        return given if isinstance(given, Answer) else {"result": given}
