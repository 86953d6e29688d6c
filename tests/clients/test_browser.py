"""A page of another origin in a real browser: headless Chromium, and the browser's own CORS checks."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from tests.support.service import Service

PAGE = """<!doctype html><pre id="out"></pre><script type="module">
const root = ROOT, key = KEY, found = {};
async function call(name, path, options = {}) {
  try {
    const answer = await fetch(root + path, options);
    found[name] = [answer.status, !!answer.headers.get("x-request-id"), await answer.text()];
  } catch (error) { found[name] = "blocked"; }
}
const headers = {authorization: "Bearer " + key, "content-type": "application/json", "idempotency-key": "browser"};
const body = {model: "agent", input: "Hi"};
await call("models", "/v1/models", {headers});
await call("made", "/v1/responses", {method: "POST", headers, body: JSON.stringify(body)});
delete headers["idempotency-key"];
await call("stream", "/v1/responses", {method: "POST", headers, body: JSON.stringify({...body, stream: true})});
await call("deleted", "/v1/responses/resp_none", {method: "DELETE", headers});
await call("no_key", "/v1/models");
await call("wrong_path", "/v1/nothing", {headers});
document.getElementById("out").textContent = JSON.stringify(found);
</script>"""


@contextlib.contextmanager
def page(folder: Path) -> Iterator[str]:
    """Serve the files of a folder on an origin of its own."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def browsed(url: str, profile: Path) -> dict[str, list[object] | str]:
    """Open a page and return what its script found."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs Chromium")
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
    command += ["--virtual-time-budget=20000", "--dump-dom", url]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    written = re.search(r'<pre id="out">(.*?)</pre>', run.stdout, re.DOTALL)
    assert written, run.stderr
    found: dict[str, list[object] | str] = json.loads(unescape(written[1]))
    return found


@pytest.mark.parametrize("allowed", [True, False])
def test_a_page_reads_answers_errors_and_streams_only_from_an_allowed_origin(tmp_path: Path, *, allowed: bool) -> None:
    (tmp_path / "page").mkdir()
    with page(tmp_path / "page") as origin:
        origins = (origin,) if allowed else ("https://app.example.com",)
        with Service(tmp_path, allowed_origins=origins) as service:
            html = PAGE.replace("ROOT", json.dumps(service.root)).replace("KEY", json.dumps(service.key()))
            (tmp_path / "page/index.html").write_text(html, encoding="utf-8")
            found = browsed(f"{origin}/index.html", tmp_path / "profile")
    if not allowed:
        assert set(found.values()) == {"blocked"}
        return
    statuses = {name: answer[:2] for name, answer in found.items()}
    assert statuses == {
        "models": [200, True],
        "made": [200, True],
        "stream": [200, True],
        "deleted": [404, True],
        "no_key": [401, True],
        "wrong_path": [404, True],
    }
    assert "data: [DONE]" in str(found["stream"][2])
