from __future__ import annotations

import gzip

import pytest

from support.manifests import MOMENT, answer, asked, items, mapped, outcomes, request, sent, target
from support.manifests import manifest as read_manifest
from turnout.document import Document
from turnout.errors import InvalidManifest
from turnout.exchange import Action, Answer, Class, Dedupe, Drop, Fault, FaultKind, Item, Moment, Order, Pace, Request

TRACK: Document = {"type": "track", "event": "Signed Up", "messageId": "m1", "userId": "u1", "properties": {"n": 1}}
ORDER: Document = {
    "type": "track", "event": "Order Completed", "messageId": "m2", "userId": "u1",
    "properties": {"products": [{"sku": "a", "n": 1}, {"sku": "b", "n": 0}, {"sku": "c", "n": 2}]},
}  # fmt: skip
BATCHED = """
settings: {key!: secret, region: {enum: [us, eu], default: us}}
order: none
dedupe: {item: id, memory: 24h}
auth: {bearer: $settings.key}
limits: {rate: 100/10s, burst: 30/1s, concurrency: 4}
http: {base: {$by: $settings.region, us: "https://us.acme.test/v1", eu: "https://eu.acme.test"}}
actions:
  event:
    for: {track: "*", page: Home}
    except: {track: Internal Ping}
    item: {id: $.messageId, name: $.event // $.name, user: $.userId}
    batch: {max: 3, bytes: 100KB, wait: 5s}
    send: {post: /events, json: {events: $batch}}
  person:
    for: identify
    order: person
    dedupe: upsert
    send: {put: "/people/{{ $.userId | urlencode }}", json: $.traits}
  erase: {for: delete, send: {delete: "/people/{{ $.userId | urlencode }}"}}
"""


def one(action: str) -> str:
    return f"actions: {{a: {{for: track, {action}}}}}"


def results(rules: str, send: str = "json: $batch") -> str:
    return (
        "dedupe: {item: id}\nactions: {a: {for: track, item: {id: $.messageId}, batch: {max: 10}, "
        f"send: {{post: 'https://a.test', {send}}}}}}}\nresults: {rules}"
    )


def test_an_action_is_selected_by_type_and_name_alone() -> None:
    made = target(BATCHED, key="k")

    assert made.select("track", "Anything") == ("event",)
    assert made.select("track", "Internal Ping") == ()
    assert made.select("page", "Home") == ("event",)
    assert made.select("page", "Other") == ()
    assert made.select("identify", "") == ("person",)
    assert made.select("alias", "") == ()


def test_an_action_for_delete_is_kept_and_never_selected_for_a_call() -> None:
    made = target(BATCHED, key="k")

    assert "erase" in made.actions
    assert all(
        "erase" not in made.select(kind, "") for kind in ("track", "identify", "page", "screen", "group", "alias")
    )


def test_a_lane_is_told_what_it_must_know() -> None:
    made = target(BATCHED, key="k")

    assert made.actions["event"] == Action("event", Order.NONE, Dedupe.ITEM, 3, 98_976, 5.0)
    assert made.actions["person"] == Action("person", Order.PERSON, Dedupe.UPSERT, 1, 4_000_000)
    assert made.pace == Pace(((100, 10), (30, 1)), 4)
    assert made.profile == "api"
    assert made.secrets == {"key": "k"}


def test_a_batch_is_one_request_with_base_proof_and_json() -> None:
    (found,) = sent(target(BATCHED, key="k", region="eu"), TRACK, TRACK | {"messageId": "m2"})

    assert found["method"] == "POST"
    assert found["url"] == "https://eu.acme.test/events"
    assert found["body"] == {
        "events": [{"id": "m1", "name": "Signed Up", "user": "u1"}, {"id": "m2", "name": "Signed Up", "user": "u1"}]
    }
    headers = found["headers"]
    assert isinstance(headers, dict)
    assert headers["authorization"] == "Bearer k"
    assert headers["content-type"] == "application/json"
    assert str(headers["user-agent"]).startswith("Turnout/")


def test_an_unbatched_action_reads_the_event_and_escapes_it_into_the_path() -> None:
    (found,) = sent(target(BATCHED, key="k"), {"type": "identify", "userId": "a/b c", "traits": {"plan": "pro"}})

    assert found["url"] == "https://us.acme.test/v1/people/a%2Fb%20c"
    assert found["body"] == {"plan": "pro"}


