"""Tokens: one before the first request, renewed ahead and after a refusal, once for all; nothing is lost meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from support.authority import CLIENT, SECRET, Authority
from support.delivering import delivering, until_seen
from support.destination import Recorder
from support.engine import NAME, Poster, caller, track
from support.lanes import tracks
from support.manifests import target
from support.script import Script
from turnout.clock import SECOND
from turnout.delivery import held
from turnout.delivery.held import FIELD, Held, entity_of
from turnout.delivery.tokens import put
from turnout.document import Document
from turnout.evidence.frame import unpack
from turnout.exchange import Granted, Moment, Order, Refused, Reply, Request
from turnout.ingest import ingest
from turnout.manifest.actions import CompiledTarget
from turnout.store.store import Store
from turnout.store.unit import View

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(480)]

ACME = """
order: none
settings:
  client_id!: {type: string, label: Client}
  client_secret!: {type: secret, label: Secret}
  username: {type: string, label: User}
  password: {type: secret, label: Password}
  refresh_token: {type: secret, label: Refresh token}
auth:
  oauth2: {%s, token: "https://acme.test/token"}
  bearer: $auth.access_token
http: {base: "https://acme.test"}
actions:
  event:
    for: {track: Signed Up}
    item: {id: $.messageId}
    send: {post: /events, json: {item: $item, account: $auth.account}}
"""
MACHINE = "grant: client_credentials, scopes: [a, b]"
PASSWORD = "grant: password"
PASTED = "grant: refresh_token"
CONSENT = 'grant: authorization_code, authorize: "https://acme.test/authorize"'


def acme(url: str, grant: str = MACHINE, **settings: str) -> CompiledTarget:
    given = {"client_id": CLIENT, "client_secret": SECRET, **settings}
    return target(ACME % grant, endpoint=url, **given)


async def record(store: Store, first: int, count: int) -> None:
    calls = tuple(tracks(first, count))
    await store.transact(lambda unit: ingest(unit, calls, caller(store.clock.now())))


def delivered(view: View) -> int:
    return int(view.session.rows("SELECT count(*) FROM deliveries WHERE code = 1")[0][0])


def kept(view: View) -> Held:
    return held.read(view.entities.secrets(entity_of(NAME)).get(FIELD))


async def give(store: Store, **fields: str) -> None:
    """Keep a token as a person's consent leaves one."""
    text = "{" + ",".join(f'"{name}":"{value}"' for name, value in fields.items()) + "}"
    now = store.clock.now()
    kept = Held(1, consent=True, text=text, obtained=now, expires=now + 3600 * SECOND)
    await store.transact(lambda unit: put(unit, NAME, kept))


async def test_a_token_is_got_before_the_first_request_and_used_by_all(data_dir: Path) -> None:
    authority = Authority()
    with Recorder(Script(decide=authority.decide)) as vendor:
        async with delivering(data_dir, acme(vendor.url)) as store:
            await record(store, 0, 20)
            await until_seen(store, lambda view: delivered(view) == 20)

    assert [form["grant_type"] for form in authority.asked] == ["client_credentials"]
    assert authority.asked[0]["scope"] == "a b"
    assert {token for token, _ in authority.taken} == {"access-token-1"}
    assert '"account":"account-1"' in authority.taken[0][1]
    assert authority.refused == 0


@pytest.mark.parametrize(
    ("grant", "settings"),
    [(PASSWORD, {"username": "ann", "password": "ann-password"}), (PASTED, {"refresh_token": "pasted"})],
    ids=["password", "refresh_token"],
)
async def test_each_grant_gives_a_token(data_dir: Path, grant: str, settings: dict[str, str]) -> None:
    authority = Authority(refresh={"pasted"})
    with Recorder(Script(decide=authority.decide)) as vendor:
        async with delivering(data_dir, acme(vendor.url, grant, **settings)) as store:
            await record(store, 0, 3)
            await until_seen(store, lambda view: delivered(view) == 3)

    assert len(authority.asked) == 1


async def test_a_token_that_is_refused_is_renewed_once_and_each_of_fifty_events_is_taken_once(data_dir: Path) -> None:
    authority = Authority()
    with Recorder(Script(decide=authority.decide)) as vendor:
        async with delivering(data_dir, acme(vendor.url)) as store:
            await record(store, 0, 1)
            await until_seen(store, lambda view: delivered(view) == 1)
            authority.expire()
            await record(store, 1, 50)
            await until_seen(store, lambda view: delivered(view) == 51)

    assert len(authority.asked) == 2
    assert set(Counter(body for _, body in authority.taken).values()) == {1}
    assert authority.refused >= 1


async def test_a_token_is_renewed_before_it_ends_and_nothing_is_refused(data_dir: Path) -> None:
    authority = Authority(lives_s=2)
    with Recorder(Script(decide=authority.decide)) as vendor:
        async with delivering(data_dir, acme(vendor.url)) as store:
            for turn in range(50):
                await record(store, turn, 1)
                await until_seen(store, lambda view, n=turn + 1: delivered(view) == n)  # type: ignore[misc]
                if authority.given >= 3:
                    break
                with anyio.move_on_after(0.1):
                    await anyio.sleep_forever()

    assert authority.given >= 3
    assert authority.refused == 0


