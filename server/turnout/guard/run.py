"""What every call that changes something passes: may they, was it done, what would it do, are they sure; then do it.

It runs inside the operation's transaction, so that key, token, audit row and effect are one. A refusal stores
nothing; neither does a dry run, nor a plan that waits for its token.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from turnout import document
from turnout.clock import DAY, MINUTE
from turnout.document import Document
from turnout.errors import Erased, InProgress, InvalidConfirmation, InvalidInput, OutcomeUnknown
from turnout.guard import audit, confirmation, idempotency
from turnout.guard.idempotency import Fingerprint
from turnout.guard.principal import permit, reach
from turnout.operations.model import Applied, Calling, Intent, Operation, arguments
from turnout.store.keys import Kept, KeyState
from turnout.store.unit import Unit

Q = TypeVar("Q")
P = TypeVar("P")

RUNS = MINUTE
"""How long a call that reaches outside may be on its way before it is taken for dead."""


class Done(msgspec.Struct, frozen=True, gc=False):
    """How a call ended. `answer` is what was stored, or the plan that was not carried out.

    `replayed`: the stored answer of an earlier call; `derived`: its key was made from its arguments. `first` and
    `last`: the events that the call recorded.
    """

    answer: Document
    replayed: bool = False
    derived: bool = False
    planned: bool = False
    first: int = 0
    last: int = 0


def run(unit: Unit, operation: Operation[Q, P], request: Q, intent: Intent, retention_days: int = 90) -> Done:
    """Carry a call out, once. Raises: Denied, KeyReused, InvalidConfirmation, and what the operation raises."""
    permit(intent.principal, operation.scopes)
    request = operation.fill(request, intent.principal)
    printed = _print(unit, operation.name, request)
    token = _token(unit, operation, printed, intent)
    key = _key(operation, printed, intent, token)
    kept = unit.keys.find(intent.principal.name, operation.name, key) if key and not intent.dry_run else None
    if kept and not (kept.state is KeyState.ERASED and idempotency.is_derived(key)):
        return _replay(kept, printed, key, unit.now)
    calling = Calling(intent.principal, operation.name, key, unit.now)
    plan = operation.plan(unit, request, calling)
    reach(intent.principal, operation.effect(plan))
    if (withheld := _withheld(unit, operation, plan, printed, intent, token)) is not None:
        return withheld
    _spend(unit, intent, token)
    applied = operation.apply(unit, plan, calling)
    answer = _with_inverse(applied)
    if operation.audited:
        _audit(unit, operation, printed, answer | applied.detail, intent)
    if key:
        until = idempotency.expires(key, operation.lasting, unit.now, retention_days * DAY)
        told = document.encode(answer)
        kept = Kept(bytes(printed), told, applied.first, applied.last, unit.now, until, KeyState.DONE)
        unit.keys.keep(intent.principal.name, operation.name, key, kept)
    return Done(answer, first=applied.first, last=applied.last)


def claim(unit: Unit, operation: str, request: object, intent: Intent) -> Done | None:
    """Claim the key of a call that reaches outside; None when it may go on, else its stored answer.

    Raises: KeyReused; InProgress while an earlier call may still be on its way; OutcomeUnknown when it ended, or
    died, before its answer, until the key expires.
    """
    if not intent.idempotency_key:
        return None
    key = idempotency.given_key(intent.idempotency_key)
    printed = _print(unit, operation, request)
    name = intent.principal.name
    if kept := unit.keys.find(name, operation, key):
        _require_answer(kept, printed, unit.now)
        return _replay(kept, printed, key, unit.now)
    expires = idempotency.expires(key, idempotency.Lasting.OTHER, unit.now, 0)
    unit.keys.keep(name, operation, key, Kept(bytes(printed), b"", 0, 0, unit.now, expires, KeyState.CLAIMED))
    return None


def answer(unit: Unit, operation: str, intent: Intent, told: Document | None) -> None:
    """Store the answer of a call that reached outside; None: it was cut off, and what it did is not known."""
    if not intent.idempotency_key:
        return
    name, key = intent.principal.name, intent.idempotency_key
    if kept := unit.keys.find(name, operation, key):
        text, state = (b"", KeyState.UNKNOWN) if told is None else (document.encode(told), KeyState.DONE)
        unit.keys.keep(name, operation, key, Kept(kept.fingerprint, text, 0, 0, kept.used, kept.expires, state))


def _require_answer(kept: Kept, printed: Fingerprint, now: int) -> None:
    """Let a call pass whose key has an answer. Raises: KeyReused, InProgress, OutcomeUnknown."""
    if kept.state not in {KeyState.CLAIMED, KeyState.UNKNOWN}:
        return
    idempotency.agree(Fingerprint.read(kept.fingerprint), printed)
    if kept.state is KeyState.CLAIMED and now - kept.used < RUNS:
        raise InProgress(
            "An earlier call with this idempotency_key is still on its way. Make the same call again in a second; "
            "it then gets that call's answer.",
            retry_after_s=1,
        )
    raise OutcomeUnknown(
        "An earlier call with this idempotency_key ended without its answer, and whether it reached the destination "
        "is not known. To make it once more, take a new idempotency_key."
    )


def _print(unit: Unit, operation: str, request: object) -> Fingerprint:
    try:
        return idempotency.fingerprint(unit.vault.derived("fingerprint"), operation, arguments(request))
    except TypeError:
        raise InvalidInput(
            "The arguments hold what JSON cannot say: a number beyond 64 bits, NaN, or text that is no Unicode. "
            "Give such numbers as text."
        ) from None


def _token(unit: Unit, operation: Operation[Q, P], printed: Fingerprint, intent: Intent) -> str:
    """Open the confirmation token of a call; give the id under which it is spent."""
    if not intent.confirm:
        return ""
    opened = confirmation.open_token(
        unit.vault.derived("confirm"),
        intent.confirm,
        intent.principal.name,
        operation.name,
        printed.whole,
        now=unit.now,
    )
    return opened.spent_id


def _key(operation: Operation[Q, P], printed: Fingerprint, intent: Intent, token: str) -> str:
    """Give the key of a call: its own, else its token's, else, for one that sends, a derived one."""
    if intent.idempotency_key:
        return idempotency.given_key(intent.idempotency_key)
    if token:
        return f"confirm {token}"
    return idempotency.derived_key(printed) if operation.sends else ""


