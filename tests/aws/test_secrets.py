"""Provider keys, against Secrets Manager of moto."""

import logging

import boto3
import pytest
from moto import mock_aws

from antiphon.aws import secrets
from antiphon.errors import ProviderError


@pytest.fixture
def manager(monkeypatch):
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        secrets._provider.cache_clear()
        yield boto3.client("secretsmanager")
    secrets._provider.cache_clear()


def test_a_secret_is_read_by_name_and_by_arn(manager):
    arn = manager.create_secret(Name="antiphon/openai", SecretString="sk-canary\n")["ARN"]
    assert secrets.secret("antiphon/openai") == secrets.secret(arn) == "sk-canary"


def test_a_secret_that_was_read_is_kept(manager):
    manager.create_secret(Name="antiphon/openai", SecretString="first")
    assert secrets.secret("antiphon/openai") == "first"
    manager.put_secret_value(SecretId="antiphon/openai", SecretString="second")
    assert secrets.secret("antiphon/openai") == "first"


def test_a_missing_secret_is_the_providers_credentials_at_fault(manager, caplog):
    with pytest.raises(ProviderError) as caught:
        secrets.secret("antiphon/none")
    assert caught.value.code == "provider_auth"
    assert caplog.messages == ["secret antiphon/none cannot be read: ResourceNotFoundException"]


@pytest.mark.parametrize("value", [{"SecretString": " "}, {"SecretBinary": b"canary"}], ids=["empty", "binary"])
def test_a_secret_that_is_no_text_is_refused_without_its_value(manager, caplog, value):
    caplog.set_level(logging.DEBUG, "antiphon")
    manager.create_secret(Name="antiphon/openai", **value)
    with pytest.raises(ProviderError) as caught:
        secrets.secret("antiphon/openai")
    assert caught.value.code == "provider_auth"
    assert "canary" not in caplog.text + str(caught.value)
