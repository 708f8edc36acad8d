"""Behind a proxy on the same machine that speaks TLS: pages are told https, and a person has their own address."""

from __future__ import annotations

import json
from pathlib import Path

from support.doors import opened
from support.raw import Raw, request

PROXIED = ("X-Forwarded-Proto: https", "X-Forwarded-For: 203.0.113.7")


def test_pages_are_told_https_and_events_have_the_address_of_the_person(tmp_path: Path) -> None:
    with opened(tmp_path, "--allow-host", "events.example") as door:
        with Raw(door.server.address) as raw:
            raw.send(request(f"/v1/projects/{door.key}/settings", *PROXIED, host="events.example"))
            said = raw.answer()
        assert said is not None
        ours = said.told["integrations"]["Segment.io"]
        assert door.post("/v1/t", b'{"userId":"u","event":"E","messageId":"m"}', *PROXIED).status == 200
        traced = door.program.tell("trace", "m")

    assert (ours["protocol"], ours["apiHost"]) == ("https", "events.example/v1")
    assert "203.0.113.7" in json.dumps(traced["event"])
