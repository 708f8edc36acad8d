"""Settings: where they come from, and what is refused."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from turnout.config import FILE, Settings, again, load, proxy, told
from turnout.document import decode, encode
from turnout.egress import parse_networks
from turnout.errors import InvalidInput


@pytest.mark.parametrize(
    "url",
    [
        *("http://proxy.example:3128", "http://10.0.0.8:8080", "http://[fd00::1]:3128", "https://proxy.example:443"),
        *("http://ann@proxy.example:1", "http://ann:pass:word@proxy.example:1", "https://a%40b:%2F%3a@[::1]:8"),
    ],
)
def test_a_proxy_is_named_by_its_own_setting(tmp_path: Path, url: str) -> None:
    (tmp_path / FILE).write_text(f'proxy = "{url}"\n')

    assert load(tmp_path, {}).proxy == url
    assert load(tmp_path, {"TURNOUT_PROXY": "http://other.example:1"}).proxy == "http://other.example:1"


def test_what_other_programs_call_a_proxy_is_none_of_ours(tmp_path: Path) -> None:
    names = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")

    assert load(tmp_path, dict.fromkeys(names, "http://proxy.example:3128")).proxy == ""


@pytest.mark.parametrize(
    "url",
    [
        *("proxy.example", "http://proxy.example", "socks5://a:1", "http://a:1/x", "http://s3cret@x@a:1"),
        *("http://u:s3cret#@a:1", "http://u:s3cret%zz@a:1", "http://u:s3cret/@a:1", "http://:s3cret@a:1"),
    ],
)
def test_a_proxy_is_a_host_and_a_port_that_speak_http_and_what_is_none_is_not_repeated(
    tmp_path: Path, url: str
) -> None:
    with pytest.raises(InvalidInput, match="http://host:port") as refused:
        load(tmp_path, {"TURNOUT_PROXY": url})

    assert "s3cret" not in str(refused.value)


def test_the_password_of_a_proxy_is_in_no_text_of_the_settings(tmp_path: Path) -> None:
    settings = load(tmp_path, {"TURNOUT_PROXY": "http://ann:s3cret@proxy.example:1"})

    assert proxy(settings).url.startswith("http://ann:s3cret@")
    assert "s3cret" not in f"{settings!r} {settings} {proxy(settings)!r}"


def test_what_is_reached_without_the_proxy_is_names_and_networks(tmp_path: Path) -> None:
    settings = load(tmp_path, {"TURNOUT_PROXY": "http://p.example:1", "TURNOUT_NO_PROXY": ".shop.example, 10.0.0.0/8"})
    (tmp_path / FILE).write_text('no_proxy = ["shop.example", "10.0.0.0/8"]\n')

    for each in (settings, load(tmp_path, {"TURNOUT_PROXY": "http://p.example:1"})):
        leads = proxy(each).leads
        assert (leads("shop.example", "192.0.2.1"), leads("a.shop.example", "192.0.2.1")) == ("", "")
        assert (leads("other.example", "10.1.2.3"), leads("10.1.2.3", "10.1.2.3")) == ("", "")
        assert leads("workshop.example", "192.0.2.1") == leads("shop.example.net", "fd00::1") == "http://p.example:1"


@pytest.mark.parametrize("word", ["*", "http://a", "a b/8", "10.0.0.1/8", "300.1.1.1", "a:80"])
def test_what_is_neither_a_name_nor_a_network_is_refused(tmp_path: Path, word: str) -> None:
    with pytest.raises(InvalidInput, match="names, addresses and networks"):
        load(tmp_path, {"TURNOUT_NO_PROXY": word})


def test_certificates_of_an_operators_own_are_a_file_that_can_be_read(tmp_path: Path) -> None:
    good, bad = tmp_path / "ca.pem", tmp_path / "none.pem"
    good.write_text("-----BEGIN CERTIFICATE-----\n")
    bad.write_text("no certificate")

    assert load(tmp_path, {"TURNOUT_CA_FILE": str(good)}).ca_file == str(good)
    for path in (bad, tmp_path / "missing.pem", tmp_path):
        with pytest.raises(InvalidInput, match="TURNOUT_CA_FILE is not what was expected: a file with certificates"):
            load(tmp_path, {"TURNOUT_CA_FILE": str(path)})


def test_another_process_reads_the_settings_that_were_told_it(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    everything = Settings(
        tmp_path, parse_networks("127.0.0.0/8,::1/128"), "http://ann:s3cret@proxy.example:3128",
        ("shop.example", "10.0.0.0/8"), str(tmp_path / "ca.pem"), 0.2, 4.5, 7, 0, 3, 0, 30, "debug",
        both_allowed=True, allow_hosts=("events.example",), allow_origins=("https://app.example",), mcp_rate=7,
        hatch=("acme", "Acme.codes"),
    )  # fmt: skip

    for settings in (everything, Settings(tmp_path)):
        assert again(tmp_path, dict(decode(encode(told(settings))))) == settings  # type: ignore[arg-type]

    assert told(Settings(tmp_path)) == {}
    assert len(told(everything)) == len(fields(Settings)) - 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("TURNOUT_RETNTION_DAYS", "is no setting; did you mean TURNOUT_RETENTION_DAYS?"),
        ("TURNOUT_ALLOW_ADDRESS", "is no setting; did you mean TURNOUT_ALLOW_ADDRESSES?"),
        ("TURNOUT_BOTH_ALLOWED", "is not read: both_allowed is set in turnout.toml alone"),
    ],
)
def test_a_slip_in_the_name_of_a_variable_is_refused_as_one_in_the_file_is(
    tmp_path: Path, name: str, said: str
) -> None:
    with pytest.raises(InvalidInput, match=re.escape(f"{name} {said}")):
        load(tmp_path, {name: "1"})


@pytest.mark.parametrize("name", ["TURNOUT_DATA", "TURNOUT_VERSION", "TURNOUT_", "TURNOUTS_LOG"])
def test_a_variable_that_is_like_no_setting_is_somebody_elses(tmp_path: Path, name: str) -> None:
    assert load(tmp_path, {name: "1", "TURNOUT_RETNTION_DAYS": ""}) == Settings(tmp_path)


@pytest.mark.parametrize("value", ["two", "nan", "0", "1e9", ""])
def test_a_number_out_of_its_range_or_none_is_answered_with_the_range(tmp_path: Path, value: str) -> None:
    (tmp_path / FILE).write_text(f'retry_cap_s = "{value}"\n')

    with pytest.raises(
        InvalidInput, match=r"retry_cap_s in turnout\.toml is not what was expected: a number from 0\.001"
    ):
        load(tmp_path, {})


def test_a_page_that_may_call_is_of_any_scheme_and_has_no_path(tmp_path: Path) -> None:
    pages = "https://App.example:8443,chrome-extension://abcdefgh,tauri://localhost"

    assert load(tmp_path, {"TURNOUT_ALLOW_ORIGINS": pages}).allow_origins == tuple(pages.casefold().split(","))
    for wrong in ("null", "app.example", "https://app.example/", "://app.example", "1a://app.example"):
        with pytest.raises(InvalidInput, match=r"scheme://host\[:port\], without a path"):
            load(tmp_path, {"TURNOUT_ALLOW_ORIGINS": wrong})
