"""Changing a connected destination: its name, its settings, which events it gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from turnout.binder import Binder
from turnout.delivery import tokens
from turnout.document import Document, Json
from turnout.errors import InvalidSettings, Unavailable
from turnout.exchange import Target
from turnout.guard.audit import Inverse
from turnout.guard.principal import Scope, permit
from turnout.manifest.catalogue import Catalogue
from turnout.manifest.heads import Entry
from turnout.manifest.overrides import merged, undone
from turnout.operations import filled, hosts, names, terms
from turnout.operations.model import Applied, Calling, Shown
from turnout.operations.setup import Prepared, requests
from turnout.store.lanes import LaneState
from turnout.store.unit import Unit, View
from turnout.workspace import DESTINATION, Destination, destination_body


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be another; None: as it is. A setting or an override that is null is taken away."""

    name: str | None = None
    settings: Mapping[str, Json] | None = None
    receives: str | None = None
    filter: str | None = None
    sources: tuple[str, ...] | None = None
    overrides: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class NewSettings:
    """Settings after the change: `sealed` are new secrets, `unset` those that go, `hosts` new ones of own choice.

    `target` is what they make; None where they are as they were.
    """

    public: Mapping[str, Json]
    secrets: tuple[str, ...]
    sealed: Mapping[str, str] = field(default_factory=dict, repr=False)
    unset: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    target: Target | None = None


@dataclass(frozen=True, slots=True)
class Changing:
    """What will be changed: before, after, and which fields differ."""

    before: Destination
    after: Destination
    settings: NewSettings
    fields: tuple[str, ...]
    prepared: Prepared
    now: int


def plan(
    catalogue: Catalogue, binder: Binder, prepared: Prepared, view: View, before: Destination, wanted: Wanted,
    calling: Calling,
) -> Changing:  # fmt: skip
    """Check all of it. Raises: Denied, InvalidSettings, InvalidInput, NotFound, Conflict."""
    permit(calling.principal, frozenset({Scope.CONFIGURE}))
    new = NewSettings(before.settings, before.secrets)
    if wanted.settings:
        entry = catalogue.find(before.slug)
        given = prepared.over(filled.named(entry, wanted.settings, calling.principal))
        new = _new_settings(catalogue, binder, entry, given, before, _secrets(view, before))
    after = replace(
        before,
        name=before.name if wanted.name is None else _name(view, before, wanted.name),
        settings=new.public,
        secrets=new.secrets,
        receives=before.receives if wanted.receives is None else terms.receives(wanted.receives),
        filter=before.filter if wanted.filter is None else terms.condition(wanted.filter, binder),
        sources=before.sources if wanted.sources is None else terms.sources(wanted.sources, view.workspace),
        overrides=before.overrides if wanted.overrides is None else merged(before.overrides, wanted.overrides),
    )
    if after.overrides != before.overrides:
        binder.bind(after.slug, {**after.settings, **_secrets(view, before), **new.sealed}, after.overrides)
    fields = ["name", "receives", "filter", "sources", "settings", "overrides"]
    differ = [each for each in fields if getattr(before, each) != getattr(after, each)]
    if (new.sealed or new.unset) and "settings" not in differ:
        differ.append("settings")
    return Changing(before, after, new, tuple(differ), prepared, view.now)


