"""`turnout destination`: where events go; its verbs stand in `connected` and `manifests`."""

from __future__ import annotations

from turnout.cli.table import Entry, Section, Table

VERBS: tuple[Section, ...] = (
    (
        "Connected destinations",
        (
            Entry("connect", "turnout.cli.connected:connect", "Connect a destination of the catalogue."),
            Entry(
                "authorize", "turnout.cli.consent:authorize", "Let a person agree at the vendor, where that is needed."
            ),
            Entry("list", "turnout.cli.connected:listed", "List what is connected; with --catalog, all there is."),
            Entry("show", "turnout.cli.connected:show", "Show a destination's settings, or those it would need."),
            Entry("update", "turnout.cli.connected:update", "Change a connected destination; what is not named stays."),
            Entry("import", "turnout.cli.imported:import_", "Connect what a Segment workspace has, line by line."),
            Entry("pause", "turnout.cli.connected:pause", "Let it stand still; its events wait in the log."),
            Entry("resume", "turnout.cli.connected:resume", "Let it go on from where it stood."),
            Entry("remove", "turnout.cli.connected:remove", "Disconnect it; what it is owed is cancelled."),
            Entry("test", "turnout.cli.connected:test", "Check its credentials at the vendor."),
        ),
    ),
    (
        "Your own",
        (
            Entry("new", "turnout.cli.manifests:new", "Write the manifest of a new destination to start from."),
            Entry("check", "turnout.cli.manifests:check", "Check manifests, and run the tests they hold."),
            Entry("schema", "turnout.cli.manifests:schema", "Write the JSON Schema of manifests, for an editor."),
            Entry(
                "render", "turnout.cli.manifests:render", "Answer JSON lines of events with the requests they cause."
            ),
        ),
    ),
)

destination = Table(name="destination", sections=VERBS, help="Where events go: connect, change, write.")
