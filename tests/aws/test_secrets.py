"""Keys from Secrets Manager and the Parameter Store, over a socket."""

import asyncio
import json
import logging
import socket

import pytest

from antiphon.aws import secrets
from antiphon.aws.secrets import MAX_AGE_SECONDS, RENEW_SECONDS, RETRY_SECONDS, Secret, StoredValue
from antiphon.errors import ProviderError
from tests.support.keeper import AWS, Keeper

NAME = "/antiphon/openai"
BOTH = pytest.mark.parametrize("kind", ["secret", "parameter"])


class Clock:
    now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def keeper(monkeypatch):
    with Keeper() as keeper:
        for name, value in {**AWS, "AWS_ENDPOINT_URL": keeper.url}.items():
            monkeypatch.setenv(name, value)
        secrets._secrets.cache_clear()
        secrets._parameters.cache_clear()
        yield keeper
    secrets._secrets.cache_clear()
    secrets._parameters.cache_clear()


def kept(clock, kind="secret", name=NAME, field=None, **more):
    return Secret(StoredValue(kind, name, "provider groq", field).read, clock=clock, **more)


async def get(secret):
    return await secret.get()


async def renewed(secret, refused):
    return await secret.renewed(refused)


async def failed(secret):
    with pytest.raises(ProviderError) as caught:
        await get(secret)
    assert caught.value.code == "provider_auth"
    assert "canary" not in f"{caught.value!r} {secret!r}"
    return caught.value


@BOTH
async def test_a_value_is_read_by_name_and_by_arn(keeper, clock, kind):
    arn = keeper.put(kind, NAME, "sk-1\n")
    assert await get(kept(clock, kind)) == await get(kept(clock, kind, arn)) == "sk-1"


@BOTH
async def test_a_value_may_be_a_field_of_a_json_object(keeper, clock, kind):
    keeper.put(kind, NAME, {"openai": "sk-1", "anthropic": "sk-2"})
    assert await get(kept(clock, kind, field="anthropic")) == "sk-2"


@BOTH
async def test_a_value_is_trusted_for_some_minutes_and_then_read_again(keeper, clock, kind):
    keeper.put(kind, NAME, "first")
    secret = kept(clock, kind)
    assert await get(secret) == "first"
    keeper.put(kind, NAME, "second")
    clock.now += MAX_AGE_SECONDS - 1
    assert (await get(secret), len(keeper.reads)) == ("first", 1)
    clock.now += 1
    assert (await get(secret), secret.value(), len(keeper.reads)) == ("second", "second", 2)


async def test_all_who_ask_at_once_share_one_read_and_whoever_leaves_takes_it_from_nobody(keeper, clock):
    async def scenario():
        asking = [asyncio.create_task(secret.get()) for _ in range(20)]
        asking.append(asyncio.create_task(asyncio.to_thread(secret.value)))
        assert await asyncio.to_thread(keeper.reached.wait, 10)
        asking.pop(0).cancel()
        keeper.calm()
        return await asyncio.gather(*asking)

    keeper.put("secret", NAME, "sk-1")
    secret = kept(clock)
    keeper.trouble = "silent"
    assert await scenario() == ["sk-1"] * 20
    assert keeper.reads == [NAME]


@BOTH
async def test_a_refused_value_is_read_anew_at_once(keeper, clock, kind):
    keeper.put(kind, NAME, "old")
    secret = kept(clock, kind)
    assert await get(secret) == "old"
    keeper.put(kind, NAME, "new")
    assert await renewed(secret, "old") == await get(secret) == "new"
    assert await renewed(secret, "old") == "new", "somebody else had it renewed"
    assert len(keeper.reads) == 2


async def test_a_wrong_value_is_read_anew_only_now_and_then(keeper, clock):
    keeper.put("secret", NAME, "wrong")
    secret = kept(clock)
    assert await get(secret) == "wrong"
    assert [await renewed(secret, "wrong") for _ in range(5)] == [None] * 5
    assert len(keeper.reads) == 2
    keeper.put("secret", NAME, "right")
    clock.now += RENEW_SECONDS
    assert await renewed(secret, "wrong") == "right"


