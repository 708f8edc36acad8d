from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from turnout.errors import InvalidManifest
from turnout.exchange import Answer, Class, Fault, FaultKind, Item, Moment, Outcome, Reply, Request
from turnout.manifest.actions import CompiledTarget
from turnout.manifest.plans import compiled
from turnout.manifest.read import read
from turnout.manifest.talk import shown, talk

NOW = 1_770_000_000_000_000
CRM = """
turnout: 1
slug: crm
name: Crm
category: CRM
status: {preview: a test}
order: person
dedupe: upsert
settings:
  api_key!: {type: secret, label: API key}
auth: {bearer: $settings.api_key}
http: {base: "https://crm.test/api"}
actions:
  contact:
    for: identify
    steps:
      - find:
          get: /people
          query: {email: $.traits.email}
          save: {id: $res.body.items.0.id}
          cache: {key: $.traits.email, ttl: 10m}
      - update:
          when: $find.id
          put: "/people/{{ $find.id | urlencode }}"
          json: {name: $.traits.name}
          catch: {404: {forget: find, then: again}}
      - create:
          when: not $find.id
          post: /people
          json: {email: $.traits.email}
          save: {id: $res.body.id}
          catch: {409: {save: {id: $res.body.existing}}, 422: next}
      - tags:
          each: $.traits.tags
          post: "/people/{{ $find.id // $create.id | urlencode }}/tags"
          json: {name: $it, place: $index}
  company:
    for: group
    steps:
      - lists: {get: /lists, page: {next: $res.body.next, items: $res.body.lists, max: 3}}
      - none: {when: not $lists.items, drop: "no list has the name {{ $.groupId }}"}
      - add: {post: /add, json: {lists: $lists.items, was: $lists.status, said: $lists.body.note}}
  seen:
    for: track
    item: {id: $.messageId}
    batch: {max: 10}
    steps:
      - job: {post: /jobs, json: {n: 1}, save: {id: $res.body.id}}
      - rows:
          post: "/jobs/{{ $job.id | urlencode }}/rows"
          json: $batch
          results: {items: {from: $res.body.failed, id: $it.id, error: $it.why}}
      - close: {post: "/jobs/{{ $job.id | urlencode }}/close"}
"""
ANN: dict[str, Any] = {
    "type": "identify",
    "messageId": "m_1",
    "userId": "u",
    "traits": {"email": "ann@shop.example", "name": "Ann"},
}


class Crm:
    """A destination that takes its steps, and what each talk asked."""

    def __init__(self, manifest: str = CRM) -> None:
        self.target = CompiledTarget(compiled(read(manifest)), {"api_key": "k"})

    def hear(
        self, events: Sequence[dict[str, Any]], *replies: tuple[int, Any] | Fault, at_s: int = 0
    ) -> tuple[list[str], tuple[Outcome, ...]]:
        """Hold the talk of events, answered so; give the requests in short, and the outcomes."""
        now = NOW + at_s * 1_000_000
        items: list[Item] = []
        for event in events:
            chosen = self.target.select(event["type"], "")
            items += [each for each in self.target.items(event, chosen, now) if isinstance(each, Item)]
        said: list[Reply] = [
            each if isinstance(each, Fault) else Answer(each[0], (), orjson.dumps(each[1])) for each in replies
        ]
        found = talk(self.target, tuple(items), Moment(now, "r_1"), iter(said))
        return [_short(shown(ask)) for ask in found.asks], found.outcomes


def _short(ask: dict[str, Any]) -> str:
    query = "".join(f"?{name}={value}" for name, value in ask["query"].items())
    body = orjson.dumps(ask["body"]).decode() if ask["body"] is not None else ""
    return f"{ask['method']} {ask['url'].removeprefix('https://crm.test/api')}{query} {body}".strip()


def kinds(outcomes: Sequence[Outcome]) -> list[str]:
    return [f"{each.what} {each.code}" for each in outcomes]


def test_what_is_not_found_is_made_and_later_steps_read_what_either_gave() -> None:
    asked, outcomes = Crm().hear(
        [ANN | {"traits": ANN["traits"] | {"tags": ["a", "b"]}}],
        (200, {"items": []}), (201, {"id": 7}), (200, {}), (200, {}),
    )  # fmt: skip

    assert asked == [
        "GET /people?email=ann@shop.example",
        'POST /people {"email":"ann@shop.example"}',
        'POST /people/7/tags {"name":"a","place":0}',
        'POST /people/7/tags {"name":"b","place":1}',
    ]
    assert kinds(outcomes) == ["success delivered"]


