"""The template, as CloudFormation gets it: transformed by SAM's own translator."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from antiphon.awslambda.http import BASE_PATH
from antiphon.errors import CODES, SettingsError
from antiphon.seal import read_keys
from antiphon.settings import PREFIX, Settings, read_settings
from antiphon.store.dynamodb import layout
from antiphon.telemetry.config import read_config
from antiphon.web.table import ADMIN, ROUTES, is_managing
from local.lambda_host.template import read_template
from tests.support.translated import functions, of_type

ROOT = Path(__file__).parents[2]
OPENTELEMETRYS = ("EXPORTER_OTLP_ENDPOINT", "TRACES_SAMPLER", "TRACES_SAMPLER_ARG", "RESOURCE_ATTRIBUTES")
LAMBDAS_OWN = {"AWS_LAMBDA_EXEC_WRAPPER", "POWERTOOLS_METRICS_NAMESPACE", BASE_PATH} | {
    f"OTEL_{name}" for name in OPENTELEMETRYS
}
CREATES = ("/v1/responses", "/v1/responses/input_tokens", "/v1/responses/compact", "/v1/chat/completions")
ADDING = {"/v1/conversations", "/v1/conversations/{id}", "/v1/conversations/{id}/items"}
"""The paths whose POST adds to conversations."""
STREAMED = {
    **{(path, "post"): "CreateResponse" for path in (*CREATES, *ADDING)},
    ("/v1/conversations/{id}", "get"): "GetResponse",
    ("/v1/conversations/{id}", "delete"): "GetResponse",
    ("/v1/conversations/{id}/items", "get"): "GetResponse",
    ("/v1/conversations/{id}/items/{item_id}", "get"): "GetResponse",
    ("/v1/conversations/{id}/items/{item_id}", "delete"): "GetResponse",
    ("/v1/responses/{id}", "get"): "GetResponse",
    ("/v1/responses/{id}", "delete"): "GetResponse",
    ("/v1/responses/{id}/cancel", "post"): "GetResponse",
    ("/v1/responses/{id}/input_items", "get"): "GetResponse",
    ("/v1/approvals", "get"): "GetResponse",
    ("/v1/approvals/{id}", "get"): "GetResponse",
    ("/v1/approvals/{id}", "post"): "CreateResponse",
}
"""The routes of the streaming functions, which can only stream."""


def test_cfn_lint_finds_nothing_in_the_transformed_template(template):
    found = lint(json.dumps(template), config=ManualArgs(regions=["eu-central-1", "us-east-1"]))
    assert [str(match) for match in found] == []


@pytest.mark.sam
def test_sam_validate_lint_finds_nothing():
    environ = os.environ | {"AWS_DEFAULT_REGION": "eu-central-1", "SAM_CLI_TELEMETRY": "0"}
    sam = ROOT / ".venv-sam/bin/sam"
    if not os.environ.get("CI") and not sam.exists():
        pytest.skip("needs the SAM CLI: `make check` installs it")
    command = [str(sam), "validate", "--lint"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("path", "method"), [("/v1/responses", "post"), ("/v1/chat/completions", "post"), ("/v1/responses/{id}", "get")]
)
def test_the_routes_of_event_streams_stream_for_fifteen_minutes(api, path, method):
    integration = api["Body"]["paths"][path][method]["x-amazon-apigateway-integration"]
    assert integration["responseTransferMode"] == "STREAM"
    assert integration["timeoutInMillis"] == 900_000
    function = STREAMED[path, method]
    assert integration["uri"]["Fn::Sub"].endswith(
        f":lambda:path/2021-11-15/functions/${{{function}Aliaslive}}/response-streaming-invocations"
    )


def test_no_route_streams_but_those_of_the_streaming_functions(api):
    for path, methods in always(api).items():
        for method, operation in methods.items():
            if (path, method) in STREAMED:
                uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
                assert uri.endswith(f"${{{STREAMED[path, method]}Aliaslive}}/response-streaming-invocations")
            else:
                integration = operation["x-amazon-apigateway-integration"]
                assert "responseTransferMode" not in integration
                assert integration["uri"]["Fn::Sub"].endswith("/invocations")


@pytest.mark.parametrize("name", ["CreateResponse", "GetResponse"])
def test_a_streaming_function_runs_on_our_runtime_as_long_as_its_route(template, name):
    function = functions(template)[name]
    assert function["Timeout"] == 900
    assert function["Environment"]["Variables"]["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/antiphon-runtime"
    assert os.access(ROOT / "layers/antiphon/antiphon-runtime", os.X_OK)


def test_the_rest_api_is_throttled_unless_it_is_told_otherwise(template, written):
    [stage] = of_type(template, "AWS::ApiGateway::Stage").values()
    assert stage["Properties"]["MethodSettings"] == [
        {
            "HttpMethod": "*",
            "ResourcePath": "/*",
            "ThrottlingRateLimit": {"Ref": "ApiRequestsPerSecond"},
            "ThrottlingBurstLimit": {"Ref": "ApiBurst"},
        }
    ]
    assert [written["Parameters"][name]["Default"] for name in ("ApiRequestsPerSecond", "ApiBurst")] == [50, 100]


def test_a_function_url_is_made_and_environments_are_reserved_only_when_asked(template, written):
    assert written["Parameters"]["FunctionUrl"]["Default"] == "off"
    reserved = {name: each.get("ReservedConcurrentExecutions") for name, each in functions(template).items()}
    limited = ("CreateResponse", "RunResponse")
    limits = {
        name: {"Fn::If": [f"Limits{name}", {"Ref": f"{name}Reserved"}, {"Ref": "AWS::NoValue"}]} for name in limited
    }
    assert reserved == {**limits, "GetResponse": None, "ListModels": None, "Manage": None, "SendEvents": None}
    assert [written["Parameters"][f"{name}Reserved"]["Default"] for name in limited] == [0, 0]


def test_the_function_url_streams_may_be_left_out_and_is_open_to_callers_with_a_key(template):
    [url] = of_type(template, "AWS::Lambda::Url").values()
    assert (url["Properties"]["InvokeMode"], url["Properties"]["AuthType"]) == ("RESPONSE_STREAM", "NONE")
    public = [p for p in of_type(template, "AWS::Lambda::Permission").values() if p["Properties"]["Principal"] == "*"]
    assert {(p["Properties"]["Action"], p["Condition"]) for p in public} == {
        ("lambda:InvokeFunctionUrl", "HasFunctionUrl"),
        ("lambda:InvokeFunction", "HasFunctionUrl"),
    }
    assert url["Condition"] == "HasFunctionUrl"
    assert all({"FunctionUrlAuthType", "InvokedViaFunctionUrl"} & set(p["Properties"]) for p in public)


def test_the_api_is_regional_and_never_compresses(api):
    assert api["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert "MinimumCompressionSize" not in api
    assert "x-amazon-apigateway-minimum-compression-size" not in api["Body"]


def test_every_route_of_the_application_reaches_a_function_and_every_other_the_404(api):
    paths = always(api)
    served = {path: methods for path, methods in ROUTES.items() if not is_managing(path)}
    for path, methods in served.items():
        assert path in paths
        for method in methods:
            assert {method.lower(), "x-amazon-apigateway-any-method"} & set(paths[path])
        assert "x-amazon-apigateway-any-method" in paths[path]
    assert set(paths) - set(served) == {"/{proxy+}"}


def always(api):
    """Return the paths that there are whatever is asked for."""
    return {path: methods for path, methods in api["Body"]["paths"].items() if "Fn::If" not in methods}


def test_management_has_one_path_a_function_and_a_role_of_its_own_and_only_when_asked(api, template, written):
    assert written["Parameters"]["Management"]["Default"] == "off"
    assert template["Conditions"]["HasManage"] == {"Fn::Equals": [{"Ref": "Management"}, "on"]}
    [(path, methods)] = [each for each in api["Body"]["paths"].items() if each[0] not in always(api)]
    assert path == f"{ADMIN}/{{proxy+}}"
    condition, there, otherwise = methods["Fn::If"]
    assert (condition, otherwise) == ("HasManage", {"Ref": "AWS::NoValue"})
    assert list(there) == ["x-amazon-apigateway-any-method"]
    assert "ManageAliaslive" in json.dumps(there)
    made = {name: each for name, each in template["Resources"].items() if name.startswith("Manage")}
    assert {each.get("Condition") for each in made.values()} == {"HasManage"}
    assert {"Manage", "ManageRole", "ManageLogs", "ManageAliaslive"} <= set(made)


def test_a_route_with_a_method_of_its_own_goes_to_the_function_that_serves_it(api):
    def served_by(path, method):
        uri = api["Body"]["paths"][path][method]["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
        return re.search(r"\$\{(\w+)Aliaslive\}", uri)[1]

    assert served_by("/v1/responses", "post") == "CreateResponse"
    assert served_by("/v1/responses/{id}", "get") == "GetResponse"
    assert served_by("/v1/responses/{id}", "delete") == "GetResponse"
    assert served_by("/v1/responses/{id}/cancel", "post") == "GetResponse"
    assert served_by("/v1/responses/{id}/input_items", "get") == "GetResponse"
    assert {served_by(path, "post") for path in ADDING} == {"CreateResponse"}
    for path in ("/v1/conversations/{id}", "/v1/conversations/{id}/items/{item_id}"):
        assert {served_by(path, "get"), served_by(path, "delete")} == {"GetResponse"}
    assert served_by("/v1/conversations/{id}/items", "get") == "GetResponse"
    others = [path for path, methods in always(api).items() if "x-amazon-apigateway-any-method" in methods]
    assert {served_by(path, "x-amazon-apigateway-any-method") for path in others} == {"ListModels"}


def test_what_the_gateway_refuses_itself_has_our_envelope(api):
    refusals = api["Body"]["x-amazon-apigateway-gateway-responses"]
    assert {"DEFAULT_4XX", "DEFAULT_5XX"} <= set(refusals)
    assert (refusals["QUOTA_EXCEEDED"]["statusCode"], refusals["THROTTLED"]["statusCode"]) == ("429", "429")
    for refusal in refusals.values():
        error = json.loads(refusal["responseTemplates"]["application/json"])["error"]
        assert error["message"].count(". ") == 1, "what happened, then what to do"
        code = CODES[error["code"]]
        assert (error["type"], refusal["statusCode"], error["param"]) == (code.type, str(code.status), None)
        hints = {"x-should-retry": "'false'"}
        if code.retry_after is not None:
            hints = {"x-should-retry": "'true'", "retry-after": f"'{code.retry_after}'"}
        any_page = {"Fn::If": ["AllowsOrigins", "'*'", {"Ref": "AWS::NoValue"}]}
        open_to = {"access-control-allow-origin": any_page, "access-control-expose-headers": any_page}
        headers = {"x-request-id": "context.requestId", **open_to, **hints}
        assert refusal["responseParameters"] == {
            f"gatewayresponse.header.{name}": value for name, value in headers.items()
        }


def test_further_providers_stand_beside_those_with_parameters_of_their_own(written):
    given = '"groq":{"base_url":"https://api.groq.com/openai/v1"},"us":{"kind":"bedrock","region":"us-east-1"}'
    parameter = written["Parameters"]["FurtherProviders"]
    assert re.fullmatch(parameter["AllowedPattern"], given)
    assert not re.fullmatch(parameter["AllowedPattern"], "{" + given + "}")
    for name in ("CreateResponse", "ListModels"):
        function = read_template(ROOT / "template.yaml", FurtherProviders=given).functions[name]
        settings = read_settings({key: str(value) for key, value in function["Environment"]["Variables"].items()})
        assert list(settings.providers) == ["groq", "us", "demo"]


@pytest.mark.parametrize("place", ["Secret", "Parameter"])
@pytest.mark.parametrize("field", ["", "key"])
def test_a_providers_key_is_named_by_the_place_that_is_given_and_read_from_nowhere_else(place, field):
    service = {"Secret": "secretsmanager", "Parameter": "ssm"}[place]
    where = f"arn:aws:{service}:eu-central-1:123456789012:{place}"
    given = {f"OpenAi{place}Arn": where, f"Anthropic{place}Arn": where, "OpenAiKeyField": field}
    for name in ("CreateResponse", "ListModels"):
        variables = read_template(ROOT / "template.yaml", **given).functions[name]["Environment"]["Variables"]
        settings = read_settings({key: str(value) for key, value in variables.items()})
        openai, anthropic = settings.providers["openai"], settings.providers["anthropic"]
        for provider in (openai, anthropic):
            places = {"Secret": provider.api_key_secret, "Parameter": provider.api_key_parameter}
            assert places == {"Secret": None, "Parameter": None, place: where}
        assert (openai.api_key_field, anthropic.api_key_field) == (field or None, None)


def test_two_places_for_one_key_end_the_deployment_and_else_the_start(written):
    for name in ("OpenAi", "Anthropic"):
        [assertion] = written["Rules"][f"OneKeyFor{name}"]["Assertions"]
        either = [{"Fn::Equals": [{"Ref": f"{name}{place}Arn"}, ""]} for place in ("Secret", "Parameter")]
        assert assertion["Assert"] == {"Fn::Or": either}
    providers = {"p": {"api_key_secret": "canary-a", "api_key_parameter": "canary-b"}}
    with pytest.raises(SettingsError, match="set one of api_key_env") as caught:
        read_settings({"ANTIPHON_DATABASE": "x", "ANTIPHON_PROVIDERS": json.dumps(providers)})
    assert "canary" not in str(caught.value)


def test_the_seals_keys_are_drawn_in_the_account_long_enough_and_outlive_the_stack(template):
    secret = template["Resources"]["SealKeys"]
    drawn = secret["Properties"]["GenerateSecretString"]
    assert drawn["ExcludePunctuation"] is True, "letters and digits are base64"
    assert read_keys("aB3" * (drawn["PasswordLength"] // 3) + "x" * (drawn["PasswordLength"] % 3))
    assert (secret["DeletionPolicy"], secret["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    variables = functions(template)["CreateResponse"]["Environment"]["Variables"]
    assert variables["ANTIPHON_SEAL_SECRET"] == {"Fn::If": ["HasSealKeys", {"Ref": "SealKeys"}, ""]}


@pytest.mark.parametrize("name", ["CoreTable", "ResponsesTable"])
def test_a_table_can_be_restored_expires_its_items_and_outlives_the_stack(template, name):
    table = template["Resources"][name]
    properties = table["Properties"]
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": layout.TTL, "Enabled": True}
    assert properties["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    own = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": {"Ref": "TablesKmsKeyArn"}}
    chosen = {"Fn::If": ["HasTablesKmsKey", own, {"Ref": "AWS::NoValue"}]}
    assert properties["SSESpecification"] == chosen, "the key that AWS owns costs nothing and is always on"


def test_the_index_is_the_one_that_the_store_asks(template):
    indexes = template["Resources"]["CoreTable"]["Properties"]["GlobalSecondaryIndexes"]
    assert [index["IndexName"] for index in indexes] == [layout.GSI]
    [index] = template["Resources"]["ResponsesTable"]["Properties"]["GlobalSecondaryIndexes"]
    assert (index["IndexName"], index["Projection"]) == (layout.GSI, {"ProjectionType": "KEYS_ONLY"})


def test_every_function_runs_python_313_on_arm64_unless_told_otherwise(template, written):
    for function in functions(template).values():
        assert function["Runtime"] == "python3.13"
        assert function["Architectures"] == [{"Ref": "Architecture"}]
        assert len(function["Layers"]) == 2
    assert written["Parameters"]["Architecture"]["Default"] == "arm64"


def test_every_environment_variable_is_a_setting_with_an_acceptable_value(template, written):
    for function in functions(template).values():
        values = function["Environment"]["Variables"]
        names = {name.removeprefix(PREFIX).lower() for name in set(values) - LAMBDAS_OWN}
        assert names <= set(Settings.model_fields)
        for choose in (1, 2):
            environ = {name: resolved(value, written["Parameters"], choose) for name, value in values.items()}
            settings = read_settings(environ)
            assert settings.environment == "dev"
            chosen = {"openai", "anthropic", "bedrock", "further", "demo"} if choose == 1 else {"demo"}
            assert set(settings.providers) in (chosen, set())
            if choose == 1 and "OTEL_TRACES_SAMPLER" in environ:
                read_config(environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector.example"})


def given(name):
    """Return something for a parameter without a default; a parameter of SSM stays empty, for its secret is given."""
    return {"FurtherProviders": '"further":{"kind":"demo"}'}.get(name, "" if name.endswith("ParameterArn") else name)


def resolved(value, parameters, choose):
    """A value with the parameters' defaults; of a condition, the branch chosen."""
    match value:
        case {"Ref": name}:
            return str(parameters.get(name, {}).get("Default", name))
        case {"Fn::If": branches}:
            return resolved(branches[choose], parameters, choose)
        case {"Fn::Join": [_, listed]}:
            return resolved(listed, parameters, choose)
        case {"Fn::Sub": [text, names]}:
            return re.sub(r"\$\{(\w+)\}", lambda found: resolved(names[found[1]], parameters, choose), text)
        case {"Fn::Sub": text}:
            return re.sub(
                r"\$\{(\w+)\}", lambda found: resolved({"Ref": found[1]}, parameters, choose) or given(found[1]), text
            )
        case _:
            return value


