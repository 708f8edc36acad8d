"""Who calls, and what it may do: scopes are the truth, modes are named sets of them.

1. A call needs each scope that its operation names.
2. What changes something live needs `live` besides, and `live` alone grants nothing.
3. Reads cover live and test, so a read reaches no namespace in this sense.
4. `people` and `configure` meet on one principal only where the configuration file says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple, TypeAlias

from turnout.errors import Denied, InvalidInput
from turnout.event.ids import LIVE, TEST, Namespace

Mode: TypeAlias = Literal["read", "write"]


class Scope(StrEnum):
    """What a principal may do. Source: DESIGN 3.1."""

    READ = "read"
    TRACK = "track"
    LIVE = "live"
    OPERATE = "operate"
    CONFIGURE = "configure"
    PRIVACY = "privacy"
    PEOPLE = "people"
    ADMIN = "admin"


EVERY = frozenset(Scope)
MODES: dict[Mode, frozenset[Scope]] = {
    "read": frozenset({Scope.READ}),
    "write": frozenset({Scope.READ, Scope.TRACK, Scope.OPERATE, Scope.CONFIGURE, Scope.PRIVACY}),
}
_FLAGS: dict[Scope, str] = {
    Scope.READ: "`--mode read`",
    Scope.TRACK: "`--mode write`",
    Scope.LIVE: "`--live`",
    Scope.OPERATE: "`--mode write`",
    Scope.CONFIGURE: "`--mode write`",
    Scope.PRIVACY: "`--mode write`",
    Scope.PEOPLE: "`--people`",
}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. `name` scopes idempotency keys and tokens; `client` is what its program calls itself, untrusted."""

    name: str
    scopes: frozenset[Scope]
    client: str = ""
    default_namespace: Namespace = TEST


class Effect(NamedTuple):
    """What a plan would change: namespaces of its events and people, and destinations that receive live events."""

    namespaces: frozenset[Namespace] = frozenset()
    live_destinations: frozenset[str] = frozenset()


def local(
    mode: Mode,
    *,
    live: bool = False,
    people: bool = False,
    namespace: Namespace = TEST,
    both_allowed: bool = False,
    client: str = "",
) -> Principal:
    """Make the principal of a server on stdio from its flags; `both_allowed` is the configuration file's word.

    Raises: InvalidInput where the default namespace is live and `--live` is missing.
    """
    if namespace == LIVE and not live:
        raise InvalidInput("The default namespace is `live`, which needs `--live`; add it, or name a test namespace.")
    scopes = set(MODES[mode])
    if live:
        scopes.add(Scope.LIVE)
    if people:
        scopes.add(Scope.PEOPLE)
        if not both_allowed:
            scopes.discard(Scope.CONFIGURE)
    return Principal("local", frozenset(scopes), client, namespace)


def command_line(namespace: Namespace = TEST) -> Principal:
    """Make the principal of the command line: a person, every scope."""
    return Principal("local", EVERY, "command line", namespace)


def bearer(name: str, scopes: frozenset[Scope], *, both_allowed: bool = False) -> Principal:
    """Make the principal of a token: what it sends is test unless a call says `live`, whatever its scopes.

    A token that was made while the configuration file allowed `people` and `configure` together loses the latter
    with that word.
    """
    if Scope.PEOPLE in scopes and not both_allowed:
        scopes -= {Scope.CONFIGURE}
    return Principal(name, scopes)


def permit(principal: Principal, needed: frozenset[Scope], *namespaces: Namespace) -> None:
    """Let a call pass that needs these scopes and changes these namespaces; none for what only reads.

    Raises: Denied, naming each missing scope and how to get it.
    """
    wanted = needed | {Scope.LIVE} if LIVE in namespaces else needed
    if wanted <= principal.scopes:
        return
    missing = [scope for scope in Scope if scope in wanted - principal.scopes]
    words = "; ".join(_advice(scope, principal) for scope in missing)
    raise Denied(f"The caller lacks {_listed(missing)}. {words}.", missing=tuple(missing))


def reach(principal: Principal, effect: Effect) -> None:
    """Let a plan pass whose effect is within reach: without `live`, only what is test.

    Raises: Denied, naming the scope, and how many destinations stand in the way.
    """
    permit(principal, frozenset(), *effect.namespaces)
    count = len(effect.live_destinations)
    if count and Scope.LIVE not in principal.scopes:
        which = "a destination that receives" if count == 1 else f"{count} destinations that receive"
        raise Denied(
            f"This would change {which} live events, and the caller lacks the scope `live`. "
            f"{_advice(Scope.LIVE, principal)}.",
            missing=(Scope.LIVE,),
            destinations=tuple(sorted(effect.live_destinations)),
        )


def _listed(missing: list[Scope]) -> str:
    names = ", ".join(f"`{scope}`" for scope in missing)
    return f"the scope {names}" if len(missing) == 1 else f"the scopes {names}"


def _advice(scope: Scope, principal: Principal) -> str:
    token = f"a token with the scope `{scope}`"
    if scope is Scope.ADMIN:
        return f"For `admin`, use the command line, or {token}"
    if scope is Scope.CONFIGURE and Scope.PEOPLE in principal.scopes:
        both = "allow both in turnout.toml (`both_allowed = true`)"
        return f"For `configure`, start the server without `--people`, {both}, or use {token} and without `people`"
    test = ", or name a test namespace" if scope is Scope.LIVE else ""
    return f"For `{scope}`, start the server with {_FLAGS[scope]}, or use {token}{test}"
