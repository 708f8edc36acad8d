"""Customising a connection from the command line, and importing one of Segment's, by the real program."""

from __future__ import annotations

import json
from pathlib import Path

from support.program import Program

TOKEN = ("--set", "token=t0123456789")


def test_a_connection_is_customised_without_a_file_and_changed_back(data_dir: Path) -> None:
    program = Program(data_dir)
    fields = ("--map", "event:properties.plan=$.traits.plan", "--map", 'event:extra={"a": [1, "$.userId"]}')
    names = ("--event-name", "Paid=Order Completed", "--when", 'people=type = "identify"')
    program.tell("destination", "connect", "mixpanel", "--name", "M", *TOKEN, *fields, *names)

    assert program.tell("destination", "show", "M")["overrides"] == {
        "map": {"event:properties.plan": "$.traits.plan", "event:extra": {"a": [1, "$.userId"]}},
        "events": {"Paid": "Order Completed"},
        "when": {"people": 'type = "identify"'},
    }

    lifted = ("--map", "event:extra=", "--event-name", "Paid=", "--when", "people=")
    program.tell("destination", "update", "M", *lifted, "--filter", 'type = "track"', "--name", "N")

    told = program.tell("destination", "show", "N")
    assert told["overrides"] == {"map": {"event:properties.plan": "$.traits.plan"}}
    assert told["filter"] == 'type = "track"'


def test_a_destination_of_segments_is_imported_and_each_line_told(data_dir: Path, tmp_path: Path) -> None:
    program = Program(data_dir)
    file = tmp_path / "segment.json"
    fields = {"event": {"@template": "App: {{event}}"}, "none_of_ours": 1}
    mapping = {"name": "Track", "trigger": 'type = "track"', "actionSlug": "trackEvent", "settings": fields}
    named = {"name": "Prod", "metadata": {"slug": "actions-mixpanel"}, "settings": {"projectToken": "••••"}}
    file.write_text(json.dumps({"data": {"destination": named, "subscriptions": [mapping]}}))

    plan = program.tell("destination", "import", str(file), "--dry-run")
    assert program.tell("destination", "list")["destinations"] == []
    told = program.tell("destination", "import", str(file), *TOKEN)

    assert plan["overrides"] == told["overrides"]
    assert (told["name"], told["slug"], told["state"]) == ("Prod", "mixpanel", "running")
    (left,) = (each for each in told["lines"] if each["what"].endswith("`none_of_ours`"))
    assert (left["result"], left["why"]) == ("not_taken", "`event` sends no such field")
    assert program.tell("destination", "show", "Prod")["overrides"]["map"] == {"event:event": "App: {{ $.event }}"}

    program.tell("destination", "update", "Prod", "--map", "event:event=")
    program.tell("destination", "import", str(file), "--to", "Prod")
    assert program.tell("destination", "show", "Prod")["overrides"]["map"] == {"event:event": "App: {{ $.event }}"}
