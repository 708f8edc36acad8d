"""Setting a destination up at its vendor: before it is connected or its settings change, and in a plan."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from support.destination import Recorder, Scripted
from support.manifests import manifest
from support.script import Rule
from support.workspace import PERSON
from turnout.app import App, assemble
from turnout.binder import Binder
from turnout.config import Settings
from turnout.delivery.sender import CurlSender
from turnout.desk import OwnDesk
from turnout.egress import Policy, parse_networks
from turnout.errors import InvalidInput, InvalidManifest
from turnout.manifest.catalogue import Catalogue
from turnout.opening import open_store

pytestmark = pytest.mark.anyio

RULES = """
turnout: 1
slug: rules
name: Rules
category: CRM
status: {preview: for tests}
order: none
dedupe: none
settings:
  key!: {type: secret, label: Key}
  label: {type: string, label: Label}
  rule_id: {type: string, label: Rule, help: Made when it is connected}
auth: {bearer: $settings.key}
http: {base: "https://rules.test"}
setup:
  - find: {when: not $settings.rule_id, get: /rules, query: {name: $settings.label}, save: {rule_id: $res.body.id}}
  - make:
      when: not $settings.rule_id and not $find.rule_id
      post: /rules
      json: {name: $settings.label}
      save: {rule_id: $res.body.id}
actions:
  event: {for: track, item: {rule: $settings.rule_id}, send: {post: /events, json: $item}}
"""


@pytest.fixture
def vendor() -> Iterator[Recorder]:
    with Recorder() as recorder:
        recorder.script.rules.append(Rule([Scripted(201, body=b'{"id":7}')], method="POST", repeat=True))
        yield recorder


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "rules.yaml").write_text(RULES, encoding="utf-8")
    return folder


@asynccontextmanager
async def desk(data: Path, manifests: Path) -> AsyncIterator[tuple[OwnDesk, App]]:
    settings = Settings(data, parse_networks("127.0.0.0/8"))
    store = await anyio.to_thread.run_sync(open_store, settings)
    async with store.awake(), CurlSender(Policy(settings.allow_addresses)) as sender:
        make = partial(assemble, settings, store, sender, delivers=False, serves=False)
        app = await anyio.to_thread.run_sync(make)
        catalogue = Catalogue((), manifests)
        app = replace(app, catalogue=catalogue, binder=Binder(catalogue))
        yield OwnDesk(app, PERSON, sure=True), app
    await anyio.to_thread.run_sync(store.close)


async def connect(desk: OwnDesk, vendor: Recorder, *, dry_run: bool = False, **settings: str) -> dict[str, Any]:
    given = {"key": "sk_0123456789abcdef", "label": "Ours", "endpoint": vendor.url, **settings}
    return await desk.connect_destination(
        slug="rules", name=None, settings=given, receives=None, filter=None, sources=None,
        overrides=None, idempotency_key="k", dry_run=dry_run, confirm=None,
    )  # fmt: skip


async def update(desk: OwnDesk, **settings: str | None) -> dict[str, Any]:
    return await desk.update_destination(
        destination="Rules", action=None, name=None, settings=settings, receives=None, filter=None, sources=None,
        overrides=None, idempotency_key=None, dry_run=False, confirm=None,
    )  # fmt: skip


def asked(vendor: Recorder) -> list[str]:
    return [f"{each.method} {each.path}" for each in vendor.received]


async def rule(app: App) -> object:
    return await app.store.read(
        lambda view: [each.settings.get("rule_id") for each in view.workspace.destinations.values()]
    )


FIND, MAKE = "GET /rules?name=Ours", "POST /rules"


async def test_what_a_setup_saves_is_a_setting_of_what_is_connected(
    data_dir: Path, manifests: Path, vendor: Recorder
) -> None:
    async with desk(data_dir, manifests) as (mine, app):
        told = await connect(mine, vendor)

        assert (told["state"], asked(vendor), await rule(app)) == ("running", [FIND, MAKE], ["7"])
        assert vendor.received[1].header("authorization") == "Bearer sk_0123456789abcdef"
        again = await connect(mine, vendor)
        assert again["replayed"] is True
        assert asked(vendor) == [FIND, MAKE]


async def test_a_setup_is_done_again_where_its_settings_are_gone_and_not_where_they_are_there(
    data_dir: Path, manifests: Path, vendor: Recorder
) -> None:
    async with desk(data_dir, manifests) as (mine, app):
        await connect(mine, vendor, rule_id="5")
        await update(mine, key="sk_another_0123456789")
        assert asked(vendor) == []

        vendor.script.rules.append(Rule([Scripted(body=b'{"id":"9"}')], method="GET"))
        await update(mine, rule_id=None)

        assert (asked(vendor), await rule(app)) == ([FIND], ["9"])


async def test_a_setup_that_fails_refuses_the_connection_with_the_vendors_words_and_leaves_nothing(
    data_dir: Path, manifests: Path, vendor: Recorder
) -> None:
    vendor.script.rules[0] = Rule(
        [Scripted(403, body=b"no rules for sk_0123456789abcdef"), Scripted(201, body=b'{"id":8}')]
    )
    vendor.script.rules[0].method = "POST"

    async with desk(data_dir, manifests) as (mine, app):
        with pytest.raises(InvalidInput, match="'Rules' at the vendor failed \\(http_403\\)") as refused:
            await connect(mine, vendor)

        assert refused.value.attributes["answered"] == "no rules for [key]"
        assert await rule(app) == []
        assert (await connect(mine, vendor))["replayed"] is False
        assert await rule(app) == ["8"]


async def test_a_dry_run_shows_what_would_be_set_up_and_asks_nobody(
    data_dir: Path, manifests: Path, vendor: Recorder
) -> None:
    async with desk(data_dir, manifests) as (mine, app):
        told = await connect(mine, vendor, dry_run=True)

        assert [(each["method"], each["body"]) for each in told["setup"]] == [("GET", None), ("POST", {"name": "Ours"})]
        assert "sk_0123456789abcdef" not in str(told)
        assert (asked(vendor), await rule(app)) == ([], [])


@pytest.mark.parametrize(
    ("setup", "say"),
    [
        ("[{make: {post: /a, save: {other: $res.body.id}}}]", "there is no `other`"),
        ("[{make: {post: /a, json: {a: $.userId}}}]", "unknown variable"),
        ("[{make: {get: /a, poll: {every: 1s, for: 1m, until: $res.body.ok}}}]", "neither polls"),
        ("[]", "1 to 20 steps"),
    ],
)
def test_a_setup_reads_settings_and_fills_in_settings(setup: str, say: str) -> None:
    text = f"setup: {setup}\nactions: {{one: {{for: track, send: {{post: 'https://a.test/'}}}}}}"

    with pytest.raises(InvalidManifest, match=say):
        manifest(text)


def test_a_setup_needs_no_token() -> None:
    text = RULES.replace(
        "auth: {bearer: $settings.key}",
        """auth:
  oauth2: {grant: client_credentials, token: "https://a.test/t", client_id: $settings.key, client_secret: $settings.key}
  bearer: $auth.access_token""",
    ).partition("category: CRM\n")[2]

    with pytest.raises(InvalidManifest, match="before there is a token"):
        manifest(text)
