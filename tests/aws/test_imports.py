"""What a cold start imports: each function no more modules than its budget, and nothing that its path does not need."""

import json
import os
import subprocess
import sys

import pytest

from local.lambda_host.layers import ROOT

BUDGET = {"create_response": 560, "get_response": 555, "list_models": 540}
"""Modules in ``sys.modules`` once a function has been imported; an empty interpreter has about 70."""

NEVER = {"aiohttp", "boto3", "moto", "openai", "httpx", "uvicorn", "sqlite3", "antiphon.store.sqlite", "jsonschema"}
ONLY_CREATE = {"antiphon.run.create", "antiphon.spec.events"}


def imported(function):
    code = "import json, sys, app; print(json.dumps(sorted(sys.modules)))"
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT / 'functions' / function}:{ROOT / 'layers/antiphon'}",
        "ANTIPHON_CORE_TABLE": "core",
        "ANTIPHON_RESPONSES_TABLE": "responses",
        "AWS_REGION": "eu-central-1",
    }
    return set(
        json.loads(subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, check=True).stdout)
    )


@pytest.mark.parametrize("function", BUDGET)
def test_a_function_imports_no_more_than_its_budget(function):
    modules = imported(function)
    assert len(modules) <= BUDGET[function]
    assert not modules & NEVER


@pytest.mark.parametrize("function", ["get_response", "list_models"])
def test_a_function_that_only_reads_does_not_import_how_responses_are_made(function):
    assert not imported(function) & ONLY_CREATE


def test_fastapis_own_models_are_not_built():
    code = (
        "import app; from fastapi.openapi import models; "
        "assert not any(m.__pydantic_complete__ for m in (models.Info, models.Server, models.Contact))"
    )
    environ = {
        "PYTHONPATH": f"{ROOT / 'functions/list_models'}:{ROOT / 'layers/antiphon'}",
        "ANTIPHON_CORE_TABLE": "core",
        "ANTIPHON_RESPONSES_TABLE": "responses",
    }
    subprocess.run([sys.executable, "-c", code], env=environ, check=True)
