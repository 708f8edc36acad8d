"""Which destinations a question is about: every connected one, those of a name, or one that is not connected."""

from __future__ import annotations

from dataclasses import dataclass

from turnout.document import Document, Json
from turnout.errors import NotFound
from turnout.manifest.catalogue import Catalogue
from turnout.manifest.heads import Entry
from turnout.store.lanes import LaneRow
from turnout.store.unit import View
from turnout.workspace import DESTINATION, Destination

NOT_CONNECTED = "not_connected"
"""Reason that is told and never stored: no lane could store it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The lanes that are asked about; `missing`: what the catalogue has of that name, and nobody connected."""

    lanes: tuple[LaneRow, ...]
    missing: Entry | None = None

    def say(self) -> str:
        """Add to the summary what is not connected."""
        return f" {self.missing.name} is not connected." if self.missing else ""

    def rows(self) -> list[Json]:
        """Give the verdict at the one that is not connected."""
        if self.missing is None:
            return []
        needed = _needed(self.missing)
        how = (
            f"Connect it: connect_destination with slug {self.missing.slug}{f' and settings {needed}' * bool(needed)}."
        )
        return [
            {
                "destination": self.missing.name,
                "verdict": "not_sent",
                "reason": NOT_CONNECTED,
                "says": "It is not connected, so no event goes there.",
                "attempts": [],
                "next": f"{how} What came before is sent there by a replay.",
            }
        ]

    def calls(self) -> list[Json]:
        """Give the call that connects it, or, where it needs settings, the one that lists them."""
        if self.missing is None:
            return []
        if needed := _needed(self.missing):
            why = f"Shows the settings with which connect_destination connects it; it needs {needed}."
            return [{"tool": "describe_destination", "arguments": {"destination": self.missing.slug}, "why": why}]
        plan: Document = {"slug": self.missing.slug, "dry_run": True}
        return [{"tool": "connect_destination", "arguments": plan, "why": "Shows what connecting it would mean."}]


def asked(view: View, name: str, catalogue: Catalogue | None) -> Asked:
    """Find the lanes of a name: a destination's own, its id, or what the catalogue calls it. Raises: NotFound."""
    if not name:
        return Asked(view.lanes.all())
    try:
        return _of(view, view.workspace.destination(name))
    except NotFound as error:
        if catalogue is None:
            raise
        entry = _entry(catalogue, name, error)
    alike = [each for each in view.workspace.destinations.values() if each.slug == entry.slug]
    if alike:
        return _of(view, *alike)
    gone = [lane for lane in view.lanes.all() if _slug(view, lane) == entry.slug]
    return Asked(tuple(gone), entry)


def _of(view: View, *destinations: Destination) -> Asked:
    numbers = {each.lane for each in destinations}
    return Asked(tuple(lane for lane in view.lanes.all() if lane.lane in numbers))


def _slug(view: View, lane: LaneRow) -> str:
    last = view.entities.last(DESTINATION, lane.destination)
    return str(last["slug"]) if last else ""


def _entry(catalogue: Catalogue, name: str, missing: NotFound) -> Entry:
    try:
        return catalogue.find(name)
    except NotFound as error:
        raise NotFound(f"{missing.message}; in the catalogue {error.message}") from None


def _needed(entry: Entry) -> str:
    return ", ".join(each.name for each in entry.settings.values() if each.required)
