"""What ``include`` may name, in requests and in queries. It is no part of ``request``, which queries do not import."""

from __future__ import annotations

from typing import Final, Literal, get_args

Included = Literal[
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
    "message.input_image.image_url",
    "web_search_call.results",
    "web_search_call.action.sources",
    "file_search_call.results",
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
]
"""What ``include`` may name. The first two add something; there is nothing yet that the others could add to."""

INCLUDED: Final[tuple[str, ...]] = get_args(Included)
