"""Who signs the requests to Bedrock, in which region, and which certificates are trusted."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import ssl
import subprocess
import sys
from dataclasses import replace

import orjson
import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from antiphon.errors import ProviderError
from antiphon.ports import (
    StopDelta,
    TextDelta,
)
from antiphon.providers.bedrock.adapter import Bedrock
from tests.support.bedrock import METADATA, START, call, delta, ended, stop
from tests.support.calls import run
from tests.support.certificates import self_signed
from tests.support.protocols import Converse
from tests.support.upstream import Gate, Script, Upstream

pytestmark = pytest.mark.usefixtures("aws_keys")

# who asks, and where


def test_what_is_sent_is_signed_as_botocore_signs_it(monkeypatch):
    monkeypatch.setenv("AWS_SESSION_TOKEN", "canary-token")
    model = "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-6"
    with Upstream([Script([START, ended(), METADATA], headers=Converse.headers)]) as upstream:
        run(Bedrock(endpoint_url=upstream.base_url, region="eu-central-1"), replace(call("é ~ /"), model=model))
    sent = upstream.requests[0]
    assert sent.headers["x-amz-security-token"] == "canary-token"
    url = upstream.base_url.removesuffix("/v1") + sent.path
    again = AWSRequest("POST", url, {"content-type": sent.headers["content-type"]}, orjson.dumps(sent.body))
    moment = dt.datetime.strptime(sent.headers["x-amz-date"], "%Y%m%dT%H%M%S%z")
    monkeypatch.setattr(auth, "get_current_datetime", lambda: moment)
    keys = Credentials("canary", "canary-secret", "canary-token")
    auth.SigV4Auth(keys, "bedrock", "eu-central-1").add_auth(again)
    assert sent.headers["authorization"] == again.headers["authorization"]


def test_botocore_is_not_imported_where_the_environment_says_who_asks():
    code = (
        "import sys\n"
        "from antiphon.providers.bedrock.adapter import Bedrock\n"
        "from tests.support.calls import model_call, run\n"
        "print(*run(Bedrock(endpoint_url=sys.argv[1], region='eu-central-1'), model_call('Hi')), *sys.modules)"
    )
    environ = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "PYTHONPATH": os.pathsep.join(sys.path)}
    with Upstream([Script([START, ended(), METADATA], headers=Converse.headers)]) as upstream:
        command = [sys.executable, "-c", code, upstream.base_url]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert "StopDelta(reason='stop')" in done.stdout
    assert not {"boto3", "botocore", "urllib3"} & set(done.stdout.split())


def test_an_api_key_of_bedrocks_goes_before_credentials_and_needs_none(bare):
    bare.setenv("AWS_BEARER_TOKEN_BEDROCK", "canary-key")
    bare.setenv("AWS_REGION", "eu-central-1")
    with Upstream([Script([START, ended(), METADATA], headers=Converse.headers)]) as upstream:
        bare.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", upstream.base_url)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            assert run(Bedrock(), call())[-1] == StopDelta("stop")
            bare.setenv(name, "canary")
    assert [request.headers["authorization"] for request in upstream.requests] == ["Bearer canary-key"] * 2
    assert "x-amz-date" not in upstream.requests[0].headers


@pytest.mark.parametrize("names", [("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), ("AWS_BEARER_TOKEN_BEDROCK",)])
def test_no_region_is_told_as_such(bare, names, caplog):
    for name in names:
        bare.setenv(name, "canary")
    with pytest.raises(ProviderError) as caught:
        run(Bedrock(), call())
    assert (caught.value.code, caught.value.retryable) == ("provider_auth", False)
    assert [(record.message, record.code) for record in caplog.records] == [("AWS caller unknown", "NoRegionError")]


def given_keys() -> bytes:
    expires = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=60)  # within botocore's time of renewal
    keys = {"AccessKeyId": "fetched", "SecretAccessKey": "secret", "Token": "session"}
    return json.dumps({**keys, "Expiration": expires.isoformat()}).encode()


async def test_credentials_are_fetched_and_renewed_beside_the_loop(bare):
    gates = [Gate(), Gate()]
    # One is fetched when credentials are looked for, and one for each signature.
    fetched = [Script([gates[0], given_keys()]), Script([given_keys()]), Script([gates[1], given_keys()])]
    answer = Script([START, delta(text="Hi"), stop(), ended(), METADATA], headers=Converse.headers)
    with Upstream(fetched) as container, Upstream([answer]) as upstream:
        bare.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.base_url)
        provider = Bedrock(endpoint_url=upstream.base_url, region="eu-central-1")
        for gate in gates:
            asked = asyncio.ensure_future(anext(provider.stream(call())))
            assert await asyncio.to_thread(gate.reached.wait, 10)  # nothing else could run here, were it in the loop
            gate.open()
            assert await asked == TextDelta("Hi")
        await provider.aclose()
    assert len(container.requests) == 3
    for request in upstream.requests:
        assert "Credential=fetched/" in request.headers["authorization"]
        assert request.headers["x-amz-security-token"] == "session"


async def test_who_waits_for_credentials_can_leave(bare):
    gate = Gate()
    with Upstream([Script([gate, given_keys()])]) as container, Upstream() as upstream:
        bare.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.base_url)
        provider = Bedrock(endpoint_url=upstream.base_url, region="eu-central-1")
        asked = asyncio.ensure_future(anext(provider.stream(call())))
        assert await asyncio.to_thread(gate.reached.wait, 10)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        gate.open()
        await provider.aclose()
    assert upstream.requests == []


def test_certificates_that_the_environment_names_are_trusted_and_no_others(monkeypatch, tmp_path):
    certificate = self_signed(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with Upstream([Script([START, ended(), METADATA], headers=Converse.headers)], tls) as upstream:
        with pytest.raises(ProviderError) as caught:
            run(Bedrock(endpoint_url=upstream.base_url, region="eu-central-1"), call())
        assert caught.value.code == "provider_unreachable"
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
        told = run(Bedrock(endpoint_url=upstream.base_url, region="eu-central-1"), call())
    assert told[-1] == StopDelta("stop")
    assert len(upstream.requests) == 1
