"""What models say, as deltas: chosen stories, and any mix of them for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

TOKEN = {"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}

STORIES = {
    "nothing": [],
    "text": [("text", "Hello "), ("text", "wörld")],
    "logprobs": [("text", "Hi", [TOKEN])],
    "refusal": [("text", "I "), ("refusal", "cannot"), ("text", "sorry")],
    "reasoning": [("reasoning", "hm"), ("text", "42"), ("reasoning", "done")],
    "calls": [("call", 0, "c0", "f"), ("arguments", 0, "{}"), ("call", 1, "c1", "f"), ("arguments", 1, '{"a":1}')],
    "no arguments": [("text", "Wait"), ("call", 0, "c0", "f")],
}

SAID = st.one_of(
    st.tuples(st.just("text"), st.text(min_size=1)),
    st.tuples(st.just("text"), st.text(min_size=1), st.lists(st.just(TOKEN), max_size=3)),
    st.tuples(st.just("refusal"), st.text(min_size=1)),
    st.tuples(st.just("reasoning"), st.text(min_size=1)),
    st.tuples(st.just("message"), st.sampled_from([None, "commentary", "final_answer"])),
)

CALLED = st.integers(0, 10**6).flatmap(
    lambda slot: st.tuples(
        st.just([("call", slot, f"c{slot}", "look")]),
        st.lists(st.text(min_size=1), max_size=3).map(lambda texts: [("arguments", slot, text) for text in texts]),
    ).map(lambda pair: [*pair[0], *pair[1]])
)

STORY = st.lists(st.one_of(SAID.map(lambda said: [said]), CALLED), max_size=8).map(
    lambda parts: [delta for part in parts for delta in part]
)


def is_playable(deltas):
    slots = [delta[1] for delta in deltas if delta[0] == "call"]
    return len(slots) == len(set(slots))
