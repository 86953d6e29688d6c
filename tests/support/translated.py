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
