"""Who calls DynamoDB, and where: the environment says it all on Lambda; elsewhere botocore has ways of finding out.

It must not know what is called. botocore is imported only where the environment holds no keys: with a profile, SSO, the
credentials of a container (which a function with SnapStart has too) or of an instance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from antiphon.store.dynamodb import endpoint
from antiphon.store.dynamodb.signature import Credentials

if TYPE_CHECKING:
    from botocore.session import Session


class Caller(NamedTuple):
    """Where DynamoDB is, and as whom to call it.

    Attributes:
        url: the endpoint.
        region: whose signatures it takes.
        credentials: gives those to sign with now; it may block, to fetch or renew them.
    """

    url: str
    region: str
    credentials: Callable[[], Credentials]


def find_caller(endpoint_url: str | None, environ: Mapping[str, str]) -> Caller:
    """Find out who calls and where.

    Args:
        endpoint_url: another endpoint than AWS's own.
        environ: the environment; where it does not say enough, botocore reads that of the process.

    Raises:
        BotoCoreError: no region is named, or what a profile says cannot be used. Whoever has no credentials gets it
            when they are asked for.
    """
    region = environ.get("AWS_DEFAULT_REGION") or environ.get("AWS_REGION")
    known = region and environ.get("AWS_ACCESS_KEY_ID") and environ.get("AWS_SECRET_ACCESS_KEY")
    if not region or not known or environ.get("AWS_PROFILE"):
        return _by_botocore(endpoint_url, region)
    fips = endpoint.is_true(environ.get("AWS_USE_FIPS_ENDPOINT"))
    url = endpoint_url or endpoint.override(environ) or endpoint.url_of(region, fips=fips)
    return Caller(url, region, lambda: _of_environment(environ))


def _of_environment(environ: Mapping[str, str]) -> Credentials:
    token = environ.get("AWS_SESSION_TOKEN") or None
    return Credentials(environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"], token)


def _by_botocore(endpoint_url: str | None, region: str | None) -> Caller:
    """Use a session of its own: botocore's default one would keep a snapshot's credentials."""
    import botocore.session
    from botocore.exceptions import NoCredentialsError, NoRegionError

    session = botocore.session.Session()
    region = region or session.get_config_variable("region")
    if not region:
        raise NoRegionError
    found = session.get_credentials()

    def credentials() -> Credentials:
        if found is None:
            raise NoCredentialsError
        access_key, secret_key, token, *_ = found.get_frozen_credentials()
        return Credentials(access_key or "", secret_key or "", token)

    fips = bool(session.get_config_variable("use_fips_endpoint"))
    return Caller(endpoint_url or _configured(session) or endpoint.url_of(region, fips=fips), region, credentials)


def _configured(session: Session) -> str | None:
    """Give the endpoint that the environment or the profile names."""
    from botocore.configprovider import ConfiguredEndpointProvider

    if session.get_config_variable("ignore_configured_endpoint_urls"):
        return None
    provider = ConfiguredEndpointProvider(session.full_config, session.get_scoped_config(), endpoint.SERVICE)
    url: str | None = provider.provide()
    return url