async def test_events_wait_while_no_token_is_to_be_had_and_are_delivered_after(data_dir: Path) -> None:
    authority = Authority(down=503)
    with Recorder(Script(decide=authority.decide)) as vendor:
        async with delivering(data_dir, acme(vendor.url)) as store:
            await record(store, 0, 30)
            await until_seen(store, lambda view: kept(view).tries >= 3)
            waiting = await store.read(kept)
            assert waiting.why == "http_503"
            assert await store.read(lambda view: view.lanes.windows()) == ()
            authority.down = 0
            await until_seen(store, lambda view: delivered(view) == 30)

    assert len(authority.asked) < 20
    assert set(Counter(body for _, body in authority.taken).values()) == {1}


async def test_a_refresh_token_that_turns_is_kept_before_the_new_token_is_used(data_dir: Path) -> None:
    authority = Authority(rotates=True, refresh={"r-0"})
    with Recorder(Script(decide=authority.decide)) as vendor:
        async with delivering(data_dir, acme(vendor.url, CONSENT)) as store:
            await give(store, access_token="old", refresh_token="r-0", account="a")
            await record(store, 0, 10)
            await until_seen(store, lambda view: delivered(view) == 10)
            fields = (await store.read(kept)).fields

    assert fields["refresh_token"] == "refresh-token-1"
    assert fields["access_token"] == "access-token-1"
    assert authority.refresh == {"refresh-token-1"}


async def test_without_consent_nothing_is_asked_and_nothing_leaves(data_dir: Path) -> None:
    authority = Authority()
    with Recorder(Script(decide=authority.decide)) as vendor:
        async with delivering(data_dir, acme(vendor.url, CONSENT)) as store:
            await record(store, 0, 5)
            await until_seen(store, lambda view: kept(view).consent)  # so that health and traces say it
            await stir(store)
            assert await store.read(lambda view: view.lanes.windows()) == ()
            authority.good.add("first")
            await give(store, access_token="first")
            await until_seen(store, lambda view: delivered(view) == 5)

    assert authority.asked == []
    assert authority.refused == 0


async def stir(store: Store) -> None:
    """Commit often, so that the lane looks and looks."""
    for n in range(20):
        call = track(f"other-{n}", event="Other")
        await store.transact(lambda unit, call=call: ingest(unit, (call,), caller(store.clock.now())))  # type: ignore[misc]


async def test_a_consent_that_was_taken_back_stops_the_lane_and_says_so(data_dir: Path) -> None:
    authority = Authority(rotates=True, refresh={"r-0"}, good={"first"})
    with Recorder(Script(decide=authority.decide)) as vendor:
        async with delivering(data_dir, acme(vendor.url, CONSENT)) as store:
            await give(store, access_token="first", refresh_token="r-0", account="a")
            await record(store, 0, 1)
            await until_seen(store, lambda view: delivered(view) == 1)
            authority.revoke()
            await record(store, 1, 20)
            await until_seen(store, lambda view: kept(view).spent and not view.lanes.windows())
            asked, refused = len(authority.asked), authority.refused
            await stir(store)
            assert (len(authority.asked), authority.refused) == (asked, refused)
            authority.good.add("second")
            await store.transact(lambda unit: put(unit, NAME, Held(2, consent=True, text='{"access_token":"second"}')))
            await until_seen(store, lambda view: delivered(view) == 21)

    assert asked == 1
    assert set(Counter(body for _, body in authority.taken).values()) == {1}


async def test_what_a_new_token_is_refused_for_stops_the_lane_instead_of_renewing_for_ever(data_dir: Path) -> None:
    authority = Authority(forbids={"item"})
    with Recorder(Script(decide=authority.decide)) as vendor:
        async with delivering(data_dir, acme(vendor.url)) as store:
            await record(store, 0, 3)
            await until_seen(store, lambda view: view.lanes.all()[0].reason == "credentials")
            authority.forbids.clear()
            await until_seen(store, lambda view: delivered(view) == 3)

    assert len(authority.asked) == 2


async def test_an_event_that_alone_is_refused_is_discarded_and_the_others_are_taken(data_dir: Path) -> None:
    authority = Authority(forbids={'"m1"'})
    with Recorder(Script(decide=authority.decide)) as vendor:
        async with delivering(data_dir, acme(vendor.url)) as store:
            await record(store, 0, 3)
            await until_seen(store, lambda view: view.lanes.all()[0].reason == "credentials")
            await record(store, 3, 1)
            ended = "SELECT count(*) FROM deliveries"
            await until_seen(store, lambda view: view.session.rows(ended)[0][0] == 4)
            assert await store.read(delivered) == 3

    assert len(authority.asked) <= 2


