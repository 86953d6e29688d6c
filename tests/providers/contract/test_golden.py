"""The full body of every request to a model, for the same conversations with every provider.

A change shows as a diff of ``golden``; ``GOLDEN=write`` writes the files anew.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from antiphon.ports import StopDelta, TextDelta
from tests.support.calls import run
from tests.support.conversations import conversations
from tests.support.protocols import PROTOCOLS, Protocol
from tests.support.upstream import Upstream

GOLDEN = Path(__file__).parent / "golden"
NAMES = tuple(conversations("m", None))


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
@pytest.mark.parametrize("name", NAMES)
def test_a_conversation_reaches_the_model_exactly(protocol: Protocol, name: str) -> None:
    call = conversations(protocol.model, protocol.state)[name]
    with Upstream([protocol.script([TextDelta("x"), StopDelta("stop")])]) as upstream:
        provider = protocol.provider(upstream.base_url)
        provider.check(call)
        run(provider, call)
    told = json.dumps(protocol.told(upstream.requests[0].body), indent=2, ensure_ascii=False) + "\n"
    file = GOLDEN / protocol.name / f"{name}.json"
    if os.environ.get("GOLDEN") == "write":
        file.parent.mkdir(exist_ok=True)
        file.write_text(told, encoding="utf-8")
    assert told == file.read_text(encoding="utf-8"), "GOLDEN=write writes it anew"


def test_there_is_no_file_without_its_conversation() -> None:
    known = {f"{protocol.name}/{name}.json" for protocol in PROTOCOLS for name in NAMES}
    assert {str(file.relative_to(GOLDEN)) for file in GOLDEN.glob("*/*.json")} == known
