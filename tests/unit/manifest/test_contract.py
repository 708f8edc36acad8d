"""Every manifest of the house: it loads, its own tests hold, and it says what the contract asks for."""

from __future__ import annotations

import pytest

from support.manifests import HEAD, manifest
from turnout.manifest.catalogue import Catalogue
from turnout.manifest.lint import lint
from turnout.manifest.read import read
from turnout.manifest.trial import run_tests

SLUGS = [entry.slug for entry in Catalogue().entries()]
GOOD = """
status: {verified: 2026-11-25, docs: "https://acme.test/docs"}
order: none
dedupe: {item: id, memory: 24h}
settings: {api_key!: {type: secret, label: Key}}
auth: {bearer: $settings.api_key}
actions:
  a:
    {for: track, item: {id: $.messageId}, batch: {max: 2, bytes: 1MB}, send: {post: "https://a.test/x", json: $batch}}
tests:
  - {event: {type: track, messageId: m1}, settings: {api_key: k}, sends: {json: [{id: m1}]}}
  - {event: {type: page}, settings: {api_key: k}, drops: no_match}
  - {event: {type: track, messageId: m1}, settings: {api_key: k}, answers: [{status: 503}], outcomes: [retry]}
"""

NO_RATE = "there is no `rate` that it could be counted by"
NO_ID = "`dedupe: batch` needs `$request_id` in the request, or `standard_webhooks`"
NOT_GROUPED = "the request reads `$.userId` of its first event only: put it into `batch.by`"
IN_URL = "a secret stands in the URL, where logs may keep it"


def says(old: str, new: str) -> list[str]:
    assert old in GOOD
    return [finding.say for finding in lint(manifest(GOOD.replace(old, new)))]


@pytest.mark.parametrize("slug", SLUGS)
def test_the_tests_of_a_packaged_manifest_hold(slug: str) -> None:
    assert run_tests(Catalogue().manifest(slug)) == []


@pytest.mark.parametrize("slug", SLUGS)
def test_a_packaged_manifest_keeps_the_contract(slug: str) -> None:
    assert [finding for finding in lint(Catalogue().manifest(slug)) if finding.severe] == []


def test_a_manifest_that_says_all_has_no_findings() -> None:
    assert lint(manifest(GOOD)) == ()
    assert run_tests(manifest(GOOD)) == []


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        (", label: Key", "", "a setting needs a label"),
        ("type: secret", "type: string", "the name says secret: mark it, or choose another name"),
        ("order: none", "", "`order` is not stated"),
        ("verified: 2026-11-25, ", "verified: lately, ", "expected a day, for example 2026-11-25"),
        (', docs: "https://acme.test/docs"', "", "`verified` needs `docs`, the page that was read"),
        ("drops: no_match", "sends: []", "no test says what is dropped, and why"),
        ("memory: 24h", "memory: 1h", "retries go on for 4 h, and the vendor remembers 1 h"),
        ("item: id,", "item: uuid,", "the item has no field `uuid` made from `$.messageId`"),
        ("id: $.messageId}, batch", "id: $.userId}, batch", "the item has no field `id` made from `$.messageId`"),
        ("dedupe: {item: id, memory: 24h}", "dedupe: batch", NO_ID),
        ("json: $batch", "json: {all: $batch, who: $.userId}", NOT_GROUPED),
        ("a.test/x", "a.test/{{ $.userId }}", "`$.userId` in a URL needs `| urlencode`"),
        ("json: $batch", "query: {k: $settings.api_key}, json: $batch", IN_URL),
        ("for: track", "for: track, except: track", "this can never match"),
        (", bytes: 1MB", "", "`bytes` is not stated"),
        ("order: none", "order: none\nlimits: {per: $settings.api_key}", NO_RATE),
        ("  a:\n", "  b: {for: group, dedupe: none, send: {post: /}}\n  a:\n", "no test is for this action"),
        ("  a:\n", "  b: {for: delete, dedupe: none, send: {post: /}}\n  a:\n", "no test is for this action"),
    ],
)  # fmt: skip
def test_what_the_contract_asks_for_is_missed_when_it_is_not_there(old: str, new: str, finding: str) -> None:
    assert finding in says(old, new)


def test_two_actions_whose_names_have_one_checksum_are_an_error() -> None:
    names = ("page_login", "track_logout")
    second = "".join(f"  {name}: {{for: page, dedupe: none, send: {{post: /}}}}\n" for name in names) + "  a:\n"

    found = [finding for finding in lint(read(HEAD + GOOD.replace("  a:\n", second))) if "checksum" in finding.say]

    assert [(each.severe, each.path) for each in found] == [(True, "actions.track_logout")]
    assert "`page_login`" in found[0].say


def test_a_finding_has_its_place() -> None:
    text = HEAD + GOOD.replace(", label: Key", "")

    found = next(finding for finding in lint(read(text)) if "label" in finding.say)

    assert "api_key" in text.splitlines()[found.line - 1]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("[{id: m1}]", "[{id: m2}]", 'the body is [{"id":"m1"}]'),
        ("sends: {json", "sends: {method: PUT, json", "the method is POST"),
        ("sends: {json", "sends: {url: /y, json", "the URL is https://a.test/x"),
        ("sends: {json", "sends: {headers: {Authorization: x}, json", "the header Authorization is Bearer k"),
        ("outcomes: [retry]", "outcomes: [success]", "ended retry, not success"),
        ("drops: no_match", "drops: invalid", "dropped as no_match, not invalid"),
        ("drops: no_match", "sends: {method: POST}", "sends 0 requests, not 1 (dropped: no_match)"),
        ("settings: {api_key: k}, drops", "settings: {}, drops", "`api_key` is missing"),
    ],
)
def test_a_test_of_a_manifest_that_does_not_hold_says_what_it_found(old: str, new: str, problem: str) -> None:
    assert old in GOOD

    failures = run_tests(manifest(GOOD.replace(old, new, 1)))

    assert any(problem in failure for failure in failures), failures


def test_what_an_audience_is_called_and_what_a_setup_found_is_escaped_in_a_path() -> None:
    found = lint(
        manifest("""
http: {base: "https://a.test"}
setup: [{find: {get: /r, save: {}}}, {make: {post: "/r/{{ $find.id }}"}}]
audience:
  get: {get: "/l/{{ $audience.name }}", id: $res.body.id}
  member: {id: $.userId}
  add: {post: "/l/{{ $audience.id | urlencode }}"}
  remove: {post: "/l/{{ $audience.id | urlencode }}"}
actions: {event: {for: track, send: {post: /e}}}
""")
    )

    said = [one.say for one in found if "urlencode" in one.say]
    assert sorted(set(said)) == [
        "`$audience.name` in a URL needs `| urlencode`",
        "`$find.id` in a URL needs `| urlencode`",
    ]
