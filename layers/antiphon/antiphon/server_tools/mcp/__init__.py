"""MCP servers: a thin client for both eras of the protocol (docs/adr/0028)."""
