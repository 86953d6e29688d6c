"""Where DynamoDB is: its URL by region, or where the environment says. Pure: it must not know how it is called.

The names are those of AWS's partitions; a test holds them against botocore's, region by region. An account's own
endpoint (``ACCOUNT.ddb.REGION``), which AWS's SDKs prefer where they know the account, is another name for the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SERVICE: Final = "dynamodb"
OVERRIDES: Final = ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL")
"""Variables that name another endpoint; the first one wins (AWS SDKs and Tools Reference Guide)."""

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


def url_of(region: str, *, fips: bool = False) -> str:
    """Give AWS's own endpoint in a region.

    Args:
        region: the region.
        fips: whether with cryptography validated by FIPS 140, where there is such an endpoint.
    """
    suffix = next((suffix for start, suffix in _SUFFIXES.items() if region.startswith(start)), _SUFFIX)
    return f"https://{SERVICE}{'-fips' if fips else ''}.{region}.{suffix}"


def override(environ: Mapping[str, str]) -> str | None:
    """Give the endpoint that an environment names; None where it names none."""
    if is_true(environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")):
        return None
    return next((environ[name] for name in OVERRIDES if environ.get(name)), None)


def is_true(text: str | None) -> bool:
    """Read a yes or no as AWS's tools do."""
    return text is not None and text.lower() == "true"