def test_the_endpoint_replaces_the_origin_of_every_request_and_nothing_else() -> None:
    made = target(one("send: {post: 'https://acme.test/x?y=1#part', query: {z: 2}}"), endpoint="http://127.0.0.1:8080")

    assert request(made, TRACK).url == "http://127.0.0.1:8080/x?y=1&z=2"


def test_form_query_ndjson_text_and_gzip_bodies() -> None:
    form = request(
        target(one("send: {post: 'https://a.test', form: {a: 'x y', b: [1, 2], c: {d: 1}, e: $.missing}}")), TRACK
    )
    rows = request(target(one("send: {post: 'https://a.test', ndjson: [{a: 1}, {a: 2}]}")), TRACK)
    text = request(target(one("send: {post: 'https://a.test', text: 'hi {{ $.userId }}', media: text/x-acme}")), TRACK)
    packed = request(target(one("send: {post: 'https://a.test', json: {a: 1}, gzip: true}")), TRACK)

    assert form.body == b"a=x+y&b=1&b=2&c=%7B%22d%22%3A1%7D"
    assert ("content-type", "application/x-www-form-urlencoded") in form.headers
    assert rows.body == b'{"a":1}\n{"a":2}\n'
    assert text.body == b"hi u1"
    assert ("content-type", "text/x-acme") in text.headers
    assert gzip.decompress(packed.body) == b'{"a":1}'
    assert ("content-encoding", "gzip") in packed.headers


def test_destinations_share_their_rates_by_what_the_manifest_counts_them_by() -> None:
    text = "settings: {key!: secret}\nlimits: {rate: 10/s, per: $settings.key}\n" + one(
        "send: {post: 'https://a.test'}"
    )
    first, same, other = (target(text, key=key).pace for key in ("k-secret", "k-secret", "k-other"))

    assert first == same != other
    assert "k-secret" not in repr(first)


@pytest.mark.parametrize("limits", ["{rate: 0/s}", "{rate: 5/0s}", "{rate: 5/s, per: $.userId}", "{rate: five}"])
def test_a_rate_is_of_something_in_some_time_and_counted_by_settings(limits: str) -> None:
    with pytest.raises(InvalidManifest, match="limits"):
        target(f"limits: {limits}\n" + one("send: {post: 'https://a.test'}"))


def test_a_header_with_a_control_character_is_never_sent() -> None:
    made = target(one("send: {post: 'https://a.test', headers: {X-User: $.userId}}"))

    asks, ended = asked(made, items(made, TRACK | {"userId": "a\r\nX-Evil: 1"}))

    assert asks == ()
    assert (ended[0].what, ended[0].code) == (Class.SPLIT, "mapping_error")


@pytest.mark.parametrize("name", ["Host", "Content-Length", "bad name"])
def test_a_header_that_is_the_senders_own_is_never_sent(name: str) -> None:
    made = target(
        "settings: {headers: map}\n" + one("send: {post: 'https://a.test', headers: $settings.headers}"),
        headers={name: "x"},
    )

    assert asked(made, items(made, TRACK))[0] == ()


@pytest.mark.parametrize(
    ("action", "code", "say"),
    [
        ("when: $.properties.missing", "no_match", ""),
        ("require: {any: [$.email, $.phone], say: no identifier}", "invalid", "no identifier"),
        ("require: [{all: [$.userId]}, {if: $.userId, then: $.email, say: no mail}]", "invalid", "no mail"),
        ("require: {match: [$.userId, '^x'], say: wrong id}", "invalid", "wrong id"),
        ("item: {id: $.userId}, require: {that: $item.id == 'x', say: not x}", "invalid", "not x"),
        ("skip: {if: $.userId == 'u1', say: a robot}", "skipped", "a robot"),
        ("max_age: 7d", "too_old", ""),
        ("each: $.properties.products", "no_match", ""),
        ("item: {a: $.missing}", "invalid", "nothing is left to send"),
        ("item: {a: $.userId}, batch: {item_bytes: 5B}", "too_large", ""),
    ],
)
def test_an_event_is_dropped_with_its_reason(action: str, code: str, say: str) -> None:
    made = target(one(f"{action}, send: {{post: 'https://a.test', json: $item}}"))

    assert mapped(made, TRACK | {"timestamp": "2025-01-01T00:00:00Z"}) == [Drop("a", code, say)]


