"""Calls of tools that clients run, of every type and in any order, for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

TOOLS = [
    {"type": "custom", "name": "edit"},
    {"type": "shell"},
    {"type": "apply_patch"},
    {"type": "namespace", "name": "crm", "tools": [{"type": "function", "name": "find"}]},
]

ARGUMENTS = [
    '{"input": "a\\nb"}',
    '{"commands": ["ls"]}',
    '{"type": "delete_file", "path": "a"}',
    '{"commands": ["\\ud83d"]}',
    "{}",
    "",
    '{"inp',
    "ls",
]

NAMES = ["edit", "shell", "apply_patch", "crm__find", "unknown"]

SAID = st.one_of(
    st.tuples(st.just("text"), st.text()),
    st.tuples(st.just("reasoning"), st.text()),
    st.tuples(st.just("call"), st.sampled_from(NAMES), st.sampled_from(ARGUMENTS), st.integers(0, 9)),
)


def deltas_of(said):
    """Return what is said as deltas; the arguments of each call come in two pieces."""
    deltas = []
    for slot, (kind, *rest) in enumerate(said):
        if kind != "call":
            deltas.append((kind, *rest))
            continue
        name, arguments, cut = rest
        deltas.append(("call", slot, f"call_{slot}", name))
        deltas += [("arguments", slot, piece) for piece in (arguments[:cut], arguments[cut:]) if piece]
    return deltas
