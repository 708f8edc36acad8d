"""A destination with the overrides of one connection around it; one without any has none of this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from turnout.document import Document
from turnout.errors import InvalidInput
from turnout.event.model import Ours
from turnout.exchange import Action, Drop, Exchange, Grant, Item, Moment, Pace, SetUp, Target
from turnout.manifest.compile import compile_predicate
from turnout.manifest.expression import nearest
from turnout.manifest.overrides import Made, Overrides

Condition = Callable[[Document], bool]
_SHOWN = 200
"""Characters of a condition that a reason shows."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """Satisfies `exchange.Target`: `target` is made with the mapped fields, which `made` lists.

    `events` renames track events before anything of the manifest sees them; `when` asks about them as received, and
    has each condition beside its text.
    """

    target: Target
    made: tuple[Made, ...]
    events: Mapping[str, str]
    when: Mapping[str, tuple[str, Condition]]

    @property
    def actions(self) -> Mapping[str, Action]:
        """The actions by name."""
        return self.target.actions

    @property
    def profile(self) -> str:
        """The schedule of retries."""
        return self.target.profile

    @property
    def pace(self) -> Pace:
        """The rates that the manifest states."""
        return self.target.pace

    @property
    def secrets(self) -> Mapping[str, str]:
        """Values that must not stand in evidence."""
        return self.target.secrets

    @property
    def grant(self) -> Grant | None:
        """How its token is got."""
        return self.target.grant

    def select(self, kind: str, name: str) -> tuple[str, ...]:
        """Name the actions that are for this call, by the name that the manifest sees."""
        return self.target.select(kind, self.events.get(name, name) if kind == "track" else name)

    def items(self, document: Document, actions: tuple[str, ...], now: int) -> tuple[Item | Drop, ...]:
        """Map one event: those actions whose condition holds, under the name that the manifest sees."""
        seen = self.renamed(document)
        if not self.when or document.get("type") == Ours.DELETE:  # whom a condition leaves out is deleted all the same
            return self.target.items(seen, actions, now)
        drops = {name: why for name in actions if (why := self._against(name, document))}
        left = tuple(name for name in actions if name not in drops)
        return (*drops.values(), *self.target.items(seen, left, now))

    def exchange(self, action: str, items: tuple[Item, ...], moment: Moment) -> Exchange:
        """Begin the talk for one batch."""
        return self.target.exchange(action, items, moment)

    def check(self, moment: Moment) -> Exchange | None:
        """Begin the test of the credentials."""
        return self.target.check(moment)

    def setup(self, moment: Moment) -> SetUp | None:
        """Begin what is done when it is connected or its settings change."""
        return self.target.setup(moment)

    def learn(self, ids: Document) -> None:
        """Take in the ids of lists that are kept."""
        self.target.learn(ids)

    def renamed(self, document: Document) -> Document:
        """Give the event as the manifest sees it."""
        name = document.get("event") if document.get("type") == "track" else None
        other = self.events.get(name) if isinstance(name, str) else None
        return document if other is None else {**document, "event": other}

    def _against(self, name: str, document: Document) -> Drop | None:
        text, holds = self.when.get(name, ("", None))
        return None if holds is None or holds(document) else Drop(name, "filtered", f"when {name}: {text[:_SHOWN]}")


def around(target: Target, wanted: Overrides, made: tuple[Made, ...] = ()) -> Fitted:
    """Put names and conditions around a destination. Raises: InvalidInput."""
    when: dict[str, tuple[str, Condition]] = {}
    for name, text in wanted.when.items():
        if name not in target.actions:
            near = nearest(name, target.actions) or f"; there are {', '.join(target.actions)}"
            raise InvalidInput(f"`when` of `{name[:40]}`: there is no such action{near}")
        try:
            when[name] = text, compile_predicate(text)
        except InvalidInput as error:
            raise InvalidInput(f"`when` of `{name}`: {error.message}") from None
    return Fitted(target, made, wanted.events, when)
