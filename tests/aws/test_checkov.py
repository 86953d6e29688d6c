"""checkov's rules against the translated template: all but those of .checkov.yaml, which has the reasons."""

import json
import os
import re
import subprocess

import pytest

from tests.support.translated import ROOT, translated

CHECKOV = ROOT / ".venv-checkov/bin/checkov"
RULES = ROOT / ".checkov.yaml"
SKIPPED = re.compile(r"^  - (CKV2?_\w+) # \S.*$", re.MULTILINE)


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """What fails with no rule skipped: (rule, resource)."""
    if not os.environ.get("CI") and not CHECKOV.exists():
        pytest.skip("needs checkov: `make install-checkov`")
    file = tmp_path_factory.mktemp("checkov") / "template.json"
    file.write_text(json.dumps(translated(), indent=1))
    frameworks = ["--framework", "cloudformation", "secrets", "--skip-download"]
    command = [CHECKOV, "-f", file, *frameworks, "-o", "json", "--soft-fail"]
    done = subprocess.run(command, cwd=file.parent, capture_output=True, text=True, check=True)
    reports = json.loads(done.stdout)
    reports = reports if isinstance(reports, list) else [reports]
    assert sum(report["summary"]["passed"] for report in reports) > 50
    assert [report["summary"]["parsing_errors"] for report in reports] == [0] * len(reports)
    return {(each["check_id"], each["resource"]) for report in reports for each in report["results"]["failed_checks"]}


def test_no_rule_is_broken_but_those_that_do_not_fit(checked):
    skipped = set(SKIPPED.findall(RULES.read_text()))
    assert {(rule, resource) for rule, resource in checked if rule not in skipped} == set()


def test_every_skipped_rule_has_a_reason_and_still_finds_something(checked):
    text = RULES.read_text()
    assert len(SKIPPED.findall(text)) == text.count("  - CKV")
    assert set(SKIPPED.findall(text)) - {rule for rule, _ in checked} == set()
