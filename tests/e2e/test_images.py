"""Images and files as input: what the model is sent, what is stored, and what is refused before the claim."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from antiphon.context import attachments
from tests.support.caller import refused
from tests.support.files import JPEG, PDF, PNG, File, Files, redirect
from tests.support.schema import check
from tests.support.service import Service
from tests.support.upstream import Script, Upstream, answer, finish, tool_call

TOOL = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}


def data_url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


PNG_URL = data_url("image/png", PNG)
PDF_URL = data_url("application/pdf", PDF)


def image(url: str, **more: Any) -> dict[str, Any]:
    return {"type": "input_image", "image_url": url, **more}


def file(**fields: Any) -> dict[str, Any]:
    return {"type": "input_file", **fields}


def asks(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "input_text", "text": "What is this?"}, *parts]}]


@pytest.fixture
def files() -> Iterator[Files]:
    with Files({"/a.png": File(PNG, "image/png"), "/docs/a%20b.pdf": File(PDF, "application/pdf")}) as server:
        yield server


@pytest.fixture
def open_service(tmp_path: Path, upstream: Upstream) -> Iterator[Service]:
    """A service whose callers may name the test's file server."""
    with Service(tmp_path, upstream, allow_http_urls=True, allow_private_urls=True, max_image_bytes=100_000) as running:
        yield running


def sent(upstream: Upstream) -> list[dict[str, Any]]:
    """Return the parts of the last user message beside its text."""
    messages = [message for message in upstream.requests[-1].body["messages"] if message["role"] == "user"]
    parts: list[dict[str, Any]] = messages[-1]["content"]
    assert parts[0] == {"type": "text", "text": "What is this?"}
    return parts[1:]


def stored_parts(service: Service, key: str, response_id: str) -> list[dict[str, Any]]:
    """Return the parts of the first input item as it is listed, which must have the form of the specification."""
    body = service.get(f"/v1/responses/{response_id}/input_items?order=asc", key).json()
    for item in body["data"]:
        check("ItemField", item)
    parts: list[dict[str, Any]] = body["data"][0]["content"][1:]
    names = {"input_image": "InputImageContent", "input_file": "InputFileContent"}
    for part in parts:
        check(names[part["type"]], part)
    return parts