def test_what_was_found_is_known_to_later_events_until_its_time_is_over() -> None:
    crm = Crm()
    found = (200, {"items": [{"id": 9}]})

    first, _ = crm.hear([ANN], found, (200, {}))
    second, _ = crm.hear([ANN], (200, {}), at_s=599)
    third, _ = crm.hear([ANN], found, (200, {}), at_s=601)

    put = 'PUT /people/9 {"name":"Ann"}'
    assert (first[1:], second, third[1:]) == ([put], [put], [put])
    assert len(first) == len(third) == 2


def test_nothing_found_is_not_known_for_somebody_is_about_to_make_it() -> None:
    crm = Crm()

    crm.hear([ANN], (200, {"items": []}), (201, {"id": 1}))
    asked, _ = crm.hear([ANN], (200, {"items": [{"id": 1}]}), (200, {}))

    assert asked[0].startswith("GET /people")


def test_what_is_gone_is_forgotten_and_the_talk_begins_anew_once() -> None:
    crm = Crm()
    crm.hear([ANN], (200, {"items": [{"id": 9}]}), (200, {}))

    asked, outcomes = crm.hear([ANN], (404, {}), (200, {"items": []}), (201, {"id": 10}))
    crm.hear([ANN], (200, {"items": [{"id": 9}]}), (200, {}))
    twice, refused = crm.hear([ANN], (404, {}), (200, {"items": [{"id": 9}]}), (404, {}))

    assert [each.split()[0] for each in asked] == ["PUT", "GET", "POST"]
    assert kinds(outcomes) == ["success delivered"]
    assert [each.split()[0] for each in twice] == ["PUT", "GET", "PUT"]
    assert kinds(refused) == ["final http_404"]


@pytest.mark.parametrize(
    ("answer", "requests", "ended"),
    [
        ((409, {"existing": 8}), 3, "success delivered"),
        ((422, {}), 2, "split mapping_error"),  # nothing to put into the path of the next one
        ((400, {}), 2, "final http_400"),
    ],
)
def test_a_caught_status_is_good_and_any_other_ends_the_talk(
    answer: tuple[int, Any], requests: int, ended: str
) -> None:  # fmt: skip
    event = ANN | {"traits": {"email": "ann@shop.example", "tags": ["a"]}}

    asked, outcomes = Crm().hear([event], (200, {"items": []}), answer, (200, {}))

    assert (len(asked), kinds(outcomes)) == (requests, [ended])


@pytest.mark.parametrize(
    ("reply", "ended"),
    [((500, {}), "retry http_500"), (Fault(FaultKind.TIMEOUT), "unknown timeout"), ((401, {}), "credentials http_401")],
)
def test_a_step_that_fails_is_how_the_event_ends(reply: tuple[int, Any] | Fault, ended: str) -> None:
    asked, outcomes = Crm().hear([ANN], reply)

    assert len(asked) == 1
    assert kinds(outcomes) == [ended]


def test_pages_are_read_to_their_end_and_never_on_another_host() -> None:
    group = {"type": "group", "messageId": "m", "userId": "u", "groupId": "g"}

    asked, outcomes = Crm().hear(
        [group],
        (200, {"lists": [1], "next": "https://evil.test/api/lists?page=2", "note": "first"}),
        (200, {"lists": [2], "next": "/lists?page=3"}),
        (200, {"lists": [3], "next": "/lists?page=4", "note": "last"}),
        (200, {}),
    )

    assert asked == [
        "GET /lists", "GET /lists?page=2", "GET /lists?page=3", 'POST /add {"lists":[1,2,3],"was":200,"said":"last"}',
    ]  # fmt: skip
    assert kinds(outcomes) == ["success delivered"]


def test_a_step_may_say_that_there_is_nothing_to_do() -> None:
    group = {"type": "group", "messageId": "m", "userId": "u", "groupId": "g"}

    asked, (outcome,) = Crm().hear([group], (200, {"lists": []}))

    assert asked == ["GET /lists"]
    assert (outcome.what, outcome.text) == (Class.FINAL, "no list has the name g")


