"""What every destination is asked for the 24 events of the corpus, one line an event."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from turnout.document import Document, decode, encode
from turnout.manifest.catalogue import Catalogue
from turnout.manifest.render import render

CORPUS = Path(__file__).with_name("corpus.jsonl")
NOW = "2026-11-20T10:15:31Z"
VERSION = re.compile(r"(?<=Turnout/)\d[\w.+-]*")
SLUGS = sorted(entry.slug for entry in Catalogue().entries() if not entry.native)
SETTINGS: dict[str, Document] = {
    "amplitude": {"api_key": "amplitude-key"},
    "mixpanel": {"token": "mixpanel-token", "product_events": True},
    "segment": {"write_key": "segment-key"},
    "slack": {
        "webhook_url": "https://hooks.slack.com/services/T1/B1/secret",
        "rules": [{"event": "*", "text": "{{ $.event }} by {{ $.userId // $.anonymousId }}"}],
        "identify_text": "{{ $.traits.email // $.userId }}",
    },
    "webhook": {
        "url": "https://hook.example.test/in?x=1",
        "headers": {"X-Team": "data"},
        "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    },
}
"""Of those that deserve more than what their first test of a request has."""


def case(slug: str, catalogue: Catalogue) -> Document:
    """Give settings, and tokens where it needs some."""
    first = next(each for each in catalogue.manifest(slug).tests if each.sends)
    return {"destination": slug, "settings": SETTINGS.get(slug, first.settings), "auth": first.auth}


def corpus() -> list[Document]:
    events = [decode(line) for line in CORPUS.read_bytes().splitlines()]
    return [event for event in events if isinstance(event, dict)]


@pytest.mark.parametrize("slug", SLUGS)
def test_the_requests_for_the_corpus_are_as_reviewed(slug: str, golden: Callable[[str, str], None]) -> None:
    catalogue = Catalogue()

    answers = [render({**case(slug, catalogue), "event": event, "now": NOW}, catalogue) for event in corpus()]

    text = "".join(f"{encode(answer).decode()}\n" for answer in answers)
    golden(f"requests/{slug}.jsonl", VERSION.sub("VERSION", text))


def test_no_event_of_the_corpus_breaks_a_mapping() -> None:
    catalogue = Catalogue()

    errors = [
        (slug, event["messageId"], answer["error"])
        for slug in SLUGS
        for event in corpus()
        if (answer := render({**case(slug, catalogue), "event": event}, catalogue))["error"]
    ]

    assert errors == []
