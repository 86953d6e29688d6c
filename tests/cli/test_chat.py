"""``antiphon chat``: a conversation in a real terminal with a real server; one message through a pipe."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest

from cli.chat.items import lines_of
from tests.support.command import EXECUTABLE, run
from tests.support.cutting import Cutting
from tests.support.durable import SOON, held
from tests.support.ports import free_port
from tests.support.server_tools import server
from tests.support.service import Service
from tests.support.terminal import END, INTERRUPT, Terminal
from tests.support.upstream import Script, answer, chunk, finish, text, tool_call, usage

READY = "Ctrl-D ends\n"
PASTE = "\x1b[200~{}\x1b[201~"
"""What a terminal sends for pasted text (bracketed paste)."""


@pytest.fixture
def service(tmp_path, upstream):
    with Service(tmp_path, upstream, **SOON) as service:
        yield service


@pytest.fixture
def environ(service):
    return {"ANTIPHON_BASE_URL": service.base_url, "ANTIPHON_API_KEY": service.key()}


@pytest.fixture
def chat(tmp_path, environ):
    """A chat in a terminal that has shown its first prompt."""

    @contextmanager
    def chat(*options, agent="agent", **variables):
        with Terminal([EXECUTABLE, "chat", agent, *options], tmp_path, {**environ, **variables}) as terminal:
            terminal.until(READY)
            terminal.until("> ")
            yield terminal

    return chat


def say(terminal, keys, wanted):
    terminal.type(keys + "\n")
    shown = terminal.until(wanted)
    terminal.until("> ")
    return shown


def asked(upstream, index=-1):
    return [(message["role"], message["content"]) for message in upstream.requests[index].body["messages"]]


def test_answers_stream_and_each_message_continues_the_conversation(chat, upstream):
    upstream.scripts = [answer("Hello Alice"), answer("You are Alice")]
    with chat() as terminal:
        say(terminal, "I am Alice.", "Hello Alice\n")
        say(terminal, "Who am I?", "You are Alice\n")
        terminal.type("/quit\n")
        assert terminal.ended() == 0
        assert "continue with --continue resp_" in terminal.shown
    assert asked(upstream) == [("user", "I am Alice."), ("assistant", "Hello Alice"), ("user", "Who am I?")]


def test_text_is_shown_while_the_model_still_writes(chat, upstream):
    script, gate = held(text("Half of"), after=(text(" it"),))
    upstream.scripts = [script]
    with chat() as terminal:
        terminal.type("Go\n")
        terminal.until("Half of")
        gate.open()
        terminal.until(" it\n")


def test_reasoning_is_shown_dim_and_without_colours_if_the_user_wants_none(chat, upstream):
    upstream.scripts = [Script.stream(chunk({"reasoning_content": "Hm."}), text("Yes"), finish(), usage(1, 2))]
    for variables, wanted in (({}, "\x1b[2mHm.\x1b[0m"), ({"NO_COLOR": "1"}, "Hm.\r\nYes")):
        with chat(**variables) as terminal:
            say(terminal, "Well?", "Yes\n")
            assert wanted in terminal.raw
            assert ("\x1b[2m" in terminal.raw) is not bool(variables)


def test_a_call_is_shown_and_what_is_typed_is_its_output(chat, service, upstream):
    tool = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}
    service.agent("weather", tools=(tool,))
    calls = [tool_call(0, "c1", "get_weather", '{"city":"Rome"}'), tool_call(1, "c2", "get_weather", '{"city":"Oslo"}')]
    upstream.scripts = [Script.stream(*calls, finish("tool_calls"), usage(1, 2)), answer("Sunny and cold")]
    with chat(agent="weather") as terminal:
        terminal.type("Weather?\n")
        terminal.until('call get_weather {"city":"Rome"}')
        terminal.until("output of get_weather> ")
        terminal.type("sun\n")
        terminal.until("output of get_weather> ")
        terminal.type("frost\n")
        terminal.until("Sunny and cold\n")
    sent = [message["content"] for message in upstream.requests[-1].body["messages"] if message["role"] == "tool"]
    assert sent == ["sun", "frost"]


def test_a_call_that_was_just_shown_is_not_shown_again_to_ask_for_its_output(chat, service, upstream):
    service.agent("forecast", tools=({"type": "function", "name": "get_weather", "parameters": {"type": "object"}},))
    call = tool_call(0, "c1", "get_weather", '{"city":"Rome"}')
    upstream.scripts = [Script.stream(call, finish("tool_calls"), usage(1, 2))]
    with chat(agent="forecast") as terminal:
        terminal.type("Weather?\n")
        assert terminal.until("output of get_weather> ").count("call get_weather") == 1


def test_one_message_that_is_answered_with_a_call_is_one_and_names_what_is_asked_for(
    service, upstream, tmp_path, environ
):
    service.agent("once", tools=({"type": "function", "name": "get_weather", "parameters": {"type": "object"}},))
    call = tool_call(0, "c1", "get_weather", '{"city":"Rome"}')
    upstream.scripts = [Script.stream(call, finish("tool_calls"), usage(1, 2))]
    done = run("chat", "once", "-m", "Weather?", cwd=tmp_path, environ=environ)
    assert (done.code, done.out) == (1, "")
    assert "the answer waits for the output of get_weather" in done.err


def test_a_short_conversation_is_not_replaced_by_a_longer_compaction(chat, upstream):
    upstream.scripts = [answer("One"), answer("Fine")]
    with chat() as terminal:
        say(terminal, "First", "One\n")
        say(terminal, "/compact", "too few to be compacted, so it stays")
        say(terminal, "Still there?", "Fine\n")
    assert asked(upstream) == [("user", "First"), ("assistant", "One"), ("user", "Still there?")]


def test_ctrl_c_cancels_the_response_and_not_the_program(chat, service, upstream, environ):
    script, _gate = held(text("A long"))
    upstream.scripts = [answer("Yes"), script, answer("Short")]
    with chat() as terminal:
        say(terminal, "Are you there?", "Yes\n")
        terminal.type("Tell a story\n")
        terminal.until("A long")
        terminal.type(INTERRUPT)
        shown = terminal.until("> ")
        assert "cancelled" in shown
        cancelled = next(word for word in shown.split() if word.startswith("resp_"))
        say(terminal, "Be brief", "Short\n")
        terminal.type(END)
        assert terminal.ended() == 0
    assert service.retrieve(environ["ANTIPHON_API_KEY"], cancelled)["status"] == "cancelled"
    assert asked(upstream) == [("user", "Are you there?"), ("assistant", "Yes"), ("user", "Be brief")]


def test_ctrl_c_at_the_prompt_drops_the_line(chat, upstream):
    with chat() as terminal:
        terminal.type("not this")
        terminal.until("not this")
        terminal.type_until(INTERRUPT, "> ")
        say(terminal, "but this", "Hello from upstream\n")
    assert asked(upstream) == [("user", "but this")]


def test_a_lost_connection_is_resumed_and_nothing_is_missing_or_twice(chat, service, upstream):
    upstream.scripts = [answer("one two three four five")]
    with Cutting(service.root, b'"delta":" two"') as cutting, chat("--url", cutting.base_url) as terminal:
        shown = say(terminal, "Count", "five\n")
        words = [word for word in shown.split() if word in {"one", "two", "three", "four", "five"}]
        assert words == ["one", "two", "three", "four", "five"]
    assert "reading on" in shown
    assert len(upstream.requests) == 1
    assert [line.split("?")[0].split("/")[0] for line in cutting.requests] == ["POST ", "GET "]
    assert "starting_after=" in cutting.requests[1]


def test_a_branch_continues_after_an_earlier_turn(chat, upstream):
    upstream.scripts = [answer(word) for word in ("One", "Two", "Three", "Four")]
    with chat() as terminal:
        say(terminal, "First", "One\n")
        say(terminal, "Second", "Two\n")
        assert "1  First\n2  Second" in say(terminal, "/branch", "2  Second")
        say(terminal, "/branch 1", "continues after turn 1")
        say(terminal, "Other", "Three\n")
        say(terminal, "/branch 7", "there is no turn 7")
        say(terminal, "/new", "a new conversation")
        say(terminal, "Again", "Four\n")
    assert asked(upstream, 2) == [("user", "First"), ("assistant", "One"), ("user", "Other")]
    assert asked(upstream, 3) == [("user", "Again")]


def test_a_conversation_is_continued_from_a_stored_response(chat, service, upstream, environ):
    upstream.scripts = [answer("One"), answer("Two"), answer("Three")]
    first = service.create(environ["ANTIPHON_API_KEY"], input="First")
    with chat("--continue", first["id"]) as terminal:
        say(terminal, "Second", "Two\n")
        say(terminal, f"/branch {first['id']}", f"continues {first['id']}")
        say(terminal, "Other", "Three\n")
    assert asked(upstream, 1) == [("user", "First"), ("assistant", "One"), ("user", "Second")]
    assert asked(upstream, 2) == [("user", "First"), ("assistant", "One"), ("user", "Other")]


def test_a_compacted_conversation_goes_on(chat, upstream):
    upstream.scripts = [answer("word " * 400), answer("Fine")]
    with chat() as terminal:
        say(terminal, "/compact", "nothing to compact yet")
        say(terminal, "Talk", "word")
        say(terminal, "/compact", "the conversation was compacted")
        say(terminal, "Still there?", "Fine\n")
    roles = [role for role, _ in asked(upstream)]
    assert roles == ["user", "assistant", "user"]
    assert len(json.dumps(upstream.requests[-1].body)) < len("word " * 400)


@pytest.mark.parametrize("keys", ["one\\\ntwo", '"""\none\ntwo\n"""', PASTE.format("one\rtwo"), "one\x1b\rtwo"])
def test_a_message_can_have_several_lines(chat, upstream, keys):
    with chat() as terminal:
        terminal.type(keys + "\n")
        terminal.until("Hello from upstream\n")
    assert asked(upstream) == [("user", "one\ntwo")]


def test_commands_are_completed_and_a_misspelt_one_is_not_sent(chat, upstream):
    with chat() as terminal:
        say(terminal, "/he\t", "begin a new conversation")
        say(terminal, "/brnch", "did you mean /branch?")
        say(terminal, "//usr/bin", "Hello from upstream\n")
    assert asked(upstream) == [("user", "/usr/bin")]
    assert len(upstream.requests) == 1


def test_what_the_server_refuses_is_a_line_and_the_chat_goes_on(chat, service, upstream):
    with chat(agent="zzz") as terminal:
        say(terminal, "Hello", "there is no agent zzz for this key: the agents are agent")
        say(terminal, "Hello", "there is no agent zzz for this key: the agents are agent")
    assert upstream.requests == []


def test_a_misspelt_agent_is_named_with_the_likely_one(tmp_path, service, environ):
    refused = run("chat", "agnet", stdin="Hi", cwd=tmp_path, environ=environ)
    told = "antiphon: there is no agent agnet for this key: did you mean agent?\n"
    assert (refused.code, refused.out, refused.err) == (1, "", told)


def test_a_model_cannot_control_the_terminal(chat, upstream):
    """A program that prints text of others unfiltered lets it move the cursor, set the title or answer for the user."""
    upstream.scripts = [
        Script.stream(text("a\x1b]0;title\x07"), text("\x1b"), text("[2Jb\x9bc"), finish(), usage(1, 2))
    ]
    with chat() as terminal:
        say(terminal, "Go", "bc\n")
        assert "a]0;title[2Jbc" in terminal.raw


def test_without_the_servers_memory_the_whole_conversation_is_sent(chat, upstream):
    upstream.scripts = [answer("One"), answer("Two")]
    with chat("--no-store") as terminal:
        say(terminal, "First", "One\n")
        say(terminal, "Second", "Two\n")
        terminal.type("/quit\n")
        assert terminal.ended() == 0
        assert "--continue" not in terminal.shown
    assert asked(upstream) == [("user", "First"), ("assistant", "One"), ("user", "Second")]


def event(kind, number=None, **fields):
    return {"type": kind, **({} if number is None else {"sequence_number": number}), **fields}


def test_another_server_may_ask_for_an_approval_and_number_no_events(chat, upstream):
    request = {
        "id": "a1",
        "type": "mcp_approval_request",
        "server_label": "files",
        "name": "rm",
        "arguments": '{"p":1}',
    }
    done = {"id": "r1", "status": "completed", "output": [request]}
    other = {"id": "r2", "status": "completed", "output": []}
    asks = [event("response.created", response={"id": "r1"}), event("response.output_item.done", item=request)]
    upstream.scripts = [
        Script.stream(*asks, event("response.completed", response=done)),
        Script.stream(event("response.output_text.delta", delta="Gone"), event("response.completed", response=other)),
    ]
    with chat("--url", upstream.base_url) as terminal:
        terminal.type("Clean up\n")
        terminal.until('asks to call files.rm {"p":1}')
        terminal.until("approve? [y/N] ")
        terminal.type("y\n")
        terminal.until("Gone\n")
    sent = upstream.requests[1].body
    assert sent["input"] == [{"type": "mcp_approval_response", "approval_request_id": "a1", "approve": True}]
    assert sent["previous_response_id"] == "r1"


def test_an_agent_asks_the_person_before_a_call_though_the_request_names_no_server(chat, service, upstream):
    service.agent("agent", servers=(server("update", approval="caller"),))
    upstream.scripts = [
        Script.stream(tool_call(0, "call_a", "crm__update", '{"id":1}'), finish("tool_calls")),
        answer("Then not."),
    ]
    with chat() as terminal:
        terminal.type("Update it\n")
        terminal.until('asks to call crm.update {"id":1}')
        terminal.until("approve? [y/N] ")
        terminal.type("n\n")
        terminal.until("Then not.")
    (message,) = [each for each in upstream.requests[1].body["messages"] if each["role"] == "tool"]
    assert "was not approved" in message["content"]


def test_a_call_that_somebody_else_approves_is_shown_with_its_approval(chat, service, upstream):
    service.agent("agent", servers=(server("update", approval="role:MANAGER"),))
    upstream.scripts = [Script.stream(tool_call(0, "call_a", "crm__update", "{}"), finish("tool_calls"))]
    with chat() as terminal:
        shown = say(terminal, "Update it", "waits for role:MANAGER: approval mcpr_")
    assert "approve? [y/N]" not in shown


@pytest.mark.parametrize(
    ("item", "lines"),
    [
        (
            {"type": "mcp_call", "server_label": "files", "name": "rm", "arguments": '{"p":1}', "output": "gone"},
            ['call files.rm {"p":1}', "output gone"],
        ),
        (
            {
                "type": "mcp_call",
                "name": "rm",
                "error": {"type": "mcp_tool_execution_error", "content": [{"type": "text", "text": "No such file"}]},
            },
            ["call rm", "error No such file"],
        ),
        ({"type": "mcp_call", "name": "rm", "error": {"code": 5, "message": "gone"}}, ["call rm", "error gone"]),
        ({"type": "mcp_list_tools", "server_label": "files", "tools": [{}, {}]}, ["tools of files: 2"]),
        ({"type": "web_search_call", "action": {"type": "search", "query": "x"}}, ["call web_search_call"]),
        ({"type": "function_call_output", "output": [{"type": "input_text", "text": "sun"}]}, ["output sun"]),
        ({"type": "compaction", "encrypted_content": "x"}, ["the conversation was compacted"]),
    ],
)
def test_what_tools_do_is_a_line_each(item, lines):
    shown = lines_of(item)
    assert len(shown) == len(lines)
    assert all(line.startswith(wanted) for line, wanted in zip(shown, lines, strict=True))


def test_a_pipe_gets_the_text_alone_and_a_program_one_document(tmp_path, service, upstream, environ):
    thinking = Script.stream(chunk({"reasoning_content": "Hm."}), text("Hel"), text("lo"), finish(), usage(1, 2))
    upstream.scripts = [thinking]
    piped = run("chat", "agent", stdin="Hi\nthere\n", cwd=tmp_path, environ=environ)
    assert (piped.code, piped.out, piped.err) == (0, "Hello\n", "")
    assert asked(upstream) == [("user", "Hi\nthere\n")]
    response = run("chat", "agent", "-m", "Hi", "--json", cwd=tmp_path, environ=environ)
    assert (response.code, response.data["status"], response.err) == (0, "completed", "")


def test_a_failed_response_and_a_refusal_end_with_one(tmp_path, service, upstream, environ):
    upstream.scripts = [Script.error(400)]
    failed = run("chat", "agent", "-m", "Hi", cwd=tmp_path, environ=environ)
    assert (failed.code, failed.out) == (1, "")
    assert failed.err.startswith("failed: ")
    refused = run("chat", "agent", "-m", " ", cwd=tmp_path, environ=environ)
    assert (refused.code, refused.err) == (1, "antiphon: the message is empty\n")


def test_the_local_servers_key_is_found_and_sent_to_no_other_machine(tmp_path, service):
    (tmp_path / ".antiphon").mkdir()
    (tmp_path / ".antiphon" / "key").write_text(service.key() + "\n")
    port = service.base_url.split(":")[2].removesuffix("/v1")
    told = run("chat", "agent", "-m", "Hi", cwd=tmp_path, environ={"PORT": port})
    assert (told.code, told.out) == (0, "Hello from upstream\n")
    kept = run("chat", "agent", "-m", "Hi", "--url", "https://api.example.com/v1", cwd=tmp_path)
    assert (kept.code, "the API key is missing" in kept.err) == (1, True)


def test_a_server_that_is_not_there_ends_with_three(tmp_path):
    url = f"http://127.0.0.1:{free_port()}/v1"
    outcome = run("chat", "agent", "-m", "Hi", "--url", url, "--key", "k", cwd=tmp_path)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (3, "", 1)
