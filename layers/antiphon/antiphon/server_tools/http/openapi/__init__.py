"""Reads OpenAPI documents when an agent is applied. No request of a client imports this."""
