"""What runs the tools of each kind of server, imported and built on its first use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final

from antiphon.ports import Pinned, Services, ToolRunner
from antiphon.records import ToolKind
from antiphon.settings import Settings

FOLDERS: Final[dict[ToolKind, str]] = {
    "mcp": "mcp",
    "lambda": "aws_lambda",
    "http": "http",
    "knowledge_base": "knowledge_base",
    "web_search": "web_search",
}
"""For each kind of server its folder here. Its module ``runner`` has a function ``build``, which takes the settings."""


class Runners:
    """The runners of a process.

    Args:
        settings: of the deployment.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._built: dict[ToolKind, ToolRunner] = {}

    def __call__(self, kind: ToolKind) -> ToolRunner:
        """Return what runs the tools of a kind of server."""
        if kind not in self._built:
            module = import_module(f"antiphon.server_tools.{FOLDERS[kind]}.runner")
            self._built[kind] = module.build(self._settings)
        return self._built[kind]

    async def aclose(self) -> None:
        """Close the runners that were built."""
        for runner in self._built.values():
            await runner.aclose()


class LazyPinning:
    """``PinTools``, imported on its first use.

    Args:
        settings: of the deployment that will call the tools.
        read_file: reads a file that an agent's document names; None if files are not read.
    """

    def __init__(self, settings: Settings, read_file: Callable[[str], bytes] | None = None) -> None:
        self._settings = settings
        self._read_file = read_file

    async def __call__(self, entries: Sequence[Any]) -> list[Pinned]:
        """Return the servers with their tools; see ``PinTools``."""
        from antiphon.server_tools.pinning import pin

        return await pin(entries, self._settings, self._read_file) if entries else []


async def close_runners(services: Services) -> None:
    """Close the runners of a process, if they are those of this module."""
    if isinstance(services.runners, Runners):
        await services.runners.aclose()
