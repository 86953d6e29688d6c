from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, NoCredentialsError, NoRegionError

from antiphon.aws.caller import ServiceEndpoint, find_caller, find_endpoint, is_without_credentials
from antiphon.aws.signature import Credentials
from antiphon.errors import SettingsError
from local.lambda_host.layers import ROOT

KEYS = {"AWS_ACCESS_KEY_ID": "made-up", "AWS_SECRET_ACCESS_KEY": "secret"}
HERE = KEYS | {"AWS_REGION": "eu-central-1"}
CONFIG = """\
[profile there]
region = eu-west-1
aws_access_key_id = of-the-profile
aws_secret_access_key = secret
services = mine

[services mine]
dynamodb =
  endpoint_url = http://localhost:8000
bedrock_runtime =
  endpoint_url = http://localhost:8001
"""


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Hide the AWS configuration of the machine from botocore. Return the path of its configuration file."""
    for name in os.environ:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    config = tmp_path / "config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return config


class Container(ThreadingHTTPServer):
    """Return credentials as a container's endpoint does, of another number each time, which soon expire."""

    given = 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Container

    def do_GET(self) -> None:
        allowed = self.headers["authorization"] == "a-token"
        self.server.given += allowed
        expires = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=60)  # within botocore's time of renewal
        answer = {
            "AccessKeyId": f"key-{self.server.given}",
            "SecretAccessKey": "secret",
            "Token": "session",
            "Expiration": expires.isoformat(),
        }
        self.send_response(200 if allowed else 403)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch) -> Iterator[Container]:
    with Container() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "a-token")
        yield server
        server.shutdown()
        thread.join()


def test_on_lambda_the_environment_says_it_all() -> None:
    caller = find_caller("dynamodb", None, HERE | {"AWS_SESSION_TOKEN": "session"})
    assert caller.place == ServiceEndpoint("https://dynamodb.eu-central-1.amazonaws.com", "eu-central-1")
    assert caller.credentials() == Credentials("made-up", "secret", "session")
    assert find_caller("dynamodb", None, HERE).credentials().token is None


def test_the_default_region_goes_before_the_functions_own() -> None:
    assert find_caller("dynamodb", None, HERE | {"AWS_DEFAULT_REGION": "eu-west-1"}).place.region == "eu-west-1"


def test_a_named_endpoint_goes_before_awss_and_ours_before_that() -> None:
    environ = HERE | {"AWS_ENDPOINT_URL": "http://there"}
    assert find_caller("dynamodb", None, environ).place.url == "http://there"
    assert find_caller("dynamodb", "http://ours", environ).place.url == "http://ours"


def test_cryptography_by_fips_has_an_endpoint_of_its_own() -> None:
    environ = HERE | {"AWS_USE_FIPS_ENDPOINT": "true", "AWS_REGION": "us-east-1"}
    assert find_caller("dynamodb", None, environ).place.url == "https://dynamodb-fips.us-east-1.amazonaws.com"


def test_ipv6_has_an_endpoint_of_its_own_and_where_there_is_none_the_start_ends() -> None:
    environ = {**HERE, "AWS_USE_DUALSTACK_ENDPOINT": "true"}
    assert find_caller("dynamodb", None, environ).place.url == "https://dynamodb.eu-central-1.api.aws"
    with pytest.raises(SettingsError, match="AWS_USE_DUALSTACK_ENDPOINT"):
        find_caller("dynamodb", None, environ, "us-iso-east-1")


def test_white_space_around_keys_is_dropped() -> None:
    spoiled = {name: f" {value}\n" if "KEY" in name or "TOKEN" in name else value for name, value in HERE.items()}
    assert find_caller("dynamodb", None, spoiled).credentials() == find_caller("dynamodb", None, HERE).credentials()


def test_with_keys_in_the_environment_botocore_is_not_imported() -> None:
    code = (
        "import os, sys; from antiphon.store.dynamodb.client import DynamoDB; DynamoDB().connect(); print(*sys.modules)"
    )
    environ = HERE | {"PYTHONPATH": str(ROOT / "layers/antiphon")}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, check=True, text=True)
    assert not {"botocore", "boto3", "urllib3", "aiohttp"} & set(done.stdout.split())


def test_another_region_than_the_processs_own_can_be_asked_for() -> None:
    there = ServiceEndpoint("https://bedrock-runtime.us-east-1.amazonaws.com", "us-east-1")
    assert find_caller("bedrock-runtime", None, HERE, "us-east-1").place == there
    assert find_endpoint("bedrock-runtime", None, HERE, "us-east-1") == there


def test_credentials_that_stand_in_the_environment_take_no_time(container: Container) -> None:
    assert not find_caller("dynamodb", None, HERE).blocks
    assert find_caller("dynamodb", None, {"AWS_REGION": "eu-central-1"}).blocks


def test_who_needs_no_credentials_does_not_look_for_them(container: Container) -> None:
    assert find_endpoint("dynamodb", None, {"AWS_REGION": "eu-central-1"}).region == "eu-central-1"
    assert container.given == 0


def test_a_profile_says_who_and_where(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare.write_text(CONFIG)
    monkeypatch.setenv("AWS_PROFILE", "there")
    caller = find_caller("dynamodb", None, os.environ)
    assert caller.place == ServiceEndpoint("http://localhost:8000", "eu-west-1")
    assert caller.credentials() == Credentials("of-the-profile", "secret")
    assert find_endpoint("bedrock-runtime", None, os.environ).url == "http://localhost:8001"
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    assert find_caller("dynamodb", None, os.environ).place.url == "https://dynamodb.eu-west-1.amazonaws.com"


def test_a_containers_credentials_are_renewed_before_they_expire(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function with SnapStart has them: they come from an endpoint, and last for hours."""
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    caller = find_caller("dynamodb", None, os.environ)
    first, second = caller.credentials(), caller.credentials()
    assert (first.secret_key, first.token) == ("secret", "session")
    assert first.access_key < second.access_key
    assert caller.place.url == "https://dynamodb.eu-central-1.amazonaws.com"
    assert container.given >= 2


def test_credentials_that_could_not_be_had_at_first_are_looked_for_again(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An endpoint of credentials that was slow at the start failed a process for good: boto/botocore#1791."""
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "not-yet")
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0)
    caller = find_caller("dynamodb", None, {"AWS_REGION": "eu-central-1"})
    with pytest.raises(BotoCoreError) as refused:
        caller.credentials()
    assert is_without_credentials(refused.value)
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "a-token")
    assert caller.credentials().access_key.startswith("key-")


def test_who_has_no_credentials_learns_it_when_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    caller = find_caller("dynamodb", None, os.environ)
    with pytest.raises(NoCredentialsError):
        caller.credentials()


def test_a_region_is_needed() -> None:
    with pytest.raises(NoRegionError):
        find_caller("dynamodb", None, KEYS)
