"""The whole template as a stack of ministack's, which plays AWS on this machine; its own environment, without Docker.

What it cannot do, as of 1.5.33: it passes over ``x-amazon-apigateway-any-method``, so a route for any method is given
to it as a route for GET; alarms with metric maths are refused; a function runs in a process of its own without
``AWS_LAMBDA_EXEC_WRAPPER``, so the streaming functions are set up and cannot be called; a list parameter that is empty
is not equal to "" in a condition; a table's time to live and point-in-time recovery are passed over; it runs functions
on its own Python, whatever ``Runtime`` says. ``test_template`` holds the translated template against all of that.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import boto3
import pydantic

from tests.support.ports import free_port
from tests.support.translated import ROOT, translated, written

MINISTACK = ROOT / ".venv-ministack/bin/python"
REGION = "eu-central-1"
AWS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
NAME = "antiphon"
PATIENCE = 30.0
FUNCTIONS = ("CreateResponse", "GetResponse", "ListModels", "RunResponse")

Files = Mapping[str, bytes]


def files(folder: Path, below: str = "") -> dict[str, bytes]:
    """Return the files of a folder by their path in a package."""
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {f"{below}{path.relative_to(folder)}": path.read_bytes() for path in found}


def code(*more: str) -> dict[str, dict[str, bytes]]:
    """Return what `sam build` would package, by logical name; the third-party packages are the running Python's.

    Args:
        more: functions that are deployed only with a parameter.
    """
    place = f"python/lib/python3.{sys.version_info.minor}/site-packages/running.pth"
    packages = str(Path(pydantic.__file__).parents[1]).encode() + b"\n"
    found = {"AntiphonLayer": files(ROOT / "layers/antiphon", "python/"), "DependenciesLayer": {place: packages}}
    for name in (*FUNCTIONS, *more):
        found[name] = files(ROOT / written()["Resources"][name]["Properties"]["CodeUri"])
    return found


class Stack:
    """The stack on a ministack of its own; a context manager."""

    def __init__(self, log: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = log

    def __enter__(self) -> Self:
        """Start it, and wait until it listens."""
        own = {"GATEWAY_PORT": str(self.port), "BIND_HOST": "127.0.0.1", "MINISTACK_REGION": REGION}
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                [MINISTACK, "-m", "ministack"],
                cwd=self._log.parent,
                env=os.environ | AWS | own,
                stdout=output,
                stderr=output,
            )
        end = time.monotonic() + PATIENCE
        while not self._listens():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < end
            time.sleep(0.02)
        self.client("s3").create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": REGION})
        return self

    def __exit__(self, *exc: object) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(PATIENCE)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return not probe.connect_ex(("127.0.0.1", self.port))

    def client(self, service: str) -> Any:
        """Return a client of one of its services."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def deploy(self, code: Mapping[str, Files], **parameters: str) -> str:
        """Create the stack or update it as `sam deploy` does. Return its status, or why nothing was done."""
        packaged = {name: self._upload(package) for name, package in code.items()}
        template = translated(packaged, parameters)
        self._put("template.json", json.dumps(_without_any(template)).encode())
        stacks = self.client("cloudformation")
        given = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
        request = {"StackName": NAME, "TemplateURL": f"{self.url}/code/template.json", "Parameters": given}
        there = stacks.list_stacks()["StackSummaries"]
        try:
            (stacks.update_stack if there else stacks.create_stack)(**request, Capabilities=["CAPABILITY_IAM"])
        except stacks.exceptions.ClientError as error:
            return str(error.response["Error"]["Message"])
        return self._settled(stacks)

    def _settled(self, stacks: Any) -> str:
        end = time.monotonic() + PATIENCE
        while True:
            status = str(stacks.describe_stacks(StackName=NAME)["Stacks"][0]["StackStatus"])
            if not status.endswith("_IN_PROGRESS"):
                return status
            assert time.monotonic() < end
            time.sleep(0.05)

    @property
    def resources(self) -> dict[str, str]:
        """The physical ids by logical id."""
        found = self.client("cloudformation").describe_stack_resources(StackName=NAME)["StackResources"]
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs of the stack."""
        [stack] = self.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"]
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    @property
    def root(self) -> str:
        """Where the REST API answers."""
        return f"{self.url}/restapis/{self.resources['Api']}/{self.outputs['Environment']}/_user_request_"

    def live(self) -> dict[str, str]:
        """Return the version that each function's alias points to."""
        functions, resources = self.client("lambda"), self.resources
        return {
            name: functions.get_alias(FunctionName=resources[name], Name="live")["FunctionVersion"]
            for name in FUNCTIONS
        }

    def versions(self, function: str) -> set[str]:
        """Return all versions of a function that were published and not deleted."""
        found = self.client("lambda").list_versions_by_function(FunctionName=self.resources[function])["Versions"]
        return {each["Version"] for each in found} - {"$LATEST"}

    def _upload(self, package: Files) -> str:
        """Upload code under the digest of its content, as `sam package` does."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(package):
                archive.writestr(zipfile.ZipInfo(name), package[name])
        key = hashlib.sha256(packed.getvalue()).hexdigest()
        self._put(key, packed.getvalue())
        return f"s3://code/{key}"

    def _put(self, key: str, body: bytes) -> None:
        self.client("s3").put_object(Bucket="code", Key=key, Body=body)


def _without_any(template: Any) -> Any:
    for operations in template["Resources"]["Api"]["Properties"]["Body"]["paths"].values():
        anything = operations.pop("x-amazon-apigateway-any-method", None)
        if anything is not None:
            operations.setdefault("get", anything)
    return template
