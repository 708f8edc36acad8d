"""What an event is owed: the rules one by one, and their order."""

from __future__ import annotations

from typing import Any

import pytest

from support.engine import bound, stored
from turnout.delivery import verdict
from turnout.document import Document
from turnout.event.model import LIVE, TEST, TOMBSTONE, Namespace, Stored
from turnout.routing import Bound, NotSent, route, switched_on
from turnout.workspace import Receives

POSTER = frozenset({"poster", "poster (actions)"})


def routed(
    owner: Bound | None = None, *, suppressed: bool = False, document: Document | None = None, **event: Any
) -> int | tuple[str, ...]:
    found = route(stored(**event), owner or bound(), lambda _: document or {}, suppressed=suppressed)
    return found.code if isinstance(found, NotSent) else found


def test_nothing_against_it_names_the_actions() -> None:
    assert routed() == ("post",)


@pytest.mark.parametrize(
    ("receives", "namespace", "takes"),
    [
        (Receives.LIVE, LIVE, True),
        (Receives.LIVE, TEST, False),
        (Receives.TEST, LIVE, False),
        (Receives.TEST, Namespace("test-ann"), True),
        (Receives.ALL, LIVE, True),
        (Receives.ALL, TEST, True),
    ],
    ids=["live-live", "live-test", "test-live", "test-other", "all-live", "all-test"],
)
def test_a_destination_takes_the_namespaces_it_receives(
    receives: Receives, namespace: Namespace, *, takes: bool
) -> None:
    found = routed(bound(receives=receives), namespace=namespace)

    assert found == (("post",) if takes else verdict.NAMESPACE)


def test_other_sources_are_left_out() -> None:
    assert routed(bound(sources=(2, 3)), source=1) == verdict.OTHER_SOURCE
    assert routed(bound(sources=(2, 3)), source=3) == ("post",)


def test_a_filter_that_is_false_leaves_it_out() -> None:
    assert routed(bound(keep=lambda document: document.get("plan") == "pro"), document={"plan": "free"}) == (
        verdict.FILTERED
    )


def test_the_first_reason_in_order_is_the_one_given() -> None:
    owner = bound(keep=lambda _: False, sources=(9,), receives=Receives.TEST)
    off: Document = {"integrations": {"All": False}}

    assert routed(owner, suppressed=True, document=off, flags=TOMBSTONE) == verdict.ERASED
    assert routed(owner, suppressed=True, document=off) == verdict.SUPPRESSED
    assert routed(owner, document=off) == verdict.NAMESPACE
    assert routed(owner, document=off, namespace=TEST) == verdict.OTHER_SOURCE
    assert routed(owner, document=off, namespace=TEST, source=9) == verdict.INTEGRATIONS
    assert routed(owner, namespace=TEST, source=9) == verdict.FILTERED


def test_a_rule_that_needs_no_document_does_not_read_it() -> None:
    def unread(_: Stored) -> Document:
        raise AssertionError("nobody needed it")

    found = route(stored(namespace=TEST), bound(), unread, suppressed=False)

    assert isinstance(found, NotSent)


@pytest.mark.parametrize(
    ("integrations", "on"),
    [
        (None, True),
        ({}, True),
        ({"All": False}, False),
        ({"all": False}, False),
        ({"All": False, "Poster": True}, True),
        ({"All": True, "poster": False}, False),
        ({"All": False, "POSTER (Actions)": {"x": 1}}, True),
        ({"Other": False}, True),
        ({"All": "false"}, True),
        ("no object", True),
    ],
    ids=["absent", "empty", "none", "lower", "own-on", "own-off", "own-options", "other", "text", "string"],
)
def test_its_own_entry_wins_over_all_and_absent_means_on(integrations: object, *, on: bool) -> None:
    assert switched_on(integrations, POSTER) is on