def test_one_item_that_a_step_refuses_does_not_end_the_others() -> None:
    events = [{"type": "track", "event": "x", "userId": "u", "messageId": f"m_{n}"} for n in range(3)]

    asked, outcomes = Crm().hear(
        events, (200, {"id": 5}), (200, {"failed": [{"id": "m_1", "why": "too old"}]}), (200, {})
    )

    assert [each.split()[1] for each in asked] == ["/jobs", "/jobs/5/rows", "/jobs/5/close"]
    assert kinds(outcomes) == ["success delivered", "final rejected", "success delivered"]
    assert outcomes[1].text == "too old"


@pytest.mark.parametrize(
    ("steps", "say"),
    [
        ("[]", "expected a list of 1 to 20 steps"),
        ("{find: {get: /x}}", "expected a list"),
        ("[{find: {get: /x}, make: {get: /y}}]", "expected `name: {…}`"),
        ("[{find: {get: /x}}, {find: {get: /x}}]", "there is a step `find` already"),
        ("[{res: {get: /x}}]", "`$res` means something else already"),
        ("[{Find: {get: /x}}]", "a step's name has small letters"),
        ("[{make: {post: /x, json: $find.id}}, {find: {get: /x}}]", "unknown variable `$find`"),
        ("[{find: {get: /x}}, {make: {post: /x, json: $fnid.id}}]", "did you mean `find`?"),
        ("[{find: {get: /x, save: {status: $res.body.id}}}]", "every step has that by itself"),
        ("[{find: {get: /x, cache: {key: $.userId, ttl: 1m}}}]", "nothing is saved"),
        ("[{find: {get: /x, save: {id: 1}, cache: {key: $.userId}}}]", "a cache has `key` and `ttl`"),
        ("[{find: {get: /x, catch: {404: {forget: other, then: again}}}}]", "of a step before that has a cache"),
        ("[{find: {get: /x, catch: {200: next}}}]", "expected a status"),
        ("[{find: {get: /x, each: $.traits.a, save: {id: 1}}}]", "a step for each element saves nothing"),
        ("[{find: {get: /x, page: {next: $res.body.n}}}]", "`page` has `next`, `items`"),
        ("[{find: {get: /x, poll: {every: 1s}}}]", "`every` is 1s to 1h"),
        ("[{find: {drop: nothing, get: /x}}]", "unknown key `get`"),
        ("[{find: {drop: nothing}}]", "no step sends anything"),
        ("[{find: {get: /x, saev: {}}}]", "unknown key `saev`"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(steps: str, say: str) -> None:
    head = CRM[: CRM.index("actions:")]

    with pytest.raises(InvalidManifest) as error:
        read(f"{head}actions:\n  one:\n    for: identify\n    steps: {steps}\n", "crm.yaml")

    assert say in error.value.message
    assert error.value.message.startswith("crm.yaml:")


def test_an_action_sends_once_or_in_steps() -> None:
    head = CRM[: CRM.index("actions:")]

    for body in ("{for: identify}", "{for: identify, send: {get: /x}, steps: [{find: {get: /x}}]}"):
        with pytest.raises(InvalidManifest):
            read(f"{head}actions:\n  one: {body}\n")


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("{{ $settings.api_key }}", "https://one.test/in/"),  # all of it is the user's
        ("{{ $settings.api_key }}/events", "https://one.test/in//events"),
        ("/people/{{ $.userId }}/", "https://crm.test/api/people/u/"),
        ("/people/{{ $.userId }}?of={{ $.nobody }}", "https://crm.test/api/people/u?of="),
        ("/people/{{ $.nobody }}", ""),
        ("/people/{{ $.nobody }}/tags", ""),
        ("/people/{{ $.nobody }}?of=1", ""),
    ],
)
def test_only_an_address_that_lacks_a_part_of_its_path_is_never_asked(url: str, asked: str) -> None:
    head = CRM[: CRM.index("actions:")]
    manifest = read(f"{head}actions:\n  one:\n    for: identify\n    send: {{post: '{url}', json: {{a: 1}}}}\n")
    target = CompiledTarget(compiled(manifest), {"api_key": "https://one.test/in/"})
    items = [each for each in target.items(ANN, ("one",), NOW) if isinstance(each, Item)]

    found = talk(target, tuple(items), Moment(NOW, "r_1"), iter(()))

    assert [ask.url for ask in found.asks if isinstance(ask, Request)] == ([asked] if asked else [])
    assert (found.outcomes[0].code == "mapping_error") is not bool(asked)
