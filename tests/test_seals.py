"""Where a process gets its seal from: the environment or a secret, and its answer if there is none."""

from __future__ import annotations

import base64
from secrets import token_bytes

import pytest

from antiphon.aws.secrets import MAX_AGE_SECONDS, Secret
from antiphon.bootstrap import build_services, build_stores
from antiphon.errors import ApiError, ProviderError, SettingsError
from antiphon.providers.configured import Providers
from antiphon.seal import Binding, Seals
from antiphon.settings import read_settings

OLD, NEW = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
BINDING = Binding("p", "t", "u")


def test_malformed_keys_end_the_start_and_are_not_shown(tmp_path):
    settings = read_settings({"ANTIPHON_DATABASE": str(tmp_path / "db"), "ANTIPHON_SEAL_KEYS": "hunter2"})
    with pytest.raises(SettingsError, match="ANTIPHON_SEAL_KEYS") as caught:
        build_services(settings, build_stores(settings), Providers({}, {}))
    assert "hunter2" not in f"{caught.value} {settings!r} {settings}"


def test_without_keys_the_operator_is_told():
    with pytest.raises(ApiError) as caught:
        Seals(None, token_bytes)()
    assert caught.value.code == "seal_not_configured"


def test_a_rotated_secret_is_taken_over_by_a_warm_process():
    def later() -> None:
        nonlocal now
        now += MAX_AGE_SECONDS

    now, values = 1e9, {"arn": OLD}
    seals = Seals(Secret(lambda: values["arn"], clock=lambda: now).value, token_bytes)
    first = seals()
    sealed = first.seal("content", BINDING)
    assert seals() is first
    values["arn"] = f"{NEW},{OLD}"
    later()
    assert seals().open(sealed, BINDING, 100) == "content"
    values["arn"] = NEW
    later()
    assert seals().open(sealed, BINDING, 100) is None


def test_a_secret_that_cannot_be_read_is_told_as_not_configured():
    def fails():
        raise ProviderError("provider_auth")

    with pytest.raises(ApiError) as caught:
        Seals(Secret(fails).value, token_bytes)()
    assert caught.value.code == "seal_not_configured"
