"""What AWS asks, by its public price pages: list prices, without free tiers or discounts.

The pages fill their tables by script, so each figure was held against extracts of AWS's own Price List that others
published, too: Lambda's of 2025-10-28, DynamoDB's of 2026-09-06, CloudWatch's of 2026-10-01; API Gateway's and Secrets
Manager's against several articles of 2026.
"""  # noqa: INP001

from __future__ import annotations

from typing import Final, NamedTuple

REGION: Final = "us-east-1"
CHECKED: Final = "2026-11-23"
"""When the figures were last compared with their sources."""


class Price(NamedTuple):
    """A list price.

    Attributes:
        dollars: for one ``unit``.
        unit: what it is asked for.
        source: the page with the price.
    """

    dollars: float
    unit: str
    source: str


_LAMBDA: Final = "https://aws.amazon.com/lambda/pricing/"
_DYNAMODB: Final = "https://aws.amazon.com/dynamodb/pricing/on-demand/"
_SECRETS: Final = "https://aws.amazon.com/secrets-manager/pricing/"
_CLOUDWATCH: Final = "https://aws.amazon.com/cloudwatch/pricing/"

PRICES: Final = {
    "lambda_gb_second": Price(0.0000133334, "GB-second, arm64", _LAMBDA),
    "lambda_request": Price(0.20e-6, "invocation", _LAMBDA),
    "provisioned_gb_second": Price(0.0000033334, "GB-second of a provisioned environment, arm64, idle or not", _LAMBDA),
    "provisioned_run_gb_second": Price(0.0000077778, "GB-second of running in one, arm64", _LAMBDA),
    "snapshot_gb_second": Price(0.0000015046, "GB-second of a snapshot kept, 3 hours at least", _LAMBDA),
    "snapshot_restored_gb": Price(0.0001397998, "GB restored from a snapshot", _LAMBDA),
    "streamed_gb": Price(0.008, "GB streamed beyond the first 6 MB of a response", _LAMBDA),
    "schedule": Price(1.00e-6, "invocation by a schedule", "https://aws.amazon.com/eventbridge/pricing/"),
    "rest_request": Price(3.50e-6, "request to a REST API", "https://aws.amazon.com/api-gateway/pricing/"),
    "read_unit": Price(0.125e-6, "read unit, on demand", _DYNAMODB),
    "write_unit": Price(0.625e-6, "write unit, on demand", _DYNAMODB),
    "table_gb": Price(0.25, "GB and month in a table", _DYNAMODB),
    "backup_gb": Price(0.20, "GB and month of point-in-time recovery", _DYNAMODB),
    "log_gb": Price(0.50, "GB of logs taken in", _CLOUDWATCH),
    "log_kept_gb": Price(0.03, "GB and month of logs kept", _CLOUDWATCH),
    "metric": Price(0.30, "metric of our own and month, by the hours in which it was sent", _CLOUDWATCH),
    "alarm": Price(0.10, "metric of an alarm and month", _CLOUDWATCH),
    "dashboard": Price(3.00, "dashboard and month", _CLOUDWATCH),
    "secret": Price(0.40, "secret and month", _SECRETS),
    "secret_read": Price(0.05e-4, "read of a secret", _SECRETS),
}
