"""The URL of an AWS service: by its region, or as the environment names it.

The names are those of AWS's partitions; a test holds them against botocore's, region by region. An account's own
endpoint of DynamoDB (``ACCOUNT.ddb.REGION``), which AWS's SDKs prefer if they have the account's number, is
another name for the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from antiphon.errors import SettingsError

_OVERRIDE: Final = "AWS_ENDPOINT_URL"
"""Names another endpoint, as does the same with a service's name behind it, which wins (AWS SDKs and Tools Guide)."""

_PORTS: Final = {"http": 80, "https": 443}
_SUFFIX: Final = "amazonaws.com"
_SUFFIXES: Final = {
    "cn-": "amazonaws.com.cn",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
    "eusc-": "amazonaws.eu",
}
"""The domain of a partition, by how its regions' names begin; all others have ``_SUFFIX``."""
_DUAL: Final = "api.aws"
_DUALS: Final = {
    "cn-": "api.amazonwebservices.com.cn",
    "eusc-": "api.amazonwebservices.eu",
    "us-iso-": "",
    "us-isob-": "",
    "us-isof-": "",
    "eu-isoe-": "",
}
"""The same for endpoints with IPv4 and IPv6; empty if a partition has none."""


def url_of(service: str, region: str, *, fips: bool = False, dual: bool = False) -> str:
    """Return AWS's own endpoint in a region.

    Args:
        service: the name of the service's endpoints, such as ``bedrock-runtime``.
        region: the region.
        fips: whether with cryptography validated by FIPS 140.
        dual: whether with IPv6 beside IPv4.

    Raises:
        SettingsError: the region has no endpoints with IPv6.
    """
    suffixes, usual = (_DUALS, _DUAL) if dual else (_SUFFIXES, _SUFFIX)
    suffix = next((suffix for start, suffix in suffixes.items() if region.startswith(start)), usual)
    if not suffix:
        raise SettingsError(f"AWS_USE_DUALSTACK_ENDPOINT: {region} has no endpoints with IPv6")
    return f"https://{service}{'-fips' if fips else ''}.{region}.{suffix}"


def override(service: str, environ: Mapping[str, str]) -> str | None:
    """Return the endpoint that an environment names for a service; None if it names none."""
    if is_true(environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")):
        return None
    names = (f"{_OVERRIDE}_{service.replace('-', '_').upper()}", _OVERRIDE)
    return next((environ[name] for name in names if environ.get(name)), None)


def host_of(url: str) -> str:
    """Return the ``host`` header for a URL: the port is left out if it is the usual one."""
    parts = urlsplit(url)
    name = parts.hostname or ""
    name = f"[{name}]" if ":" in name else name
    return name if parts.port in (None, _PORTS[parts.scheme]) else f"{name}:{parts.port}"


def is_true(text: str | None) -> bool:
    """Read a yes or no as AWS's tools do."""
    return text is not None and text.lower() == "true"