def apply(unit: Unit, changing: Changing, calling: Calling) -> Applied:
    """Write the leaf anew, and seal what is secret."""
    after = changing.after
    lane = unit.lanes.of(after.id)
    answer: Document = {
        "summary": f"The destination {after.name!r} was changed: {', '.join(changing.fields)}.",
        "destination_id": after.id,
        "name": after.name,
        "slug": after.slug,
        "state": "paused" if lane is not None and lane.state is LaneState.PAUSED else "running",
        "receives": str(after.receives),
    }
    if not changing.fields:
        return Applied({**answer, "summary": f"Nothing was changed: the destination {after.name!r} is so already."})
    if changing.settings.target:
        changing.prepared.require(after.name, changing.settings.target, unit.now)
    secrets: list[Json] = [*sorted({*changing.settings.sealed, *changing.settings.unset})]
    detail: Document = {"revision": unit.entities.revise(calling.principal.name, calling.operation), "secrets": secrets}
    for name in changing.settings.unset:
        unit.entities.unset(after.id, name)
    for name, value in changing.settings.sealed.items():
        unit.entities.seal(after.id, name, value)
    unit.entities.put(DESTINATION, after.id, destination_body(after))
    if changing.settings.target:
        tokens.mark(unit, after.id, changing.settings.target.grant)
    return Applied(answer, inverse=_undo(changing), detail=detail)


def show(changing: Changing) -> Shown:
    """Put it in words; a new host of the caller's own choice needs a yes."""
    fields, new = ", ".join(changing.fields) or "nothing", changing.settings.hosts
    told: Document = {
        "destination_id": changing.before.id,
        "name": changing.after.name,
        "receives": str(changing.after.receives),
        "changes": list(changing.fields),
    }
    if new:
        told["hosts"] = list(new)
    if changing.settings.target and (asked := requests(changing.settings.target, changing.now)):
        told["setup"] = asked
    if "overrides" in changing.fields:
        told["overrides"] = changing.after.overrides
    confirm = f"Its events would be sent to {', '.join(new)}, a host of your own choice." if new else ""
    return Shown(f"The destination {changing.before.name!r} would be changed: {fields}.", told, confirm)


def _name(view: View, before: Destination, text: str) -> str:
    others = [each.name for each in view.workspace.destinations.values() if each.id != before.id]
    return names.unused("destination", names.fit("destination", text), others)


def _secrets(view: View, before: Destination) -> Mapping[str, str]:
    """Open its secrets; none where they were sealed with other keys, so that all of them must be given anew."""
    try:
        return view.entities.secrets(before.id)
    except Unavailable:
        return {}


def _new_settings(
    catalogue: Catalogue, binder: Binder, entry: Entry, given: Document, before: Destination,
    secrets: Mapping[str, str],
) -> NewSettings:  # fmt: skip
    """Put what is given over what is there, and check the whole."""
    merged = {**before.settings, **secrets, **given}
    after = filled.fill(catalogue, entry, {name: value for name, value in merged.items() if value is not None})
    return NewSettings(
        after.public,
        tuple(sorted(after.secrets)),
        {name: value for name, value in after.secrets.items() if secrets.get(name) != value},
        tuple(sorted(name for name in before.secrets if name not in after.secrets)),
        tuple(sorted(hosts.chosen(entry, after.checked) - _hosts_before(catalogue, entry, before, secrets))),
        binder.bind(entry.slug, {**after.public, **after.secrets}),
    )


def _hosts_before(
    catalogue: Catalogue, entry: Entry, before: Destination, secrets: Mapping[str, str]
) -> frozenset[str]:
    """Name the hosts that somebody has said yes to; none where the settings no longer fit."""
    try:
        return hosts.chosen(entry, catalogue.check_settings(entry.slug, {**before.settings, **secrets}))
    except InvalidSettings:
        return frozenset()


def _undo(changing: Changing) -> Inverse | None:
    """Give the call that takes it back; none where a secret was changed, for its old value is not told."""
    before, after = changing.before, changing.after
    if changing.settings.sealed or changing.settings.unset:
        return None
    old: dict[str, Json] = {
        "name": before.name,
        "receives": str(before.receives),
        "filter": before.filter or terms.ALL,
        "sources": [str(number) for number in before.sources],
        "overrides": undone(before.overrides, after.overrides),
        "settings": {
            name: before.settings.get(name)
            for name in sorted({*before.settings, *after.settings})
            if before.settings.get(name) != after.settings.get(name)
        },
    }
    return Inverse("update_destination", {"destination": before.id, **{name: old[name] for name in changing.fields}})
