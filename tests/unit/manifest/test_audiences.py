"""Audiences: who enters and who leaves, the list that is found or made once, and that nobody is added without it."""

from __future__ import annotations

from typing import Any

import pytest

from support.manifests import MOMENT, answer, manifest, mapped, target
from turnout.document import Document
from turnout.errors import InvalidManifest
from turnout.exchange import Ask, Class, Drop, Item, Outcome, Reply, Request
from turnout.manifest import talk
from turnout.manifest.actions import CompiledTarget
from turnout.manifest.audiences import MOST, membership
from turnout.manifest.trial import run_tests

LISTS = """
http: {base: "https://lists.test"}
audience:
  get: {get: /lists, query: {name: $audience.name}, id: $res.body.0.id}
  create: {post: /lists, json: {name: $audience.name}, id: $res.body.id}
  member: {email: $.traits.email // $.context.traits.email | email}
  require: {any: [$item.email], say: needs an e-mail}
  batch: {max: 3}
  add: {post: "/lists/{{ $audience.id | urlencode }}/add", json: $batch}
  remove:
    steps:
      - find: {post: /people, json: $batch, save: {ids: $res.body.ids}}
      - drop: {when: $find.ids, post: "/lists/{{ $audience.id | urlencode }}/remove", json: $find.ids}
actions:
  event: {for: track, item: {name: $.event}, send: {post: /events, json: $item}}
"""
FOUND, NONE, MADE, OK = answer(200, [{"id": 5}]), answer(200, []), answer(201, {"id": 7}), answer(200)


def of(name: str, *, inside: bool, key: str = "vip", track: bool = False) -> Document:
    personas: Any = {"computation_class": "audience", "computation_key": key}
    traits: Any = {"email": f"{name}@shop.example"}
    if track:
        said = "Audience Entered" if inside else "Audience Exited"
        return {
            "type": "track", "event": said, "userId": name, "messageId": f"m_{name}",
            "properties": {"audience_key": key}, "context": {"traits": traits},
        }  # fmt: skip
    return {
        "type": "identify", "userId": name, "messageId": f"m_{name}", "traits": {**traits, key: inside},
        "context": {"personas": personas},
    }  # fmt: skip


def listed(made: CompiledTarget, *events: Document) -> tuple[Item, ...]:
    return tuple(each for each in mapped(made, *events) if isinstance(each, Item) and "audience" in each.action)


def held(
    made: CompiledTarget, batch: tuple[Item, ...], *replies: Reply, place: bytes = b""
) -> tuple[list[str], Outcome]:
    """Hold one talk; give what it asked and how the first item ended."""
    exchange = made.exchange(batch[0].action, batch, type(MOMENT)(MOMENT.now, "r", None, place))
    asked: list[str] = []
    given = iter(replies)
    try:
        ask = next(exchange)
        while True:
            asked.append(short(ask))
            ask = exchange.send(next(given))
    except StopIteration as ended:
        found: Outcome = ended.value[0]
        return asked, found


def short(ask: Ask) -> str:
    assert isinstance(ask, Request)
    return f"{ask.method} {ask.url.partition('.test')[2]}"


@pytest.mark.parametrize("track", [False, True])
def test_who_enters_and_who_leaves_are_two_actions_and_never_in_one_request(*, track: bool) -> None:
    made = target(LISTS)
    events = [of(name, inside=inside, track=track) for name, inside in (("a", True), ("b", False), ("c", True))]

    sent = [talk.talk(made, batch, MOMENT, iter([FOUND])) for batch in talk.batches(made, listed(made, *events))]

    bodies = [[short(ask) for ask in one.asks] for one in sent]
    assert bodies == [
        ["GET /lists?name=vip", "POST /lists/5/add"], ["POST /people"]
    ]  # fmt: skip
    assert [len(one.items) for one in sent] == [2, 1]


def test_members_of_two_audiences_are_in_two_requests() -> None:
    made = target(LISTS)
    batch = listed(made, of("a", inside=True, key="vip"), of("b", inside=True, key="new"))

    assert [len(one) for one in talk.batches(made, batch)] == [1, 1]


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (of("a", inside=True), {"key": "vip", "name": "vip", "entered": True, "left": False}),
        (of("a", inside=False, track=True), {"key": "vip", "name": "vip", "entered": False, "left": True}),
        ({"type": "identify", "traits": {"vip": True}}, None),
        ({"type": "identify", "traits": {"vip": "yes"}, "context": of("a", inside=True)["context"]}, None),
        (
            {
                "type": "identify",
                "traits": {"n": True},
                "context": {"personas": {"computation_class": "trait", "computation_key": "n"}},
            },
            None,
        ),
        ({"type": "track", "event": "Audience Entered", "properties": {}}, None),
        ({"type": "track", "event": "Other", "properties": {"audience_key": "vip"}}, None),
    ],
)
def test_membership_is_read_from_computed_audiences_and_from_nothing_else(
    event: Document, told: Document | None
) -> None:
    assert membership(event) == told