def test_an_image_reaches_the_model_with_its_detail(service: Service, key: str, upstream: Upstream) -> None:
    response = service.create(key, input=asks(image(PNG_URL, detail="low"), image(PNG_URL)))
    assert sent(upstream) == [
        {"type": "image_url", "image_url": {"url": PNG_URL, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": PNG_URL, "detail": "auto"}},
    ]
    assert stored_parts(service, key, response["id"]) == [image(PNG_URL, detail="low"), image(PNG_URL, detail="auto")]


def test_files_reach_the_model_pdf_as_a_file_and_text_as_text(service: Service, key: str, upstream: Upstream) -> None:
    bare = base64.b64encode(PDF).decode()
    notes = data_url("text/markdown", "# Caf\u00e9".encode())
    parts = [
        file(filename="a.pdf", file_data=PDF_URL),
        file(file_data=bare),
        file(filename="n.md", file_data=notes),
        file(file_data=data_url("application/json", b"{}")),
    ]
    response = service.create(key, input=asks(*parts))
    assert sent(upstream) == [
        {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF_URL}},
        {"type": "file", "file": {"filename": "document.pdf", "file_data": PDF_URL}},
        {"type": "text", "text": "n.md:\n# Caf\u00e9"},
        {"type": "text", "text": "{}"},
    ]
    assert stored_parts(service, key, response["id"]) == parts


def test_urls_are_fetched_for_the_model_and_stored_as_urls(
    open_service: Service, upstream: Upstream, files: Files
) -> None:
    key = open_service.key()
    files.files["/moved"] = redirect("/a.png")
    files.files["/n.txt"] = File(b"Hello", "text/plain; charset=utf-8")
    parts = [
        image(files.url("/a.png"), detail="high"),
        image(files.url("/moved", "localhost"), detail="auto"),
        image(files.url("/a.png"), detail="low"),
        file(file_url=files.url("/docs/a%20b.pdf")),
        file(filename="mine.txt", file_url=files.url("/n.txt")),
    ]
    response = open_service.create(key, input=asks(*parts))
    assert sent(upstream) == [
        {"type": "image_url", "image_url": {"url": PNG_URL, "detail": "high"}},
        {"type": "image_url", "image_url": {"url": PNG_URL, "detail": "auto"}},
        {"type": "image_url", "image_url": {"url": PNG_URL, "detail": "low"}},
        {"type": "file", "file": {"filename": "a b.pdf", "file_data": PDF_URL}},
        {"type": "text", "text": "mine.txt:\nHello"},
    ]
    paths = sorted(path for path, _ in files.requests)
    assert paths == ["/a.png", "/a.png", "/docs/a%20b.pdf", "/moved", "/n.txt"], "one URL is fetched once"
    assert stored_parts(open_service, key, response["id"]) == parts


def test_a_later_turn_reads_an_old_image_again_without_fetching_it_again(
    open_service: Service, upstream: Upstream, files: Files
) -> None:
    key = open_service.key()
    first = open_service.create(key, input=asks(image(files.url("/a.png"))))
    files.files.clear()
    open_service.create(key, input="And now?", previous_response_id=first["id"])
    shown = upstream.requests[-1].body["messages"][0]["content"][1]
    assert shown == {"type": "image_url", "image_url": {"url": PNG_URL, "detail": "auto"}}
    assert len(files.requests) == 1


def test_an_old_image_that_is_gone_is_named_as_an_earlier_turns(
    tmp_path: Path, upstream: Upstream, files: Files
) -> None:
    settings = {"allow_http_urls": True, "allow_private_urls": True}
    with Service(tmp_path, upstream, **settings) as before:
        key = before.key()
        first = before.create(key, input=asks(image(files.url("/a.png"))))
    files.files.clear()
    with Service(tmp_path, upstream, **settings) as after:  # another process, which remembers nothing
        again = after.post(key, model="agent", input="And now?", previous_response_id=first["id"])
        error = refused(again, 400, "url_unreachable", "previous_response_id")
    assert "earlier turn" in error["message"]
    assert len(upstream.requests) == 1


def refuses(service: Service, upstream: Upstream, part: dict[str, Any], code: str, field: str) -> None:
    """Require a refusal that names the part, and that nothing was stored and no model called."""
    key = service.key()
    service.forget_calls()
    asked = len(upstream.requests)
    items = [{"role": "user", "content": "Hi"}, *asks(part)]
    for stream in (False, True):
        error = refused(
            service.post(key, model="agent", input=items, stream=stream), 400, code, f"input[1].content[1].{field}"
        )
        assert "127.0.0.1" not in error["message"]
    assert service.responses.calls["claim"] == 0
    assert len(upstream.requests) == asked


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/a.png",
        "https://127.0.0.1:{port}/a.png",
        "https://localhost:{port}/a.png",
        "https://2130706433:{port}/a.png",
        "https://[::ffff:127.0.0.1]:{port}/a.png",
        "https://169.254.169.254/latest/meta-data/",
        "https://u:p@example.com/a.png",
        "file:///etc/passwd",
        "nonsense",
        "",
    ],
)
def test_a_url_that_is_not_allowed_is_refused_without_a_connection(
    service: Service, upstream: Upstream, files: Files, url: str
) -> None:
    target = url.format(port=files.port)
    refuses(service, upstream, image(target), "url_not_allowed", "image_url")
    if target:
        refuses(service, upstream, file(file_url=target), "url_not_allowed", "file_url")
    assert files.connections == 0


@pytest.mark.parametrize(
    ("part", "code", "field"),
    [
        (image("data:image/png;base64,AAAA"), "invalid_image", "image_url"),
        (image(data_url("image/png", JPEG)), "invalid_image", "image_url"),
        (image(data_url("image/png", PNG.ljust(100_001, b"\0"))), "image_too_large", "image_url"),
        (file(file_data=data_url("application/pdf", b"text")), "invalid_file", "file_data"),
        (file(file_data="!"), "invalid_file", "file_data"),
        (file(filename="a.pdf"), "missing_required_parameter", "file_data"),
        (file(file_data=PDF_URL, file_url="https://example.com/a.pdf"), "invalid_value", "file_url"),
    ],
)
def test_content_that_is_not_what_it_should_be_is_refused(
    open_service: Service, upstream: Upstream, part: dict[str, Any], code: str, field: str
) -> None:
    refuses(open_service, upstream, part, code, field)