def test_a_loop_makes_an_item_of_each_element_and_leaves_out_what_is_refused() -> None:
    made = target(
        one("each: $.properties.products, require: {that: $it.n > 0, say: none}, item: {s: $it.sku, i: $index}, "
            "send: {post: 'https://a.test/{{ $it.sku | urlencode }}', json: $item}")
    )  # fmt: skip

    found = items(made, ORDER)

    assert [(item.index, item.value) for item in found] == [(0, {"s": "a", "i": 0}), (2, {"s": "c", "i": 2})]
    assert [one["url"] for one in sent(made, ORDER)] == ["https://a.test/a", "https://a.test/c"]


def test_items_of_unlike_groups_go_apart_and_the_size_counts_bytes() -> None:
    made = target(
        one("item: {u: $.userId}, batch: {max: 9, by: [$.userId]}, send: {post: 'https://a.test', json: $batch}")
    )

    first, second = items(made, TRACK, TRACK | {"userId": "u2"})

    assert (first.group, second.group) == (("u1",), ("u2",))
    assert first.size == len(b'{"u":"u1"},')
    assert len(sent(made, TRACK, TRACK | {"userId": "u2"})) == 2


def test_of_items_with_one_key_the_last_is_sent_and_all_share_its_outcome() -> None:
    made = target(
        one(
            "item: {u: $.userId, m: $.messageId}, batch: {max: 9, unique: $item.u}, "
            "send: {post: 'https://a.test', json: $batch}"
        )
    )
    batch = items(made, TRACK, TRACK | {"userId": "u2"}, TRACK | {"messageId": "m3"})

    (ask,), ended = asked(made, batch, answer(200))

    assert isinstance(ask, Request)
    assert ask.body == b'[{"u":"u2","m":"m1"},{"u":"u1","m":"m3"}]'
    assert [each.code for each in ended] == ["delivered"] * 3


def test_the_id_of_a_request_is_the_same_on_each_attempt() -> None:
    made = target("dedupe: batch\n" + one("send: {post: 'https://a.test', headers: {Idempotency-Key: $request_id}}"))

    assert ("idempotency-key", MOMENT.request_id) in request(made, TRACK).headers


@pytest.mark.parametrize(
    ("rules", "reply", "ended"),
    [
        ("{}", answer(200), "success delivered"),
        ("{}", answer(409), "final http_409"),
        ("{}", Fault(FaultKind.TIMEOUT), "unknown timeout"),
        ("{auth: $res.body.code == 190}", answer(400, {"code": 190}), "credentials credentials"),
        ("{retry: $res.body.busy}", answer(200, {"busy": True}), "retry retry"),
        ("{pause: $res.status == 404}", answer(404), "pause paused"),
        ("{already: $res.status == 409}", answer(409), "success already"),
        ("{drop: $res.body.status == 0}", answer(200, {"status": 0}), "final rejected"),
        ("{ok: $res.status == 404}", answer(404), "success delivered"),
        ("{drop: $res.status == 400, auth: $res.status == 400}", answer(400), "credentials credentials"),
        ("{split: $res.status == 403}", answer(403), "final rejected"),
        ("{retry: '$res.headers.\"X-State\" == ''busy'''}", answer(200, None, X_State="busy"), "retry retry"),
        ("{drop: $res.text == 'no'}", answer(200, "no"), "final rejected"),
        ("{drop: $res.body.bad}", Answer(200, (), b"{", whole=False), "unknown answer_incomplete"),
    ],
)
def test_the_rules_of_a_manifest_come_before_the_table(rules: str, reply: Answer, ended: str) -> None:
    assert outcomes(target(results(rules)), reply, TRACK) == [ended]


def test_the_vendors_words_are_kept_short_and_clean() -> None:
    made = target(results("{error: $res.body.message}"))

    _, (ended,) = asked(made, items(made, TRACK), answer(400, {"message": "bad\x00 thing " * 100}))

    assert ended.text.startswith("bad thing")
    assert len(ended.text) <= 512


