"""Where traces are sent, from the variables of the OpenTelemetry specification.

Sources: OpenTelemetry Specification, "OpenTelemetry Protocol Exporter" and "Environment Variable Specification".
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from antiphon import __version__
from antiphon.errors import SettingsError
from antiphon.settings import problem_of_url

BASE: Final = "OTEL_EXPORTER_OTLP_"
PROTOCOL: Final = "http/protobuf"
_SAMPLERS: Final = ("always_on", "always_off", "traceidratio")
_PARENT: Final = "parentbased_"


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which traces are sent.

    Attributes:
        ratio: the part of those that begin here.
        follows: a trace of the caller is sent only if the caller sampled it.
    """

    ratio: float
    follows: bool


@dataclass(frozen=True, slots=True)
class Config:
    """Where traces are sent, and which.

    Attributes:
        url: where spans are posted.
        headers: sent with them, by names in lower case. They may hold secrets.
        resource: what the spans are of.
        sampling: which traces are sent.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    resource: Mapping[str, str]
    sampling: Sampling


def read_config(environ: Mapping[str, str] = os.environ) -> Config:
    """Read the variables; one of the two endpoints is set.

    Raises:
        SettingsError: one is malformed, or asks for what is not supported.
    """
    protocol = _of_traces(environ, "PROTOCOL")
    if protocol and protocol != PROTOCOL:
        raise SettingsError(f"{BASE}PROTOCOL: only {PROTOCOL} is supported")
    return Config(_url(environ), read_headers(_of_traces(environ, "HEADERS")), _resource(environ), _sampling(environ))


def read_headers(text: str, variable: str = f"{BASE}HEADERS") -> dict[str, str]:
    """Read headers: ``name=value`` with commas between, values percent-encoded.

    Args:
        text: the headers.
        variable: named if they are malformed.

    Raises:
        SettingsError: they are malformed.
    """
    pairs = _pairs(text, variable)
    if not all(name.isascii() and value.isprintable() for name, value in pairs.items()):
        raise SettingsError(f"{variable}: a header has characters that cannot be sent")
    return {name.lower(): value for name, value in pairs.items()}


def _url(environ: Mapping[str, str]) -> str:
    """Return the URL of traces, which is used as it is, or the common one with the path of traces."""
    variable = f"{BASE}TRACES_ENDPOINT" if environ.get(f"{BASE}TRACES_ENDPOINT") else f"{BASE}ENDPOINT"
    url = environ[variable].strip()
    problem = problem_of_url(url)
    if problem:
        raise SettingsError(f"{variable}: {problem}")
    return url if "TRACES" in variable else f"{url.rstrip('/')}/v1/traces"


def _of_traces(environ: Mapping[str, str], name: str) -> str:
    return environ.get(f"{BASE}TRACES_{name}") or environ.get(BASE + name) or ""


def _resource(environ: Mapping[str, str]) -> dict[str, str]:
    resource = {"service.name": "antiphon", "service.version": __version__}
    resource |= _pairs(environ.get("OTEL_RESOURCE_ATTRIBUTES", ""), "OTEL_RESOURCE_ATTRIBUTES")
    if environ.get("OTEL_SERVICE_NAME"):
        resource["service.name"] = environ["OTEL_SERVICE_NAME"]
    function = environ.get("AWS_LAMBDA_FUNCTION_NAME")
    if function:
        aws = {"cloud.provider": "aws", "cloud.platform": "aws_lambda", "cloud.region": environ.get("AWS_REGION", "")}
        resource = {**aws, "faas.name": function, **resource}
    return resource


def _sampling(environ: Mapping[str, str]) -> Sampling:
    named = environ.get("OTEL_TRACES_SAMPLER") or "parentbased_always_on"
    kind = named.removeprefix(_PARENT)
    if kind not in _SAMPLERS:
        raise SettingsError(f"OTEL_TRACES_SAMPLER: not one of {', '.join(_SAMPLERS)}, with or without {_PARENT}")
    ratio = {"always_on": 1.0, "always_off": 0.0}.get(kind)
    if ratio is None:
        try:
            ratio = float(environ.get("OTEL_TRACES_SAMPLER_ARG") or 1)
        except ValueError:
            ratio = -1.0
        if not 0 <= ratio <= 1:
            raise SettingsError("OTEL_TRACES_SAMPLER_ARG: not a number from 0 to 1")
    return Sampling(ratio, follows=named.startswith(_PARENT))


def _pairs(text: str, variable: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, equals, value = part.partition("=")
        if not equals or not name.strip():
            raise SettingsError(f"{variable}: not name=value with commas between")
        pairs[name.strip()] = unquote(value.strip())
    return pairs
