"""OpenAI's package for Node.js verifies what a webhook gets. (That for Python: ``tests/e2e/test_webhooks.py``.)"""

from __future__ import annotations

import json
import os
import random
import subprocess
import time

import pytest

from antiphon.records import EventDelivery
from antiphon.webhooks.events import event_body, new_secret, signed_headers
from tests.clients.conftest import HERE, node


@pytest.mark.node
def test_openai_node_verifies_an_event_and_refuses_a_changed_one() -> None:
    secret = new_secret(random.Random(1).randbytes)
    event = EventDelivery("default", "we_1", "ada", "resp_1", "response.completed", int(time.time()))
    body = event_body(event)
    headers = signed_headers(event, body, [new_secret(random.Random(2).randbytes), secret], time.time())
    given = {"secret": secret.text, "body": body.decode(), "headers": headers, "response": "resp_1"}
    command = [node(), "--test", "--test-reporter=tap", "webhooks.test.mjs"]
    environ = {**os.environ, "GIVEN": json.dumps(given)}
    run = subprocess.run(command, cwd=HERE / "node", env=environ, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert "# fail 0" in run.stdout
