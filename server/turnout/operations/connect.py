"""Connecting a destination of the catalogue: it gets events from now on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from turnout.binder import Binder
from turnout.delivery import tokens
from turnout.delivery.eyes import held_of
from turnout.document import Document, Json
from turnout.errors import InvalidSettings, NotFound
from turnout.exchange import Grant, Moment, Target
from turnout.guard.audit import Inverse
from turnout.guard.principal import Effect, Scope
from turnout.manifest.catalogue import Catalogue
from turnout.manifest.heads import Entry
from turnout.manifest.overrides import merged
from turnout.operations import check, filled, hosts, names, terms
from turnout.operations.filled import Filled
from turnout.operations.model import Applied, Calling, Operation, Shown
from turnout.operations.setup import Prepared, requests
from turnout.store.unit import Unit, View
from turnout.workspace import DESTINATION, Destination, Receives, destination_body

NAME = "connect_destination"
_ID_BYTES = 8


@dataclass(frozen=True, slots=True)
class Connect:
    """What is wanted; `slug` may be an alias, settings may have the names of other catalogues.

    `overrides` are what this connection changes of its manifest.
    """

    slug: str
    name: str | None = None
    settings: Mapping[str, Json] | None = None
    receives: str | None = None
    filter: str | None = None
    sources: tuple[str, ...] | None = None
    overrides: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class Connecting:
    """What will be connected. `hosts` are of the caller's own choice."""

    entry: Entry
    name: str
    filled: Filled
    receives: Receives
    filter: str
    sources: tuple[int, ...]
    hosts: tuple[str, ...]
    overrides: Document
    target: Target
    prepared: Prepared
    now: int

    @property
    def grant(self) -> Grant | None:
        """How its token is got."""
        return self.target.grant


def plan(
    catalogue: Catalogue, binder: Binder, prepared: Prepared, view: View, request: Connect, calling: Calling
) -> Connecting:
    """Find and check all of it. Raises: NotFound, InvalidSettings, InvalidInput, Conflict."""
    entry = _entry(catalogue, request.slug)
    given = filled.named(entry, request.settings or {}, calling.principal)
    settings = _filled(catalogue, entry, prepared.over(given))
    changed = merged({}, request.overrides or {})
    target = binder.bind(entry.slug, {**settings.public, **settings.secrets}, changed)
    taken = [each.name for each in view.workspace.destinations.values()]
    if request.name is None:
        name = names.free(entry.name, taken)
    else:
        name = names.unused("destination", names.fit("destination", request.name), taken)
    return Connecting(
        entry,
        name,
        settings,
        terms.usual(calling.principal) if request.receives is None else terms.receives(request.receives),
        terms.condition(request.filter or "", binder),
        terms.sources(request.sources or (), view.workspace),
        tuple(sorted(hosts.chosen(entry, settings.checked))),
        changed,
        target,
        prepared,
        view.now,
    )


def _filled(catalogue: Catalogue, entry: Entry, given: Document) -> Filled:
    try:
        return filled.fill(catalogue, entry, given)
    except InvalidSettings as error:
        fix = f"describe_destination of {entry.slug} shows what it takes"
        raise InvalidSettings(error.message, **{**error.attributes, "fix": fix}) from None


def _entry(catalogue: Catalogue, slug: str) -> Entry:
    try:
        return catalogue.find(slug)
    except NotFound as error:
        raise NotFound(
            f"`slug`: {error.message}", fix="list_destinations with catalog true and search finds what there is"
        ) from None


def apply(unit: Unit, connecting: Connecting, calling: Calling) -> Applied:
    """Make its lane, from the next event on, and its leaf; seal its secrets."""
    connecting.prepared.require(connecting.name, connecting.target, unit.now)
    key = f"dst_{unit.session.entropy.token(_ID_BYTES).hex()}"
    settings = connecting.filled
    unit.entities.revise(calling.principal.name, calling.operation)
    lane = unit.lanes.create(key, unit.counter.seq - 1)
    for name, value in settings.secrets.items():
        unit.entities.seal(key, name, value)
    destination = Destination(
        key, connecting.name, connecting.entry.slug, lane, connecting.receives, settings.public,
        tuple(sorted(settings.secrets)), connecting.filter, connecting.sources, unit.now,
        connecting.overrides,
    )  # fmt: skip
    unit.entities.put(DESTINATION, key, destination_body(destination))
    tokens.mark(unit, key, connecting.grant)
    warned = f" {inward}" if (inward := hosts.inward(connecting.hosts)) else ""
    answer: Document = {
        "summary": f"{connecting.entry.name} was connected as {connecting.name!r}; {_gets(connecting)}.{warned}",
        "destination_id": key,
        "name": connecting.name,
        "slug": connecting.entry.slug,
        "state": "running",
        "receives": str(connecting.receives),
    }
    if trouble := held_of(unit, key).trouble(connecting.name):
        answer |= {
            "summary": f"{answer['summary']} Nothing is sent yet: {trouble}.",
            "state": "paused",
            "reason": trouble,
        }
    elif connecting.target.check(Moment(unit.now, "")) is not None and Scope.OPERATE in calling.principal.scopes:
        answer["next"] = [check.asking(key)]
    return Applied(answer, inverse=Inverse("update_destination", {"destination": key, "action": "remove"}))


def effect(connecting: Connecting) -> Effect:
    """Reach live events where it will receive them."""
    live = connecting.receives is not Receives.TEST
    return Effect(live_destinations=frozenset({connecting.name} if live else ()))


def show(connecting: Connecting) -> Shown:
    """Put it in words; a host of the caller's own choice needs a yes."""
    told: Document = {
        "name": connecting.name,
        "slug": connecting.entry.slug,
        "receives": str(connecting.receives),
    }
    if connecting.hosts:
        told["hosts"] = list(connecting.hosts)
    if asked := requests(connecting.target, connecting.now):
        told["setup"] = asked
    if connecting.overrides:
        told["overrides"] = connecting.overrides
    summary = f"{connecting.entry.name} would be connected as {connecting.name!r}; {_gets(connecting)}."
    confirm = (
        f"They would be sent to {', '.join(connecting.hosts)}, a host of your own choice." if connecting.hosts else ""
    )
    return Shown(summary, told, confirm)


def operation(
    catalogue: Catalogue,
    binder: Binder,
    prepared: Prepared = Prepared(),  # noqa: B008 - a value that never changes
) -> Operation[Connect, Connecting]:
    """Give the operation over a catalogue; `prepared` is what a setup at the vendor gave."""
    decide = partial(plan, catalogue, binder, prepared)
    return Operation(NAME, frozenset({Scope.CONFIGURE}), decide, apply, effect, show)


def _gets(connecting: Connecting) -> str:
    which = {Receives.LIVE: "live events", Receives.TEST: "test events", Receives.ALL: "live and test events"}
    narrowed = "those that pass its filter, " if connecting.filter else ""
    return f"it receives {which[connecting.receives]}, {narrowed}from now on"