def test_a_list_is_looked_up_made_where_there_is_none_and_known_before_anybody_is_added() -> None:
    made = target(LISTS)
    batch = listed(made, of("a", inside=True))

    first = held(made, batch, NONE, MADE)
    second = held(made, batch, OK, place=first[1].place)
    third = held(made, batch, OK)

    assert first[0] == ["GET /lists?name=vip", "POST /lists"]
    assert (first[1].what, first[1].code, first[1].learned) == (Class.LATER, "goes_on", ("vip", "7"))
    assert (second[0], second[1].what) == (["POST /lists/7/add"], Class.SUCCESS)
    assert third[0] == ["POST /lists/7/add"]


def test_a_list_that_is_there_is_not_made_again() -> None:
    made = target(LISTS)

    asked, outcome = held(made, listed(made, of("a", inside=True)), FOUND)

    assert (asked, outcome.learned) == (["GET /lists?name=vip"], ("vip", "5"))


def test_while_one_batch_looks_for_a_list_the_others_of_its_audience_wait() -> None:
    made = target(LISTS)
    one, other, stranger = (
        listed(made, of(name, inside=True, key=key)) for name, key in (("a", "vip"), ("b", "vip"), ("c", "new"))
    )
    looking = made.exchange("audience_add", one, MOMENT)
    next(looking)

    waits = held(made, other)
    assert (waits[0], waits[1].what, waits[1].code, waits[1].after_s) == ([], Class.LATER, "waits", 1.0)
    assert held(made, stranger, FOUND)[0] == ["GET /lists?name=new"]

    looking.close()
    assert held(made, other, FOUND, place=waits[1].place)[0] == ["GET /lists?name=vip"]


def test_nobody_is_added_to_a_list_whose_id_the_vendor_did_not_tell() -> None:
    made = target(LISTS)
    batch = listed(made, of("a", inside=True))

    sent = talk.talk(made, batch, MOMENT, iter([NONE, answer(201, {})]))

    assert [short(ask) for ask in sent.asks] == ["GET /lists?name=vip", "POST /lists"]
    assert (sent.outcomes[0].what, sent.outcomes[0].text) == (Class.FINAL, "the vendor told no id of the list")


def test_there_are_no_more_lists_than_the_bound() -> None:
    made = target(LISTS)
    made.learn({f"k{n}": str(n) for n in range(MOST)})

    asked, outcome = held(made, listed(made, of("a", inside=True)))

    assert (asked, outcome.what) == ([], Class.FINAL)
    assert "1,000 audiences" in outcome.text


def test_an_event_that_tells_of_no_audience_makes_no_member_and_one_without_an_address_says_so() -> None:
    made = target(LISTS)
    plain: Document = {"type": "identify", "userId": "u", "messageId": "m", "traits": {"vip": True}}
    bare = of("a", inside=True)
    bare["traits"] = {"vip": True}

    assert [each.code for each in mapped(made, plain) if isinstance(each, Drop)] == ["no_match", "no_match"]
    assert "needs an e-mail" in [each.say for each in mapped(made, bare) if isinstance(each, Drop)]


def test_a_test_of_a_manifest_names_what_an_audience_sends() -> None:
    case = """
tests:
  - event:
      type: identify
      userId: a
      traits: {email: a@shop.example, vip: false}
      context: {personas: {computation_class: audience, computation_key: vip}}
    action: audience_remove
    answers: [{body: [{id: 5}]}, {body: {ids: [9]}}, {status: 200}]
    sends: [{url: /lists}, {url: /people, json: [{email: a@shop.example}]}, {url: /lists/5/remove, json: [9]}]
    outcomes: success
"""
    assert run_tests(manifest(LISTS + case)) == []


@pytest.mark.parametrize(
    ("text", "say"),
    [
        ("{}", "`create` is missing, or `get`"),
        ("{create: {post: /l, id: 1}, member: {a: 1}, add: {post: /a}}", "`remove` is missing"),
        ("{create: {post: /l}, member: {a: 1}, add: {post: /a}, remove: {post: /r}}", "`id` is missing"),
        ("{create: {post: /l, id: 1}, member: {a: 1}, add: {post: /a}, remove: {steps: {}}}", "expected a list"),
        ("{create: {post: /l, id: 1}, members: {a: 1}}", "unknown key `members`"),
    ],
)
def test_an_audience_says_how_its_list_is_made_and_who_is_in_it(text: str, say: str) -> None:
    with pytest.raises(InvalidManifest, match=say):
        manifest(f"audience: {text}\nactions: {{a: {{for: track, send: {{post: 'https://a.test/'}}}}}}")


def test_only_an_audience_reads_what_an_event_tells_of_one() -> None:
    with pytest.raises(InvalidManifest, match="what stands under `audience` reads it"):
        manifest("actions: {a: {for: track, send: {post: 'https://a.test/', json: {a: $audience.key}}}}")
