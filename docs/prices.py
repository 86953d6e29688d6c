"""What AWS asks, by its public price pages: list prices, without free tiers or discounts."""  # noqa: INP001

from __future__ import annotations

from typing import Final, NamedTuple

REGION: Final = "us-east-1"


class Price(NamedTuple):
    """A list price.

    Attributes:
        dollars: for one ``unit``.
        unit: what it is asked for.
        source: the page that says so.
    """

    dollars: float
    unit: str
    source: str


_LAMBDA: Final = "https://aws.amazon.com/lambda/pricing/"
_DYNAMODB: Final = "https://aws.amazon.com/dynamodb/pricing/on-demand/"
_CLOUDWATCH: Final = "https://aws.amazon.com/cloudwatch/pricing/"

PRICES: Final = {
    "lambda_gb_second": Price(0.0000133334, "GB-second, arm64", _LAMBDA),
    "lambda_request": Price(0.20e-6, "invocation", _LAMBDA),
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
    "secret": Price(0.40, "secret and month", "https://aws.amazon.com/secrets-manager/pricing/"),
}