@pytest.mark.parametrize(
    ("answered", "code"),
    [
        (File(b"<html>", "text/html"), "invalid_image"),
        (File(PDF, "image/png"), "invalid_image"),
        (File(b"<html><script>", "image/png"), "invalid_image"),
        (File(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"), "invalid_image"),
        (File(b"<?xml version='1.0'?><svg/>", "image/png"), "invalid_image"),
        (File(gzip.compress(PNG, mtime=0), "image/png"), "invalid_image"),
        (File(gzip.compress(PNG, mtime=0), "image/png", headers={"content-encoding": "gzip"}), "url_unreachable"),
        (File(b"", "image/png", 404), "url_unreachable"),
        (File(PNG.ljust(100_001, b"\0"), "image/png"), "image_too_large"),
        (redirect("file:///etc/passwd"), "url_not_allowed"),
    ],
)
def test_a_url_that_gives_no_image_is_refused(
    open_service: Service, upstream: Upstream, files: Files, answered: File, code: str
) -> None:
    files.files["/a.png"] = answered
    refuses(open_service, upstream, image(files.url("/a.png")), code, "image_url")


@pytest.mark.parametrize(
    "answered",
    [
        File(b"<html>", "application/pdf"),
        File(gzip.compress(PDF, mtime=0), "application/pdf"),
        File(PNG, "text/plain"),
        File(b"MZ\x90\0", "text/plain"),
        File(PNG, "application/pdf"),
    ],
    ids=lambda file: f"{file.body[:6]!r} as {file.type}",
)
def test_a_url_whose_type_and_content_disagree_gives_no_file(
    open_service: Service, upstream: Upstream, files: Files, answered: File
) -> None:
    files.files["/a"] = answered
    refuses(open_service, upstream, file(file_url=files.url("/a")), "invalid_file", "file_url")


def test_a_redirect_from_an_allowed_host_to_a_private_one_makes_no_connection(
    open_service: Service, upstream: Upstream, files: Files
) -> None:
    with Files({"/a.png": File(PNG, "image/png")}) as other:
        files.files["/a.png"] = redirect(f"http://2130706433:{other.port}/a.png")
        refuses(open_service, upstream, image(files.url("/a.png")), "url_not_allowed", "image_url")
        assert other.connections == 0


def test_too_many_urls_are_refused(open_service: Service, upstream: Upstream, files: Files) -> None:
    parts = [image(files.url(f"/{n}.png")) for n in range(65)]
    refused(open_service.post(open_service.key(), model="agent", input=asks(*parts)), 400, "out_of_range", "input")
    assert files.connections == 0


def test_too_many_urls_at_one_host_are_refused(open_service: Service, upstream: Upstream, files: Files) -> None:
    """Sixty-four fetches for one request of 4 KB would load a third party's server through ours."""
    parts = [image(files.url(f"/{n}.png")) for n in range(33)]
    error = refused(open_service.post(open_service.key(), model="agent", input=asks(*parts)), 400, "out_of_range")
    assert "32 URLs fetched at one host" in error["message"]
    spread = [image(files.url(f"/{n}.png", host=f"127.0.0.{n % 2 + 1}")) for n in range(33)]
    refused(open_service.post(open_service.key(), model="agent", input=asks(*spread)), 400, "url_unreachable")
    assert files.connections > 0


def test_attachments_are_refused_once_they_are_too_large_together_and_the_rest_is_not_fetched(
    open_service: Service, upstream: Upstream, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty-four URLs of 10 MB each were all in memory, 967 MB, before they were summed."""
    monkeypatch.setattr(attachments, "MAX_TOTAL", 200_000)
    files.files = {f"/{n}.png": File(PNG + bytes(60_000), "image/png") for n in range(30)}
    parts = [image(files.url(f"/{n}.png")) for n in range(30)]
    refused(open_service.post(open_service.key(), model="agent", input=asks(*parts)), 413, "request_too_large")
    assert len(files.requests) <= 4
    same = [image(files.url("/0.png"))] * 3
    refused(open_service.post(open_service.key(), model="agent", input=asks(*same)), 413, "request_too_large")
    assert upstream.requests == []


def test_what_a_model_cannot_be_given_is_refused_before_it_is_fetched(
    open_service: Service, upstream: Upstream, files: Files
) -> None:
    open_service.agent("agent", provider="plain")
    refuses(open_service, upstream, image(files.url("/a.png")), "unsupported_value", "type")
    assert files.connections == 0
    refuses(open_service, upstream, file(file_data=PDF_URL), "unsupported_value", "type")
    open_service.create(open_service.key(), input=asks(file(file_data=data_url("text/plain", b"Hi"))))
    assert sent(upstream) == [{"type": "text", "text": "Hi"}]


def test_an_earlier_turns_image_is_refused_by_a_model_that_cannot_see(
    service: Service, key: str, upstream: Upstream
) -> None:
    service.agent("blind", provider="plain")
    first = service.create(key, input=asks(image(PNG_URL)))
    again = service.post(key, model="blind", input="And now?", previous_response_id=first["id"])
    refused(again, 400, "unsupported_value", "previous_response_id")


def test_a_functions_output_takes_text_files_and_names_the_part_it_cannot_take(
    service: Service, key: str, upstream: Upstream
) -> None:
    upstream.scripts = [Script.stream(tool_call(0, "call_a", "look", "{}"), finish("tool_calls")), answer("Fine")]
    service.agent("blind", provider="plain")
    first = service.create(key, model="blind", input="Look", tools=[TOOL])

    def output(*parts: dict[str, Any]) -> dict[str, Any]:
        item = {"type": "function_call_output", "call_id": "call_a", "output": list(parts)}
        return {"model": "blind", "input": [item], "previous_response_id": first["id"], "tools": [TOOL]}

    text = {"type": "input_text", "text": "Here:"}
    refused(service.post(key, **output(text, image(PNG_URL))), 400, "unsupported_value", "input[0].output[1].type")
    refused(service.post(key, **output(file(file_data=PDF_URL))), 400, "unsupported_value", "input[0].output[0].type")
    service.create(key, **output(text, file(filename="n.txt", file_data=data_url("text/plain", b"Hi"))))
    tool = upstream.requests[-1].body["messages"][-1]
    assert tool == {"role": "tool", "tool_call_id": "call_a", "content": "Here:\nn.txt:\nHi"}


def test_an_image_in_a_functions_output_follows_it_in_a_message_where_outputs_are_text(
    service: Service, key: str, upstream: Upstream
) -> None:
    """Codex ``view_image``; https://github.com/CommandCodeAI/command-code/issues/902 (images sent as base64 text)."""
    calls = [{"type": "function_call", "call_id": name, "name": f"look_{name}", "arguments": "{}"} for name in "ab"]
    seen = {"type": "input_text", "text": "Here:"}
    outputs = [
        {"type": "function_call_output", "call_id": "a", "output": [seen, image(PNG_URL, detail="original")]},
        {"type": "function_call_output", "call_id": "b", "output": [file(filename="a.pdf", file_data=PDF_URL)]},
    ]
    question = {"role": "user", "content": "Look"}
    first = service.create(key, input=[question, *calls, *outputs])
    assert upstream.requests[0].body["messages"][2:] == [
        {"role": "tool", "tool_call_id": "a", "content": "Here:\n[Image: see the next message]"},
        {"role": "tool", "tool_call_id": "b", "content": "[File: see the next message]"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "[Output of the function look_a]"},
                {"type": "image_url", "image_url": {"url": PNG_URL, "detail": "auto"}},
                {"type": "text", "text": "[Output of the function look_b]"},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF_URL}},
            ],
        },
    ]
    service.create(key, input="And now?", previous_response_id=first["id"])
    roles = [message["role"] for message in upstream.requests[1].body["messages"]]
    assert roles == ["user", "assistant", "tool", "tool", "user", "assistant", "user"]
    listed = service.get(f"/v1/responses/{first['id']}/input_items?order=asc", key).json()["data"]
    assert [item["type"] for item in listed] == ["message", *["function_call"] * 2, *["function_call_output"] * 2]


