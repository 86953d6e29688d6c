"""Where a secret of a tool is, and the secret itself: read when it is needed, never kept with an agent.

    {secret: ARN}      Secrets Manager      must be listed in ANTIPHON_TOOL_SECRETS (ToolSecretArns)
    {parameter: NAME}  Parameter Store      must be listed in ANTIPHON_TOOL_PARAMETERS (ToolParameterArns)
    {env: NAME}        the environment      its name begins with TOOL_; for a server of one's own

What is not listed is not read, because an agent decides where its secret is sent: it must not be able to name a
provider's key or a seal key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Literal

from antiphon.access.keys import is_key
from antiphon.errors import AntiphonError, ProviderError
from antiphon.ports import ApiKey, ToolFailure
from antiphon.settings import TOOL_VARIABLES, Settings


class NoCredentials(AntiphonError):
    """The credentials for a server cannot be had. The message names where they should be, never a value."""

    @property
    def failure(self) -> ToolFailure:
        """Return the failure of the call that needed them."""
        return ToolFailure("refused", "The operator must correct the credentials for this server.")


def problems_of(reference: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    """Yield why a deployment does not let tools use a secret; it names the setting to change."""
    for kind, listed, setting in (
        ("secret", settings.tool_secrets, "ANTIPHON_TOOL_SECRETS (on AWS: ToolSecretArns)"),
        ("parameter", settings.tool_parameters, "ANTIPHON_TOOL_PARAMETERS (on AWS: ToolParameterArns)"),
    ):
        name = reference.get(kind)
        if name is not None and not any(fnmatchcase(name, pattern) for pattern in listed):
            yield f"`auth` asks for the {kind} {name}, which is not in {setting}"


class Secrets:
    """Reads the secrets of tools.

    Args:
        settings: has the lists of what tools may use.
        environ: the environment.
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._environ = environ
        self._kept: dict[tuple[str, str, str | None], ApiKey] = {}

    async def value(self, reference: Mapping[str, Any]) -> str:
        """Return a secret.

        Raises:
            NoCredentials: it may not be used, or cannot be read.
        """
        if "env" in reference:
            return self._from_environment(reference["env"])
        try:
            return _sendable(await self._stored(reference).get())
        except ProviderError:
            raise NoCredentials(
                f"`auth` asks for {_name(reference)}, which cannot be read; the log has the reason"
            ) from None

    async def renewed(self, reference: Mapping[str, Any], refused: str) -> str | None:
        """Return another value than one that a server refused; None if there is none."""
        return None if "env" in reference else await self._stored(reference).renewed(refused)

    def _from_environment(self, name: str) -> str:
        value = self._environ.get(name, "").strip()
        if not value or not name.startswith(TOOL_VARIABLES):
            raise NoCredentials(f"`auth` asks for the variable {name}, which is missing in the environment")
        return _sendable(value)

    def _stored(self, reference: Mapping[str, Any]) -> ApiKey:
        from antiphon.aws.secrets import kept

        for problem in problems_of(reference, self._settings):
            raise NoCredentials(problem)
        kind: Literal["secret", "parameter"] = "secret" if "secret" in reference else "parameter"
        place = kind, reference[kind], reference.get("field")
        if place not in self._kept:
            self._kept[place] = kept(*place, asked_by="a tool's `auth`")
        return self._kept[place]


def _sendable(value: str) -> str:
    """Return a secret that may leave.

    Raises:
        NoCredentials: a header cannot hold it, or it is a key of Antiphon.
    """
    if not value.isprintable() or not value.isascii() or is_key(value):
        raise NoCredentials("the secret cannot be sent: it has characters that no header can hold, or is our own key")
    return value


def _name(reference: Mapping[str, Any]) -> str:
    return next(f"the {kind} {reference[kind]}" for kind in ("secret", "parameter", "env") if kind in reference)
