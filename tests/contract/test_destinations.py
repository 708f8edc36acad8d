"""Every manifest of the catalogue, as a lane would drive it: hostile events, ill answers, retries, secrets, bounds.

Settings are those of the manifest's first test that sends, and of others for actions that these do not reach; secrets
are made longer, where the settings allow that.
What is drawn depends on the seed of the run and on the slug alone.

How an answer must end: the tree-walking oracle asks the manifest's rules; where none holds, it is the table of
reliability-security.md 4.3, written out here. A step's `catch` of that status makes it good.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from html import escape
from itertools import chain, cycle, islice
from random import Random
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit
from xml.etree import ElementTree as ET

import pytest

from support import hostile
from support.catalogued import CATALOGUE, Case, cases_of, mapped
from support.oracle import Oracle
from turnout.document import Document, Json, canonical, encode
from turnout.evidence import frame, redact
from turnout.exchange import Answer, Ask, Class, Dedupe, Drop, Fault, FaultKind, Item, Moment, Reply, Request, Target
from turnout.manifest import talk
from turnout.manifest.model import Catch
from turnout.manifest.plans import Call
from turnout.manifest.results import seen
from turnout.manifest.trial import NOW
from turnout.manifest.values import dig, text_of

EVENTS = 1000
SLUGS = [entry.slug for entry in CATALOGUE.entries() if not entry.native]
HOUR = 3_600_000_000
MEANS = {
    "auth": Class.CREDENTIALS,
    "retry": Class.RETRY,
    "split": Class.SPLIT,
    "pause": Class.PAUSE,
    "already": Class.SUCCESS,
    "drop": Class.FINAL,
    "ok": Class.SUCCESS,
}
LATER = (("retry-after", "30"),)
HTML = Answer(200, (("content-type", "text/html"),), b"<!doctype html><title>Sign in</title>")
ILL: Mapping[str, tuple[Reply, Class]] = {
    "400": (Answer(400), Class.SPLIT),
    "401": (Answer(401), Class.CREDENTIALS),
    "403": (Answer(403), Class.CREDENTIALS),
    "404": (Answer(404), Class.FINAL),
    "413": (Answer(413), Class.SPLIT),
    "429": (Answer(429, LATER), Class.RETRY),
    "500": (Answer(500), Class.RETRY),
    "503": (Answer(503, LATER), Class.RETRY),
    "time-out": (Fault(FaultKind.TIMEOUT), Class.UNKNOWN),
    "lost": (Fault(FaultKind.RESET), Class.UNKNOWN),
    "broken off": (Answer(200, (), b'{"a":', whole=False), Class.SUCCESS),
    "html": (HTML, Class.SUCCESS),
    "empty": (Answer(200), Class.SUCCESS),
}


CASES: dict[str, tuple[Case, ...]] = {}


@pytest.fixture(params=SLUGS)
def cases(request: pytest.FixtureRequest) -> tuple[Case, ...]:
    slug: str = request.param
    if slug not in CASES:
        CASES[slug] = cases_of(slug)
    return CASES[slug]


@pytest.fixture
def chance(request: pytest.FixtureRequest, cases: tuple[Case, ...]) -> Random:
    """Draw from the seed of the run, which is printed first, and the slug."""
    return Random(f"{request.config.getoption('hypothesis_seed')} {cases[0].slug}")  # noqa: S311 - tests draw, they keep no secret


def body_of(ask: Request) -> bytes:
    return talk.gunzip(ask)


def parses(ask: Request) -> None:
    """Read a body as its content type says. Raises ValueError (or its kind) where it is something else."""
    media = dict(ask.headers).get("content-type", "").partition(";")[0].strip()
    text = body_of(ask).decode()
    match media.rpartition("+")[2] if "+" in media else media:
        case "application/json" | "json":
            json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        case "application/x-ndjson":
            assert [json.loads(line) for line in text.splitlines()]
        case "application/x-www-form-urlencoded":
            parse_qsl(text, strict_parsing=bool(text), keep_blank_values=True, errors="strict")
        case "application/xml" | "text/xml" | "xml":
            ET.fromstring(text)  # noqa: S314 - we wrote it
        case "text/csv":
            assert list(csv.reader(io.StringIO(text), strict=True))
        case "multipart/form-data":
            assert isinstance(talk.body_of(ask), list)
        case "":
            assert text == ""
        case _:
            assert media.startswith("text/"), media


def well_formed(ask: Ask, hosts: set[str]) -> None:
    assert isinstance(ask, Request)
    parts = urlsplit(ask.url)
    assert parts.scheme in {"http", "https"}
    assert parts.hostname in hosts, f"{parts.hostname} is not one of {sorted(hosts)}"
    assert ask.url.isascii()
    assert ask.url.isprintable()
    assert " " not in ask.url
    for name, text in ask.headers:
        assert re.fullmatch(r"[a-z0-9!#$%&'*+.^_`|~-]+", name), name
        assert not re.search(r"[\x00-\x1f\x7f]", text), name
    parses(ask)


def test_a_hostile_event_is_sent_as_it_should_be_or_dropped_with_a_reason(
    cases: tuple[Case, ...], chance: Random
) -> None:
    for case in cases:
        first = case is cases[0]
        events = hostile.events(chance, case.own if first else case.test.events, EVENTS if first else EVENTS // 5)
        found = mapped(case.target, events)
        assert all(one.code for one in found if isinstance(one, Drop))
        sent = 0
        replies = [*case.happy, *hostile.answers(chance, case.happy, 20)]
        for batch in talk.batches(case.target, [one for one in found if isinstance(one, Item)]):
            moment = Moment(NOW, text_of(batch[0].document.get("messageId")), case.moment.auth)
            told = case.talk(batch, iter(chance.choices(replies, k=200)), moment)
            assert len(told.outcomes) == len(batch)
            assert told.asks or all(one.code and one.text for one in told.outcomes), told.outcomes
            for ask in told.asks:
                well_formed(ask, case.hosts)
            within_bounds(case, batch)
            sent += len(told.asks)
        assert sent, "no event came through"


def within_bounds(case: Case, batch: tuple[Item, ...]) -> None:
    """Hold a batch to what its manifest states, whatever the compiled action says."""
    spec = case.spec(batch)
    if spec.batch is None:
        assert len(batch) == 1
        return
    assert len(batch) <= case.target.actions[batch[0].action].max_items
    sizes = [len(encode(item.value)) for item in batch]
    assert not spec.batch.bytes or sum(sizes) + len(sizes) <= spec.batch.bytes
    assert not spec.batch.item_bytes or max(sizes) <= spec.batch.item_bytes


def test_a_full_batch_is_no_larger_than_stated(cases: tuple[Case, ...]) -> None:
    for case in cases:
        for batch in case.batches:
            within_bounds(case, batch)
            spec = case.spec(batch).batch
            for ask in case.talk(batch, cycle(case.happy)).asks:
                assert isinstance(ask, Request)
                if spec and spec.bytes and not spec.item_bytes and "json" in dict(ask.headers).get("content-type", ""):
                    assert len(body_of(ask)) <= spec.bytes


def test_the_endpoint_that_a_user_states_is_where_every_request_goes(cases: tuple[Case, ...]) -> None:
    for case in cases:
        target = case.fresh(endpoint="https://recorder.test:8443")
        for batch in case.batches:
            for ask in talk.talk(target, batch, case.moment, cycle(case.happy)).asks:
                assert isinstance(ask, Request)
                assert urlsplit(ask.url)[:2] == ("https", "recorder.test:8443")


def allowed(case: Case, call: Call, item: Item, reply: Reply, base: Class, *, alone: bool) -> set[Class]:
    """Say how an answer to a request may end: as the first rule that holds says, else as the table."""
    manifest = case.manifest
    ends = base
    if isinstance(reply, Answer):
        judging = call.judging
        whole = replace(judging, reads_body=True)
        if judging.reads_body and not reply.whole:
            return {Class.UNKNOWN}
        roots: dict[str, Json] = {
            "event": item.document,
            "settings": CATALOGUE.check_settings(case.slug, case.settings),
            "res": seen(reply, whole),
            "auth": case.moment.auth,
            "item": item.value,
            "batch": [item.value],
        }
        oracle = Oracle(roots, manifest.lets, manifest.names)
        held = next((word for word, node in judging.results.rules.items() if oracle.of(node)), None)
        ends = MEANS[held] if held else base
        if any(reply.status in catch.statuses for catch in catches(case, item.action)):
            return set(Class)
    batch = manifest.actions[item.action].batch
    if ends is Class.SPLIT and batch and batch.unique and not alone:  # copies with one key are one item of the request
        return {Class.SPLIT, Class.FINAL}
    return {Class.FINAL if alone and ends is Class.SPLIT else ends}


def catches(case: Case, action: str) -> list[Catch]:
    steps = case.manifest.actions[action].steps
    return list(chain.from_iterable(step.catches for step in steps))


@pytest.mark.parametrize("name", ILL)
def test_an_ill_answer_ends_each_item_as_the_table_or_the_manifest_says(cases: tuple[Case, ...], name: str) -> None:
    for case in cases:
        reply, base = ILL[name]
        for batch, asks in ((sent.items, sent.asks) for sent in case.talks):
            for place in range(min(len(asks), 5)):
                replies = chain(islice(cycle(case.happy), place), [reply], cycle(case.happy))
                told = case.talk(batch, replies)
                assert len(told.outcomes) == len(batch)
                fine = set[Class]()
                for call in case.calls[batch[0].action]:
                    fine |= allowed(case, call, batch[0], reply, base, alone=len(batch) == 1)
                if Class.SUCCESS in fine and any(step.drop for step in case.spec(batch).steps):
                    fine.add(Class.FINAL)  # a step that drops what was not found
                ended = {one.what for one in told.outcomes}
                if Class.SUCCESS not in fine or len(asks) == 1:
                    assert ended <= fine, f"request {place + 1} of {batch[0].action}: {ended}, not {fine}"
                if name == "401" or isinstance(reply, Fault):
                    assert Class.SUCCESS not in ended or len(told.asks) > place + 1


def test_an_ill_answer_does_not_pass_the_test_of_the_credentials(cases: tuple[Case, ...]) -> None:
    for case in cases:
        for name in ("401", "429", "500", "503", "time-out", "lost"):
            exchange = case.target.check(case.moment)
            if exchange is None:
                break
            told = next(exchange)
            well_formed(told, case.hosts)
            with pytest.raises(StopIteration) as ended:
                exchange.send(ILL[name][0])
            assert [one.what is Class.SUCCESS for one in ended.value.value] == [False], name


def of_batch(batch: tuple[Item, ...], target: Target, now: int) -> tuple[Item, ...]:
    """Map the events of a batch again, later."""
    documents = {text_of(item.document.get("messageId")): item.document for item in batch}
    wanted = {(item.document.get("messageId"), item.index) for item in batch}
    found = [one for one in mapped(target, list(documents.values()), now) if isinstance(one, Item)]
    return tuple(
        one for one in found if one.action == batch[0].action and (one.document.get("messageId"), one.index) in wanted
    )


def marks(case: Case, batch: tuple[Item, ...]) -> list[Json]:
    """List what the vendor drops repeats by, item by item."""
    repeat = case.spec(batch).dedupe
    return [dig(item.value, repeat.field) for item in batch]


def test_what_a_vendor_drops_repeats_by_is_the_same_on_every_try(cases: tuple[Case, ...]) -> None:
    for case in cases:
        for batch, first, outcomes in ((sent.items, sent.asks, sent.outcomes) for sent in case.talks):
            dedupe = case.target.actions[batch[0].action].dedupe
            assert case.talk(batch, cycle(case.happy)).asks == first
            later = Moment(NOW + HOUR, case.moment.request_id, case.moment.auth)
            again = of_batch(batch, case.fresh(), later.now)
            assert len(again) == len(batch)
            second = case.talk(again, cycle(case.happy), later).asks
            if any(one.what is not Class.SUCCESS for one in outcomes):
                continue  # a look-up of its own found nothing, and the rest was not asked
            if dedupe is Dedupe.BATCH:
                for asks in (first, second):
                    assert any(case.moment.request_id in told(ask) for ask in asks)
            if dedupe is Dedupe.ITEM and case.spec(batch).item:
                found = marks(case, batch)
                assert all(mark is not None and mark != "" for mark in found)
                assert marks(case, again) == found
                assert len(set(map(canonical, found))) == len(found)
                for asks in (first, second):
                    assert all(any(written(mark) in told(ask) for ask in asks) for mark in found[:50])


def told(ask: Ask) -> str:
    """Write all of a request as one text."""
    assert isinstance(ask, Request)
    return "\n".join((ask.url, *chain.from_iterable(ask.headers), body_of(ask).decode("utf-8", "replace")))


def written(mark: Json) -> str:
    return mark if isinstance(mark, str) else encode(mark).decode()


def secret_texts(case: Case) -> set[str]:
    """List secrets of the settings and of the token, in the ways in which they may be spelled."""
    values = CATALOGUE.check_settings(case.slug, case.settings)
    held: list[Json] = [values.get(name) for name in CATALOGUE.secret_names(case.slug)]
    held += case.target.grant.hidden(case.moment.auth or {}).values() if case.target.grant else []
    texts = {one for one in held if isinstance(one, str) and len(one) >= 4}
    return {form for one in texts for form in spelled_out(one)}


def spelled_out(text: str) -> set[str]:
    """Write a text as URLs, forms, JSON and markup have it."""
    inside = json.dumps(text)[1:-1]
    url = {text, quote(text, safe=""), quote_plus(text), quote(text, safe="%/:?#[]@!$&'()*+,;=~-._")}
    return url | {
        inside,
        inside.replace("/", "\\/"),
        encode(text).decode()[1:-1],
        escape(text),
        escape(text, quote=False),
    }


def test_no_secret_stands_in_evidence_or_in_an_outcome_though_the_answer_echoes_the_request(
    cases: tuple[Case, ...],
) -> None:
    for case in cases:
        hidden = case.target.grant.hidden(case.moment.auth or {}) if case.target.grant else {}
        spelled = (*redact.spellings(hidden), *redact.spellings(case.target.secrets))
        secrets = secret_texts(case)
        for batch in case.batches:
            for ask in case.talk(batch[:3], cycle(case.happy)).asks:
                assert isinstance(ask, Request)
                for reply in echoes(ask):
                    kept = frame.turn(ask, reply, spelled)
                    hiding = redact.signed(ask, spelled)
                    ended = case.talk(batch[:3], cycle([reply])).outcomes
                    words = [redact.outcome(each, hiding).text for each in ended]
                    texts = [*every_text(kept), *words]
                    for secret in (*secrets, *(value for _, value in ask.proofs)):
                        assert not any(secret in text for text in texts), f"a secret of {len(secret)} characters"


def echoes(ask: Request) -> Iterator[Answer]:
    """Answer with the request's own URL, headers and body, as they are and as JSON."""
    body = body_of(ask)
    yield Answer(400, ask.headers, body)
    shown: Document = {"url": ask.url, "headers": dict(ask.headers), "body": body.decode("utf-8", "replace")}
    yield Answer(400, (("x-echo", ask.url),), encode(shown))
    yield Answer(500, (), json.dumps(shown).encode())
    yield Answer(403, (), told(ask).encode())
    yield Answer(403, (), json.dumps(shown).replace("/", "\\/").encode())
    yield Answer(403, (), escape(told(ask)).encode())


def every_text(value: Json) -> Iterator[str]:
    """List all texts of a value."""
    match value:
        case str():
            yield value
        case dict():
            for key, one in value.items():
                yield key
                yield from every_text(one)
        case list():
            yield from chain.from_iterable(map(every_text, value))
        case _:
            pass
