"""What is held of a destination's token, and when a newer one is asked for. Pure; times are microseconds.

It lies sealed beside the destination's secrets, is shared by all processes, and is no part of the configuration: a
newer token makes no revision.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec.structs import replace
from typing_extensions import override

from turnout.clock import SECOND
from turnout.delivery.breaker import PROBE_S
from turnout.document import Document, decode, encode
from turnout.exchange import Grant, Granted, Refused
from turnout.routing import Bound

FIELD: Final = "token"
AHEAD_S: Final = 300.0
AHEAD_SHARE: Final = 0.2
"""A token is renewed so long before it ends, and at most this share of its life."""
CLAIM_S: Final = 15.0
"""For how long who asks for a token has it to itself: a token request, and the commit of its answer."""
RENEW_S: Final = 60.0
"""A token that is refused is renewed once in this time; what is refused beyond that is no matter of its age."""

LONGEST_S: Final = 12.0 * max(PROBE_S)
"""An hour: the longest rest, as that of a `Retry-After`."""


def entity_of(destination: str) -> str:
    """Name the place of a destination's token among the sealed: not among its settings."""
    return f"{destination}/auth"


class Held(msgspec.Struct, frozen=True):
    """A token as it lies sealed; `text` is all of it in JSON, `number` rises with each, 0: there is none yet.

    `consent`: a person gives it.

    `tries` counts what failed since the last one, `why` says how, and nothing is asked before `again`, or ever where
    the grant is `spent`; a change of the configuration after `revision` lifts both. `claim` names who asks, up to
    `until`.
    """

    number: int = 0
    consent: bool = False
    text: str = "{}"
    basis: str = ""
    obtained: int = 0
    expires: int = 0
    tries: int = 0
    why: str = ""
    spent: bool = False
    again: int = 0
    revision: int = 0
    claim: str = ""
    until: int = 0

    @override
    def __repr__(self) -> str:
        """Show nothing of what is in it."""
        return f"Held({self.number}, {self.why!r})"

    @property
    def fields(self) -> Document:
        """All that was kept of the token: `$auth`."""
        found = decode(self.text)
        assert isinstance(found, dict)
        return found

    def is_good(self, basis: str, now: int) -> bool:
        """Tell whether requests may leave with it."""
        return self.number > 0 and self.basis == basis and (not self.expires or now < self.expires)

    def is_due(self, basis: str, now: int) -> bool:
        """Tell whether a newer one should be asked for; one from the future has an end that cannot be told."""
        if not self.is_good(basis, now):
            return True
        ahead = min(AHEAD_S * SECOND, (self.expires - self.obtained) * AHEAD_SHARE)
        return bool(self.expires) and (now >= self.expires - ahead or now < self.obtained)

    def rest_s(self, revision: int, now: int) -> float | None:
        """Tell for how long nothing is asked after a failure; None: until somebody changes something."""
        if self.revision != revision or not self.why:
            return 0.0
        if self.spent:
            return None
        rest_s = (self.again - now) / SECOND
        return rest_s if 0 < rest_s <= LONGEST_S else 0.0  # a clock that was set back parks none

    def is_claimed(self, now: int) -> bool:
        """Tell whether somebody is asking."""
        return bool(self.claim) and now < self.until <= now + CLAIM_S * SECOND

    def is_stuck(self, now: int) -> bool:
        """Tell whether nothing is sent until a person does something."""
        ended = self.number == 0 or 0 < self.expires <= now
        return (self.consent and self.number == 0) or (self.spent and ended)

    def trouble(self, name: str) -> str:
        """Say what is the matter with the token of a destination, and what to do; empty where all is well."""
        if self.consent and (self.spent or not self.number):
            said = f"its consent is void ({self.why})" if self.number else "it needs a person's consent"
            return f"{said}: run `turnout destination authorize {shlex.quote(name)}`"
        if self.spent:
            return f"its token is refused ({self.why}): correct its credentials, in `settings`"
        return f"its token cannot be had ({self.why}); it is asked for again by itself" if self.why else ""

    def claimed(self, claim: str, now: int) -> Held:
        """Note who asks."""
        return replace(self, claim=claim, until=now + int(CLAIM_S * SECOND))

    def granted(self, granted: Granted, basis: str, now: int, *, afresh: bool = False) -> Held:
        """Keep a new token over the last: what the answer leaves out, a refresh token say, stays as it was."""
        fields = granted.fields if afresh or self.basis != basis else {**self.fields, **granted.fields}
        expires = 0 if granted.lives_s is None else now + int(granted.lives_s * SECOND)
        return Held(self.number + 1, self.consent, encode(fields).decode(), basis, now, expires)

    def refused(self, refused: Refused, revision: int, now: int, base_s: float | None) -> Held:
        """Note a failure, and for how long to rest."""
        step = PROBE_S[min(self.tries, len(PROBE_S) - 1)]
        if base_s is not None:
            step = min(step, base_s * 2.0 ** min(self.tries, 20))
        wait_s = max(step, refused.after_s or 0.0)
        return replace(
            self, tries=self.tries + 1, why=refused.why, spent=refused.spent, again=now + int(wait_s * SECOND),
            revision=revision, claim="", until=0,
        )  # fmt: skip


