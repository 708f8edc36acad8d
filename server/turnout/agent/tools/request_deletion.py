"""The tool `request_deletion`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from turnout.agent.desk import Desk
from turnout.agent.model import WAIT_LIMIT_S, Args, Change, Confirm, DryRun, Hints, Key, Space, Tool
from turnout.agent.tools.get_deletion import Step
from turnout.document import Document
from turnout.guard.principal import Scope

DESCRIPTION = (
    "Delete a person (GDPR, CCPA): suppress new events, erase stored ones and tell destinations that can delete, or "
    "lift a suppression. Erasing cannot be undone: the first call answers with a plan that counts and a token; show it "
    "to the user and call again with confirm. Progress: get_deletion. A person may run turnout erase."
)


class RequestDeletion(Args):
    """Arguments of `request_deletion`."""

    user_id: str | None = None
    anonymous_id: str | None = None
    email: str | None = None
    kind: Literal["suppress_and_erase", "erase", "suppress", "unsuppress"] = Field(
        "suppress_and_erase", description="default suppress_and_erase"
    )
    namespace: Space = None
    idempotency_key: Key = None
    dry_run: DryRun = False
    confirm: Confirm = None
    wait_seconds: int | None = Field(None, ge=0, le=WAIT_LIMIT_S, description="wait for the receipt")


class Requested(Change):
    """Answer of `request_deletion`."""

    deletion_id: str | None = None
    status: str | None = Field(None, description="planned, received, running, partial or finished")
    suppressed: bool | None = None
    steps: list[Step] | None = Field(None, description="the receipt, with wait_seconds")
    proof: dict[str, JsonValue] | None = None


async def run(desk: Desk, args: RequestDeletion) -> Document:
    """Plan it, or begin."""
    return await desk.request_deletion(
        user_id=args.user_id,
        anonymous_id=args.anonymous_id,
        email=args.email,
        kind=args.kind,
        namespace=args.namespace,
        idempotency_key=args.idempotency_key,
        dry_run=args.dry_run,
        confirm=args.confirm,
        wait_seconds=args.wait_seconds,
    )


TOOL = Tool(
    name="request_deletion",
    title="Request deletion",
    description=DESCRIPTION,
    args=RequestDeletion,
    answer=Requested,
    hints=Hints(read_only=False, destructive=True, idempotent=True, open_world=True),
    scopes=frozenset({Scope.PRIVACY}),
    run=run,
    search="gdpr ccpa erase forget suppress delete user right to be forgotten",
)
