"""What ``include`` may name. The first two add something; there is nothing yet that the others could add to."""

from __future__ import annotations

from typing import Literal

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
