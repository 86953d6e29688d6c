"""Logs, alarms and the dashboard of the template."""

import json
import re
from pathlib import Path

from antiphon.errors import CODES
from antiphon.stream.guard import INVALID
from tests.support.translated import functions, of_type

ROOT = Path(__file__).parents[2]


def test_a_stream_that_breaks_the_grammar_is_counted_by_its_log_line(template):
    [metric] = of_type(template, "AWS::Logs::MetricFilter").values()
    assert metric["Properties"]["LogGroupName"] == {"Ref": "CreateResponseLogs"}
    assert f'"{INVALID}"' in metric["Properties"]["FilterPattern"]


def test_every_function_logs_json_to_a_group_that_forgets(template):
    for function in functions(template).values():
        logging = function["LoggingConfig"]
        group = template["Resources"][logging["LogGroup"]["Ref"]]
        assert (logging["LogFormat"], group["Type"]) == ("JSON", "AWS::Logs::LogGroup")
        assert group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_alarms_and_dashboard_cost_nothing_unless_asked_for(template, written):
    watching = {**of_type(template, "AWS::CloudWatch::Alarm"), **of_type(template, "AWS::CloudWatch::Dashboard")}
    conditions = template["Conditions"]
    assert {resource["Condition"] for resource in watching.values()} == {
        "HasAlarms",
        "HasMetricAlarms",
        "HasEventAlarms",
    }
    assert conditions["HasEventAlarms"] == {"Fn::And": [{"Condition": "HasAlarms"}, {"Condition": "HasEvents"}]}
    assert conditions["HasMetricAlarms"] == {"Fn::And": [{"Condition": "HasAlarms"}, {"Condition": "HasMetrics"}]}
    assert written["Parameters"]["Alarms"]["Default"] == written["Parameters"]["Metrics"]["Default"] == "off"


def test_an_alarm_is_told_to_the_topic_is_quiet_without_data_and_has_a_runbook(template):
    runbook = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    alarms = of_type(template, "AWS::CloudWatch::Alarm")
    assert len(alarms) == 9
    for name, alarm in alarms.items():
        properties = alarm["Properties"]
        assert properties["AlarmActions"]["Fn::If"][:2] == ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}]]
        assert properties["TreatMissingData"] == "notBreaching"
        assert f"| `{name}` |" in runbook


def test_every_function_and_table_is_watched(template):
    def watched(alarm):
        metrics = template["Resources"][alarm]["Properties"]["Metrics"]
        whole = [each["Fn::If"][1] if "Fn::If" in each else each for each in metrics]
        found = [each["MetricStat"]["Metric"] for each in whole if "MetricStat" in each]
        return {(metric["MetricName"], metric["Dimensions"][0]["Value"]["Ref"]) for metric in found}

    assert watched("FunctionErrors") == {("Errors", name) for name in functions(template)}
    assert watched("FunctionThrottles") == {("Throttles", name) for name in functions(template)}
    tables = of_type(template, "AWS::DynamoDB::Table")
    assert watched("TableThrottles") == {
        (f"{kind}ThrottleEvents", name) for kind in ("Read", "Write") for name in tables
    }


def test_the_alarm_before_the_limit_is_below_the_limit_of_the_function(template):
    alarm = template["Resources"]["NearTheTimeLimit"]["Properties"]
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "CreateResponse"}}]
    limit = functions(template)["CreateResponse"]["Timeout"] * 1000
    assert 0.9 * limit < alarm["Threshold"] < limit


def test_the_alarm_of_invalid_streams_watches_the_metric_of_the_filter(template):
    [counted] = of_type(template, "AWS::Logs::MetricFilter").values()
    [metric] = counted["Properties"]["MetricTransformations"]
    alarm = template["Resources"]["InvalidStreams"]["Properties"]
    assert (alarm["Namespace"], alarm["MetricName"]) == (metric["MetricNamespace"], metric["MetricName"])


