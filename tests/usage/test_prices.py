"""Prices of models: the built-in table, and what a deployment puts before it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from antiphon.bootstrap import build_services, build_stores
from antiphon.errors import SettingsError
from antiphon.ports import UsageDelta
from antiphon.providers.configured import Providers
from antiphon.settings import TAKES, ProviderEndpoint, Settings
from antiphon.usage.lazy import LazyCosts
from antiphon.usage.prices import BUILT_IN, Prices, Table, read_prices

ENDPOINTS = {
    "demo": ProviderEndpoint(kind="demo"),
    "openai": ProviderEndpoint(kind="openai_responses"),
    "chat": ProviderEndpoint(base_url="https://api.openai.com/v1"),
    "groq": ProviderEndpoint(base_url="https://api.groq.com/openai/v1"),
    "claude": ProviderEndpoint(kind="anthropic"),
    "aws": ProviderEndpoint(kind="bedrock"),
}
MILLION = 1_000_000


def prices(setting: str | None = None) -> Prices:
    return Prices(read_prices(setting), ENDPOINTS.get)


def entry(**fields: Any) -> dict[str, Any]:
    return {"model": ["m"], "input": 1, "output": 2, "source": "a contract", "date": "2026-11-29", **fields}


def document(*entries: dict[str, Any], **fields: Any) -> str:
    return json.dumps({"prices": entries, **fields})


@pytest.mark.parametrize(
    ("provider", "model", "dollars"),
    [
        ("openai", "gpt-4.1", (2, 8)),
        ("openai", "gpt-4.1-2025-04-14", (2, 8)),
        ("chat", "gpt-4.1-mini", (0.4, 1.6)),
        ("claude", "claude-sonnet-4-6", (3, 15)),
        ("claude", "claude-haiku-4-5-20251001", (1, 5)),
        ("aws", "global.anthropic.claude-sonnet-4-5-20250929-v1:0", (3, 15)),
        ("aws", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", (3.3, 16.5)),
        ("aws", "us.amazon.nova-lite-v1:0", (0.06, 0.24)),
        ("demo", "demo", (0, 0)),
    ],
)
def test_a_known_model_has_its_price_with_or_without_a_date(
    provider: str, model: str, dollars: tuple[float, float]
) -> None:
    found = prices().find(provider, model)
    assert found is not None
    assert (found.input, found.output) == dollars


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4.1-turbo"),
        ("groq", "llama-3.3-70b-versatile"),
        ("aws", "arn:aws:bedrock:eu-central-1:1:application-inference-profile/x"),
        ("claude", "gpt-4.1"),
        ("gone", "gpt-4.1"),
    ],
)
def test_an_unknown_model_has_none_and_costs_nothing_that_could_be_added(provider: str, model: str) -> None:
    assert prices().find(provider, model) is None
    assert LazyCosts(None, ENDPOINTS.get)(provider, model, UsageDelta(5, 5)) is None


def test_a_long_input_has_its_own_price() -> None:
    short, long = (prices().find("openai", "gpt-5.4", tokens) for tokens in (272_000, 272_001))
    assert short is not None
    assert long is not None
    assert (short.input, long.input) == (2.5, 5)
    assert (short.output, long.output) == (15, 22.5)


def test_each_kind_of_token_has_its_price() -> None:
    (found,) = Table.model_validate_json(document(entry(cached_input=0.1, reasoning=3))).prices
    assert found.cost(UsageDelta(MILLION, 0)) == 1_000_000_000
    assert found.cost(UsageDelta(MILLION, 0, cached_tokens=MILLION)) == 100_000_000
    assert found.cost(UsageDelta(0, MILLION)) == 2_000_000_000
    assert found.cost(UsageDelta(0, MILLION, reasoning_tokens=MILLION)) == 3_000_000_000
    (plain,) = Table.model_validate_json(document(entry())).prices
    assert plain.cost(UsageDelta(1, 1, 1, 1)) == 1000 + 2000, "by default they cost what the others cost"


def test_prices_of_a_deployment_come_first_and_can_name_a_provider_or_a_host() -> None:
    own = document(
        entry(model=["gpt-4.1"], provider="chat", input=9),
        entry(model=["llama-*"], kind="openai_chat", host="*.groq.com", input=7),
    )
    found = prices(own)
    assert [found.find(*of).input for of in (("chat", "gpt-4.1"), ("groq", "llama-3"))] == [9, 7]  # type: ignore[union-attr]
    assert found.find("chat", "llama-3") is None
    built_in = found.find("openai", "gpt-4.1")
    assert built_in is not None
    assert built_in.input == 2


def test_a_deployment_can_replace_the_built_in_prices(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text(document(entry(model=["mine"]), built_in=False))
    found = prices(str(path))
    assert found.find("openai", "gpt-4.1") is None
    assert found.find("openai", "mine") is not None


@pytest.mark.parametrize(
    ("setting", "where"),
    [
        ("/nowhere/prices.json", "the file cannot be read"),
        ("{", "ANTIPHON_PRICES: invalid JSON"),
        (document(entry(input=-1)), "ANTIPHON_PRICES.prices.0.input"),
        (document(entry(price=1)), "ANTIPHON_PRICES.prices.0.price: there is no such field"),
        (
            document(entry(cached=1)),
            "ANTIPHON_PRICES.prices.0.cached: there is no such field; did you mean cached_input",
        ),
        (document(entry(date="today")), "ANTIPHON_PRICES.prices.0.date: it must be a date such as 2026-11-29"),
    ],
)
def test_malformed_prices_end_the_start_and_name_the_place(tmp_path: Path, setting: str, where: str) -> None:
    settings = Settings(database=str(tmp_path / "a.db"), prices=setting)
    with pytest.raises(SettingsError, match=where.replace(".", r"\.")):
        build_services(settings, build_stores(settings), Providers({}, {}))


def test_every_built_in_price_names_its_source_and_day_and_a_kind_that_exists() -> None:
    table = Table.model_validate_json(BUILT_IN.read_bytes()).prices
    assert len(table) > 50
    assert all(price.source and price.date and price.kind in TAKES for price in table)
    assert all(price.cached_input is None or price.cached_input <= price.input <= price.output for price in table)


def test_no_built_in_entry_is_hidden_by_an_earlier_one() -> None:
    found = prices()
    for price in found.entries[1:]:
        provider = {"openai_responses": "openai", "openai_chat": "chat", "anthropic": "claude", "bedrock": "aws"}[
            str(price.kind)
        ]
        for model in price.model:
            name = model.replace("??.", "eu.").replace("*", "x")
            assert found.find(provider, name, price.over_input_tokens + 1) is price, model
