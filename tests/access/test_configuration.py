"""The effective configuration: later layers narrow earlier ones and never widen them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from antiphon.access.configuration import resolve
from antiphon.records import Limits

NOTHING = Limits()
NAMES = st.sampled_from(["a", "b", "c"])
SETS = st.none() | st.lists(NAMES, unique=True).map(tuple)
NUMBERS = st.integers(0, 100) | st.floats(0, 100)
LIMITS = st.builds(
    Limits,
    providers=SETS,
    models=SETS,
    defaults=st.dictionaries(NAMES, NUMBERS),
    maximums=st.dictionaries(NAMES, NUMBERS),
    retention_days=st.none() | st.integers(1, 99),
    max_body_bytes=st.none() | st.integers(1, 99),
    requests_per_minute=st.none() | st.integers(1, 99),
    tokens_per_day=st.none() | st.integers(1, 99),
)


def test_layers_that_say_nothing_allow_everything():
    assert resolve(NOTHING, NOTHING, NOTHING) == NOTHING


def test_sets_intersect_in_the_order_of_the_earlier_layer():
    effective = resolve(Limits(providers=("x", "y", "z")), Limits(providers=("z", "y")), NOTHING)
    assert effective.providers == ("y", "z")


def test_sets_without_a_common_name_allow_nothing_rather_than_everything():
    assert resolve(Limits(models=("x",)), Limits(models=("y",)), NOTHING).models == ()


def test_a_later_layer_cannot_raise_a_maximum():
    effective = resolve(
        Limits(maximums={"max_output_tokens": 100}),
        Limits(maximums={"max_output_tokens": 5000, "temperature": 1.5}),
        Limits(maximums={"temperature": 1.0}),
    )
    assert effective.maximums == {"max_output_tokens": 100, "temperature": 1.0}


def test_a_later_default_replaces_an_earlier_one():
    effective = resolve(
        Limits(defaults={"temperature": 0.1, "top_p": 0.5}), Limits(defaults={"temperature": 0.2}), NOTHING
    )
    assert effective.defaults == {"temperature": 0.2, "top_p": 0.5}


def test_a_default_over_an_earlier_maximum_is_clipped_to_it():
    effective = resolve(Limits(maximums={"temperature": 1.0}), NOTHING, Limits(defaults={"temperature": 1.7}))
    assert effective.defaults == {"temperature": 1.0}


def test_an_earlier_default_is_clipped_by_a_later_maximum():
    effective = resolve(
        Limits(defaults={"max_output_tokens": 900}), Limits(maximums={"max_output_tokens": 99.5}), NOTHING
    )
    assert effective.defaults == {"max_output_tokens": 99}
    assert isinstance(effective.defaults["max_output_tokens"], int)


def test_defaults_that_are_no_numbers_are_never_clipped():
    defaults = {"parallel_tool_calls": True, "truncation": "auto", "reasoning": {"effort": "low"}}
    maximums = dict.fromkeys(defaults, 0.0)
    assert resolve(Limits(defaults=defaults, maximums=maximums), NOTHING, NOTHING).defaults == defaults


def test_retention_and_body_size_take_the_smallest():
    layers = (Limits(retention_days=30, max_body_bytes=10), Limits(retention_days=90), Limits(max_body_bytes=5))
    effective = resolve(*layers)
    assert (effective.retention_days, effective.max_body_bytes) == (30, 5)


@given(LIMITS, LIMITS, LIMITS)
def test_no_layer_is_ever_exceeded(deployment, tenant, role):
    effective = resolve(deployment, tenant, role)
    for layer in (deployment, tenant, role):
        for allowed, chosen in ((layer.providers, effective.providers), (layer.models, effective.models)):
            assert allowed is None or (chosen is not None and set(chosen) <= set(allowed))
        for name, maximum in layer.maximums.items():
            assert effective.maximums[name] <= maximum
            assert effective.defaults.get(name, 0) <= maximum
        assert layer.retention_days is None or effective.retention_days <= layer.retention_days
        assert layer.max_body_bytes is None or effective.max_body_bytes <= layer.max_body_bytes
        assert layer.requests_per_minute is None or effective.requests_per_minute <= layer.requests_per_minute
        assert layer.tokens_per_day is None or effective.tokens_per_day <= layer.tokens_per_day


@given(LIMITS, LIMITS, LIMITS)
def test_a_value_no_layer_says_is_never_invented(deployment, tenant, role):
    effective = resolve(deployment, tenant, role)
    layers = (deployment, tenant, role)
    assert set(effective.defaults) == {name for layer in layers for name in layer.defaults}
    assert set(effective.maximums) == {name for layer in layers for name in layer.maximums}
