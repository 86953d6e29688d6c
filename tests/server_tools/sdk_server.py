"""A server made with the official Python SDK, run by its own environment: PORT STATELESS."""

import sys

from mcp.server import MCPServer

server = MCPServer("sdk", log_level="ERROR")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def fail() -> str:
    """Fail."""
    raise ValueError("no such thing")


server.run("streamable-http", port=int(sys.argv[1]), stateless_http=sys.argv[2] == "stateless")
