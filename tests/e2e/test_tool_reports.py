"""Requests of public reports about tools, sent to other servers and clients: answered as their reporters expected."""

from __future__ import annotations

import json
from typing import Any

from antiphon.web.left_out import LEFT_OUT
from tests.support.service import Service
from tests.support.upstream import Script, Upstream, answer, finish, tool_call, usage

SPAWN = {"type": "function", "name": "spawn_agent", "parameters": {"type": "object", "properties": {}}}
COLLABORATION = {"type": "namespace", "name": "collaboration", "description": "Agents.", "tools": [SPAWN]}
LARK = {"type": "grammar", "syntax": "lark", "definition": "start: /.+/s"}
PATCH = {"type": "custom", "name": "apply_patch", "description": "Edits files.", "format": LARK}


def ask(service: Service, key: str, **fields: Any) -> dict[str, Any]:
    reply = service.post(key, **{"model": "agent", "input": "Go", **fields})
    assert reply.status_code == 200, reply.text
    response: dict[str, Any] = reply.json()
    return response


def calls(upstream: Upstream, name: str, arguments: str = "{}") -> None:
    script = Script.stream(tool_call(0, "call_1", name, arguments), finish("tool_calls"), usage(3, 2))
    upstream.scripts = [script, answer("Done")]


def names(upstream: Upstream) -> list[str]:
    return [tool["function"]["name"] for tool in upstream.requests[-1].body["tools"]]


def test_a_namespace_without_tools_is_no_reason_to_refuse(service: Service, key: str) -> None:
    """https://github.com/coder/coder/issues/28656."""
    ask(service, key, tools=[{"type": "namespace", "name": "multi_agent_v1"}], max_output_tokens=32)


def test_the_members_of_a_namespace_are_functions_to_the_model(service: Service, key: str, upstream: Upstream) -> None:
    """https://github.com/Dstack-TEE/private-ai-gateway/issues/172."""
    ask(service, key, tools=[COLLABORATION])
    assert names(upstream) == ["collaboration__spawn_agent"]


def test_a_call_keeps_its_namespace_apart_from_its_name(service: Service, key: str, upstream: Upstream) -> None:
    """https://github.com/ollama/ollama/issues/18284."""
    calls(upstream, "collaboration__spawn_agent", '{"task_name": "probe"}')
    (call,) = ask(service, key, tools=[COLLABORATION])["output"]
    assert (call["namespace"], call["name"]) == ("collaboration", "spawn_agent")


def test_a_name_with_a_dot_is_the_function_of_the_namespace(service: Service, key: str, upstream: Upstream) -> None:
    """https://github.com/openai/codex/issues/42488 and https://github.com/duolahypercho/codex-router/issues/611."""
    calls(upstream, "collaboration.spawn_agent")
    (call,) = ask(service, key, tools=[COLLABORATION])["output"]
    assert (call["namespace"], call["name"]) == ("collaboration", "spawn_agent")


def test_a_bare_name_is_the_one_function_that_has_it(service: Service, key: str, upstream: Upstream) -> None:
    """https://github.com/router-for-me/CLIProxyAPI/issues/4106 and https://github.com/decolua/9router/pull/3241."""
    calls(upstream, "spawn_agent")
    (call,) = ask(service, key, tools=[COLLABORATION])["output"]
    assert (call["namespace"], call["name"]) == ("collaboration", "spawn_agent")


def test_the_tools_of_an_mcp_server_in_a_namespace_can_be_called(
    service: Service, key: str, upstream: Upstream
) -> None:
    """https://github.com/openai/codex/issues/23186: Codex ends the names of such namespaces with underscores or not."""
    run = {"type": "function", "name": "js", "parameters": {"type": "object", "properties": {}}}
    for namespace in ("mcp__node_repl", "mcp__node_repl__"):
        calls(upstream, f"{namespace}__js", '{"code": "1+1"}')
        upstream.scripts = [upstream.scripts[0]]
        (call,) = ask(service, key, tools=[{"type": "namespace", "name": namespace, "tools": [run]}])["output"]
        assert (call["namespace"], call["name"]) == (namespace, "js")


