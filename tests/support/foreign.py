"""Events that reach a function and are no HTTP request of a REST API or a Function URL, by what sends them."""

from __future__ import annotations

from typing import Any

FOREIGN: dict[str, Any] = {
    "warm-up": {"source": "serverless-plugin-warmup"},
    "schedule": {
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2026-11-29T09:00:00Z",
        "region": "eu-central-1",
        "resources": ["arn:aws:events:eu-central-1:123456789012:rule/warm"],
        "detail": {},
    },
    "console": {"key1": "value1"},
    "bucket": {"Records": [{"eventSource": "aws:s3"}]},
    "load balancer": {
        "requestContext": {"elb": {}},
        "httpMethod": "GET",
        "path": "/",
        "headers": {},
        "body": "",
    },
    "version alone": {"version": "2.0"},
    "empty": {},
    "list": [],
    "text": "warm",
    "nothing": None,
}
