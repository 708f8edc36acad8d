"""Operations of a workspace from the command line: open it, do one thing at its desk, close it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeAlias, TypeVar

import anyio

from turnout.app import App, running
from turnout.cli import output
from turnout.cli.here import Here
from turnout.config import Settings
from turnout.desk import OwnDesk
from turnout.document import Document
from turnout.errors import TurnoutError
from turnout.guard.principal import command_line
from turnout.store.tail import lost

T = TypeVar("T")
Work: TypeAlias = Callable[[OwnDesk, App], Awaitable[T]]


def at_desk(here: Here, work: Work[T], *, sure: bool = False, delivers: bool = False) -> T:
    """Do one thing, as a person with every scope; `delivers`: meanwhile deliver, if nobody else does.

    Raises: what the operation raises.
    """
    return anyio.run(partial(_at_desk, here.settings(), work, sure=sure, delivers=delivers))


async def _at_desk(settings: Settings, work: Work[T], *, sure: bool, delivers: bool) -> T:
    refusal: TurnoutError | None = None
    async with running(settings, delivers=delivers) as app:
        if app.store.missing:
            output.say(f"warning: {lost(app.store.missing)}")
        try:
            return await work(OwnDesk(app, command_line(), sure=sure), app)
        except TurnoutError as error:  # kept out of the task group, which would wrap it
            refusal = error
    raise refusal


def change(here: Here, call: Callable[[OwnDesk, str | None], Awaitable[Document]], *, yes: bool) -> Document:
    """Make a change; what cannot be undone shows its plan and asks, or needs `--yes` where nobody can be asked.

    `call` takes the desk and the token of a plan. Raises: InvalidInput without a yes; what the operation raises.
    """

    async def once(desk: OwnDesk, _: App, *, confirm: str | None = None) -> Document:
        return await call(desk, confirm)

    told = at_desk(here, once, sure=yes)
    withheld = told.get("confirm")
    if not isinstance(withheld, dict):
        return told
    output.require_yes(str(withheld.get("plan")))
    return at_desk(here, partial(once, confirm=str(withheld.get("token"))))
