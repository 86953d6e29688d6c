"""The grammar of a stream, as a check that tests, an operator's command and production can share.

    stream  := created queued? in_progress item* ending "[DONE]"
    item    := output_item.added(in_progress) body output_item.done(completed | incomplete)
    body    := message: part* | function_call: arguments.delta* arguments.done
             | custom_tool_call: input.delta* input.done | mcp_call: in_progress arguments (completed | failed)?
             | web_search_call, file_search_call: in_progress searching completed?
             | reasoning: summary_part* part* | any other: nothing
    part    := part.added (text.delta* annotation.added* text.done | refusal.delta* refusal.done) part.done
    ending  := completed | incomplete | failed, the last after one error event

It reads what was sent and shares no code with the machine that makes events, so neither can hide the other's mistakes.
It validates no schema: what an event must hold beyond the grammar is in the specification's OpenAPI document.
"""

from antiphon.stream.grammar.checker import Checker
from antiphon.stream.grammar.frames import Frame, check_frames, check_headers, parse_sse
from antiphon.stream.grammar.rules import RULES, Report, Violation, refuse

__all__ = ["RULES", "Checker", "Frame", "Report", "Violation", "check_frames", "check_headers", "parse_sse", "refuse"]