def test_listed_items_end_as_their_rule_says_and_the_rest_of_a_refused_batch_goes_again() -> None:
    events = [TRACK | {"messageId": f"m{n}"} for n in range(4)]
    rules = """{items: [
      {from: $res.body.invalid, error: invalid},
      {from: $res.body.slow, at: $it.i, outcome: "= if($it.busy, 'retry', 'drop')"},
      {from: $res.body.known, id: $it.id, outcome: already}]}"""
    body: Document = {"invalid": [0], "slow": [{"i": 1, "busy": True}, {"i": 9}], "known": [{"id": "m2"}]}

    taken = outcomes(target(results(rules)), answer(200, body), *events)
    refused = outcomes(target(results(rules)), answer(400, body), *events)

    assert taken == ["final rejected", "retry retry", "success already", "success delivered"]
    assert refused == ["final rejected", "retry retry", "success already", "retry retry"]


def test_a_rule_says_how_the_rest_of_a_refused_batch_ended() -> None:
    made = target(results("{items: {from: $res.body.failed, at: $it.index, rest: ok}}"))

    assert outcomes(made, answer(400, {"failed": [{"index": 1}]}), TRACK, TRACK) == [
        "success delivered",
        "final rejected",
    ]


def test_a_batch_refused_whole_is_split_and_one_item_alone_is_final() -> None:
    made = target(results("{}"))

    assert outcomes(made, answer(400), TRACK, TRACK) == ["split http_400", "split http_400"]
    assert outcomes(made, answer(400), TRACK) == ["final http_400"]


def test_a_header_of_the_vendors_says_when_to_go_on() -> None:
    made = target("limits: {reset: '$res.headers.\"X-Reset\"'}\n" + one("send: {post: 'https://a.test'}"))
    later = str(MOMENT.now // 1_000_000 + 30)

    _, (ended,) = asked(made, items(made, TRACK), answer(429, None, X_Reset=later))

    assert ended.after_s == 30.0


def test_credentials_are_tried_by_the_request_that_the_manifest_names() -> None:
    text = (
        "settings: {k!: secret}\ncheck: {get: 'https://a.test/me', query: {k: $settings.k}, ok: $res.body.ok}\n"
        + one("send: {post: 'https://a.test'}")
    )
    ended = []
    for reply in (answer(200, {"ok": True}), answer(200, {}), answer(401)):
        talk = target(text, k="s").check(MOMENT)
        assert talk is not None
        assert next(talk) == Request(
            "GET", "https://a.test/me?k=s", (("user-agent", request(target(text, k="s"), TRACK).headers[0][1]),)
        )
        with pytest.raises(StopIteration) as stop:
            talk.send(reply)
        ended.append(stop.value.value[0].what)

    assert ended == [Class.SUCCESS, Class.FINAL, Class.CREDENTIALS]
    assert target(one("send: {post: 'https://a.test'}")).check(MOMENT) is None


def test_an_items_document_is_the_event_and_its_value_is_json() -> None:
    (item,) = items(target(one("item: {a: $.userId}, send: {post: 'https://a.test', json: $item}")), TRACK)

    assert item == Item("a", 0, {"a": "u1"}, 11, (), TRACK, b'{"a":"u1"}')


def test_what_a_request_reads_of_its_event_is_that_events_own() -> None:
    text = one("send: {post: 'https://a.test/{{ $.userId }}', headers: {X-Name: $.event}, json: {n: $.properties.n}}")
    made = target(text)
    other = TRACK | {"userId": "u2", "event": "Left", "properties": {"n": 2}}

    asks = [request(made, TRACK), request(made, other), request(made, TRACK)]

    assert [ask.url for ask in asks] == ["https://a.test/u1", "https://a.test/u2", "https://a.test/u1"]
    assert [dict(ask.headers)["x-name"] for ask in asks] == ["Signed Up", "Left", "Signed Up"]
    assert [ask.body for ask in asks] == [b'{"n":1}', b'{"n":2}', b'{"n":1}']


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("$item", '{"id":"m1"}'),
        ("{all: $batch, first: $batch.0}", '{"all":[{"id":"m1"},{"id":"m2"}],"first":{"id":"m1"}}'),
        ("{ids: {$each: $batch, $do: $it.id}}", '{"ids":["m1","m2"]}'),
        ("{id: $batch.1.id, text: {$json: $batch}}", '{"id":"m2","text":"[{\\"id\\":\\"m1\\"},{\\"id\\":\\"m2\\"}]"}'),
        ("{$spread: $item, n: $batch | count}", '{"id":"m1","n":2}'),
        ("{$if: $item.id == 'm1', $then: $batch, $else: $item}", '[{"id":"m1"},{"id":"m2"}]'),
    ],
)
def test_a_body_may_hold_its_items_and_look_into_them(body: str, text: str) -> None:
    made = target(one(f"item: {{id: $.messageId}}, batch: {{max: 10}}, send: {{post: 'https://a.test', json: {body}}}"))

    assert request(made, TRACK, ORDER).body.decode() == text


