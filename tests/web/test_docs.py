"""The page at /docs, its files and the document, over a socket: all from our own origin."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urljoin

import pytest

from antiphon.web import docs
from tests.support.caller import refused
from tests.support.service import Service


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("state")) as running:
        yield running


def links(html: str) -> list[str]:
    return re.findall(r'(?:src|href)="([^"]*)"', html)


def test_the_page_needs_no_key_and_is_html(service):
    answer = service.get("/docs")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "swagger-ui-bundle.js" in answer.text


def test_the_policy_lets_the_page_use_its_own_origin_alone(service):
    policy = service.get("/docs").headers["content-security-policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == directives["connect-src"] == "'self'"
    assert directives["frame-ancestors"] == "'none'"
    for forbidden in ("unsafe", "http", "*"):
        assert forbidden not in policy


def test_the_page_holds_no_inline_script_or_style_that_its_policy_would_stop(service):
    html = service.get("/docs").text
    assert not re.search(r"<script(?![^>]*src=)", html)
    assert "<style" not in html
    assert " style=" not in html
    assert not re.search(r"\son\w+=", html)


@pytest.mark.parametrize("package", [docs.PACKAGE, "no_such_package"])
def test_no_html_names_another_origin(package):
    html = docs.page(package)
    assert "//" not in html.replace("<!doctype html>", "")
    assert all(not re.match(r"[a-z]+:|/", link) for link in links(html) if link != "data:,")


@pytest.mark.parametrize("base", ["https://h.example/docs", "https://h.example/prod/docs"])
def test_every_link_of_the_page_stays_below_where_the_page_is(base):
    for link in links(docs.page()):
        if link != "data:,":
            assert urljoin(base, link).startswith(base.removesuffix("docs"))


def test_every_file_that_the_page_asks_for_is_served_for_long(service):
    files = [link for link in links(service.get("/docs").text) if link.startswith("docs/")]
    assert {file.partition("?")[0].removeprefix("docs/") for file in files} == set(docs.KINDS)
    for file in files:
        answer = service.get(f"/{file}")
        assert answer.status_code == 200
        assert answer.content
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        kind = "text/css" if ".css" in file else "text/javascript"
        assert answer.headers["content-type"] == f"{kind}; charset=utf-8"


@pytest.mark.parametrize("name", ["favicon.png", "redoc.standalone.js", "..%2fcore.py", "__init__.py", "x" * 10_000])
def test_no_other_file_is_served(service, name):
    refused(service.get(f"/docs/{name}"), 404, "route_not_found")


def test_without_swagger_ui_the_page_leads_to_the_document():
    html = docs.page("no_such_package")
    assert links(html) == ["data:,", "openapi.json"]
    assert "<script" not in html


def test_the_document_is_served_as_it_is_committed(service):
    answer = service.get("/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.content == docs.DOCUMENT.read_bytes()


def test_the_documents_server_is_relative_to_the_document(service):
    (server,) = service.get("/openapi.json").json()["servers"]
    assert urljoin("https://h.example/prod/openapi.json", server["url"]) == "https://h.example/prod/"
    assert urljoin("https://h.example/openapi.json", server["url"]) == "https://h.example/"


def test_no_route_imports_what_only_the_document_needs():
    program = (
        "import json, sys; from antiphon.web import app, docs; docs.page();"
        "from antiphon.web.routes import about, create, models, responses; print(json.dumps(list(sys.modules)))"
    )
    loaded = json.loads(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout)
    assert "antiphon.web.docs" in loaded
    assert not [name for name in loaded if name == "fastapi_offline" or name.startswith("docs.")]


PATHS = ["/docs", "/openapi.json", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/docs/start.js"]


@pytest.mark.parametrize("path", PATHS)
def test_what_a_client_has_already_is_not_sent_again(service, path):
    first = service.get(path)
    again = service.client.get(path, headers={"if-none-match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["cache-control"] == first.headers["cache-control"]
    assert service.client.get(path, headers={"if-none-match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", ["/openapi.json", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"])
def test_a_large_file_is_compressed_if_the_client_takes_gzip(service, path):
    plain = service.client.get(path, headers={"accept-encoding": "identity"})
    packed = service.client.get(path, headers={"accept-encoding": "br, gzip;q=0.5"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) * 3 < int(plain.headers["content-length"])
    assert packed.content == plain.content
    assert packed.headers["etag"] != plain.headers["etag"]
    assert packed.headers["vary"] == plain.headers["vary"] == "accept-encoding"


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "gzip; q=0.0", "gzipped"])
def test_a_client_that_takes_no_gzip_gets_none(service, accepted):
    answer = service.client.get("/openapi.json", headers={"accept-encoding": accepted})
    assert "content-encoding" not in answer.headers


def test_the_document_may_be_cached_for_minutes(service):
    assert service.get("/openapi.json").headers["cache-control"] == "public, max-age=300"


def test_without_docs_only_the_document_is_served(tmp_path):
    with Service(tmp_path, docs=False) as service:
        assert links(service.get("/docs").text) == ["data:,", "openapi.json"]
        for name in docs.KINDS:
            refused(service.get(f"/docs/{name}"), 404, "route_not_found")
        assert service.get("/openapi.json").status_code == 200
