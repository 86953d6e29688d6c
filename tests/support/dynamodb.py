"""A DynamoDB on a real socket, for clients in this process and in others; this process's boto3 is moto's too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.lambda_host.dynamodb import REGION
from local.lambda_host.dynamodb import serve_here as dynamodb

if TYPE_CHECKING:
    import pytest

__all__ = ["dynamodb", "sign_as_anyone"]


def sign_as_anyone(patch: pytest.MonkeyPatch) -> None:
    """Set a region and made-up keys for this process."""
    patch.setenv("AWS_ACCESS_KEY_ID", "testing")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    patch.setenv("AWS_DEFAULT_REGION", REGION)
