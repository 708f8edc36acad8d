from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from support.workspace import AGENT, PERSON, Bench, bench, with_scopes
from turnout.clock import DAY, SECOND
from turnout.document import Document, encode
from turnout.entropy import SystemEntropy
from turnout.errors import Conflict, Denied, InvalidInput, KeyReused, NotFound
from turnout.guard.principal import Principal, Scope, bearer
from turnout.guard.run import Done
from turnout.guard.token import Minted, mint
from turnout.operations import tokens

ADMIN = with_scopes(Scope.ADMIN, Scope.READ)


def created(
    here: Bench, *scopes: str, name: str | None = None, days: int | None = None, who: Principal = PERSON,
    minted: Minted | None = None, key: str = "", dry_run: bool = False, both_allowed: bool = False,
) -> Done:  # fmt: skip
    request = tokens.CreateToken(scopes, name, days, minted or mint(SystemEntropy()))
    return here.call(tokens.create(both_allowed=both_allowed), request, who, key=key, dry_run=dry_run)


def revoked(here: Bench, name: str, who: Principal = PERSON) -> Document:
    return here.call(tokens.REVOKE, tokens.RevokeToken(name), who).answer


def listed(here: Bench, who: Principal = PERSON) -> list[Document]:
    rows = here.look(partial(tokens.list_tokens, principal=who))["tokens"]
    assert isinstance(rows, list)
    return [row for row in rows if isinstance(row, dict)]


def test_a_token_is_made_with_its_scopes_in_our_order(here: Bench) -> None:
    minted = mint(SystemEntropy())

    told = created(here, "track", "READ ", name="Laptop", minted=minted).answer

    assert (told["token_id"], told["name"], told["scopes"]) == (minted.id, "Laptop", ["read", "track"])
    token = here.look(lambda view: view.workspace.tokens[minted.id])
    assert (token.scopes, token.digest, token.expires) == (frozenset({Scope.READ, Scope.TRACK}), minted.digest, 0)


def test_a_token_without_a_name_gets_the_first_free_one(here: Bench) -> None:
    assert [created(here, "read").answer["name"] for _ in range(2)] == ["Token", "Token 2"]


def test_the_token_itself_is_nowhere_in_the_workspace(data_dir: Path) -> None:
    minted = mint(SystemEntropy())
    with bench(data_dir) as here:
        told = created(here, "read", minted=minted, key="once").answer

    secret = minted.text.removeprefix(minted.id)[1:65]
    assert secret not in encode(told).decode()
    held = b"".join(each.read_bytes() for each in data_dir.rglob("*") if each.is_file())
    assert secret.encode() not in held
    assert minted.id.encode() in held


def test_the_caller_is_shown_the_token_once(here: Bench) -> None:
    first, second = mint(SystemEntropy()), mint(SystemEntropy())
    done = created(here, "read", minted=first, key="once")

    again = created(here, "read", minted=second, key="once")

    assert tokens.with_token(done.answer, first)["token"] == first.text
    told = tokens.with_token({**again.answer, "replayed": again.replayed}, second)
    assert "token" not in told
    assert "shown then" in str(told["summary"])
    assert len(listed(here)) == 1


