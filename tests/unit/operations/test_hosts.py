from __future__ import annotations

import pytest

from turnout.document import Document
from turnout.errors import InvalidSettings
from turnout.manifest.heads import Entry
from turnout.manifest.model import Setting, Type
from turnout.operations.hosts import chosen


def entry(setting: Setting) -> Entry:
    return Entry("x", "X", "", "verified", (), "", {setting.name: setting})


def hosts(url: str, pattern: str = "", default: str | None = None) -> list[str]:
    setting = Setting("url", Type.URL, pattern=pattern, default=default)
    return sorted(chosen(entry(setting), {"url": url}))


def test_a_host_is_named_without_the_rest_of_its_url() -> None:
    assert hosts("https://Hook.Example/in/s3cret?token=t") == ["hook.example:443"]


def test_a_host_without_encryption_says_so() -> None:
    assert hosts("http://127.1:8080/x") == ["127.0.0.1:8080 (not encrypted)"]
    assert hosts("https://[2606:4700::1]/x") == ["[2606:4700::1]:443"]


def test_the_default_and_a_pattern_of_the_vendors_host_are_no_choice() -> None:
    assert hosts("https://us.vendor.example", default="https://us.vendor.example") == []
    assert hosts("https://hooks.slack.com/a", pattern=r"^https://hooks\.slack(-gov)?\.com/") == []


@pytest.mark.parametrize(
    "pattern",
    [
        "^https://",
        r"^https://.*\.slack\.com/",
        r"https://evil\.example/",
        r"^https://evil\.example",
        r"^https://a\.com/|^http",
        "^https://evil.example/",
    ],
)
def test_a_pattern_that_leaves_the_host_open_leaves_it_a_choice(pattern: str) -> None:
    assert hosts("https://evil.example/", pattern=pattern) == ["evil.example:443"]


def test_a_url_in_a_table_is_a_choice_too() -> None:
    table = Setting("rows", Type.TABLE, columns=(Setting("to", Type.URL),))
    rows: Document = {"rows": [{"to": "https://a.example/x"}, {}]}

    assert chosen(entry(table), rows) == {"a.example:443"}


def test_the_endpoint_of_any_destination_is_a_choice() -> None:
    assert chosen(entry(Setting("key", Type.STRING)), {"key": "k", "endpoint": "https://r.example"}) == {
        "r.example:443"
    }


@pytest.mark.parametrize("url", ["https://user:pass@a.example/", "https://a.example:22/", "https://999.1.1.1/"])
def test_a_url_that_the_sender_would_not_take_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(InvalidSettings) as refused:
        hosts(url)

    assert "user:pass" not in refused.value.message
