"""Settings: where they come from, and what is refused."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from turnout.config import FILE, Settings, again, load, told
from turnout.document import decode, encode
from turnout.egress import parse_networks
from turnout.errors import InvalidInput


@pytest.mark.parametrize("url", ["http://proxy.example:3128", "http://10.0.0.8:8080", "http://[fd00::1]:3128"])
def test_a_proxy_is_named_by_its_own_setting(tmp_path: Path, url: str) -> None:
    (tmp_path / FILE).write_text(f'proxy = "{url}"\n')

    assert load(tmp_path, {}).proxy == url
    assert load(tmp_path, {"TURNOUT_PROXY": "http://other.example:1"}).proxy == "http://other.example:1"


def test_what_other_programs_call_a_proxy_is_none_of_ours(tmp_path: Path) -> None:
    names = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")

    assert load(tmp_path, dict.fromkeys(names, "http://proxy.example:3128")).proxy == ""


@pytest.mark.parametrize(
    "url", ["proxy.example", "http://proxy.example", "socks5://a:1", "http://u:p@a:1", "http://a:1/x"]
)
def test_a_proxy_is_a_host_and_a_port_that_speak_http(tmp_path: Path, url: str) -> None:
    with pytest.raises(InvalidInput, match="http://host:port"):
        load(tmp_path, {"TURNOUT_PROXY": url})


def test_another_process_reads_the_settings_that_were_told_it(tmp_path: Path) -> None:
    everything = Settings(
        tmp_path, parse_networks("127.0.0.0/8,::1/128"), "http://proxy.example:3128", 0.2, 4.5, 7, 0, 3, 0, 30, "debug",
        both_allowed=True, allow_hosts=("events.example",), allow_origins=("https://app.example",), mcp_rate=7,
        hatch=("acme", "Acme.codes"),
    )  # fmt: skip

    for settings in (everything, Settings(tmp_path)):
        assert again(tmp_path, dict(decode(encode(told(settings))))) == settings  # type: ignore[arg-type]

    assert told(Settings(tmp_path)) == {}
    assert len(told(everything)) == len(fields(Settings)) - 1
