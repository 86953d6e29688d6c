from __future__ import annotations

import pytest

from antiphon.errors import SettingsError
from antiphon.providers.configured import Providers
from antiphon.proxies import Proxy, check_proxies, proxy_for

URL = "https://models.example/v1"


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("http://proxy.example:3128", Proxy("http", "proxy.example", 3128)),
        ("http://proxy.example", Proxy("http", "proxy.example", 80)),
        ("https://proxy.example", Proxy("https", "proxy.example", 443)),
        ("proxy.example:3128", Proxy("http", "proxy.example", 3128)),
        ("proxy.example", Proxy("http", "proxy.example", 80)),
        (" http://[::1]:3128/\n", Proxy("http", "::1", 3128)),
        ("http://ada:s%40fe@proxy.example:1", Proxy("http", "proxy.example", 1, "ada", "s@fe")),
    ],
)
def test_a_proxy_is_read_with_and_without_scheme_port_and_user(text: str, proxy: Proxy) -> None:
    assert proxy_for(URL, {"HTTPS_PROXY": text}) == proxy


@pytest.mark.parametrize(
    "text", ["socks5://canary:1080", "http://canary:port", "http://", "http://[canary", "ftp://canary", "canary:99999"]
)
def test_what_is_no_http_proxy_is_refused_at_start_by_its_variable_alone(text: str) -> None:
    with pytest.raises(SettingsError, match="https_proxy: not the URL of a proxy") as refused:
        Providers({}, {"https_proxy": text})
    assert "canary" not in str(refused.value)


def test_a_url_goes_through_the_proxy_of_its_scheme_and_small_letters_win() -> None:
    environ = {"HTTP_PROXY": "a", "HTTPS_PROXY": "b", "https_proxy": "c"}
    assert [proxy_for(url, environ) for url in ("http://x", "https://x")] == [
        Proxy("http", "a", 80),
        Proxy("http", "c", 80),
    ]
    assert proxy_for(URL, {"HTTP_PROXY": "a"}) is None
    assert proxy_for(URL, {"HTTPS_PROXY": " "}) is None


@pytest.mark.parametrize(
    ("excepted", "direct"),
    [
        ("models.example", True),
        (".example", True),
        ("*", True),
        ("other.example", False),
        ("models.example:444", False),
        ("models.example:443", True),
        ("a.example, EXAMPLE", True),
        ("*.example", True),
        ("dels.example", False),
        ("", False),
    ],
)
def test_no_proxy_names_what_is_asked_directly(excepted: str, direct: bool) -> None:
    assert (proxy_for(URL, {"HTTPS_PROXY": "a", "NO_PROXY": excepted}) is None) is direct


@pytest.mark.parametrize(
    ("host", "excepted", "direct"),
    [
        ("10.1.2.3", "10.0.0.0/8", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("[fd00::1]", "fd00::/8", True),
        ("[fd00::1]", "[fd00::1]", True),
        ("models.example", "10.0.0.0/8,x/y", False),
    ],
)
def test_no_proxy_names_addresses_and_networks(host: str, excepted: str, direct: bool) -> None:
    assert (proxy_for(f"https://{host}/", {"HTTPS_PROXY": "a", "NO_PROXY": excepted}) is None) is direct


def test_an_address_of_ipv6_is_written_in_brackets() -> None:
    assert Proxy("http", "::1", 80).url == "http://[::1]:80"


def test_without_a_proxy_there_is_nothing_to_check() -> None:
    check_proxies({"NO_PROXY": "*"})