def test_the_dashboard_is_json_about_resources_that_are_there(template):
    [dashboard] = of_type(template, "AWS::CloudWatch::Dashboard").values()
    text, more = dashboard["Properties"]["DashboardBody"]["Fn::Sub"]
    condition, measured, nothing = more["Measured"]["Fn::If"]
    for body, widgets in ((text.replace("${Measured}", measured["Fn::Sub"]), 10), (text.replace("${Measured}", ""), 6)):
        shown = json.loads(body)["widgets"]
        assert len(shown) == widgets
        assert all(widget["properties"]["metrics"] for widget in shown)
    named = set(re.findall(r"\$\{(\w+)\}", text)) - {"Measured"}
    assert (condition, nothing) == ("HasMetrics", "")
    assert named == {*functions(template), *of_type(template, "AWS::DynamoDB::Table")} - {"Manage", "SendEvents"}, (
        "which may be absent"
    )


def test_what_is_shown_and_watched_of_our_own_is_measured_by_the_functions(template):
    [dashboard] = of_type(template, "AWS::CloudWatch::Dashboard").values()
    shown = json.loads(
        f"[{dashboard['Properties']['DashboardBody']['Fn::Sub'][1]['Measured']['Fn::If'][1]['Fn::Sub'][1:]}]"
    )
    rows = [row for widget in shown for row in widget["properties"]["metrics"]]
    names = {row[1] for row in rows if row[0] == "${AWS::StackName}"}
    watched = [
        each["MetricStat"]["Metric"]
        for alarm in ("ModelErrors", "ProviderRefusesKey")
        for each in template["Resources"][alarm]["Properties"]["Metrics"]
        if "MetricStat" in each
    ]
    source = (ROOT / "layers/antiphon/antiphon/awslambda/metrics.py").read_text(encoding="utf-8")
    assert names | {metric["MetricName"] for metric in watched} <= set(re.findall(r'"(\w+)"', source))
    dimensions = [{dimension["Name"]: dimension["Value"] for dimension in metric["Dimensions"]} for metric in watched]
    assert {values["service"] for values in dimensions} == {"create-response", "run-response"}
    assert {values["code"] for values in dimensions if "code" in values} <= set(CODES)


def test_metrics_are_sent_only_where_they_are_asked_for(template):
    for function in functions(template).values():
        namespace = function["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"]
        assert namespace == {"Fn::If": ["HasMetrics", {"Ref": "AWS::StackName"}, ""]}


def test_spans_are_sent_by_the_functions_that_run_models_and_only_if_a_receiver_is_named(template, written):
    named = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": {"Ref": "OtlpEndpoint"},
        "ANTIPHON_OTLP_HEADERS_SECRET": {"Fn::If": ["HasOtlpHeaders", {"Ref": "OtlpHeadersSecretArn"}, ""]},
        "OTEL_TRACES_SAMPLER": {"Fn::If": ["HasOtlp", "parentbased_traceidratio", ""]},
        "OTEL_TRACES_SAMPLER_ARG": {"Fn::If": ["HasOtlp", {"Ref": "OtlpSampling"}, ""]},
    }
    sending = set()
    for name, function in functions(template).items():
        variables = function["Environment"]["Variables"]
        if "OTEL_EXPORTER_OTLP_ENDPOINT" in variables:
            sending.add(name)
            assert named.items() <= variables.items()
    assert sending == {"CreateResponse", "RunResponse"}
    defaults = {name: written["Parameters"][name]["Default"] for name in ("OtlpEndpoint", "OtlpHeadersSecretArn")}
    assert set(defaults.values()) == {""}
    xray = {"Fn::Sub": "https://xray.${AWS::Region}.${AWS::URLSuffix}"}
    assert template["Conditions"]["SendsSpansToXRay"] == {"Fn::Equals": [{"Ref": "OtlpEndpoint"}, xray]}
