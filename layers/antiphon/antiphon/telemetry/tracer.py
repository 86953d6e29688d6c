"""The tracer of OpenTelemetry: makes traces, and passes their spans to the exporter."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Mapping
from typing import Final

from antiphon.errors import trace
from antiphon.spans import Span, Trace
from antiphon.telemetry.config import Config, Sampling, read_config, read_headers
from antiphon.telemetry.conventions import SENT, FindEndpoint, describe
from antiphon.telemetry.exporter import Exporter
from antiphon.telemetry.post import GetHeaders, OtlpPost, is_of_aws
from antiphon.telemetry.wire import span as written

_TRACEPARENT: Final = re.compile("(?!ff|00.{54})[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_NO_TRACE: Final = "0" * 32
_NO_SPAN: Final = "0" * 16
_XRAY: Final = re.compile("1-([0-9a-f]{8})-([0-9a-f]{24})")
_BITS: Final = 1 << 64

_log: Final = logging.getLogger("antiphon.telemetry")


class OtlpTracer:
    """The port ``spans.Tracer``.

    Args:
        exporter: sends spans.
        endpoint: returns how a provider is set up.
        sampling: which traces are sent.
        to_xray: spans are sent to X-Ray, which has Lambda's own segment above them.
    """

    def __init__(self, exporter: Exporter, endpoint: FindEndpoint, sampling: Sampling, *, to_xray: bool) -> None:
        self._exporter = exporter
        self.flush, self.run, self.aclose = exporter.flush, exporter.run, exporter.aclose
        self._endpoint = endpoint
        self._sampling = sampling
        self._to_xray = to_xray

    def begin(self, traceparent: str, xray: str = "") -> Trace:
        """Continue the caller's trace, or that of Lambda, or make a new one; see ``spans.Tracer.begin``."""
        found = _TRACEPARENT.fullmatch(traceparent)
        if found and found[1] != _NO_TRACE and found[2] != _NO_SPAN:
            sampled = int(found[3], 16) & 1 == 1 if self._sampling.follows else self._is_sampled(found[1])
            return Trace(found[1], found[2], sampled)
        fields = dict(field.split("=", 1) for field in xray.split(";") if "=" in field)
        root = _XRAY.fullmatch(fields.get("Root", ""))
        if root is None:
            trace_id, parent = secrets.token_hex(16), ""
        else:
            is_recorded = self._to_xray and fields.get("Sampled") == "1"
            trace_id, parent = root[1] + root[2], fields.get("Parent", "") if is_recorded else ""
        return Trace(trace_id, parent if re.fullmatch("[0-9a-f]{16}", parent) else "", self._is_sampled(trace_id))

    def __call__(self, span: Span) -> None:
        """Take a span that has ended. One that cannot be described is dropped: it must cost no answer."""
        if span.trace is None or span.kind not in SENT:
            return
        try:
            described = self._written(span, span.trace)
        except Exception as error:  # noqa: BLE001 - see above
            _log.error("span not described", extra={"error": trace(error)})
            self._exporter.dropped += 1
        else:
            self._exporter.add(described)

    def _written(self, span: Span, trace: Trace) -> bytes:
        above = span.parent
        parent = above.id if above is not None and above.trace is trace else trace.parent
        name, kind, attributes = describe(span, self._endpoint)
        times = span.begun, max(span.begun, span.ended)  # a clock that is set back must not make a span end first
        failed = "error.type" in attributes
        return written(trace.id, span.id, parent, name, kind, times, attributes, failed=failed)

    def _is_sampled(self, trace_id: str) -> bool:
        """Decide by the trace's id, so that all that see it decide alike."""
        return int(trace_id[16:], 16) < self._sampling.ratio * _BITS


def open_tracer(environ: Mapping[str, str], endpoint: FindEndpoint, secret: str | None) -> OtlpTracer:
    """Make the tracer that an environment asks for.

    Args:
        environ: the environment, with an endpoint.
        endpoint: returns how a provider is set up.
        secret: the secret with further headers; None for none.

    Raises:
        SettingsError: a variable is malformed.
    """
    config = read_config(environ)
    post = OtlpPost(config.url, _headers(config, secret), config.resource)
    return OtlpTracer(Exporter(post), endpoint, config.sampling, to_xray=is_of_aws(config.url))


def _headers(config: Config, secret: str | None) -> GetHeaders:
    if secret is None:

        async def given() -> Mapping[str, str]:
            return config.headers

        return given
    from antiphon.aws.secrets import kept

    stored = kept("secret", secret, asked_by="ANTIPHON_OTLP_HEADERS_SECRET")

    async def with_secret() -> Mapping[str, str]:
        return {**config.headers, **read_headers(await stored.get(), "ANTIPHON_OTLP_HEADERS_SECRET")}

    return with_secret
