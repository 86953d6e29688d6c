"""The AWS environment of the tests of Bedrock."""

from __future__ import annotations

import os

import pytest


@pytest.fixture
def aws_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "canary")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret")


@pytest.fixture
def bare(aws_keys: None, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Empty the environment of AWS, and hide this machine's files. Return what changes it."""
    for name in os.environ:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch
