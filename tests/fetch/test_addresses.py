from __future__ import annotations

import ipaddress

import pytest

from antiphon.errors import FetchError
from antiphon.fetch.addresses import is_public, read_url, require_public

PUBLIC = ["8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.1", "100.63.255.255", "2606:4700::1111", "2a00:1450::8a"]
NOT_PUBLIC = {
    "loopback": ["127.0.0.1", "127.255.255.254", "::1"],
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd00:ec2::254"],
    "link-local": ["169.254.169.254", "169.254.170.2", "fe80::1", "fe80::1%eth0"],
    "shared by a carrier": ["100.64.0.1", "100.127.255.255"],
    "multicast": ["224.0.0.1", "239.255.255.250", "ff02::1", "ff0e::1"],
    "unspecified": ["0.0.0.0", "0.1.2.3", "::"],
    "broadcast and reserved": ["255.255.255.255", "240.0.0.1"],
    "protocols and documentation": ["192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"],
    "documentation in IPv6": ["2001:db8::1", "3fff::1"],
    "IPv4 mapped": ["::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::ffff:8.8.8.8"],
    "IPv4 compatible": ["::127.0.0.1", "::8.8.8.8"],
    "NAT64": ["64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::a00:1"],
    "6to4": ["2002:7f00:1::", "2002:a9fe:a9fe::", "192.88.99.1"],
    "Teredo": ["2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    "site-local, discard, segment routing": ["fec0::1", "100::1", "5f00::1"],
}
ODD_HOSTS = [
    "0x7f.1",
    "0x7f000001",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "127.1",
    "127.0.1",
    "127.0.0.01",
    "0x7f.0x0.0x0.0x1",
    "1.2.3.4.5",
    "999.1.1.1",
    "127.0.0.1.",
    "example.com.",
    "example.0x1",
    "example.123",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[fe80::1%25eth0]",
    "[::]",
    "[v1.x]",
    "localhost",
    "metadata",
    "127.0.0.1",
    "\uff11\uff12\uff17.0.0.1",
    "\u2460\u2461\u2466.0.0.1",
    "127\u30020.0.1",
    "a..example.com",
    "-a.example.com",
    "exa mple.com",
    "*.example.com",
    "a" * 64 + ".com",
    ".".join(["a" * 60] * 5) + ".com",
    "",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))
    assert str(require_public(address)) == address


@pytest.mark.parametrize("address", [one for kind in NOT_PUBLIC.values() for one in kind])
def test_an_address_of_any_other_kind_is_refused(address: str) -> None:
    with pytest.raises(FetchError) as caught:
        require_public(address)
    assert caught.value.reason == "not_allowed"


@pytest.mark.parametrize("text", ["", "x", "127.1", "0x7f000001", "1.2.3.4/8"])
def test_what_is_no_address_is_refused_even_where_private_ones_are_allowed(text: str) -> None:
    with pytest.raises(FetchError):
        require_public(text, private=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com:443/a.png?x=1#part",
        "HTTPS://EXAMPLE.COM/",
        "https://xn--bcher-kva.example/",
        "https://b\u00fccher.example/\u00fc.png",
        "https://my_bucket.s3.eu-central-1.amazonaws.com/a%20b.png?X-Amz-Signature=ab%2F12",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
        "https://127.0.0.1.example.com/",
    ],
)
def test_a_public_url_is_read(url: str) -> None:
    assert read_url(url, http=False, private=False).scheme == "https"


@pytest.mark.parametrize("host", ODD_HOSTS)
@pytest.mark.parametrize("template", ["https://{}/", "https://{}:443/a.png"])
def test_a_host_that_some_reader_takes_for_a_private_address_is_refused(host: str, template: str) -> None:
    with pytest.raises(FetchError) as caught:
        read_url(template.format(host), http=True, private=False)
    assert caught.value.reason == "not_allowed"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/a.png",
        "//example.com/a.png",
        "http://example.com/",
        "file:///etc/passwd",
        "ftp://example.com/",
        "gopher://example.com/",
        "javascript:alert(1)",
        "data:text/plain,x",
        "https:example.com",
        "https:///example.com",
        "https://user@example.com/",
        "https://user:word@example.com/",
        "https://@example.com/",
        "https://example.com@127.0.0.1/",
        "https://example.com:22/",
        "https://example.com:8443/",
        "https://example.com:99999/",
        "https://example.com:x/",
        "https://example.com\\@127.0.0.1/",
        "https://example.com/\r\nhost: x",
        "https://example.com/\x00",
        " https://example.com/",
        "https://[::1",
        "https://example.com/" + "a" * 9000,
    ],
)
def test_a_url_of_another_form_is_refused(url: str) -> None:
    with pytest.raises(FetchError) as caught:
        read_url(url, http=False, private=False)
    assert caught.value.reason == "not_allowed"


def test_http_and_private_hosts_are_read_where_they_are_allowed() -> None:
    for url in ["http://127.0.0.1:8080/a", "http://localhost:1/", "http://[::1]:80/", "https://intranet/"]:
        read_url(url, http=True, private=True)
    for url in ["file:///etc/passwd", "http://u@localhost/", "http://2130706433/", "http://0x7f.1/"]:
        with pytest.raises(FetchError):
            read_url(url, http=True, private=True)