def test_the_command_line_finds_what_it_needs_among_the_outputs(template):
    found = {"ApiUrl", "FunctionUrl", "WebSocketUrl", "Environment", "AuditDays", "CoreTableName", "ResponsesTableName"}
    found |= {"Providers", "WebhookHosts", *TOOL_OUTPUTS}
    assert found == set(template["Outputs"])
    told = template["Outputs"]["Providers"]["Value"]
    assert (
        told == template["Resources"]["CreateResponse"]["Properties"]["Environment"]["Variables"]["ANTIPHON_PROVIDERS"]
    )


def test_the_websocket_api_is_made_only_when_asked_and_its_messages_are_not_tried_again(template, written):
    assert written["Parameters"]["WebSocketApi"]["Default"] == "off"
    made = {name: each for name, each in template["Resources"].items() if name.startswith("WebSocket")}
    assert {each.get("Condition") for each in made.values()} == {"HasWebSocketApi"}
    message = made["WebSocketMessage"]["Properties"]
    assert message["RequestParameters"] == {"integration.request.header.X-Amz-Invocation-Type": "'Event'"}
    invocations = made["WebSocketInvocations"]["Properties"]
    assert (invocations["MaximumRetryAttempts"], invocations["Qualifier"]) == (0, "live")
    assert made["WebSocketConnectRoute"]["Properties"]["AuthorizationType"] == "CUSTOM"
    assert made["WebSocketPermission"]["Properties"]["Principal"] == "apigateway.amazonaws.com"


