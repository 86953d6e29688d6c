"""`docs/admin.md` names every right."""

from __future__ import annotations

import re
from pathlib import Path

from antiphon.access.rights import RIGHTS

PAGE = (Path(__file__).parents[2] / "docs/admin.md").read_text(encoding="utf-8")


def test_the_table_of_rights_has_every_right_and_no_other():
    rows = re.findall(r"^\| (`\w+:(?:read|write)`.*?) \|", PAGE, re.MULTILINE)
    named = [right for row in rows for right in re.findall(r"`(\w+:\w+)`", row)]
    assert sorted(named) == sorted(RIGHTS)
