"""The observation of a function: its log and, if the stack asks for them, metrics and traces.

What is not asked for is not imported.
"""

from __future__ import annotations

import os
from typing import Final

from antiphon.awslambda.http import App
from antiphon.awslambda.logging import correlated

NAMESPACE: Final = "POWERTOOLS_METRICS_NAMESPACE"
"""The stack asks for metrics by naming their namespace."""

DAEMON: Final = "AWS_XRAY_DAEMON_ADDRESS"
"""Lambda's own; whether a request is traced is said by its header."""


def watched(app: App, service: str) -> App:
    """Return an ASGI application with the metrics and traces that the environment asks for.

    Args:
        app: the application.
        service: the function's name in metrics.
    """
    if os.environ.get(NAMESPACE):
        from antiphon.awslambda.metrics import metered

        app = metered(app, service)
    if os.environ.get(DAEMON):
        from antiphon.awslambda.tracing import traced

        app = traced(app, os.environ[DAEMON])
    return correlated(app)
