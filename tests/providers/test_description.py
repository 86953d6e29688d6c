"""A provider is its folder and one line in the settings."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from antiphon import providers
from antiphon.ports import StopDelta, TextDelta
from antiphon.providers.configured import Providers
from antiphon.providers.description import every_family
from antiphon.settings import TAKES, ProviderEndpoint
from tests.support.calls import model_call, run

FOLDERS = Path(providers.__file__).parent
ECHO = """
from antiphon.ports import Reads, StopDelta, TextDelta
from antiphon.providers.capabilities import Capabilities
from antiphon.providers.description import Description, Family


class Echo:
    def __init__(self, base_url):
        self.base_url = base_url

    def check(self, call):
        pass

    def reads(self, model):
        return Reads()

    async def stream(self, call):
        yield TextDelta(f"{self.base_url} {call.items[-1]['content']}")
        yield StopDelta("stop")

    async def aclose(self):
        pass


DESCRIPTION = Description(
    (Family("the echo", "", Capabilities(message=frozenset())),),
    lambda endpoint, key: Echo(endpoint.base_url or DESCRIPTION.base_url),
    "https://echo.example",
)
"""


@pytest.fixture
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "echo"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "description.py").write_text(ECHO)
    monkeypatch.setattr(providers, "__path__", [*providers.__path__, str(tmp_path)])
    monkeypatch.setitem(TAKES, "echo", frozenset({"base_url"}))
    for name in ("antiphon.providers.echo", "antiphon.providers.echo.description"):
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.mark.usefixtures("echo")
def test_a_provider_is_added_by_its_folder_and_one_line_of_the_settings() -> None:
    configured = Providers({"mine": ProviderEndpoint(kind="echo")}, {})
    provider = configured("mine")
    assert provider is not None
    assert run(provider, model_call("Hi")) == [TextDelta("https://echo.example Hi"), StopDelta("stop")]
    assert configured.capabilities("mine", "any") == dict(every_family())["echo"].capabilities.document()


def test_every_provider_is_a_folder_that_imports_no_other_provider() -> None:
    assert {path.parent.name for path in FOLDERS.glob("*/description.py")} == set(TAKES)
    rules = (Path(__file__).parents[2] / ".importlinter").read_text()
    assert [kind for kind in TAKES if f"antiphon.providers.{kind}\n" not in rules] == []
