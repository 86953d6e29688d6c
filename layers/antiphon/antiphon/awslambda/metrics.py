"""Metrics on Lambda: one document of the embedded metric format for each request, through Powertools for AWS Lambda.

CloudWatch bills each combination of a metric and its
dimensions, so the one dimension is the function's service, and an error also has its code, of which there are few; who
answered is a property, which costs nothing and can be searched for. Powertools' own decorators would emit a stream's
metrics with the next invocation, and its ``Metrics`` shares one set among all requests of a process: here each request
has a set of its own, written when its last byte has left.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from typing import Any, Final

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from antiphon.awslambda.http import App, Receive, Scope, Send
from antiphon.measures import Measures

PROPERTIES: Final = ("response_id", "agent", "provider", "model", "outcome", "code")
_MADE: Final = {
    "TimeToFirstToken": (MetricUnit.Milliseconds, "ttft_ms"),
    "InputTokens": (MetricUnit.Count, "input_tokens"),
    "OutputTokens": (MetricUnit.Count, "output_tokens"),
}
"""Sent only if a response was made and the provider reported them."""

_OVER_INFO: Final = frozenset({"WARN", "ERROR", "FATAL"})


def metered(app: App, service: str) -> App:
    """Wrap an ASGI application: what it did for a request is written to standard output as metrics.

    The namespace is Powertools' ``POWERTOOLS_METRICS_NAMESPACE``.
    """
    cold = True

    async def with_metrics(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal cold
        about = {"correlation_id": scope["antiphon.request_id"], "cold_start": cold}
        cold = False
        try:
            await app(scope, receive, send)
        finally:
            if "antiphon.measures" in scope:
                emit(scope["antiphon.measures"], service, about)

    return with_metrics


def emit(measured: Measures, service: str, about: dict[str, Any]) -> None:
    """Write the metrics of one request.

    Args:
        measured: its record, ended.
        service: the one dimension of all its metrics.
        about: further properties of the document.
    """
    facts = measured.facts()
    metrics = _document(service, about | {name: facts[name] for name in PROPERTIES if name in facts})
    metrics.add_metric("ResponseTime", MetricUnit.Milliseconds, facts["duration_ms"])
    metrics.add_metric("DynamoDBCalls", MetricUnit.Count, measured.store_calls)
    for name, (unit, fact) in _MADE.items():
        if fact in facts:
            metrics.add_metric(name, unit, facts[fact])
    metrics.flush_metrics()
    if measured.code is not None:
        error = _document(service, about)
        error.add_dimension("code", measured.code)
        error.add_metric("Errors", MetricUnit.Count, 1)
        error.flush_metrics()
    sys.stdout.flush()  # a pipe is buffered, and the environment may be frozen now


def _document(service: str, about: dict[str, Any]) -> EphemeralMetrics:
    """Begin a document that no log level filters out.

    Lambda drops lines under the function's level, and takes one without a level or a time for INFO (AWS Lambda
    Developer Guide, "Log-level filtering"): without these two, ``LogLevel=ERROR`` would end the metrics.
    """
    metrics = EphemeralMetrics(service=service)
    least = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "")
    level = least if least in _OVER_INFO else "INFO"
    metrics.metadata_set.update(level=level, timestamp=datetime.now(UTC).isoformat(timespec="milliseconds"), **about)
    return metrics
