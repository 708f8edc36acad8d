"""Bearer tokens: who may call over HTTP, and what. One takes the place of another in two steps: make, then revoke."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial

from typing_extensions import override

from turnout.clock import DAY, iso
from turnout.document import Document, Json
from turnout.errors import InvalidInput
from turnout.guard import token as tokens
from turnout.guard.principal import Effect, Principal, Scope, permit
from turnout.guard.token import Minted
from turnout.operations import names
from turnout.operations.counted import counted
from turnout.operations.model import Applied, Calling, Operation, Shown, Spoken
from turnout.store.unit import Unit, View
from turnout.workspace import TOKEN, Token, token_body

LONGEST_DAYS = 3_650
_ADMIN = frozenset({Scope.ADMIN})


@dataclass(frozen=True, slots=True)
class CreateToken(Spoken):
    """A token to make. `minted` is drawn by who asks: it is shown once, and nothing of it may be kept here."""

    scopes: tuple[str, ...]
    name: str | None
    days: int | None
    minted: Minted

    @override
    def arguments(self) -> Mapping[str, Json]:
        """Give what the caller chose."""
        given: Document = {"scopes": list(self.scopes), "name": self.name, "expires": self.days}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class RevokeToken:
    """A token to revoke, by its name, its id, or as a whole."""

    token: str


def create(*, both_allowed: bool) -> Operation[CreateToken, Token]:
    """Make the operation; `both_allowed` is the configuration file's word on `people` with `configure`."""
    return Operation("create_token", _ADMIN, partial(_plan, both_allowed=both_allowed), _apply, _effect, _show)


def _plan(view: View, request: CreateToken, calling: Calling, *, both_allowed: bool) -> Token:
    """Check scopes, name and time. Raises: InvalidInput, Conflict, Denied for scopes the caller lacks itself."""
    scopes = read_scopes(request.scopes)
    if {Scope.PEOPLE, Scope.CONFIGURE} <= scopes and not both_allowed:
        raise InvalidInput(
            "The scopes `people` and `configure` together are private data with a way out: leave one of them out, or "
            "allow both in turnout.toml (`both_allowed = true`)."
        )
    permit(calling.principal, scopes)
    taken = [each.name for each in view.workspace.tokens.values()]
    if request.name is None:
        name = names.free("Token", taken)
    else:
        name = names.unused("token", names.fit("token", request.name), taken)
    if request.days is not None and not 1 <= request.days <= LONGEST_DAYS:
        raise InvalidInput(f"A token expires after 1 to {LONGEST_DAYS:,} days, not {request.days:,}; or never.")
    expires = view.now + request.days * DAY if request.days else 0
    return Token(request.minted.id, name, scopes, request.minted.digest, view.now, expires)


def with_token(answer: Document, minted: Minted) -> Document:
    """Add the token to the answer of the call that made it; the answer that is kept under a key holds none."""
    if answer.get("token_id") == minted.id:
        return answer | {"token": minted.text}
    if answer.get("replayed"):
        said = f"The token {answer['name']!r} was created before, and shown then. Revoke it and create another."
        return answer | {"summary": said}
    return answer


def read_scopes(given: tuple[str, ...]) -> frozenset[Scope]:
    """Read the names of scopes. Raises: InvalidInput, naming what is unknown and the nearest there is."""
    wanted = [name.strip().casefold() for name in given if name.strip()]
    if not wanted:
        raise InvalidInput(f"A token has at least one scope; there are {', '.join(Scope)}.")
    if unknown := [name for name in wanted if name not in set(Scope)]:
        said = ", ".join(_named(name) for name in unknown)
        raise InvalidInput(f"No scope is called {said}; there are {', '.join(Scope)}.")
    return frozenset(map(Scope, wanted))


def _named(unknown: str) -> str:
    near = get_close_matches(unknown, list(Scope), 1)
    return f"{unknown[:32]!r}" + (f" (did you mean {near[0]}?)" if near else "")


def _apply(unit: Unit, token: Token, calling: Calling) -> Applied:
    unit.entities.revise(calling.principal.name, calling.operation)
    unit.entities.put(TOKEN, token.id, token_body(token))
    said = f"The token {token.name!r} was created: {_may(token)}. It is shown this once."
    return Applied({"summary": said, **_row(token)})


def _effect(_: Token) -> Effect:
    """Reach nobody yet."""
    return Effect()


def _show(token: Token) -> Shown:
    shown = {name: value for name, value in _row(token).items() if name not in {"token_id", "created_at"}}
    return Shown(f"The token {token.name!r} would be created: {_may(token)}.", shown)


def _find(view: View, request: RevokeToken, _: Calling) -> Token:
    """Find it. Raises: NotFound."""
    return view.workspace.token(tokens.shown(request.token)[: names.LONGEST])


def _revoke(unit: Unit, token: Token, calling: Calling) -> Applied:
    unit.entities.revise(calling.principal.name, calling.operation)
    unit.entities.remove(TOKEN, token.id)
    unit.uses.forget(token.id)
    return Applied({"summary": f"The token {token.name!r} was revoked, everywhere and at once.", **_row(token)})


def _show_revoked(token: Token) -> Shown:
    return Shown(f"The token {token.name!r} would be revoked.", _row(token))


REVOKE: Operation[RevokeToken, Token] = Operation("revoke_token", _ADMIN, _find, _revoke, _effect, _show_revoked)


def list_tokens(view: View, principal: Principal) -> Document:
    """List tokens, the oldest first, with when each was used last, to a minute. Raises: Denied."""
    permit(principal, _ADMIN)
    used = view.uses.all()
    every = sorted(view.workspace.tokens.values(), key=lambda each: (each.created, each.id))
    rows: list[Json] = [
        {
            **_row(each),
            "last_used_at": iso(used[each.id]) if each.id in used else None,
            "state": "expired" if each.is_over(view.now) else "valid",
        }
        for each in every
    ]
    return {"summary": f"{counted(len(every), 'token')}.", "tokens": rows}


def _row(token: Token) -> Document:
    return {
        "token_id": token.id,
        "name": token.name,
        "scopes": [str(each) for each in Scope if each in token.scopes],
        "created_at": iso(token.created),
        "expires_at": iso(token.expires) if token.expires else None,
    }


def _may(token: Token) -> str:
    until = f" until {iso(token.expires)}" if token.expires else ""
    return f"{', '.join(each for each in Scope if each in token.scopes)}{until}"
