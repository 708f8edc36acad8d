"""Which addresses may be spoken to: private ones in every spelling that reaches them, and public controls."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.egress import Endpoint, Policy, check_url, judge_address, parse_networks
from turnout.errors import InvalidInput

NOTHING = Policy()
LOOPBACK = Policy(parse_networks("127.0.0.0/8 ::1"))

PRIVATE = [
    "0.0.0.0",  # noqa: S104 - a table, nothing binds
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:a9fe:a9fe",
    "::ffff:0:127.0.0.1",
    "0:0:0:0:0:ffff:7f00:1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b::a00:1",
    "64:ff9b:1::a00:1",
    "64:ff9b:1::169.254.169.254",
    "64:ff9b:1:a9fe:a9:fe00::",
    "64:ff9b:1:a9:fe:a9fe::",
    "64:ff9b:1::a9:fea9:fe00:0",
    "64:ff9b:1::",
    "64:ff9b:2::8.8.8.8",
    "100::1",
    "2001::1",
    "2001:0:7f00:1:0:0:f7f7:f7f7",
    "2001:0:808:808:0:0:80ff:fffe",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2002:a9fe:a9fe::1",
    "2002:c058:6301::",
    "2600:1::5efe:a00:1",
    "2600:1::200:5efe:7f00:1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fdff::1",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "fec0::1",
    "feff::1",
    "ff02::1",
    "ffff::1",
]

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.1",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.1",
    "126.255.255.255",
    "128.0.0.1",
    "168.63.129.15",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.1",
    "192.0.1.1",
    "192.167.255.255",
    "198.17.255.255",
    "198.20.0.1",
    "223.255.255.255",
    "2600::1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::808:808",
    "64:ff9b:1:808:8:800::",
    "2002:808:808::1",
    "2001:0:808:808:0:0:f7f7:f7f7",
]


@pytest.mark.parametrize("ip", PRIVATE)
def test_a_private_address_is_refused(ip: str) -> None:
    assert judge_address(ip, NOTHING)


@pytest.mark.parametrize("ip", PUBLIC)
def test_a_public_address_is_fine(ip: str) -> None:
    assert judge_address(ip, NOTHING) is None


def test_the_table_is_large_enough_to_mean_something() -> None:
    assert len(set(PRIVATE)) >= 60


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "1.2.3", "127.0.0.01", "0x7f.0.0.1", ":::1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    assert judge_address(text, NOTHING) == "not an address"


@pytest.mark.parametrize("ip", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1"])
def test_an_allowed_network_may_be_spoken_to_in_each_spelling(ip: str) -> None:
    assert judge_address(ip, LOOPBACK) is None


@pytest.mark.parametrize("ip", ["10.0.0.1", "::2", "169.254.169.254", "::ffff:10.0.0.1"])
def test_allowing_one_network_allows_no_other(ip: str) -> None:
    assert judge_address(ip, LOOPBACK)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1/", "the host is a loopback address"),
        ("http://127.1/", "the host is a loopback address"),
        ("http://127.0.1/", "the host is a loopback address"),
        ("http://2130706433/", "the host is a loopback address"),
        ("http://0x7f000001/", "the host is a loopback address"),
        ("http://0X7F.0.0.1/", "the host is a loopback address"),
        ("http://0177.0.0.1/", "the host is a loopback address"),
        ("http://017700000001/", "the host is a loopback address"),
        ("http://0x7f.0.1/", "the host is a loopback address"),
        ("http://127.0.0.1./", "the host is a loopback address"),
        ("http://１２７.０.０.１/", "the host is a loopback address"),  # noqa: RUF001 - the trap itself
        ("http://①②⑦.⓪.⓪.①/", "the host is a loopback address"),
        ("http://127。0。0。1/", "the host is a loopback address"),
        ("http://0/", "the host is the address of this network"),
        ("http://[::]/", "the host is the unspecified address"),
        ("http://[::1]/", "the host is a loopback address"),
        ("http://[::ffff:127.0.0.1]/", "the host is a loopback address"),
        ("http://[64:ff9b::a9fe:a9fe]/", "the host is a link-local address"),
        ("https://169.254.169.254/latest/meta-data/", "the host is a link-local address"),
        ("https://0xa9fea9fe/", "the host is a link-local address"),
        ("https://[fd00:ec2::254]/", "the host is a private address"),
    ],
)
def test_a_literal_is_judged_in_every_spelling(url: str, reason: str) -> None:
    assert check_url(url, NOTHING) == reason


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/path",
        "//host/path",
        "host",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "javascript:alert(1)",
        "http:///path",
        "http://:80/",
        "http://user@example.com/",
        "http://user:word@example.com/",
        "http://example.com@127.0.0.1/",
        "http://@example.com/",
        "http://example.com:22/",
        "http://example.com:25/",
        "http://example.com:0/",
        "http://example.com:1023/",
        "http://example.com:65536/",
        "http://example.com:-1/",
        "http://example.com:８０/",  # noqa: RUF001 - the trap itself
        "http://example.com\\@evil.test/",
        "http://exam%70le.com/",
        "http://127.0.0.1%2f.example.com/",
        "http://[fe80::1%25eth0]/",
        "http://[::1",
        "http://[not-an-address:]/",
        "http://exa mple.com/",
        "http://example.com/a b",
        "http://example.com/\r\nX: y",
        "\thttp://example.com/",
        "http://exam\nple.com/",
        "http://..example.com/",
        "http://example..com/",
        "http://exa*mple.com/",
        "http://1.2.3.4.5/",
        "http://256.1.1.1/",
        "http://1.2.3.256/",
        "http://4294967296/",
        "http://08.1.1.1/",
        "http://example.0x7f/",
        "http://" + "a" * 64 + ".com/",
        "http://" + "a." * 130 + "com/",
        "http://-\u0301\u200d.com/",
        "http://example.com/" + "a" * 9000,
        "http://example.com/\ud800",
    ],
)
def test_a_url_that_is_not_plainly_http_to_a_host_is_refused(url: str) -> None:
    assert isinstance(check_url(url, LOOPBACK), str)


@pytest.mark.parametrize(
    ("url", "host", "port", "leaves"),
    [
        ("http://example.com", "example.com", 80, "http://example.com/"),
        ("HTTPS://Example.COM:443/A?b=C#d", "example.com", 443, "https://example.com/A?b=C"),
        ("https://example.com:8443/", "example.com", 8443, "https://example.com:8443/"),
        ("http://example.com:1024?x=1", "example.com", 1024, "http://example.com:1024/?x=1"),
        ("http://example.com:443/", "example.com", 443, "http://example.com:443/"),
        ("https://bücher.example/ü?q=ß", "xn--bcher-kva.example", 443, "https://xn--bcher-kva.example/%C3%BC?q=%C3%9F"),
        ("https://api_eu.example.com./", "api_eu.example.com", 443, "https://api_eu.example.com/"),
        ("https://1.1.1.1/", "1.1.1.1", 443, "https://1.1.1.1/"),
        ("https://0x01010101/", "1.1.1.1", 443, "https://1.1.1.1/"),
        (
            "https://[2606:4700:4700:0::1111]:8443/",
            "2606:4700:4700::1111",
            8443,
            "https://[2606:4700:4700::1111]:8443/",
        ),
        (
            "https://example.com/a%2Fb/../c;d?e=%20&f=[1]",
            "example.com",
            443,
            "https://example.com/a%2Fb/../c;d?e=%20&f=[1]",
        ),
    ],
)
def test_a_good_url_leads_to_one_host_and_is_written_anew(url: str, host: str, port: int, leaves: str) -> None:
    assert check_url(url, NOTHING) == Endpoint(host, port, leaves.startswith("https"), leaves)


def test_an_allowed_literal_is_a_destination() -> None:
    assert check_url("http://127.0.0.1:8080/x", LOOPBACK) == Endpoint(
        "127.0.0.1", 8080, https=False, url="http://127.0.0.1:8080/x"
    )


@pytest.mark.parametrize("text", ["10.0.0.1/8", "10.0.0.0/33", "localhost", "127.0.0.0/8;10.0.0.0/8"])
def test_a_network_that_is_not_one_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="Network 2"):
        parse_networks(f"::1, {text}")


def test_no_networks_allow_nothing() -> None:
    assert parse_networks("") == parse_networks(" , ") == ()


# Whoever hides a refused IPv4 address in IPv6 does not get it through, and a public one hides nothing.
@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_a_carrier_is_judged_like_what_it_carries(inner: IPv4Address) -> None:
    value = int(inner)
    plain = judge_address(str(inner), NOTHING)
    for carrier in (
        IPv6Address((0xFFFF << 32) + value),
        IPv6Address((0x64FF9B << 96) + value),
        IPv6Address((0x2002 << 112) + (value << 80) + 1),
        IPv6Address((0x20010000 << 96) + (value << 64) + (value ^ 0xFFFFFFFF)),
    ):
        assert judge_address(str(carrier), NOTHING) == plain


# A site's own NAT64 prefix lets no refused IPv4 address through, whatever length the site chose.
@given(st.integers(0x01000000, 2**32 - 1).map(IPv4Address))
def test_a_local_translator_reaches_nothing_private(inner: IPv4Address) -> None:
    value, prefix = int(inner), 0x64FF9B0001 << 80
    high, low = value >> 16, value & 0xFFFF
    spellings = (
        prefix + (high << 64) + (low << 40),
        prefix + (value >> 24 << 64) + ((value & 0xFFFFFF) << 32),
        prefix + (value << 24),
        prefix + value,
    )
    if judge_address(str(inner), NOTHING):
        assert all(judge_address(str(IPv6Address(spelling)), NOTHING) for spelling in spellings)


# No text makes the check raise, and what it lets through is http to an address or name in ASCII.
@given(st.text(max_size=60) | st.text(max_size=40).map(lambda text: f"http://{text}/"))
def test_no_text_breaks_the_check(url: str) -> None:
    found = check_url(url, NOTHING)
    assert isinstance(found, str) or (found.host.isascii() and found.url.isascii())