def test_no_function_serves_a_handler_that_is_not_there(written):
    for resource in written["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            assert (ROOT / resource["Properties"]["CodeUri"] / "app.py").is_file()


def test_a_domain_and_a_web_acl_stand_before_the_rest_api_only_when_named(template, written):
    resources = template["Resources"]
    for name in ("Domain", "DomainMapping"):
        assert resources[name]["Condition"] == "HasDomain"
    assert resources["WebAclAssociation"]["Condition"] == "HasWebAcl"
    assert resources["DomainMapping"]["Properties"]["RestApiId"] == {"Ref": "Api"}
    [stage] = of_type(template, "AWS::ApiGateway::Stage")
    assert resources["DomainMapping"]["Properties"]["Stage"] == {"Ref": stage}
    assert resources["Domain"]["Properties"]["SecurityPolicy"] == "TLS_1_2"
    base_path = {"Fn::If": ["HasBasePath", {"Ref": "DomainBasePath"}, {"Ref": "AWS::NoValue"}]}
    assert resources["DomainMapping"]["Properties"]["BasePath"] == base_path
    assert {each["Environment"]["Variables"][BASE_PATH]["Ref"] for each in functions(template).values()} == {
        "DomainBasePath"
    }
    for name in ("DomainName", "DomainCertificateArn", "DomainBasePath", "WebAclArn"):
        assert written["Parameters"][name]["Default"] == ""


def test_a_worker_is_tried_again_and_what_failed_for_good_is_kept_for_two_weeks_and_alarmed(template):
    config = template["Resources"]["RunResponseEventInvokeConfig"]
    queue = template["Resources"]["DeadLetters"]["Properties"]
    kept = {"OnFailure": {"Destination": {"Fn::GetAtt": ["DeadLetters", "Arn"]}}}
    assert config["Properties"] == {
        "FunctionName": {"Ref": "RunResponse"},
        "Qualifier": "live",
        "MaximumRetryAttempts": 2,
        "MaximumEventAgeInSeconds": 300,
        "DestinationConfig": kept,
    }
    assert (queue["MessageRetentionPeriod"], queue["SqsManagedSseEnabled"]) == (14 * 86_400, True)
    alarm = template["Resources"]["LostInvocations"]["Properties"]
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["DeadLetters", "QueueName"]}}]


