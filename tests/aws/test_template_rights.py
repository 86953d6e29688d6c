"""What the template lets each function do, and no more."""

import json

import pytest

from antiphon.ports import Subject
from antiphon.records import Period
from antiphon.store.dynamodb import layout
from tests.support.translated import functions, of_type, permitted

KEEPS = {f"dynamodb:{name}" for name in ("BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem")}
STARTS_WORKERS = {(json.dumps({"Ref": "RunResponseAliaslive"}), ()): {"lambda:InvokeFunction"}}
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}


def arn(name):
    return json.dumps({"Fn::GetAtt": [name, "Arn"]})


ENCRYPTED = {
    (json.dumps({"Ref": "TablesKmsKeyArn"}), ()): {
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
    }
}
WHO_CALLS = {
    (arn("CoreTable"), ("KEY#*",)): {"dynamodb:GetItem"},
    (arn("CoreTable"), ("T#*",)): {"dynamodb:BatchGetItem", "dynamodb:Query"},
    (arn("CoreTable"), ("USED#*",)): {"dynamodb:PutItem"},
}
CONNECTIONS = (
    "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${WebSocket}/responses/POST/@connections/*"
)
WEB_SEARCH = {
    "Fn::Sub": [
        "arn:${AWS::Partition}:bedrock-agentcore:${Where}:aws:tool/web-search.v1",
        {"Where": {"Fn::If": ["SearchesInItsRegion", {"Ref": "AWS::Region"}, {"Ref": "WebSearch"}]}},
    ]
}
ASKS_MODELS = {
    (arn("CoreTable"), ("USAGE#*",)): {"dynamodb:Query", "dynamodb:UpdateItem"},
    (json.dumps({"Ref": "OpenAiSecretArn"}), ()): {"secretsmanager:GetSecretValue"},
    (json.dumps({"Ref": "OpenAiParameterArn"}), ()): {"ssm:GetParameter"},
    (json.dumps({"Ref": "AnthropicSecretArn"}), ()): {"secretsmanager:GetSecretValue"},
    (json.dumps({"Ref": "AnthropicParameterArn"}), ()): {"ssm:GetParameter"},
    (json.dumps({"Ref": "FurtherSecretArns"}), ()): {"secretsmanager:GetSecretValue"},
    (json.dumps({"Ref": "FurtherParameterArns"}), ()): {"ssm:GetParameter"},
    (json.dumps({"Ref": "OtlpHeadersSecretArn"}), ()): {"secretsmanager:GetSecretValue"},
    (json.dumps({"Ref": "ToolSecretArns"}), ()): {"secretsmanager:GetSecretValue"},
    (json.dumps({"Ref": "ToolParameterArns"}), ()): {"ssm:GetParameter"},
    (json.dumps({"Ref": "ToolFunctionArns"}), ()): {"lambda:InvokeFunction"},
    (json.dumps({"Ref": "ToolGatewayArns"}), ()): {"bedrock-agentcore:InvokeGateway"},
    (json.dumps({"Ref": "KnowledgeBaseArns"}), ()): {"bedrock:Retrieve"},
    (json.dumps(WEB_SEARCH), ()): {"bedrock-agentcore:InvokeWebSearch"},
    (json.dumps({"Ref": "KeysKmsKeyArn"}), ()): {"kms:Decrypt"},
    (json.dumps({"Ref": "BedrockModelArns"}), ()): {"bedrock:InvokeModelWithResponseStream"},
    (json.dumps({"Ref": "BedrockGuardrailArn"}), ()): {"bedrock:ApplyGuardrail"},
    (json.dumps({"Ref": "SealKeys"}), ()): {"secretsmanager:GetSecretValue"},
}


def test_creating_can_read_who_calls_and_write_responses_but_no_key_user_agent_or_grant(template):
    assert permitted(template, "CreateResponse") == ENCRYPTED | WHO_CALLS | ASKS_MODELS | STARTS_WORKERS | {
        (arn("CoreTable"), ("METER#*",)): {"dynamodb:UpdateItem"},
        (arn("CoreTable"), ("AUDIT#*",)): {"dynamodb:PutItem"},
        (arn("ResponsesTable"), ()): KEEPS,
        (arn("CreateResponseLogs"), ()): LOGS,
        (json.dumps({"Fn::Sub": CONNECTIONS}), ()): {"execute-api:ManageConnections"},
    }


