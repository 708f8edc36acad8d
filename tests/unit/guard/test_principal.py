from __future__ import annotations

import pytest

from turnout.errors import Denied, InvalidInput
from turnout.event.model import LIVE, TEST, Namespace
from turnout.guard.principal import EVERY, Effect, Principal, Scope, command_line, local, permit, reach

TRACK = frozenset({Scope.TRACK})
READ = frozenset({Scope.READ})


def test_mode_write_is_everything_but_live_people_and_admin() -> None:
    assert local("write").scopes == EVERY - {Scope.LIVE, Scope.PEOPLE, Scope.ADMIN}


def test_mode_read_only_reads() -> None:
    assert local("read").scopes == READ


def test_people_takes_configure_away() -> None:
    scopes = local("write", people=True).scopes

    assert Scope.PEOPLE in scopes
    assert Scope.CONFIGURE not in scopes


def test_people_keeps_configure_where_the_configuration_allows_both() -> None:
    assert local("write", people=True, both_allowed=True).scopes >= {Scope.PEOPLE, Scope.CONFIGURE}


def test_a_live_default_namespace_needs_the_flag() -> None:
    with pytest.raises(InvalidInput, match="`--live`"):
        local("write", namespace=LIVE)

    assert local("write", live=True, namespace=LIVE).default_namespace == LIVE


def test_the_command_line_has_every_scope() -> None:
    assert command_line().scopes == EVERY
    assert command_line().default_namespace == TEST


def test_a_live_event_is_refused_without_the_scope_and_the_refusal_says_how_to_get_it() -> None:
    with pytest.raises(Denied) as refused:
        permit(local("write"), TRACK, LIVE)

    assert refused.value.attributes["missing"] == (Scope.LIVE,)
    assert "the scope `live`" in refused.value.message
    assert "`--live`" in refused.value.message
    assert "test namespace" in refused.value.message


def test_any_test_namespace_is_open_to_who_may_track() -> None:
    permit(local("write"), TRACK, Namespace("ci-7"))


def test_live_alone_grants_nothing() -> None:
    only_live = Principal("token", frozenset({Scope.LIVE}))

    with pytest.raises(Denied, match=r"the scope `track`.*`--mode write`"):
        permit(only_live, TRACK, LIVE)
    with pytest.raises(Denied, match="the scope `read`"):
        permit(only_live, READ)


def test_a_read_needs_no_live() -> None:
    permit(local("read"), READ)


def test_every_missing_scope_is_named() -> None:
    with pytest.raises(Denied, match="the scopes `track`, `live`"):
        permit(local("read"), TRACK, LIVE)


def test_who_lost_configure_to_people_is_told_so() -> None:
    with pytest.raises(Denied, match=r"without `--people`, allow both in turnout\.toml"):
        permit(local("write", people=True), frozenset({Scope.CONFIGURE}))


def test_admin_is_for_the_command_line() -> None:
    with pytest.raises(Denied, match="command line"):
        permit(local("write", live=True), frozenset({Scope.ADMIN}))


@pytest.mark.parametrize(
    "effect",
    [Effect(frozenset({LIVE, TEST})), Effect(live_destinations=frozenset({"d1"}))],
    ids=["live_people", "a_destination_with_live_events"],
)
def test_a_plan_that_reaches_live_is_refused_without_live(effect: Effect) -> None:
    with pytest.raises(Denied, match="`--live`"):
        reach(local("write"), effect)

    reach(local("write", live=True), effect)


def test_a_plan_within_test_passes() -> None:
    reach(local("write"), Effect(frozenset({TEST, Namespace("ci")})))