def test_a_worker_may_start_itself_as_often_as_a_long_run_takes(template):
    """Lambda ends a loop after about 16 invocations (Developer Guide, "Recursive loop detection")."""
    allowed = {name: function.get("RecursiveLoop") for name, function in functions(template).items()}
    assert {name for name, value in allowed.items() if value == "Allow"} == {"RunResponse"}


def test_the_sweeper_is_called_through_the_alias_once_a_minute_by_this_account_alone(template):
    [schedule] = of_type(template, "AWS::Scheduler::Schedule").values()
    target = schedule["Properties"]["Target"]
    assert schedule["Properties"]["ScheduleExpression"] == "rate(1 minute)"
    assert "Name" not in schedule["Properties"], "a second stack of the account could not be deployed"
    assert (target["Arn"], json.loads(target["Input"])) == ({"Ref": "RunResponseAliaslive"}, {"sweep": True})
    role = template["Resources"][target["RoleArn"]["Fn::GetAtt"][0]]["Properties"]
    [assumed] = role["AssumeRolePolicyDocument"]["Statement"]
    assert assumed["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    [policy] = role["Policies"]
    [allowed] = policy["PolicyDocument"]["Statement"]
    assert (allowed["Action"], allowed["Resource"]) == ("lambda:InvokeFunction", {"Ref": "RunResponseAliaslive"})


def test_without_webhooks_and_a_bus_there_is_nothing_of_events(template, written):
    made = {name: each for name, each in template["Resources"].items() if "Events" in name or "WebhookQueue" in name}
    assert {"SendEvents", "SendEventsRole", "SendEventsLogs", "WebhookQueue", "LostEvents"} <= set(made)
    assert {each["Condition"] for each in made.values()} == {"HasEvents", "HasEventAlarms"}
    assert (written["Parameters"]["Webhooks"]["Default"], written["Parameters"]["EventBus"]["Default"]) == ("off", "")
    stream = template["Resources"]["ResponsesTable"]["Properties"]["StreamSpecification"]
    assert stream == {"Fn::If": ["HasEvents", {"StreamViewType": "NEW_AND_OLD_IMAGES"}, {"Ref": "AWS::NoValue"}]}


def test_what_queues_or_finds_a_response_starts_the_worker_by_its_alias(template):
    named = {
        name: function["Environment"]["Variables"].get("ANTIPHON_WORKER_FUNCTION")
        for name, function in functions(template).items()
    }
    alias = {"Ref": "RunResponseAliaslive"}
    starting = {"CreateResponse": alias, "GetResponse": alias}
    assert named == {**starting, "RunResponse": None, "ListModels": None, "Manage": None, "SendEvents": None}


def test_every_parameter_is_told_of_in_the_page_on_deployment(written):
    page = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
    assert [name for name in written["Parameters"] if f"`{name}`" not in page] == []


TOOL_OUTPUTS = {
    "ToolHosts",
    "ToolSecrets",
    "ToolParameters",
    "ToolFunctions",
    "ToolGateways",
    "KnowledgeBases",
    "WebSearch",
}


def test_what_tools_may_reach_is_told_to_the_functions_that_run_them_and_to_the_command_line(template):
    for name in ("CreateResponse", "RunResponse"):
        variables = template["Resources"][name]["Properties"]["Environment"]["Variables"]
        assert variables["ANTIPHON_TOOL_HOSTS"] == {"Ref": "ToolHosts"}
        assert variables["ANTIPHON_TOOL_SECRETS"] == {"Fn::Join": [",", {"Ref": "ToolSecretArns"}]}
        assert variables["ANTIPHON_TOOL_PARAMETERS"] == {"Fn::Join": [",", {"Ref": "ToolParameterArns"}]}
        for parameter, variable in (("ToolFunction", "TOOL_FUNCTIONS"), ("ToolGateway", "TOOL_GATEWAYS")):
            assert variables[f"ANTIPHON_{variable}"] == {"Fn::Join": [",", {"Ref": f"{parameter}Arns"}]}
        assert variables["ANTIPHON_KNOWLEDGE_BASES"] == {"Fn::Join": [",", {"Ref": "KnowledgeBaseArns"}]}
        assert variables["ANTIPHON_WEB_SEARCH"] == {"Ref": "WebSearch"}
        for output in TOOL_OUTPUTS:
            assert template["Outputs"][output]["Value"] in variables.values()
            assert template["Outputs"][output]["Condition"] == f"Has{output}"
    asked = template["Resources"]["CreateResponse"]["Properties"]["Environment"]["Variables"]
    managing = template["Resources"]["Manage"]["Properties"]["Environment"]["Variables"]
    for name in ("TOOL_HOSTS", "TOOL_FUNCTIONS", "TOOL_GATEWAYS", "KNOWLEDGE_BASES", "WEB_SEARCH"):
        assert managing[f"ANTIPHON_{name}"] == asked[f"ANTIPHON_{name}"]
    for name in ("GetResponse", "ListModels"):
        variables = template["Resources"][name]["Properties"]["Environment"]["Variables"]
        assert not any(word in variable for variable in variables for word in ("TOOL_", "KNOWLEDGE", "WEB_SEARCH"))


def test_the_hosts_of_webhooks_are_what_the_command_line_and_both_functions_that_send_have(template):
    output = template["Outputs"]["WebhookHosts"]
    assert (output["Condition"], output["Value"]) == ("HasWebhookHosts", {"Ref": "WebhookHosts"})
    for name in ("Manage", "SendEvents"):
        variables = template["Resources"][name]["Properties"]["Environment"]["Variables"]
        assert variables["ANTIPHON_WEBHOOK_HOSTS"] == output["Value"]


def test_hosts_of_tools_are_hosts_and_no_urls(written):
    pattern = written["Parameters"]["ToolHosts"]["AllowedPattern"]
    assert all(re.fullmatch(pattern, good) for good in ("", "a.example", "a.example:8443,[::1]:80", "*,a.example:1"))
    assert not any(
        re.fullmatch(pattern, bad) for bad in ("https://a.example", "a.example/mcp", "*.example", "a, b", "u@a")
    )