def test_the_same_key_with_other_scopes_is_refused(here: Bench) -> None:
    created(here, "read", key="once")

    with pytest.raises(KeyReused):
        created(here, "read", "track", key="once")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("read", "trak"), "No scope is called 'trak' (did you mean track?); there are read, track, live, "),
        (("opperate",), "(did you mean operate?)"),
        (("everything",), "No scope is called 'everything'; there are "),
        ((), "A token has at least one scope; there are read, "),
        (("", " "), "A token has at least one scope"),
    ],
)
def test_scopes_that_are_none_are_named_with_the_nearest(here: Bench, given: tuple[str, ...], says: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        created(here, *given)

    assert says in refused.value.message
    assert listed(here) == []


def test_people_and_configure_meet_on_a_token_only_where_the_file_allows_it(here: Bench) -> None:
    with pytest.raises(InvalidInput, match="both_allowed = true"):
        created(here, "people", "configure")

    created(here, "people", "configure", both_allowed=True)

    token = here.look(lambda view: next(iter(view.workspace.tokens.values())))
    assert Scope.CONFIGURE in bearer(token.id, token.scopes, both_allowed=True).scopes
    assert Scope.CONFIGURE not in bearer(token.id, token.scopes).scopes


@pytest.mark.parametrize("days", [0, -1, 3_651])
def test_a_token_expires_within_ten_years_or_never(here: Bench, days: int) -> None:
    with pytest.raises(InvalidInput, match=f"not {days:,}"):
        created(here, "read", days=days)


def test_a_token_of_a_taken_name_is_refused(here: Bench) -> None:
    created(here, "read", name="Laptop")

    with pytest.raises(Conflict):
        created(here, "read", name="laptop")


def test_tokens_are_for_who_has_admin(here: Bench) -> None:
    created(here, "read", name="Laptop")

    for refused in (
        partial(created, here, "read", who=AGENT),
        partial(revoked, here, "Laptop", AGENT),
        partial(listed, here, AGENT),
    ):
        with pytest.raises(Denied, match="admin"):
            refused()
    assert [row["name"] for row in listed(here)] == ["Laptop"]


def test_nobody_gives_a_token_what_he_may_not_do_himself(here: Bench) -> None:
    created(here, "read", who=ADMIN)

    with pytest.raises(Denied, match="live"):
        created(here, "read", "live", who=ADMIN)


def test_a_dry_run_makes_no_token(here: Bench) -> None:
    done = created(here, "read", days=30, dry_run=True)

    assert done.planned
    assert "token_id" not in done.answer
    assert "would be created: read until 2025-12-24" in str(done.answer["plan"])
    assert listed(here) == []


def test_tokens_are_listed_the_oldest_first_with_their_last_use_and_state(here: Bench) -> None:
    minted = mint(SystemEntropy())
    created(here, "read", name="A", minted=minted, days=1)
    here.clock.pass_s(1)
    created(here, "read", name="B")
    here.store.commit(lambda unit: unit.uses.note({minted.id: unit.now}))
    here.store.commit(lambda unit: unit.uses.note({minted.id: unit.now - 5 * SECOND}))
    here.clock.pass_s(DAY / SECOND)

    first, second = listed(here)

    assert (first["name"], first["state"], first["last_used_at"]) == ("A", "expired", "2025-11-24T16:00:01.000Z")
    assert (second["name"], second["state"], second["last_used_at"]) == ("B", "valid", None)
    assert not any("digest" in row or "token" in row for row in (first, second))


@pytest.mark.parametrize("called", ["name", "id", "whole"])
def test_a_token_is_revoked_by_name_by_id_or_as_a_whole(here: Bench, called: str) -> None:
    minted = mint(SystemEntropy())
    created(here, "read", name="Laptop", minted=minted)
    here.store.commit(lambda unit: unit.uses.note({minted.id: unit.now}))

    told = revoked(here, {"name": "laptop", "id": minted.id, "whole": minted.text}[called])

    assert told["token_id"] == minted.id
    assert listed(here) == []
    assert here.look(lambda view: dict(view.uses.all())) == {}


def test_a_token_that_is_not_there_is_not_found_and_not_repeated(here: Bench) -> None:
    created(here, "read", name="Laptop")
    text = mint(SystemEntropy()).text

    with pytest.raises(NotFound, match="did you mean Laptop"):
        revoked(here, "Laptpo")
    with pytest.raises(NotFound) as refused:
        revoked(here, text)

    assert text[16:] not in refused.value.message
    assert text[:15] in refused.value.message


def test_making_and_revoking_leave_a_row_in_the_audit_each(here: Bench) -> None:
    minted = mint(SystemEntropy())
    created(here, "read", minted=minted)
    revoked(here, minted.id)

    rows = [row.entry for row in here.look(lambda view: view.audit.all())]

    assert [(row.operation, row.principal, row.detail) for row in rows[-2:]] == [
        ("create_token", "local", {"token_id": minted.id}),
        ("revoke_token", "local", {"token_id": minted.id}),
    ]