async def test_no_token_stands_in_evidence_or_in_the_database(data_dir: Path) -> None:
    authority = Authority()
    with Recorder(Script(decide=authority.decide)) as vendor:
        async with delivering(data_dir, acme(vendor.url)) as store:
            await record(store, 0, 1)
            await until_seen(store, lambda view: delivered(view) == 1)
            authority.expire()
            await record(store, 1, 1)
            await until_seen(store, lambda view: delivered(view) == 2)
            frames = await store.read(lambda view: view.session.rows("SELECT * FROM exchanges"))

    told = str([unpack(column) for row in frames for column in row if isinstance(column, bytes) and len(column) > 40])
    assert "[auth.access_token]" in told
    assert "access-token-" not in told
    assert SECRET not in told
    raw = await anyio.to_thread.run_sync(whole, data_dir)
    assert b"access-token-" not in raw


def whole(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())


async def test_a_renewed_token_is_no_change_of_the_configuration(data_dir: Path) -> None:
    authority = Authority()
    with Recorder(Script(decide=authority.decide)) as vendor:
        async with delivering(data_dir, acme(vendor.url)) as store:
            before = await store.read(lambda view: (view.counter.revision, view.session.rows("SELECT * FROM audit")))
            await record(store, 0, 1)
            await until_seen(store, lambda view: delivered(view) == 1)
            authority.expire()
            await record(store, 1, 1)
            await until_seen(store, lambda view: delivered(view) == 2)
            after = await store.read(lambda view: (view.counter.revision, view.session.rows("SELECT * FROM audit")))

    assert len(authority.asked) == 2
    assert before == after


async def test_who_stops_while_a_token_is_asked_for_keeps_its_answer(data_dir: Path) -> None:
    authority = Authority(rotates=True, refresh={"r-0"}, slow_s=0.5)
    with Recorder(Script(decide=authority.decide)) as vendor:
        async with delivering(data_dir, acme(vendor.url, CONSENT)) as store:
            await give(store, access_token="old", refresh_token="r-0", account="a")
            await record(store, 0, 1)
            await anyio.to_thread.run_sync(vendor.wait_until, lambda: bool(authority.asked))
        async with delivering(data_dir, acme(vendor.url, CONSENT)) as store:
            await until_seen(store, lambda view: delivered(view) == 1)

    assert len(authority.asked) == 1
    assert authority.taken[0][0] == "access-token-1"


async def test_who_died_before_keeping_a_token_that_turns_leaves_events_that_wait_for_a_person(data_dir: Path) -> None:
    authority = Authority(rotates=True, spent={"r-0"})  # the vendor gave the next one; its answer was lost
    with Recorder(Script(decide=authority.decide)) as vendor:
        async with delivering(data_dir, acme(vendor.url, CONSENT)) as store:
            await give(store, access_token="old", refresh_token="r-0", account="a")
            dead = (await store.read(kept)).claimed("dead", store.clock.now() - 20 * SECOND)
            await store.transact(lambda unit: put(unit, NAME, dead))
            await record(store, 0, 5)
            await until_seen(store, lambda view: kept(view).spent)
            assert "its consent is void (invalid_grant)" in (await store.read(kept)).trouble("Acme")
            authority.good.add("second")
            await store.transact(lambda unit: put(unit, NAME, Held(2, consent=True, text='{"access_token":"second"}')))
            await until_seen(store, lambda view: delivered(view) == 5)

    assert len(authority.asked) == 1


async def test_who_is_asking_is_left_to_ask(data_dir: Path) -> None:
    authority = Authority()
    with Recorder(Script(decide=authority.decide)) as vendor:
        async with delivering(data_dir, acme(vendor.url)) as store:
            now = store.clock.now()
            await store.transact(lambda unit: put(unit, NAME, Held().claimed("another process", now)))
            await record(store, 0, 1)
            await stir(store)
            assert authority.asked == []
            authority.good.add("theirs")
            theirs = Held(1, text='{"access_token":"theirs"}', basis=basis(vendor.url))
            await store.transact(lambda unit: put(unit, NAME, theirs))
            await until_seen(store, lambda view: delivered(view) == 1)

    assert authority.asked == []
    assert {token for token, _ in authority.taken} == {"theirs"}


class Broken:
    """A grant that fails on our side."""

    consent, renews, basis = False, True, ""

    def page(self, asked: Document) -> str:
        raise AssertionError(asked)

    def request(self, held: Document, moment: Moment) -> Request | Refused:
        raise ZeroDivisionError((held, moment))

    def read(self, reply: Reply, held: Document, moment: Moment) -> Granted | Refused:
        raise AssertionError((reply, held, moment))

    def hidden(self, fields: Document) -> Mapping[str, str]:
        return {name: str(value) for name, value in fields.items()}


async def test_a_grant_that_fails_on_our_side_stops_no_other_and_loses_nothing(data_dir: Path) -> None:
    with Recorder() as vendor:
        async with delivering(data_dir, Poster(url=vendor.url, order=Order.NONE, grant=Broken())) as store:
            await record(store, 0, 3)
            await until_seen(store, lambda view: bool(kept(view).claim))
            await stir(store)
            await store.transact(lambda unit: put(unit, NAME, Held(1)))
            await until_seen(store, lambda view: delivered(view) >= 3)


def basis(url: str) -> str:
    grant = acme(url).grant
    assert grant is not None
    return grant.basis
