from __future__ import annotations

import botocore.session
import pytest
from botocore.config import Config

from antiphon.iam.endpoint import host_of, override, url_of

SESSION = botocore.session.Session()
REGIONS = [
    region
    for partition in SESSION.get_available_partitions()
    for region in SESSION.get_available_regions("dynamodb", partition)
]


@pytest.mark.parametrize("service", ["dynamodb", "bedrock-runtime"])
@pytest.mark.parametrize("fips", [False, True], ids=["usual", "fips"])
def test_every_regions_endpoint_is_botocores(fips: bool, service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    config = Config(use_fips_endpoint=fips)
    botocores = {region: SESSION.create_client(service, region, config=config).meta.endpoint_url for region in REGIONS}
    assert len(botocores) > 40
    assert {region: url_of(service, region, fips=fips) for region in REGIONS} == botocores


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
