from __future__ import annotations

import botocore.session
import pytest
from botocore.config import Config

from antiphon.store.dynamodb.endpoint import override, url_of

SESSION = botocore.session.Session()
REGIONS = [
    region
    for partition in SESSION.get_available_partitions()
    for region in SESSION.get_available_regions("dynamodb", partition)
]


@pytest.mark.parametrize("fips", [False, True], ids=["usual", "fips"])
def test_every_regions_endpoint_is_botocores(fips: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    config = Config(use_fips_endpoint=fips)
    botocores = {
        region: SESSION.create_client("dynamodb", region, config=config).meta.endpoint_url for region in REGIONS
    }
    assert len(botocores) > 40
    assert {region: url_of(region, fips=fips) for region in REGIONS} == botocores


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
    assert override(environ) == url