def test_the_demo_model_sees_images_in_messages_and_outputs(tmp_path: Path, files: Files) -> None:
    with Service(tmp_path, allow_http_urls=True, allow_private_urls=True) as service:
        key = service.key()
        said = service.create(key, input=asks(image(files.url("/a.png"))))
        assert "image/png of 3 x 2 pixels" in said["output"][0]["content"][0]["text"]
        call = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}
        output = {"type": "function_call_output", "call_id": "c", "output": [image(PNG_URL), file(file_data=PDF_URL)]}
        said = service.create(key, input=[{"role": "user", "content": "Look"}, call, output])
        assert "1 image: image/png of 3 x 2 pixels" in said["output"][0]["content"][0]["text"]


def test_openai_python_sends_images_and_files(service: Service, key: str, upstream: Upstream) -> None:
    with openai.OpenAI(base_url=service.base_url, api_key=key, max_retries=0) as client:
        response = client.responses.create(
            model="agent",
            input=[
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "What is this?"},
                        {"type": "input_image", "image_url": PNG_URL, "detail": "high"},
                        {"type": "input_file", "filename": "a.pdf", "file_data": PDF_URL},
                    ],
                }
            ],
        )
        listed = next(iter(client.responses.input_items.list(response.id)))
        assert [part.type for part in listed.content] == ["input_text", "input_image", "input_file"]
        bad = {"type": "input_image", "image_url": "https://127.0.0.1/a.png", "detail": "auto"}
        with pytest.raises(openai.BadRequestError) as caught:
            client.responses.create(model="agent", input=[{"role": "user", "content": [bad]}])
    assert (caught.value.code, caught.value.param) == ("url_not_allowed", "input[0].content[0].image_url")
    assert sent(upstream) == [
        {"type": "image_url", "image_url": {"url": PNG_URL, "detail": "high"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF_URL}},
    ]
