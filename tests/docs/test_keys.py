"""`docs/keys.md`: its expressions and its program recognize the keys that are made, and nothing like them."""

from __future__ import annotations

import re
import secrets
import tomllib
from pathlib import Path
from typing import Any

import yaml

from antiphon.access.keys import is_key, make_key, make_management_key

PAGE = (Path(__file__).parents[2] / "docs/keys.md").read_text(encoding="utf-8")
SAMPLE = "ap_dev_SampleKeyOnlyForEventsAndTests000000000000036xdHs"
ENVIRONMENTS = ("a", "dev", "prod", "0", "x" * 16)
CALLING = [make_key(environment, secrets.token_bytes) for environment in ENVIRONMENTS for _ in range(20)]
MANAGING = [make_management_key(environment, secrets.token_bytes) for environment in ENVIRONMENTS for _ in range(20)]
KEYS = CALLING + MANAGING
OTHERS = [
    "ap_dev_" + "a" * 48,
    "ap_dev_" + "a" * 50,
    "ap_Dev_" + "a" * 49,
    "ap__" + "a" * 49,
    "xap_dev_" + "a" * 49,
    "apx_dev_" + "a" * 49,
    "sk-proj-" + "a" * 48,
    KEYS[0][:-1] + "-",
]


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


def expressions() -> list[str]:
    program = re.search(r're\.compile\(r"(.+?)"\)', block("python"))
    assert program
    rules = tomllib.loads(block("toml"))["rules"]
    detectors = yaml.safe_load(block("yaml"))["detectors"]
    return [block("text").strip(), program[1], rules[0]["regex"], detectors[0]["regex"]["key"]]


def test_the_page_has_one_expression_in_all_forms() -> None:
    assert len(set(expressions())) == 1


def test_the_expression_finds_every_key_in_any_text_and_nothing_like_one() -> None:
    expression = re.compile(expressions()[0])
    for key in KEYS:
        assert expression.findall(f'{{"authorization": "Bearer {key}"}}') == [key]
        assert expression.findall(f"KEY={key}\n") == [key]
    assert [text for text in OTHERS if expression.search(text)] == []


def test_the_program_agrees_with_antiphon() -> None:
    scope: dict[str, Any] = {}
    exec(block("python"), scope)
    mistyped = [key[:-8] + ("a" if key[-8] != "a" else "b") + key[-7:] for key in KEYS]
    for text in (*KEYS, *OTHERS, *mistyped, SAMPLE):
        assert scope["is_key"](text) == is_key(text)
    assert not any(map(is_key, mistyped))


def test_the_rule_for_gitleaks_lets_the_sample_pass_and_names_what_every_key_has() -> None:
    [rule] = tomllib.loads(block("toml"))["rules"]
    assert all(any(keyword in key for keyword in rule["keywords"]) for key in KEYS)
    [allowed] = rule["allowlists"][0]["regexes"]
    assert re.search(allowed, SAMPLE)
    assert not any(re.search(allowed, key) for key in KEYS)


def test_a_key_is_as_long_as_the_page_says() -> None:
    assert {len(key) for key in CALLING} == {54, 56, 57, 69}
    assert {len(key) for key in MANAGING} == {55, 57, 58, 70}
