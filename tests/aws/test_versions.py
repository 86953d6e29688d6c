"""When a function gets a new version: what would make the alias serve old code or settings if it did not."""

import re

import pytest

from tests.support.translated import translated, written

FUNCTIONS = ("CreateResponse", "GetResponse", "ListModels", "RunResponse")
PROVISIONED = FUNCTIONS[:3]
"""Nobody waits for the start of a worker."""
SUBSTITUTED = re.compile(r"\$\{([\w:]+)\}")


@pytest.fixture(scope="module")
def template():
    return translated()


def versions(**packaged):
    """The logical id of each function's version: another one is another version."""
    resources = translated(packaged)["Resources"]
    return {
        name: next(each for each in resources if re.fullmatch(rf"{name}Version[0-9a-f]{{10}}", each))
        for name in FUNCTIONS
    }


@pytest.mark.parametrize("layer", ["AntiphonLayer", "DependenciesLayer"])
def test_another_content_of_a_layer_is_another_version_of_every_function(layer):
    before, after = versions(), versions(**{layer: "s3://bucket/another"})
    assert [name for name in FUNCTIONS if before[name] == after[name]] == []


def test_another_code_of_a_function_is_another_version_of_that_one():
    before, after = versions(), versions(GetResponse="s3://bucket/another")
    assert [name for name in FUNCTIONS if before[name] != after[name]] == ["GetResponse"]


def test_nothing_new_is_no_new_version():
    assert versions() == versions()


def test_another_number_of_the_settings_is_another_version(template):
    """A version's description cannot change, so CloudFormation makes another ("Update requires: Replacement")."""
    for name, version in versions().items():
        resource = template["Resources"][version]
        assert resource["Properties"]["Description"] == {"Fn::Sub": "Settings ${Settings}"}
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")
        function = template["Resources"][name]["Properties"]["Description"]["Fn::Sub"]
        assert "${Settings}" in function, "Lambda publishes nothing if the function itself has not changed"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_parameter_that_a_function_depends_on_is_among_the_settings(template, name):
    settings = reached(template, template["Resources"]["Settings"]["Properties"]["Content"])
    assert reached(template, template["Resources"][name]["Properties"]) - settings == set()


def reached(template, node):
    """The parameters that a value depends on, through conditions too."""
    if isinstance(node, list):
        return set().union(*(reached(template, each) for each in node), set())
    if not isinstance(node, dict):
        return set()
    found = set()
    for key, value in node.items():
        if key in {"Ref", "Condition"}:
            found |= named(template, value)
        elif key == "Fn::If":
            found |= named(template, value[0]) | reached(template, value[1:])
        elif key == "Fn::Sub":
            text, own = (value, {}) if isinstance(value, str) else value
            found |= set().union(*(named(template, each) for each in SUBSTITUTED.findall(text)), reached(template, own))
        else:
            found |= reached(template, value)
    return found


def named(template, name):
    if name in template["Parameters"]:
        return {name}
    return reached(template, template["Conditions"].get(name))


def _chosen(node):
    """Return what is there if its condition holds."""
    return node["Fn::If"][1] if "Fn::If" in node else node


def test_whoever_calls_a_function_calls_its_alias(template):
    resources = template["Resources"]
    for path in resources["Api"]["Properties"]["Body"]["paths"].values():
        for operation in _chosen(path).values():
            uri = _chosen(_chosen(operation)["x-amazon-apigateway-integration"]["uri"])["Fn::Sub"]
            assert re.search(r"functions/\$\{\w+Aliaslive\}/", uri)
    permissions = [each for each in resources.values() if each["Type"] == "AWS::Lambda::Permission"]
    assert {each["Properties"]["FunctionName"]["Ref"] for each in permissions} == {
        f"{n}Aliaslive" for n in (*PROVISIONED, "Manage")
    }
    [schedule] = [each for each in resources.values() if each["Type"] == "AWS::Scheduler::Schedule"]
    assert schedule["Properties"]["Target"]["Arn"] == {"Ref": "RunResponseAliaslive"}
    url = resources["CreateResponseUrl"]
    assert (url["Properties"]["Qualifier"], url["DependsOn"]) == ("live", "CreateResponseAliaslive")
    for name, version in versions().items():
        alias = resources[f"{name}Aliaslive"]["Properties"]
        assert alias["Name"] == "live"
        assert alias["FunctionVersion"] == {"Fn::GetAtt": [version, "Version"]}


def test_alarms_and_dashboard_see_every_version_and_alias(template):
    """Metrics by ``FunctionName`` alone are of all versions (Lambda Developer Guide, "Types of metrics")."""
    text = str([each for each in template["Resources"].values() if each["Type"].startswith("AWS::CloudWatch::")])
    assert "FunctionName" in text
    assert '"Resource"' not in text


def test_snapshots_and_provisioned_environments_are_off_unless_asked_for(template):
    parameters = written()["Parameters"]
    assert parameters["SnapStart"]["Default"] == "off"
    for name in FUNCTIONS:
        snap_start = template["Resources"][name]["Properties"]["SnapStart"]
        assert snap_start == {"ApplyOn": {"Fn::If": ["HasSnapStart", "PublishedVersions", "None"]}}
    for name in PROVISIONED:
        assert parameters[f"{name}Provisioned"]["Default"] == 0
        provisioned = template["Resources"][f"{name}Aliaslive"]["Properties"]["ProvisionedConcurrencyConfig"]
        number = {"ProvisionedConcurrentExecutions": {"Ref": f"{name}Provisioned"}}
        assert provisioned == {"Fn::If": [f"Provisions{name}", number, {"Ref": "AWS::NoValue"}]}
