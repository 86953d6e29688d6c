"""Where a process gets its seal from: the environment or a secret, and what it says where it cannot."""

from __future__ import annotations

import base64

import pytest

from antiphon import bootstrap
from antiphon.aws.secrets import MAX_AGE_SECONDS, Secret
from antiphon.bootstrap import Seals
from antiphon.errors import ApiError, ProviderError, SettingsError
from antiphon.seal import Binding
from antiphon.settings import Settings, read_settings

OLD, NEW = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
BINDING = Binding("p", "t", "u")


def test_malformed_keys_end_the_start_and_are_not_shown():
    settings = read_settings({"ANTIPHON_DATABASE": "x", "ANTIPHON_SEAL_KEYS": "hunter2"})
    with pytest.raises(SettingsError, match="ANTIPHON_SEAL_KEYS") as caught:
        Seals(settings)
    assert "hunter2" not in f"{caught.value} {settings!r} {settings}"


def test_without_keys_the_operator_is_told():
    with pytest.raises(ApiError) as caught:
        Seals(Settings(database="x"))()
    assert caught.value.code == "seal_not_configured"


def test_a_rotated_secret_is_taken_over_by_a_warm_process(monkeypatch):
    def later() -> None:
        nonlocal now
        now += MAX_AGE_SECONDS

    now, values = 1e9, {"arn": OLD}
    monkeypatch.setattr(bootstrap, "kept", lambda _, name: Secret(lambda: values[name], clock=lambda: now))
    seals = Seals(Settings(database="x", seal_secret="arn"))
    first = seals()
    sealed = first.seal("content", BINDING)
    assert seals() is first
    values["arn"] = f"{NEW},{OLD}"
    later()
    assert seals().open(sealed, BINDING, 100) == "content"
    values["arn"] = NEW
    later()
    assert seals().open(sealed, BINDING, 100) is None


def test_a_secret_that_cannot_be_read_is_told_as_not_configured(monkeypatch):
    def fails():
        raise ProviderError("provider_auth")

    monkeypatch.setattr(bootstrap, "kept", lambda _kind, _name: Secret(fails))
    with pytest.raises(ApiError) as caught:
        Seals(Settings(database="x", seal_secret="arn"))()
    assert caught.value.code == "seal_not_configured"
