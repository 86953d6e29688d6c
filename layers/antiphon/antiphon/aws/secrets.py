"""Provider keys from AWS Secrets Manager, through the parameters utility of Powertools for AWS Lambda.

It must not know whose key it reads. A value is kept for five minutes, in memory alone; it never gets into a message or
a log.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import Any, Final

from antiphon.errors import ProviderError

MAX_AGE_SECONDS: Final = 300

_log: Final = logging.getLogger("antiphon.aws.secrets")


def secret(name: str) -> str:
    """Read a secret that is kept as plain text. It blocks: for a few milliseconds, or until its time-outs.

    Args:
        name: its ARN or name.

    Raises:
        ProviderError: ``provider_auth``: it cannot be read, or is empty or binary. The log says why.
    """
    from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

    try:
        value = _provider().get(name, max_age=MAX_AGE_SECONDS)
    except GetParameterError as error:
        _log.error("secret %s cannot be read: %s", name, _reason(error))
        raise ProviderError("provider_auth") from None
    if not isinstance(value, str) or not value.strip():
        _log.error("secret %s is empty or binary", name)
        raise ProviderError("provider_auth")
    return value.strip()


def _reason(error: Exception) -> str:
    response: dict[str, Any] = getattr(error.__cause__ or error.__context__, "response", {})
    return str(response.get("Error", {}).get("Code", "no answer"))


@cache
def _provider() -> Any:
    from aws_lambda_powertools.utilities.parameters import SecretsProvider
    from botocore.config import Config

    limits = Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 2})
    return SecretsProvider(boto_config=limits)
