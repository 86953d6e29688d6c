"""The template as CloudFormation gets it: translated by SAM's own translator, in this process."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cfnlint.decode import cfn_yaml
from samtranslator.translator.transform import transform

ROOT = Path(__file__).parents[2]
CODE = ("CodeUri", "ContentUri")


class NoManagedPolicies:
    """The template names none of AWS's own."""

    def load(self) -> dict[str, str]:
        return {}


def written() -> dict[str, Any]:
    """Return the template as it is written, its short forms resolved."""
    return json.loads(json.dumps(cfn_yaml.load(str(ROOT / "template.yaml"))))


def translated(packaged: Mapping[str, str] | None = None, parameters: Mapping[str, str] | None = None) -> Any:
    """Translate the template as it stands.

    Args:
        packaged: where in S3 each function's and layer's code lies, by logical name; made up where not given.
        parameters: values of parameters; the translator sees them, as in AWS.
    """
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
    template = written()
    for name, resource in template["Resources"].items():
        for place in set(CODE) & set(resource["Properties"]):
            resource["Properties"][place] = (packaged or {}).get(name, "s3://bucket/key")
    return transform(template, dict(parameters or {}), NoManagedPolicies())


def of_type(template, kind):
    return {name: resource for name, resource in template["Resources"].items() if resource["Type"] == kind}


def functions(template):
    return {name: function["Properties"] for name, function in of_type(template, "AWS::Lambda::Function").items()}


def _names(role, name):
    """Return whether a policy's entry names a role, if only under a condition."""
    return {"Ref": name} in (role, *role.get("Fn::If", ()))


def permitted(template, function):
    """All that a function may do: (table or other resource, leading keys or none) -> actions."""
    name = functions(template)[function]["Role"]["Fn::GetAtt"][0]
    role = template["Resources"][name]["Properties"]
    shared = [
        template["Resources"][policy["Ref"]]["Properties"] for policy in role["ManagedPolicyArns"] if "Ref" in policy
    ]
    attached = [policy["Properties"] for policy in of_type(template, "AWS::IAM::Policy").values()]
    shared += [policy for policy in attached if any(_names(role, name) for role in policy["Roles"])]
    found = {}
    for statement in (
        each for policy in [*role["Policies"], *shared] for each in policy["PolicyDocument"]["Statement"]
    ):
        only = statement["Fn::If"][1] if "Fn::If" in statement else statement
        keys = only.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", ())
        actions = only["Action"] if isinstance(only["Action"], list) else [only["Action"]]
        found.setdefault((json.dumps(only["Resource"]), tuple(keys)), set()).update(actions)
    return found
