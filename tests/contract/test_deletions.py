"""Every destination of the catalogue, told that Ann is erased: what leaves for her, or why nothing does.

Of Ann two anonymous ids, two e-mails, a phone and a device are known. Settings are those of the manifest's own tests
that delete, or else of the first that sends.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from hashlib import md5
from itertools import cycle
from pathlib import Path
from urllib.parse import quote

import pytest

from support.catalogued import CATALOGUE, REQUEST_ID
from support.workspace import Bench, bench
from turnout.binder import Binder
from turnout.delivery import notices
from turnout.document import Document, Json, encode
from turnout.event.model import LIVE
from turnout.evidence import frame
from turnout.exchange import Answer, Ask, Class, Drop, Item, Moment, Request, Target
from turnout.identity.model import Identifier, IdType
from turnout.manifest import talk
from turnout.manifest.read_tests import TestCase
from turnout.manifest.trial import NOW

ANN = {
    "user_id": "ann-8842",
    "email": "ann@shop.example",
    "newer email": "ann.newer@shop.example",
    "anonymous_id": "anon-5f1e",
    "other anonymous_id": "anon-77ab",
    "phone": "+12025550143",
    "device": "9c5cbc1d-7a0e-4b52",
}
SLUGS = [entry.slug for entry in CATALOGUE.entries() if not entry.native]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Document, ...]:
    """Give the notices about Ann, as a workspace that knows her gathers them."""
    with bench(tmp_path_factory.mktemp("ann") / "data") as here:
        record(here)
        ann = here.look(lambda view: view.people.owner(Identifier(LIVE, IdType.USER, ANN["user_id"])))
        assert ann is not None
        gathered = here.look(lambda view: notices.gather(view, ann, view.people.get(ann).identifiers))
    usual: Document = {"type": "delete", "timestamp": "2026-01-03T00:00:00.000Z"}
    return tuple({**usual, "messageId": f"del_0-{place}", **each} for place, each in enumerate(gathered))


def record(here: Bench) -> None:
    device: Document = {"type": "ios", "id": "idfv", "advertisingId": ANN["device"]}
    who: Document = {"userId": ANN["user_id"]}
    here.record(
        {**who, "type": "identify", "anonymousId": ANN["anonymous_id"], "traits": {"email": ANN["email"]}},
        {**who, "anonymousId": ANN["other anonymous_id"], "context": {"device": device}},
        {**who, "type": "identify", "traits": {"email": ANN["newer email"], "phone": ANN["phone"]}},
    )


def deleting(slug: str) -> TestCase:
    """Give the test of a manifest whose settings let it delete; else the first that sends."""
    tests = sorted(CATALOGUE.manifest(slug).tests, key=lambda test: not test.sends)
    return next((each for each in tests if each.sends and each.events[0].get("type") == "delete"), tests[0])


class Deletion:
    """Ann's notices at one destination: what left, and how it ended."""

    def __init__(self, slug: str, told: tuple[Document, ...]) -> None:
        self.test = deleting(slug)
        self.target: Target = CATALOGUE.bind(slug, self.test.settings)
        actions = self.target.select("delete", "")
        found = [each for one in told for each in self.target.items(one, actions, NOW)] if actions else []
        self.drops = sorted({each.code for each in found if isinstance(each, Drop)})
        replies = cycle([talk.reply(one) for one in self.test.answers] or [Answer(200)])
        moment = Moment(NOW, REQUEST_ID, self.test.auth)
        self.sent = [
            talk.talk(self.target, batch, moment, replies)
            for batch in talk.batches(self.target, [each for each in found if isinstance(each, Item)])
        ]

    @property
    def asks(self) -> tuple[Ask, ...]:
        return tuple(ask for sent in self.sent for ask in sent.asks)


def spelled(value: str) -> tuple[str, ...]:
    """Give how a value may be written: as it is, in a URL, as Mailchimp knows its members."""
    return value, quote(value, safe=""), md5(value.encode(), usedforsecurity=False).hexdigest()


DELETES = [slug for slug in SLUGS if CATALOGUE.bind(slug, deleting(slug).settings).select("delete", "")]


@pytest.mark.parametrize("slug", DELETES)
def test_a_destination_that_can_delete_is_asked_to_by_what_is_known_of_the_person(
    slug: str, told: tuple[Document, ...]
) -> None:
    done = Deletion(slug, told)

    assert done.asks
    assert {each.what for sent in done.sent for each in sent.outcomes} == {Class.SUCCESS}
    left = b" ".join(each.url.encode() + each.body for each in done.asks if isinstance(each, Request)).decode().lower()
    assert any(form in left for value in ANN.values() for form in spelled(value)), left


@pytest.mark.parametrize("slug", DELETES)
def test_nothing_of_a_deletion_that_says_who_it_is_about_is_kept(slug: str, told: tuple[Document, ...]) -> None:
    done = Deletion(slug, told)
    echo = Answer(400, (("x-of", ANN["user_id"]),), encode({"sent": dict(ANN)}))

    kept = b"".join(encode(frame.bare(ask, echo)) for ask in done.asks).decode()

    assert [value for value in ANN.values() for form in spelled(value) if form in kept.lower()] == []
    assert [value for value in done.target.secrets.values() if value in kept] == []
    assert '"status":400' in kept


def test_what_each_destination_is_asked_or_what_is_left_to_its_owner_stands(
    told: tuple[Document, ...], golden: Callable[[str, str], None]
) -> None:
    golden("deletions.json", json.dumps(dict(_pages(told)), indent=1, ensure_ascii=False) + "\n")


def _pages(told: tuple[Document, ...]) -> Iterator[tuple[str, Json]]:
    for slug in SLUGS:
        done = Deletion(slug, told)
        if slug not in DELETES:
            yield slug, {"by_hand": Binder(CATALOGUE).by_hand(slug)}
            continue
        asked: list[Json] = [
            {name: each for name, each in talk.shown(ask).items() if each and name != "headers"} for ask in done.asks
        ]
        yield slug, {"asked": asked, "leaves": list(done.drops)}


def test_the_list_of_those_that_delete_is_that_of_the_files(told: tuple[Document, ...]) -> None:
    folder = Path(__file__).parents[2] / "manifests" / "destinations"

    assert told
    assert {each.stem for each in folder.glob("*.yaml") if "for: delete" in each.read_text()} == set(DELETES)
