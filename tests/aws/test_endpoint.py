from __future__ import annotations

import botocore.session
import pytest
from botocore.config import Config

from antiphon.aws.endpoint import host_of, override, url_of
from antiphon.errors import SettingsError

SESSION = botocore.session.Session()
REGIONS = [
    region
    for partition in SESSION.get_available_partitions()
    for region in SESSION.get_available_regions("dynamodb", partition)
]


@pytest.mark.parametrize("service", ["dynamodb", "bedrock-runtime"])
@pytest.mark.parametrize("fips", [False, True], ids=["usual", "fips"])
@pytest.mark.parametrize("dual", [False, True], ids=["", "dual"])
def test_every_regions_endpoint_is_botocores(
    dual: bool, fips: bool, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    config = Config(use_fips_endpoint=fips, use_dualstack_endpoint=dual)

    regions = [region for region in REGIONS if not dual or "-iso" not in region]
    botocores = {region: SESSION.create_client(service, region, config=config).meta.endpoint_url for region in regions}
    assert len(regions) > 30
    assert {region: url_of(service, region, fips=fips, dual=dual) for region in regions} == botocores


def test_isolated_regions_have_no_endpoints_with_ipv6() -> None:
    """botocore makes up a name in public DNS for some of them, which is not there."""
    for region in [region for region in REGIONS if "-iso" in region]:
        with pytest.raises(SettingsError, match=region):
            url_of("dynamodb", region, dual=True)


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, None),
        ({"AWS_ENDPOINT_URL": "http://all"}, "http://all"),
        ({"AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_DYNAMODB": "http://one"}, "http://one"),
        ({"AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_DYNAMODB": ""}, "http://all"),
        ({"AWS_ENDPOINT_URL": "http://all", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, None),
    ],
)
def test_the_environment_may_name_another_endpoint(environ: dict[str, str], url: str | None) -> None:
    assert override("dynamodb", environ) == url


def test_a_services_own_variable_has_its_name_in_capitals() -> None:
    environ = {"AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "http://one"}
    assert override("bedrock-runtime", environ) == "http://one"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://a.example", "a.example"),
        ("https://a.example:443/path", "a.example"),
        ("http://a.example:443", "a.example:443"),
        ("http://127.0.0.1:8000/v1", "127.0.0.1:8000"),
        ("http://[::1]:8000", "[::1]:8000"),
    ],
)
def test_a_host_is_named_without_the_port_that_is_usual(url: str, host: str) -> None:
    assert host_of(url) == host
