"""Logging, in a process of its own as on Lambda."""

import json
import os
import subprocess
import sys

from tests.support.runtime_api import ROOT

PROGRAM = """
import asyncio, logging as std
from antiphon.awslambda import logging
logging.configure('create-response')
"""


def logged(code, **environ):
    program = PROGRAM + code
    own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "layers/antiphon")}
    done = subprocess.run(
        [sys.executable, "-c", program], env=own | environ, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_line_is_json_with_level_service_and_a_time_that_lambda_reads():
    [line] = logged("std.getLogger('antiphon.web').info('served', extra={'status': 200})")
    assert (line["level"], line["message"], line["service"], line["status"]) == (
        "INFO",
        "served",
        "create-response",
        200,
    )
    assert line["timestamp"].endswith("+00:00")
    assert "T" in line["timestamp"]


def test_the_level_is_the_one_that_lambda_sets():
    code = "std.getLogger('antiphon.web').debug('detail')"
    assert logged(code) == []
    assert [line["message"] for line in logged(code, AWS_LAMBDA_LOG_LEVEL="DEBUG")] == ["detail"]


def test_libraries_stay_silent_whatever_the_level():
    code = """
for name in ('botocore', 'botocore.hooks', 'aiohttp.client', 'urllib3.connectionpool', 'mangum.http', 'other'):
    std.getLogger(name).info('Authorization: Bearer canary')
"""
    assert logged(code, AWS_LAMBDA_LOG_LEVEL="DEBUG") == []


def test_an_exception_is_logged_by_class_and_frames_and_never_by_its_message():
    code = """
def inner(secret):
    raise ValueError(secret)
for name in ('antiphon.web', 'mangum.http'):
    try:
        inner('canary')
    except ValueError:
        std.getLogger(name).exception('failed')
"""
    lines = logged(code)
    assert [(line["message"], line["exception_name"]) for line in lines] == [("failed", "ValueError")] * 2
    assert "inner" in lines[0]["exception"]
    assert "canary" not in repr(lines)


def test_what_is_logged_during_a_request_carries_that_requests_id():
    code = """
both = asyncio.Event()
async def app(scope, receive, send):
    if scope['antiphon.request_id'] == 'first':
        await both.wait()
    both.set()
    std.getLogger('antiphon').info(scope['antiphon.request_id'])
served = logging.correlated(app)
async def main():
    scopes = [{'antiphon.request_id': name} for name in ('first', 'second')]
    await asyncio.gather(*(asyncio.create_task(served(scope, None, None)) for scope in scopes))
asyncio.run(main())
std.getLogger('antiphon').info('after')
"""
    assert [(line["message"], line.get("correlation_id")) for line in logged(code)] == [
        ("second", "second"),
        ("first", "first"),
        ("after", None),
    ]
