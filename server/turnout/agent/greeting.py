"""What a client said of itself when it greeted us over HTTP, before 2026-07-28: its session id carries it.

So nothing is kept between requests, and yet a later one says who calls and what they can be asked. It is as true as
the greeting was: a client that writes one of its own has only told something else about itself. Since 2026-07-28 each
request says it in its body.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Final

from turnout.agent import short
from turnout.agent.caller import Caller
from turnout.document import Document, Json, decode, encode
from turnout.entropy import Entropy

_KINDS: Final = ("elicitation", "sampling", "roots")
_ROOM: Final = 1_024
"""Characters of a session id; a longer one is none of ours."""
_NONCE: Final = 12


def session(hello: Mapping[str, Json], entropy: Entropy) -> bytes:
    """Write the session id for whoever greets so."""
    caller = short.client(hello)
    said: Document = {"client": caller.program, "nonce": entropy.token(_NONCE).hex()}
    said["declared"] = {kind: _modes(caller.declared[kind]) for kind in _KINDS if kind in caller.declared}
    return urlsafe_b64encode(encode(said))


def caller(session: bytes) -> Caller:
    """Read who calls; nobody in particular where it is no session id of ours."""
    try:
        said = decode(urlsafe_b64decode(session)) if len(session) <= _ROOM else None
    except ValueError:
        said = None
    match said:
        case {"client": str() as program, "declared": dict() as declared}:
            return Caller(program, declared)
        case _:
            return Caller()


def _modes(said: Json) -> Document:
    """Keep of a capability in which ways it is there."""
    return {str(mode): {} for mode in said if mode in {"form", "url"}} if isinstance(said, Mapping) else {}
