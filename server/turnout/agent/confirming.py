"""The plan of what cannot be undone, put to the person behind the client, where the client lets us.

The state of the question is the plan's own token: sealed, bound to principal, tool, arguments and time, and spent in
the commit of the effect. So a round that is repeated, at whichever process, has its effect once and gives the first
answer again. A yes proves that somebody at the client agreed, and no more: the scopes do the guarding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

from pydantic import BaseModel

from turnout.agent.answers import clipped
from turnout.agent.caller import Asking, Caller, form
from turnout.agent.fault import INVALID_PARAMS, Fault
from turnout.document import Document
from turnout.errors import Denied

A = TypeVar("A", bound=BaseModel)

CONFIRM: Final = "confirm"
_FIELD: Final[Document] = {"type": "boolean", "title": "Do it", "description": "It cannot be taken back."}


def heeded(args: A, caller: Caller) -> A:
    """Put the token into the arguments of whoever agreed to its plan. Raises: Denied, where they did not; Fault."""
    said = caller.responses.get(CONFIRM)
    if caller.state is None or said is None or getattr(args, CONFIRM, "") is not None:
        return args
    match said:
        case _ if not caller.state:
            raise Fault(
                INVALID_PARAMS, "requestState is empty: give back what the question came with. Nothing was changed."
            )
        case {"action": "accept", "content": {"confirm": True}}:
            return args.model_copy(update={CONFIRM: caller.state})
        case {"action": "cancel"}:
            return args
        case {"action": "accept" | "decline"}:
            raise Denied(
                "The person was asked and said no. Nothing was changed",
                fix="At the command line a person may do it, with turnout erase, replay or destination",
            )
        case _:
            raise Fault(INVALID_PARAMS, f"inputResponses.{CONFIRM} is no answer to a form: give action and content.")


def question(answer: Document, caller: Caller) -> Asking | None:
    """Make of a plan that waits for its token a question; None where there is nothing to ask, or nobody.

    Who put the question off is not asked again: they get the token, as on a client that cannot ask.
    """
    plan = answer.get(CONFIRM)
    put_off = caller.state is not None and CONFIRM in caller.responses
    if not isinstance(plan, Mapping) or put_off or not caller.takes_forms():
        return None
    return Asking({CONFIRM: form(clipped(str(plan["plan"])), {CONFIRM: _FIELD})}, str(plan["token"]))
