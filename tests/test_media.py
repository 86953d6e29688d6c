from __future__ import annotations

import base64
import tracemalloc

import pytest

from antiphon.errors import ApiError
from antiphon.media import (
    Attachment,
    file_of_bytes,
    file_of_data,
    image_of_bytes,
    image_of_data_url,
    is_text_file,
    text_of,
)
from tests.support.files import GIF, JPEG, PDF, PNG, WEBP

IMAGES = {"image/png": PNG, "image/jpeg": JPEG, "image/gif": GIF, "image/webp": WEBP}


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def code(caught: pytest.ExceptionInfo[ApiError]) -> str:
    return caught.value.code


@pytest.mark.parametrize("kind", IMAGES)
def test_an_image_that_is_what_it_says_is_taken_as_it_is(kind: str) -> None:
    url = f"data:{kind};base64,{b64(IMAGES[kind])}"
    assert image_of_data_url(url, 1000) == Attachment("image", url)
    assert image_of_bytes(IMAGES[kind], kind) == Attachment("image", url)


@pytest.mark.parametrize("header", ["DATA:IMAGE/PNG;BASE64,", "data:image/png;name=a.png;base64,"])
def test_a_header_is_written_in_one_form(header: str) -> None:
    assert image_of_data_url(header + b64(PNG), 1000).url == f"data:image/png;base64,{b64(PNG)}"


def test_jpg_is_jpeg() -> None:
    assert image_of_data_url(f"data:image/jpg;base64,{b64(JPEG)}", 1000).url.startswith("data:image/jpeg;base64,")


@pytest.mark.parametrize(
    "url",
    [
        "data:",
        "data:,",
        "data:image/png",
        "data:image/png,abc",
        f"data:;base64,{b64(PNG)}",
        f"data:image/jpeg;base64,{b64(PNG)}",
        f"data:image/png;base64,{b64(JPEG)}",
        f"data:image/svg+xml;base64,{b64(b'<svg/>')}",
        f"data:text/html;base64,{b64(PNG)}",
        f"data:application/octet-stream;base64,{b64(PNG)}",
        "data:image/png;base64,",
        f"data:image/png;base64,{b64(PNG)}\n",
        f"data:image/png;base64,{b64(PNG)}=",
        f"data:image/png;base64,{b64(PNG)[:-1]}!",
        f"data:image/png;base64,{b64(PNG)}====",
        f"data:image/png;base64,{b64(PNG)[:30]} {b64(PNG)[30:]}",
        f"data:image/png;base64,{b64(PNG)}\u00e9",
        "data:image/png;base64,iVBORw0KGgoAAA",
        "data:image/png;base64,%69VBORw0KGgo=",
        f"data:image/png;base64;base64,{b64(PNG)}",
    ],
)
def test_any_other_data_url_is_no_image(url: str) -> None:
    with pytest.raises(ApiError) as caught:
        image_of_data_url(url, 1000)
    assert code(caught) == "invalid_image"
    assert b64(PNG)[:8] not in caught.value.message


def test_an_image_may_be_exactly_as_large_as_allowed() -> None:
    for size in (1000, 1001, 1002):
        content = PNG.ljust(size, b"\0")
        url = f"data:image/png;base64,{b64(content)}"
        assert image_of_data_url(url, size).url == url
        with pytest.raises(ApiError) as caught:
            image_of_data_url(url, size - 1)
        assert code(caught) == "image_too_large"


def test_a_huge_image_is_refused_before_it_is_decoded() -> None:
    url = "data:image/png;base64," + "A" * 40_000_000
    tracemalloc.start()
    with pytest.raises(ApiError) as caught:
        image_of_data_url(url, 1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert code(caught) == "image_too_large"
    assert peak < 41_000_000, "more than the one copy of the text"


@pytest.mark.parametrize("declared", ["image/png", "image/jpeg", "", "application/octet-stream", "binary/octet-stream"])
def test_a_fetched_images_content_decides_its_type(declared: str) -> None:
    assert image_of_bytes(PNG, declared).url.startswith("data:image/png;")


@pytest.mark.parametrize(
    ("content", "declared"), [(PNG, "text/html"), (b"<svg/>", "image/svg+xml"), (b"", "image/png"), (PDF, "")]
)
def test_a_fetched_page_is_no_image(content: bytes, declared: str) -> None:
    with pytest.raises(ApiError) as caught:
        image_of_bytes(content, declared)
    assert code(caught) == "invalid_image"


@pytest.mark.parametrize(
    ("declared", "content", "medium", "kind"),
    [
        ("application/pdf", PDF, "pdf", "application/pdf"),
        ("application/pdf", b"\n\n" + PDF, "pdf", "application/pdf"),
        ("", PDF, "pdf", "application/pdf"),
        ("application/octet-stream", PDF, "pdf", "application/pdf"),
        ("text/markdown", b"# Title", "text", "text/markdown"),
        ("text/csv", "a,\u00e9\n".encode(), "text", "text/csv"),
        ("application/json", b"{}", "text", "application/json"),
        ("", b"plain", "text", "text/plain"),
        ("text/plain", b"%PDF- is how they begin", "text", "text/plain"),
    ],
)
def test_a_file_is_what_its_type_and_content_agree_on(declared: str, content: bytes, medium: str, kind: str) -> None:
    expected = Attachment(medium, f"data:{kind};base64,{b64(content)}")
    assert file_of_bytes(content, declared) == expected
    data = f"data:{declared};base64,{b64(content)}" if declared else b64(content)
    assert file_of_data(data, 1000) == expected


@pytest.mark.parametrize(
    ("declared", "content"),
    [
        ("application/pdf", b"text"),
        ("text/plain", PDF),
        ("text/plain", b"\xff\xfe"),
        ("text/plain", b"a\0b"),
        ("", PNG),
        ("application/zip", b"PK\x03\x04"),
        ("image/png", PNG),
        ("text/plain", b""),
    ],
)
def test_a_file_of_another_kind_is_refused(declared: str, content: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        file_of_data(f"data:{declared};base64,{b64(content)}", 1000)
    assert code(caught) == "invalid_file"


@pytest.mark.parametrize(
    "data", ["not base64!", "data:text/plain,hello", "YQ", "YQ==\n", "data:text/plain;base64;,YQ=="]
)
def test_a_file_is_strict_base64(data: str) -> None:
    with pytest.raises(ApiError) as caught:
        file_of_data(data, 1000)
    assert code(caught) == "invalid_file"


def test_a_file_over_the_limit_is_refused() -> None:
    with pytest.raises(ApiError) as caught:
        file_of_data(b64(b"a" * 1001), 1000)
    assert code(caught) == "file_too_large"


def test_a_text_files_text_is_read_without_its_mark() -> None:
    url = file_of_bytes("\ufeffHi \u00e9".encode(), "text/plain").url
    assert is_text_file({"type": "input_file", "file_data": url})
    assert text_of(url) == "Hi \u00e9"
    assert not is_text_file({"type": "input_file", "file_data": file_of_bytes(PDF, "").url})
    assert not is_text_file({"type": "input_file", "file_url": "https://example.com/a.txt"})