NONE: Final = Held()


def write(held: Held) -> str:
    """Write it as it is sealed."""
    return msgspec.json.encode(held).decode()


def read(text: str | None) -> Held:
    """Read it."""
    return msgspec.json.decode(text, type=Held) if text else NONE


@dataclass(frozen=True, slots=True)
class Token:
    """A destination that needs a token, and what is held of it; `spelled` as `routing.Bound`'s."""

    bound: Bound
    grant: Grant
    held: Held
    auth: Document
    spelled: tuple[tuple[str, str], ...]
    revision: int

    def is_good(self, now: int) -> bool:
        """Tell whether requests may leave with it."""
        return self.held.is_good(self.grant.basis, now)

    def is_due(self, now: int) -> bool:
        """Tell whether a newer one should be asked for, and may be."""
        wanted = self.held.is_due(self.grant.basis, now) and (self.grant.renews or not self.is_good(now))
        return wanted and self.held.rest_s(self.revision, now) == 0.0 and not self.awaits

    @property
    def awaits(self) -> bool:
        """Tell whether a person must agree first: there is nothing to ask with."""
        return self.grant.consent and not self.held.number


class Pass:
    """What a lane knows of its token: whether anything may leave, and with which."""

    def __init__(self, renew: Callable[[Token], None]) -> None:
        """Begin without; `renew` is told whose token should be renewed, again and again."""
        self._renew = renew
        self._refused = 0
        self._renewed = -RENEW_S
        self.token: Token | None = None

    def see(self, token: Token | None, now: int) -> bool:
        """Take in what a look found, and ask for a newer one where that is due; give whether a newer one came."""
        before, self.token = self.token, token
        if token is None:
            return False
        rests = token.held.rest_s(token.revision, now)
        unnoted = token.awaits and not token.held.consent  # its manifest wants a token since it was connected
        if token.is_due(now) or unnoted or (self._is_refused(token) and rests == 0.0):
            self._renew(token)
        return before is not None and token.held.number > before.held.number

    def waits(self, now: int) -> bool:
        """Tell whether nothing may leave: there is no token, or it was refused."""
        return self.token is not None and (self._is_refused(self.token) or not self.token.is_good(now))

    def refused(self, number: int, now_s: float) -> bool:
        """Hear that a token was refused; give whether what it was sent with leaves again with a newer one."""
        token = self.token
        if token is None or not token.grant.renews:
            return False
        if number < token.held.number or self._is_refused(token):
            return True
        if now_s - self._renewed < RENEW_S:
            return False
        self._refused, self._renewed = number, now_s
        self._renew(token)
        return True

    def _is_refused(self, token: Token) -> bool:
        return 0 < token.held.number == self._refused
