"""The tool `get_deletion`."""

from __future__ import annotations

from pydantic import BaseModel, Field, JsonValue

from turnout.agent.desk import Desk
from turnout.agent.model import READS, Answer, Args, Tool
from turnout.document import Document
from turnout.guard.principal import Scope

DESCRIPTION = (
    "Show the receipt of a deletion: its status, each step in our stores and at every destination with counts and "
    "reasons, and the proof of what is left here. Destinations that cannot delete are named. The deletion_id comes "
    "from request_deletion."
)


class GetDeletion(Args):
    """Arguments of `get_deletion`."""

    deletion_id: str


class Step(BaseModel):
    """One step of an erasure."""

    where: str
    status: str
    counts: dict[str, JsonValue] | None = None
    reason: str | None = None


class Receipt(Answer):
    """Answer of `get_deletion`."""

    deletion_id: str
    status: str
    suppressed: bool | None = None
    steps: list[Step]
    proof: dict[str, JsonValue] | None = Field(None, description="what was erased, what a look finds left, and a hash")


async def run(desk: Desk, args: GetDeletion) -> Document:
    """Give the receipt."""
    return await desk.get_deletion(deletion_id=args.deletion_id)


TOOL = Tool(
    name="get_deletion",
    title="Get deletion",
    description=DESCRIPTION,
    args=GetDeletion,
    answer=Receipt,
    hints=READS,
    scopes=frozenset({Scope.READ}),
    run=run,
    rest="What is not shown are destinations; the summary counts how each ended.",
    search="receipt status of erasure gdpr request",
)