def test_the_worker_can_read_who_asked_run_responses_and_keep_what_failed(template):
    assert permitted(template, "RunResponse") == ENCRYPTED | ASKS_MODELS | STARTS_WORKERS | {
        (arn("CoreTable"), ("KEY#*",)): {"dynamodb:GetItem"},
        (arn("CoreTable"), ("T#*",)): {"dynamodb:BatchGetItem", "dynamodb:Query"},
        (arn("ResponsesTable"), ()): KEEPS - {"dynamodb:UpdateItem"},
        (arn("RunResponseLogs"), ()): LOGS,
        (arn("DeadLetters"), ()): {"sqs:SendMessage"},
    }


def test_a_secret_may_be_read_and_a_model_called_only_where_they_are_given(template, written):
    policy = template["Resources"]["AskModels"]["Properties"]
    conditional = [statement["Fn::If"] for statement in policy["PolicyDocument"]["Statement"] if "Fn::If" in statement]
    assert {(when, allowed["Action"]) for when, allowed, _ in conditional} == {
        ("HasOtlpHeaders", "secretsmanager:GetSecretValue"),
        ("HasSealKeys", "secretsmanager:GetSecretValue"),
        ("HasOpenAiSecret", "secretsmanager:GetSecretValue"),
        ("HasOpenAiParameter", "ssm:GetParameter"),
        ("HasAnthropicSecret", "secretsmanager:GetSecretValue"),
        ("HasAnthropicParameter", "ssm:GetParameter"),
        ("HasFurtherSecrets", "secretsmanager:GetSecretValue"),
        ("HasFurtherParameters", "ssm:GetParameter"),
        ("HasToolSecrets", "secretsmanager:GetSecretValue"),
        ("HasToolParameters", "ssm:GetParameter"),
        ("HasToolFunctions", "lambda:InvokeFunction"),
        ("HasToolGateways", "bedrock-agentcore:InvokeGateway"),
        ("HasKnowledgeBases", "bedrock:Retrieve"),
        ("HasWebSearch", "bedrock-agentcore:InvokeWebSearch"),
        ("HasKeysKmsKey", "kms:Decrypt"),
        ("HasBedrock", "bedrock:InvokeModelWithResponseStream"),
        ("HasGuardrail", "bedrock:ApplyGuardrail"),
    }
    assert all(otherwise == {"Ref": "AWS::NoValue"} for _, _, otherwise in conditional)
    arns = ("OpenAiSecretArn", "OpenAiParameterArn", "AnthropicSecretArn", "AnthropicParameterArn", "KeysKmsKeyArn")
    lists = ("FurtherSecretArns", "FurtherParameterArns", "ToolSecretArns", "ToolParameterArns")
    lists += ("ToolFunctionArns", "ToolGatewayArns", "KnowledgeBaseArns")
    for name in (*arns, *lists, "BedrockModelArns", "BedrockGuardrailArn"):
        assert written["Parameters"][name]["Default"] == ""
    assert written["Parameters"]["WebSearch"]["Default"] == "off"


def test_a_key_of_ones_own_decrypts_only_for_the_services_that_keep_provider_keys(template):
    policy = template["Resources"]["AskModels"]["Properties"]
    conditional = [statement["Fn::If"] for statement in policy["PolicyDocument"]["Statement"] if "Fn::If" in statement]
    [allowed] = [allowed for when, allowed, _ in conditional if when == "HasKeysKmsKey"]
    assert allowed["Condition"]["StringEquals"]["kms:ViaService"] == [
        {"Fn::Sub": f"{service}.${{AWS::Region}}.amazonaws.com"} for service in ("secretsmanager", "ssm")
    ]


def test_a_key_of_ones_own_encrypts_both_tables_and_is_used_for_them_alone(template, written):
    assert written["Parameters"]["TablesKmsKeyArn"]["Default"] == ""
    encryption = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": {"Ref": "TablesKmsKeyArn"}}
    for table in of_type(template, "AWS::DynamoDB::Table").values():
        chosen = table["Properties"]["SSESpecification"]["Fn::If"]
        assert chosen == ["HasTablesKmsKey", encryption, {"Ref": "AWS::NoValue"}]
    policy = template["Resources"]["UseTheTablesKey"]
    assert policy["Condition"] == "HasTablesKmsKey"
    [allowed] = policy["Properties"]["PolicyDocument"]["Statement"]
    service = {"Fn::Sub": "dynamodb.${AWS::Region}.amazonaws.com"}
    assert allowed["Condition"] == {"StringEquals": {"kms:ViaService": service}}


