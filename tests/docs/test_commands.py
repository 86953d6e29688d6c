"""`docs/cli.md` has every command of the real parser, and every command in a page can be parsed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from cli.verbs import parser
from docs.commands import PAGE, page

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_committed_table_of_commands_is_what_the_parser_takes():
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make docs`"


QUOTED = re.compile(r"""'[^']*'|"(?:\\.|[^"\\])*"|\\.|(?:^|(?<=\s))#.*|<<'?(\w+)'?.*?^\1$""", re.MULTILINE | re.DOTALL)
"""What a shell does not expand to names of files: quoted text, comments and here-documents."""


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_command_in_a_page_has_a_wildcard_that_zsh_would_refuse(path):
    for block in re.findall(r"```(?:sh|shell|bash|console)\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
        words = QUOTED.sub("''", block).split()
        assert [word for word in words if re.search(r"[?*]|(?<!^)\[", word) and word != "[["] == []


def commands() -> list[tuple[str, str]]:
    texts = [(path.name, path.read_text(encoding="utf-8")) for path in PAGES]
    blocks = [(name, block) for name, text in texts for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)]
    pattern = re.compile(r"(?:^|\$\(|<\(|/)antiphon ([^|)#\n]+)", re.MULTILINE)
    return [(name, match[1].strip()) for name, block in blocks for match in pattern.finditer(block)]


@pytest.mark.parametrize(("name", "command"), commands())
def test_every_command_in_a_page_can_be_parsed(name, command):
    assert parser().parse_args(shlex.split(command)).leaf


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_page_puts_a_key_of_antiphon_into_a_providers_variable(path):
    assert not re.search(r"OPENAI_API_KEY=\"?\$\(", path.read_text(encoding="utf-8"))