def test_a_limit_may_come_from_a_setting() -> None:
    text = "settings: {size: {type: int, default: 1}}\n" + one(
        "item: $., batch: {max: $settings.size}, send: {post: 'https://a.test', json: $batch}"
    )

    assert target(text).actions["a"].max_items == 1
    assert target(text, size=50).actions["a"].max_items == 50


def test_a_manifest_says_which_names_integrations_may_use() -> None:
    assert read_manifest(one("send: {post: 'https://a.test'}")).names == ("Acme", "acme", "actions-acme")


def test_rules_are_asked_in_the_order_of_the_page_wherever_they_stand() -> None:
    made = target(
        "results: {drop: $res.body.bad, ok: $res.body.fine}\n"
        + one("send: {post: 'https://a.test', results: {retry: $res.body.bad}}")
    )

    assert outcomes(made, answer(200, {"bad": True, "fine": True}), TRACK) == ["retry retry"]


LIMITED = """
settings: {key!: secret, region: {default: us}}
limits: {rate: 100/s, per: $settings.key}
actions:
  a: {for: track, limits: {rate: 5/s, burst: 9/10s, concurrency: 2, per: $settings.key}, send: {post: "https://a.test"}}
  b: {for: page, limits: {rate: 5/s, burst: 9/10s, concurrency: 2, per: $settings.key}, send: {post: "https://a.test"}}
  c:
    for: identify
    limits: {rate: 7/s}
    steps:
      - find: {get: "https://a.test/find", limits: {rate: 1/s}}
      - make: {post: "https://a.test/make"}
  d: {for: group, send: {post: "https://a.test"}}
"""


def test_limits_of_an_action_are_its_requests_and_those_of_a_step_that_steps() -> None:
    made = target(LIMITED, key="k-secret")
    kinds = ("track", "page", "identify", "group")

    asks = [asked(made, items(made, {**TRACK, "type": kind}), *[Answer(200)] * 2)[0] for kind in kinds]
    found = [[ask.paces for ask in each if isinstance(ask, Request)] for each in asks]

    assert [(pace.rates, pace.concurrency) for pace in found[0][0]] == [(((5.0, 1.0), (9.0, 10.0)), 2)]
    assert found[0] == found[1], "equal limits are shared"
    assert "k-secret" not in repr(found)
    assert [[pace.rates for pace in paces] for paces in found[2]] == [[((1.0, 1.0),)], [((7.0, 1.0),)]]
    assert found[3] == [()]
    assert made.pace.rates == ((100.0, 1.0),)


def test_rates_of_the_token_are_those_of_the_requests_that_carry_it() -> None:
    made = target(
        "limits: {rate: 5/s, concurrency: 3, per: $auth.access_token}\n"
        "auth: {oauth2: {grant: client_credentials, token: 'https://a.test/token', client_id: i, client_secret: s},"
        " bearer: $auth.access_token}\n" + one("send: {post: 'https://a.test'}")
    )
    batch = items(made, TRACK)

    first, again, other = (
        next(made.exchange("a", batch, Moment(1, "r", {"access_token": token}))) for token in ("t1", "t1", "t2")
    )

    assert isinstance(first, Request)
    assert (made.pace.rates, made.pace.concurrency) == ((), 3)
    assert [(pace.rates, pace.concurrency) for pace in first.paces] == [(((5.0, 1.0),), 0)]
    assert first.paces == again.paces != other.paces  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "limits", ["{rate: five}", "{rate: 5/s, per: $.userId}", "{rate: 5/s, reset: $res.body.at}", "{per: $auth.token}"]
)
def test_limits_of_an_action_are_refused_as_those_of_the_manifest_are(limits: str) -> None:
    with pytest.raises(InvalidManifest, match="limits"):
        target(one(f"limits: {limits}, send: {{post: 'https://a.test'}}"))