def test_getting_can_read_take_over_cancel_and_delete_responses_and_count_what_ends(template):
    assert permitted(template, "GetResponse") == ENCRYPTED | WHO_CALLS | STARTS_WORKERS | {
        (arn("CoreTable"), ("USAGE#*",)): {"dynamodb:UpdateItem"},
        (arn("ResponsesTable"), ()): KEEPS,
        (arn("GetResponseLogs"), ()): LOGS,
    }


def test_listing_models_cannot_reach_responses_at_all(template):
    assert permitted(template, "ListModels") == ENCRYPTED | WHO_CALLS | {(arn("ListModelsLogs"), ()): LOGS}


def indexed(table):
    return json.dumps({"Fn::Sub": f"${{{table}.Arn}}/index/gsi1"})


CHANGES = {f"dynamodb:{name}" for name in ("BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "UpdateItem")}


def test_managing_can_write_keys_users_agents_and_grants_and_asks_no_model(template):
    assert permitted(template, "Manage") == ENCRYPTED | WHO_CALLS | {
        (arn("CoreTable"), ("KEY#*", "KEYS#*")): {"dynamodb:PutItem"},
        (arn("CoreTable"), ("KEYS#*",)): {"dynamodb:Query"},
        (arn("CoreTable"), ("USED#*",)): {"dynamodb:PutItem", "dynamodb:BatchGetItem"},
        (arn("CoreTable"), ("T#*",)): {"dynamodb:BatchGetItem", "dynamodb:Query"} | CHANGES,
        (arn("CoreTable"), ("USAGE#*",)): {"dynamodb:Query", "dynamodb:UpdateItem"},
        (arn("CoreTable"), ("KEY#*", "KEYS#*", "METER#*", "USAGE#*", "USED#*")): {"dynamodb:BatchWriteItem"},
        (arn("CoreTable"), ("METER#*",)): {"dynamodb:Query"},
        (arn("CoreTable"), ("AUDIT#*",)): {"dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:Query"},
        (arn("CoreTable"), ("WEBHOOKS#*",)): {f"dynamodb:{name}Item" for name in ("Delete", "Get", "Put")}
        | {"dynamodb:Query"},
        (indexed("CoreTable"), ("T#*", "KEYS#*")): {"dynamodb:Query"},
        (indexed("ResponsesTable"), ()): {"dynamodb:Query"},
        (arn("ResponsesTable"), ()): KEEPS | {"dynamodb:BatchGetItem"},
        (arn("ManageLogs"), ()): LOGS,
    }


WRITES = {f"dynamodb:{name}" for name in ("BatchWriteItem", "DeleteItem", "PutItem", "UpdateItem")}


@pytest.mark.parametrize("name", ["CreateResponse", "GetResponse", "RunResponse", "ListModels"])
def test_no_other_function_can_write_what_managing_writes(template, name):
    written = {"KEY#*", "KEYS#*", "T#*"}
    for (resource, patterns), actions in permitted(template, name).items():
        if "CoreTable" in resource:
            assert patterns, "each names the rows that it reaches"
            assert not (written & set(patterns) and actions & WRITES)


def test_no_function_can_change_or_remove_an_entry_of_the_audit_log(template):
    kept = {"dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"}
    for name in functions(template):
        for (resource, patterns), actions in permitted(template, name).items():
            if "CoreTable" in resource and (not patterns or "AUDIT#*" in patterns):
                assert not actions & kept, name


def test_sending_events_reads_webhooks_and_what_ended_and_nothing_else(template):
    queue = {"ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "ReceiveMessage", "SendMessage"}
    stream = {"DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"}
    assert permitted(template, "SendEvents") == ENCRYPTED | {
        (arn("CoreTable"), ("WEBHOOKS#*",)): {f"dynamodb:{name}" for name in ("GetItem", "PutItem", "Query")},
        (json.dumps({"Fn::GetAtt": ["ResponsesTable", "StreamArn"]}), ()): {f"dynamodb:{name}" for name in stream},
        (arn("WebhookQueue"), ()): {f"sqs:{name}" for name in queue},
        (arn("LostEvents"), ()): {"sqs:SendMessage"},
        (json.dumps({"Ref": "EventBus"}), ()): {"events:PutEvents"},
        (arn("SendEventsLogs"), ()): LOGS,
    }


@pytest.mark.parametrize("name", ["CreateResponse", "GetResponse", "RunResponse", "ListModels"])
def test_only_managing_and_sending_events_read_the_secrets_of_webhooks(template, name):
    assert layout.webhooks("t").startswith("WEBHOOKS#")
    patterns = {pattern for _, patterns in permitted(template, name) for pattern in patterns}
    assert not [pattern for pattern in patterns if "WEBHOOKS#t".startswith(pattern.rstrip("*"))]


def test_no_policy_has_a_wildcard_action_or_resource(template):
    for name in functions(template):
        for (resource, _), actions in permitted(template, name).items():
            assert "*" not in resource.removesuffix('/@connections/*"}')
            assert not [action for action in actions if "*" in action]


def statements(node):
    """Yield every statement of every policy in a template, conditional ones too."""
    if isinstance(node, list):
        for each in node:
            yield from statements(each)
    elif isinstance(node, dict):
        if "Effect" in node:
            yield node
        else:
            for each in node.values():
                yield from statements(each)


def test_in_the_whole_template_only_traces_have_no_resource_to_name(template):
    found = list(statements(template["Resources"]))
    assert len(found) > 20
    assert {each["Effect"] for each in found} == {"Allow"}
    wild = [each["Sid"] for each in found if "*" in json.dumps([each["Action"], each.get("Resource")])]
    assert sorted(wild) == ["SendSpans", "SendToConnections", "SendTraces"], (
        "X-Ray has no resources, the gateway names its connections"
    )
    assert {json.dumps(each["Principal"]) for each in found if "Principal" in each} == {
        json.dumps({"Service": f"{service}.amazonaws.com"}) for service in ("lambda", "scheduler")
    }
    assert not [each for each in found if {"NotAction", "NotResource", "NotPrincipal"} & set(each)]


def test_the_leading_keys_of_the_policies_are_those_of_the_layout():
    assert layout.api_key("d")["pk"]["S"].startswith("KEY#")
    assert layout.used("t").startswith("USED#")
    assert layout.meter(Subject("t", "user", "u"), Period("requests", 60, 1))["pk"]["S"].startswith("METER#")
    assert layout.usage("t", "user", "2026-11", 0).startswith("USAGE#")
    assert all(pk.startswith("T#") for pk in (layout.collection("t", "USERS"), layout.grants_of("t", "user:u")))


def test_only_tracing_has_no_resource_to_name_and_a_role_has_it_only_when_asked(template):
    wildcards = [
        (name, statement["Action"])
        for name, policy in of_type(template, "AWS::IAM::ManagedPolicy").items()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Resource"] == "*"
    ]
    assert wildcards == [
        ("Trace", ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]),
        ("TraceByOtlp", ["xray:PutSpans", "xray:PutSpansForIndexing"]),
    ]
    assert template["Resources"]["TraceByOtlp"]["Condition"] == "SendsSpansToXRay"
    for name, function in functions(template).items():
        role = template["Resources"][function["Role"]["Fn::GetAtt"][0]]
        traced, *spans = [each for each in role["Properties"]["ManagedPolicyArns"] if "Fn::If" in each]
        assert traced == {"Fn::If": ["HasTracing", {"Ref": "Trace"}, {"Ref": "AWS::NoValue"}]}
        sending = [{"Fn::If": ["SendsSpansToXRay", {"Ref": "TraceByOtlp"}, {"Ref": "AWS::NoValue"}]}]
        assert spans == (sending if name in {"CreateResponse", "RunResponse"} else [])
    assert template["Conditions"]["HasTracing"] == {"Fn::Equals": [{"Ref": "Tracing"}, "Active"]}
    for function in functions(template).values():
        assert function["TracingConfig"] == {"Mode": {"Ref": "Tracing"}}