async def test_those_who_are_refused_at_once_share_one_read(keeper, clock):
    async def scenario():
        refused = [asyncio.create_task(secret.renewed("old")) for _ in range(20)]
        assert await asyncio.to_thread(keeper.reached.wait, 10)
        keeper.calm()
        return await asyncio.gather(*refused)

    keeper.put("secret", NAME, "old")
    secret = kept(clock)
    assert await get(secret) == "old"
    keeper.put("secret", NAME, "new")
    keeper.trouble = "silent"
    assert await scenario() == ["new"] * 20
    assert len(keeper.reads) == 2


@BOTH
async def test_a_throttled_store_gives_the_last_known_value_and_is_left_alone_for_a_while(keeper, clock, kind):
    keeper.put(kind, NAME, "first")
    secret = kept(clock, kind)
    assert (await failed_while_throttled(keeper, secret)).retryable
    assert await get(secret) == "first"
    keeper.put(kind, NAME, "second")
    keeper.trouble = "throttled"
    clock.now += MAX_AGE_SECONDS
    assert await get(secret) == secret.value() == "first"
    asked = len(keeper.reads)
    clock.now += RETRY_SECONDS - 1
    assert (await get(secret), len(keeper.reads)) == ("first", asked)
    keeper.calm()
    clock.now += 1
    assert await get(secret) == "second"


async def failed_while_throttled(keeper, secret):
    keeper.trouble = "throttled"
    error = await failed(secret)
    keeper.calm()
    return error


@BOTH
async def test_a_store_that_says_nothing_holds_nobody_up_who_knows_a_value(keeper, clock, kind):
    keeper.put(kind, NAME, "first")
    secret = kept(clock, kind, patience=0.01)
    assert await get(secret) == "first"
    keeper.trouble = "silent"
    clock.now += MAX_AGE_SECONDS
    assert await get(secret) == secret.value() == "first"


@BOTH
async def test_a_store_that_cannot_be_reached_is_told_by_the_errors_name(keeper, clock, kind, caplog, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
        assert (await failed(kept(clock, kind))).retryable
    assert caplog.messages == [f"{kind} {NAME} of provider groq cannot be read: EndpointConnectionError"]


@pytest.mark.parametrize(
    ("kind", "reason"), [("secret", "ResourceNotFoundException"), ("parameter", "ParameterNotFound")]
)
async def test_a_missing_value_is_told_by_the_services_word(keeper, clock, caplog, kind, reason):
    assert not (await failed(kept(clock, kind))).retryable
    assert caplog.messages == [f"{kind} {NAME} of provider groq cannot be read: {reason}"]


async def test_a_process_without_a_region_is_told_so(keeper, clock, caplog, monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    assert not (await failed(kept(clock, "parameter"))).retryable
    assert caplog.messages == [f"parameter {NAME} of provider groq cannot be read: NoRegionError"]


@pytest.mark.parametrize(
    ("value", "field", "what"),
    [
        (" ", None, "is empty or binary"),
        (b"canary", None, "is empty or binary"),
        ("canary", "key", "has no text in its field key"),
        (b"canary", "key", "has no text in its field key"),
        (json.dumps(["canary"]), "key", "has no text in its field key"),
        (json.dumps({"other": "canary"}), "key", "has no text in its field key"),
        (json.dumps({"key": {"canary": 1}}), "key", "has no text in its field key"),
    ],
)
async def test_what_is_no_text_is_refused_without_its_value(keeper, clock, caplog, value, field, what):
    caplog.set_level(logging.DEBUG, "antiphon")
    keeper.put("secret", NAME, value)
    assert not (await failed(kept(clock, field=field))).retryable
    assert caplog.messages == [f"secret {NAME} of provider groq {what}"]


async def test_an_error_that_nobody_foresaw_reaches_who_waits():
    def broken():
        raise RuntimeError("a defect")

    with pytest.raises(RuntimeError, match="a defect"):
        await get(Secret(broken))
