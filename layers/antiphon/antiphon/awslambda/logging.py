"""Logging on Lambda: JSON lines on standard output, through the formatter of Powertools for AWS Lambda.

Lines of libraries use the same formatter, at WARNING or above, because botocore logs credentials at DEBUG, and HTTP
clients log URLs. Of an exception, the class and the frames are logged, but never the message: it may contain a part of
a request.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from typing import Any, Final

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter, set_context_keys

from antiphon.awslambda.http import App, Receive, Scope, Send

_TALKATIVE: Final = ("aiohttp", "asyncio", "boto3", "botocore", "httpx", "mangum", "openai", "urllib3")


class LambdaFormatter(LambdaPowertoolsFormatter):
    """Powertools' JSON, with exceptions as class and frames."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the standard library's name
        """Return the frames of an exception, one per line, outermost first."""
        frames = traceback.extract_tb(ei[2])
        return "\n".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)


def configure(service: str) -> None:
    """Send all logging of this process to standard output as JSON.

    ``AWS_LAMBDA_LOG_LEVEL`` sets the level of Antiphon's loggers; Lambda sets it from the function's configuration. All
    other loggers stay at WARNING.
    """
    handler = logging.StreamHandler(sys.stdout)
    form = LambdaFormatter(service=service, serialize_stacktrace=False, use_rfc3339=True, utc=True, xray_trace_id=None)
    handler.setFormatter(form)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("antiphon").setLevel(os.environ.get("AWS_LAMBDA_LOG_LEVEL") or "INFO")
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def correlated(app: App) -> App:
    """Wrap an ASGI application so that each log line of a request has the ids of the request and its trace."""

    async def with_correlation_id(scope: Scope, receive: Receive, send: Send) -> None:
        trace, _, _ = scope.get("antiphon.trace", "").partition(";")
        keys: dict[str, Any] = {
            "correlation_id": scope["antiphon.request_id"],
            "trace_id": trace.removeprefix("Root=") or None,
        }
        set_context_keys(**keys)
        await app(scope, receive, send)

    return with_correlation_id