def test_a_custom_tool_in_a_namespace_is_not_lost(service: Service, key: str, upstream: Upstream) -> None:
    """https://github.com/MetaFARS/codex-relay/issues/61."""
    execute = {"type": "custom", "name": "exec", "description": "Runs code."}
    wait = {"type": "function", "name": "wait", "parameters": {"type": "object", "properties": {}}}
    calls(upstream, "functions__exec", '{"input": "text(1)"}')
    (call,) = ask(service, key, tools=[{"type": "namespace", "name": "functions", "tools": [execute, wait]}])["output"]
    assert names(upstream) == ["functions__exec", "functions__wait"]
    assert (call["type"], call["namespace"], call["input"]) == ("custom_tool_call", "functions", "text(1)")


def test_a_patch_is_a_custom_call_with_raw_text(service: Service, key: str, upstream: Upstream) -> None:
    """https://github.com/caozhiyuan/copilot-api/issues/242 and https://github.com/decolua/9router/issues/1371."""
    calls(upstream, "apply_patch", json.dumps({"input": "*** Begin Patch\n*** End Patch"}))
    (call,) = ask(service, key, tools=[PATCH])["output"]
    assert (call["type"], call["input"]) == ("custom_tool_call", "*** Begin Patch\n*** End Patch")


def test_a_patch_under_another_name_is_a_patch(service: Service, key: str, upstream: Upstream) -> None:
    """https://github.com/antirez/ds4/issues/745: the model wrote ``{"patch": ...}``."""
    calls(upstream, "apply_patch", json.dumps({"patch": "*** Begin Patch\n*** End Patch"}))
    (call,) = ask(service, key, tools=[PATCH])["output"]
    assert (call["type"], call["input"]) == ("custom_tool_call", "*** Begin Patch\n*** End Patch")


def test_custom_calls_of_earlier_turns_and_lists_as_outputs_are_read(
    service: Service, key: str, upstream: Upstream
) -> None:
    """https://github.com/sgl-project/sglang/pull/35216."""
    history = [
        {"role": "user", "content": "Go"},
        {"type": "custom_tool_call", "call_id": "c", "name": "apply_patch", "input": "*** Begin Patch"},
        {"type": "custom_tool_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "patched"}]},
    ]
    ask(service, key, input=history, tools=[PATCH])
    assert "patched" in json.dumps(upstream.requests[-1].body["messages"][-1])


def test_what_an_agent_was_told_is_read_though_it_is_called_encrypted(
    service: Service, key: str, upstream: Upstream
) -> None:
    """https://github.com/MetaFARS/codex-relay/issues/60 and https://github.com/ollama/ollama/pull/18298."""
    content = [{"type": "encrypted_content", "encrypted_content": "Count the files."}]
    ask(service, key, input=[{"type": "agent_message", "author": "/root", "recipient": "/root/a", "content": content}])
    assert "Count the files." in upstream.requests[-1].body["messages"][0]["content"]


def test_what_the_ai_sdk_includes_with_a_web_search_is_accepted(service: Service, key: str) -> None:
    """https://github.com/vercel/eve/pull/1453."""
    ask(service, key, tools=[{"type": "web_search"}], include=["web_search_call.action.sources"])


def test_a_search_that_is_left_out_is_named(service: Service, key: str) -> None:
    """https://github.com/NVIDIA/TensorRT-LLM/pull/18130: a caller must not believe that a search was made.

    And https://github.com/just-every/code/issues/149: the older type is no reason to refuse.
    """
    for kind in ("web_search", "web_search_preview"):
        reply = service.post(key, model="agent", input="Go", tools=[{"type": kind}])
        assert reply.json()["antiphon"] == {"agent_version": 1, "tools_left_out": [kind]}
        assert reply.headers[LEFT_OUT] == kind


def test_every_tool_of_codex_is_accepted_at_once(service: Service, key: str, upstream: Upstream) -> None:
    """https://github.com/ENTERPILOT/GoModel/pull/625, https://github.com/HarnessRouter/harnessrouter/issues/202."""
    hosted = [{"type": "web_search", "external_web_access": True}, {"type": "image_generation"}]
    ask(service, key, tools=[SPAWN, COLLABORATION, PATCH, {"type": "local_shell"}, *hosted])
    assert names(upstream) == ["spawn_agent", "collaboration__spawn_agent", "apply_patch", "local_shell"]


def test_a_shell_in_openais_container_is_left_out_and_named(service: Service, key: str) -> None:
    """https://github.com/BerriAI/litellm/pull/21063."""
    shell = {"type": "shell", "environment": {"type": "container_auto", "memory_limit": "1g"}}
    assert ask(service, key, tools=[shell])["antiphon"] == {"agent_version": 1, "tools_left_out": ["shell"]}
