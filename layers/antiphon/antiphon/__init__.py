"""Antiphon: an Open Responses API for agents, serverless.

The rooms of this package, and which may import which, are drawn in ``docs/architecture.md`` and held by import-linter.
"""

__version__ = "0.1.0"
