"""The Responses API over a WebSocket: the protocol (message, memory, session) and, on top, one ASGI connection."""
