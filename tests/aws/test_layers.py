"""The layers as their Makefiles build them: what is trimmed away is needed by nobody.

botocore is pure Python, so any Python can import it from the built layer; the functions themselves need Python 3.13.
"""

import ast
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx2
import pytest

from antiphon.ports import StopDelta, TextDelta, UsageDelta
from local.lambda_host.layers import ROOT, find_python313, lay_out
from tests.support.hosted import UPSTREAM, hosted
from tests.support.keeper import Keeper
from tests.support.protocols import PROTOCOLS
from tests.support.streams import assert_stream
from tests.support.upstream import Upstream

CREDENTIALS = {"sso", "sso-oidc", "sts"}
"""Services that botocore itself asks for credentials."""
PARAMETERS = {"SecretsProvider": "secretsmanager", "SSMProvider": "ssm"}
"""Services that the parameters utility of Powertools makes clients of."""


@pytest.fixture(scope="module")
def built():
    with tempfile.TemporaryDirectory(prefix="antiphon-layers-") as folder:
        layout = lay_out(Path(folder), find_python313() or sys.executable)
        yield layout
        for path in [layout.folder, *layout.folder.rglob("*")]:
            if path.is_dir():
                path.chmod(0o700)


def services():
    """Return the services that our code makes clients of."""
    sources = [*(ROOT / "layers/antiphon/antiphon").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    calls = [
        node
        for path in sources
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name)
    ]
    found = set()
    for call in calls:
        name = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id
        if name in ("client", "create_client") and call.args and isinstance(call.args[0], ast.Constant):
            found.add(call.args[0].value)
        elif name in PARAMETERS:
            found.add(PARAMETERS[name])
    return found


def test_every_service_that_our_code_asks_has_a_client_in_the_built_layer(built):
    wanted = services() | CREDENTIALS
    assert {"secretsmanager", "ssm"} <= wanted
    code = (
        "import sys, boto3; session = boto3.Session(region_name='eu-central-1')\n"
        "for name in sys.argv[1:]: print(session.client(name).meta.endpoint_url)\n"
        "print(boto3.__file__)"
    )
    site = built.opt / "python"
    environ = {"PYTHONPATH": str(site), "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    command = [sys.executable, "-S", "-c", code, *sorted(wanted)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *addresses, where = done.stdout.split()
    assert Path(where).is_relative_to(site)
    assert all("eu-central-1" in address for address in addresses)


KEYS = {
    "openai_chat": {"api_key_secret": "openai"},
    "openai_responses": {"api_key_parameter": "/openai"},
    "anthropic": {"api_key_secret": "both", "api_key_field": "anthropic"},
}


@pytest.fixture(scope="module")
def keeper():
    with Keeper() as keeper:
        keeper.put("secret", "openai", "sk-1")
        keeper.put("parameter", "/openai", "sk-1")
        keeper.put("secret", "both", {"anthropic": "sk-1"})
        yield keeper


@pytest.mark.skipif(find_python313() is None, reason="needs Python 3.13: PYTHON313=/path/to/it names one")
@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
def test_every_kind_of_provider_streams_from_the_built_layers(built, stored, keeper, protocol, tmp_path):
    said = [TextDelta("Hel"), TextDelta("lo"), UsageDelta(3, 2), StopDelta("stop")]
    with Upstream([protocol.script(said)]) as upstream:
        providers = {"up": {"kind": protocol.kind, "base_url": upstream.base_url, **KEYS.get(protocol.kind, {})}}
        environ = {"ANTIPHON_PROVIDERS": json.dumps(providers), "AWS_ENDPOINT_URL": keeper.url}
        with hosted(stored.url, tmp_path, environ=environ, built=built) as host:
            answer = httpx2.post(
                f"{host.rest.root}/v1/responses",
                json={"model": UPSTREAM, "input": "Hi", "stream": True},
                headers={"authorization": f"Bearer {stored.bob}"},
                timeout=30,
                trust_env=False,
            )
    events = assert_stream(answer.content)
    assert events[-1]["type"] == "response.completed"
    assert events[-1]["response"]["output"][0]["content"][0]["text"] == "Hello"
    sent = upstream.requests[0].headers
    assert protocol.kind == "bedrock" or "sk-1" in sent.get("authorization", "") + sent.get("x-api-key", "")
