"""The tool `get_usage`."""

from __future__ import annotations

from pydantic import BaseModel, Field, JsonValue

from turnout.agent.desk import Desk
from turnout.agent.model import READS, Answer, Args, Tool
from turnout.document import Document
from turnout.guard.principal import Scope

DESCRIPTION = (
    "Count monthly tracked users (MTU) exactly and live: how many, in which sources, what counted them, what inflated "
    "the count, the forecast for the month with method and range, and how many test people were left out. Events by "
    "source too."
)


class GetUsage(Args):
    """Arguments of `get_usage`."""

    month: str | None = Field(None, pattern=r"^\d{4}-\d{2}$", description="e.g. 2026-11; default this one")


class SourceUsage(BaseModel):
    """The share of one source."""

    name: str
    mtu: int | None = None
    events: int | None = None


class Usage(Answer):
    """Answer of `get_usage`."""

    month: str
    mtu: int
    events: int | None = None
    test_people: int
    test_events: int | None = None
    forecast: int | None = Field(None, description="MTU at the end of the month")
    forecast_low: int | None = None
    forecast_high: int | None = None
    forecast_method: str | None = None
    counts: dict[str, JsonValue] | None = Field(None, description="identified and never_identified make the MTU")
    inflated_by: list[dict[str, JsonValue]] | None = Field(None, description="causes, of those who counted last")
    sources: list[SourceUsage] | None = None
    counted_by: list[dict[str, JsonValue]] | None = None


async def run(desk: Desk, args: GetUsage) -> Document:
    """Count."""
    return await desk.get_usage(month=args.month)


TOOL = Tool(
    name="get_usage",
    title="Get usage",
    description=DESCRIPTION,
    args=GetUsage,
    answer=Usage,
    hints=READS,
    scopes=frozenset({Scope.READ}),
    run=run,
    search="mtu billing cost forecast volume monthly tracked users",
)
