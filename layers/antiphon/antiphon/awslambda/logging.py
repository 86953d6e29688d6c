"""Logging on Lambda: JSON lines on standard output, through the formatter of Powertools for AWS Lambda.

It must not know what is logged. Whatever a library logs leaves through the same formatter, at WARNING or above:
botocore prints credentials at DEBUG, HTTP clients print URLs. An exception is logged by its class and its frames, never
by its message, which may carry a part of a request.
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


class Formatter(LambdaPowertoolsFormatter):
    """Powertools' JSON, with exceptions as class and frames."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the standard library's name
        """Write the frames of an exception, one a line, outermost first."""
        frames = traceback.extract_tb(ei[2])
        return "\n".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)


def configure(service: str) -> None:
    """Send all logging of this process to standard output as JSON.

    The level of our own loggers is ``AWS_LAMBDA_LOG_LEVEL``, which Lambda sets from the function's configuration; that
    of all others stays at WARNING.
    """
    handler = logging.StreamHandler(sys.stdout)
    form = Formatter(service=service, serialize_stacktrace=False, use_rfc3339=True, utc=True, xray_trace_id=None)
    handler.setFormatter(form)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("antiphon").setLevel(os.environ.get("AWS_LAMBDA_LOG_LEVEL") or "INFO")
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def correlated(app: App) -> App:
    """Wrap an ASGI application: what is logged while it serves a request carries its id, and that of its trace."""

    async def with_correlation_id(scope: Scope, receive: Receive, send: Send) -> None:
        trace, _, _ = scope.get("antiphon.trace", "").partition(";")
        keys: dict[str, Any] = {
            "correlation_id": scope["antiphon.request_id"],
            "trace_id": trace.removeprefix("Root=") or None,
        }
        set_context_keys(**keys)
        await app(scope, receive, send)

    return with_correlation_id
