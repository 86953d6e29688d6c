"""The limits file: checked, kept and written down again."""

from __future__ import annotations

import json

import pytest

from antiphon.access.configuration import resolve
from antiphon.manage.limits import write_limits
from antiphon.records import Limits
from cli.limits import read_limits
from cli.output import Refused

FULL = {
    "providers": ["bedrock"],
    "models": ["a", "b"],
    "defaults": {"temperature": 0.3, "reasoning": {"effort": "low"}},
    "maximums": {"temperature": 1.0, "max_output_tokens": 2000},
    "retention_days": 7,
    "max_body_bytes": 1_000_000,
    "requests_per_minute": 60,
    "tokens_per_day": 200_000,
}


@pytest.fixture
def read(tmp_path):
    def read(document):
        path = tmp_path / "limits.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return read_limits(str(path)).limits()

    return read


def test_a_file_becomes_a_layer_and_comes_back_equal(read):
    assert write_limits(read(FULL)) == FULL


def test_an_empty_object_is_no_limits(read):
    assert read({}) == Limits()
    assert write_limits(Limits()) == {}


def test_an_empty_set_allows_nothing_and_survives(read):
    assert read({"providers": []}).providers == ()
    assert write_limits(Limits(providers=())) == {"providers": []}


def test_a_file_can_be_resolved(read):
    assert resolve(Limits(), read(FULL), Limits()) == read(FULL)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"provider": ["x"]}, "provider: "),
        ({"providers": "x"}, "providers: "),
        ({"defaults": {"temperature": 3}}, "defaults.temperature: "),
        ({"defaults": {"model": "x"}}, "defaults.model: "),
        ({"maximums": {"max_output_tokens": 15}}, "maximums.max_output_tokens: "),
        ({"maximums": {"reasoning": 1}}, "maximums.reasoning: "),
        ({"retention_days": 0}, "retention_days: "),
        ({"requests_per_minute": 0}, "requests_per_minute: "),
        ({"tokens_per_day": "many"}, "tokens_per_day: "),
        ([], "one document is expected"),
        ([{}, {}], "one document is expected"),
        ("", "one document is expected"),
        ('"x"', "document: "),
    ],
)
def test_a_mistake_is_named_by_its_path(read, document, path):
    with pytest.raises(Refused, match=r"limits\.json: ") as caught:
        read(document)
    assert path in str(caught.value)
