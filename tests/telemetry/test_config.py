"""The variables of OpenTelemetry's specification, as an operator sets them."""

import pytest

from antiphon import __version__
from antiphon.errors import SettingsError
from antiphon.telemetry.config import Sampling, read_config

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        (ENDPOINT, "http://localhost:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://a.example/otel/"}, "https://a.example/otel/v1/traces"),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://b.example/x"}, "https://b.example/x"),
    ],
)
def test_the_path_of_traces_is_added_to_the_common_endpoint_alone(environ, url):
    assert read_config(environ).url == url


def test_headers_are_pairs_whose_values_are_percent_encoded_and_those_of_traces_go_before():
    common = ENDPOINT | {"OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Basic%20YTpi, x-version=4=,"}
    assert read_config(common).headers == {"authorization": "Basic YTpi", "x-version": "4="}
    own = common | {"OTEL_EXPORTER_OTLP_TRACES_HEADERS": "a=b"}
    assert read_config(own).headers == {"a": "b"}
    assert "YTpi" not in repr(read_config(common))


def test_the_resource_is_what_the_operator_names_and_the_function():
    environ = ENDPOINT | {"OTEL_RESOURCE_ATTRIBUTES": "service.name=other,deployment.environment.name=pr%20od"}
    assert read_config(ENDPOINT).resource == {"service.name": "antiphon", "service.version": __version__}
    assert read_config(environ).resource["deployment.environment.name"] == "pr od"
    assert read_config(environ).resource["service.name"] == "other"
    assert read_config(environ | {"OTEL_SERVICE_NAME": "mine"}).resource["service.name"] == "mine"
    on_lambda = environ | {"AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_REGION": "eu-central-1"}
    assert read_config(on_lambda).resource["faas.name"] == "f"
    assert read_config(on_lambda).resource["cloud.region"] == "eu-central-1"


@pytest.mark.parametrize(
    ("environ", "sampling"),
    [
        ({}, Sampling(1.0, follows=True)),
        ({"OTEL_TRACES_SAMPLER": "always_on"}, Sampling(1.0, follows=False)),
        ({"OTEL_TRACES_SAMPLER": "parentbased_always_off"}, Sampling(0.0, follows=True)),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.25"}, Sampling(0.25, follows=False)),
        ({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio"}, Sampling(1.0, follows=True)),
    ],
)
def test_samplers_have_their_standard_names(environ, sampling):
    assert read_config(ENDPOINT | environ).sampling == sampling


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4317"}, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://secret:word@a.example"}, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "nowhere"}, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "secret"}, "OTEL_EXPORTER_OTLP_HEADERS"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "a=secret%0d%0ax:y"}, "OTEL_EXPORTER_OTLP_HEADERS"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "=secret"}, "OTEL_RESOURCE_ATTRIBUTES"),
        ({"OTEL_TRACES_SAMPLER": "jaeger_remote"}, "OTEL_TRACES_SAMPLER"),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "2"}, "OTEL_TRACES_SAMPLER_ARG"),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "x"}, "OTEL_TRACES_SAMPLER_ARG"),
    ],
)
def test_what_cannot_be_used_ends_the_start_with_the_name_of_the_variable_and_without_its_value(environ, named):
    with pytest.raises(SettingsError) as refused:
        read_config(ENDPOINT | environ)
    assert str(refused.value).startswith(f"{named}: ")
    assert "secret" not in str(refused.value)