def _replay(kept: Kept, printed: Fingerprint, key: str, now: int) -> Done:
    idempotency.agree(Fingerprint.read(kept.fingerprint), printed)
    derived = idempotency.is_derived(key)
    if kept.state is KeyState.ERASED:
        raise Erased
    told = document.decode(kept.answer)
    assert isinstance(told, dict)
    ago = max(0, now - kept.used) // 1_000_000
    if derived:
        told["summary"] = (
            f"An equal call was made {ago} s ago; this is its answer and nothing was sent. Give an idempotency_key "
            "to send it again."
        )
    return Done(told, replayed=True, derived=derived, first=kept.first, last=kept.last)


def _withheld(
    unit: Unit, operation: Operation[Q, P], plan: P, printed: Fingerprint, intent: Intent, token: str
) -> Done | None:
    """Give the plan instead of the deed: for a dry run, or where a token is still needed."""
    shown = operation.show(plan)
    if intent.dry_run:
        return Done({"summary": shown.summary, "plan": shown.summary, **shown.plan}, planned=True)
    if not shown.confirm or intent.sure or token:
        return None
    nonce = unit.session.entropy.token(confirmation.NONCE)
    sealed = confirmation.seal(
        unit.vault.derived("confirm"), intent.principal.name, operation.name, printed.whole,
        expires=unit.now + confirmation.LIFETIME, nonce=nonce,
    )  # fmt: skip
    told: Document = {
        "summary": f"Nothing was done yet: {shown.summary}",
        "confirm": {"token": sealed, "plan": f"{shown.summary} {shown.confirm}"},
        **shown.plan,
    }
    return Done(told, planned=True)


def _spend(unit: Unit, intent: Intent, token: str) -> None:
    if token and not unit.keys.spend(intent.principal.name, token, unit.now + confirmation.LIFETIME):
        raise InvalidConfirmation("The token was used before. Call without confirm for a new plan.")


def _with_inverse(applied: Applied) -> Document:
    if applied.inverse is None:
        return applied.answer
    undo: Document = {
        "tool": applied.inverse.tool,
        "arguments": dict(applied.inverse.arguments),
        "why": "takes this change back",
    }
    steps = applied.answer.get("next", [])
    assert isinstance(steps, list)
    return {**applied.answer, "next": [*steps, undo]}


def _audit(unit: Unit, operation: Operation[Q, P], printed: Fingerprint, told: Document, intent: Intent) -> None:
    ids = {name: value for name, value in told.items() if name.endswith("_id") or name in _COUNTED}
    entry = audit.Entry(
        unit.now, intent.principal.name, intent.principal.client, operation.name, printed.whole, "done", ids
    )
    unit.audit.append(audit.append(unit.audit.head(), entry))


_COUNTED = frozenset({"selected", "state", "receives", "status", "revision", "secrets"})
