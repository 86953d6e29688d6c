"""The credentials and endpoints for calls of AWS. On Lambda they are in the environment; elsewhere botocore finds them.

botocore is imported only if the environment holds no keys: with a profile, SSO, the credentials of a container (which a
function with SnapStart has, too) or of an instance.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from antiphon.aws import endpoint
from antiphon.aws.signature import Credentials

if TYPE_CHECKING:
    from botocore.session import Session


class ServiceEndpoint(NamedTuple):
    """The endpoint of a service.

    Attributes:
        url: the endpoint.
        region: whose signatures it takes.
    """

    url: str
    region: str


class Caller(NamedTuple):
    """The endpoint of a service, and the credentials for it.

    Attributes:
        place: where.
        credentials: returns those to sign with now.
        blocks: whether giving them may take its time, for they are fetched or renewed.
    """

    place: ServiceEndpoint
    credentials: Callable[[], Credentials]
    blocks: bool


def find_caller(
    service: str, endpoint_url: str | None, environ: Mapping[str, str], region: str | None = None
) -> Caller:
    """Find the endpoint and the credentials. May block.

    Args:
        service: the name of the service's endpoints.
        endpoint_url: another endpoint than AWS's own.
        environ: the environment; if it is incomplete, botocore reads that of the process.
        region: another region than the process's own.

    Raises:
        BotoCoreError: no region is named, or a profile cannot be used. If there are no credentials, it is raised when
            they are read.
    """
    region = region or _region(environ)
    if region and environ.get("AWS_ACCESS_KEY_ID") and environ.get("AWS_SECRET_ACCESS_KEY") and not _profile(environ):
        place = _of_environment(service, endpoint_url, environ, region)
        return Caller(place, lambda: _keys(environ), blocks=False)
    session = _session()
    place = _of_session(session, service, endpoint_url, region)
    return Caller(place, _credentials(session), blocks=True)


def find_endpoint(
    service: str, endpoint_url: str | None, environ: Mapping[str, str], region: str | None = None
) -> ServiceEndpoint:
    """Find the endpoint alone; see ``find_caller``."""
    region = region or _region(environ)
    if region and not _profile(environ):
        return _of_environment(service, endpoint_url, environ, region)
    return _of_session(_session(), service, endpoint_url, region)


def is_without_credentials(error: Exception) -> bool:
    """Check whether an error means that credentials cannot be had now; botocore is not imported for it."""
    exceptions = sys.modules.get("botocore.exceptions")
    return exceptions is not None and isinstance(error, exceptions.BotoCoreError)


def _region(environ: Mapping[str, str]) -> str | None:
    return environ.get("AWS_DEFAULT_REGION") or environ.get("AWS_REGION")


def _profile(environ: Mapping[str, str]) -> str | None:
    return environ.get("AWS_PROFILE")


def _of_environment(service: str, endpoint_url: str | None, environ: Mapping[str, str], region: str) -> ServiceEndpoint:
    fips, dual = (endpoint.is_true(environ.get(f"AWS_USE_{kind}_ENDPOINT")) for kind in ("FIPS", "DUALSTACK"))
    url = endpoint_url or endpoint.override(service, environ) or endpoint.url_of(service, region, fips=fips, dual=dual)
    return ServiceEndpoint(url, region)


def _keys(environ: Mapping[str, str]) -> Credentials:
    access_key, secret_key = environ["AWS_ACCESS_KEY_ID"].strip(), environ["AWS_SECRET_ACCESS_KEY"].strip()
    return Credentials(access_key, secret_key, environ.get("AWS_SESSION_TOKEN", "").strip() or None)


def _session() -> Session:
    """Return a new session: botocore's default one would keep the credentials of a snapshot."""
    import botocore.session

    return botocore.session.Session()


def _of_session(session: Session, service: str, endpoint_url: str | None, region: str | None) -> ServiceEndpoint:
    from botocore.exceptions import NoRegionError

    region = region or session.get_config_variable("region")
    if not region:
        raise NoRegionError
    fips, dual = (bool(session.get_config_variable(f"use_{kind}_endpoint")) for kind in ("fips", "dualstack"))
    url = endpoint_url or _configured(session, service) or endpoint.url_of(service, region, fips=fips, dual=dual)
    return ServiceEndpoint(url, region)


def _credentials(session: Session) -> Callable[[], Credentials]:
    from botocore.exceptions import BotoCoreError, NoCredentialsError

    with contextlib.suppress(BotoCoreError):
        session.get_credentials()  # ahead of the first call, which looks again if there are none yet

    def credentials() -> Credentials:
        found = session.get_credentials()
        if found is None:
            raise NoCredentialsError
        access_key, secret_key, token, *_ = found.get_frozen_credentials()
        return Credentials(access_key or "", secret_key or "", token)

    return credentials


def _configured(session: Session, service: str) -> str | None:
    """Return the endpoint that the environment or the profile names."""
    from botocore.configprovider import ConfiguredEndpointProvider

    if session.get_config_variable("ignore_configured_endpoint_urls"):
        return None
    provider = ConfiguredEndpointProvider(session.full_config, session.get_scoped_config(), service)
    url: str | None = provider.provide()
    return url
