"""The program with manifests of a test's own: laid out as a wheel lays it out, the folder of manifests inside."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import turnout
from support.agents import LOOPBACK
from support.program import Program

CLOUD = """
turnout: 1
slug: cloud
name: Cloud
category: CRM
status: {preview: for tests}
order: none
dedupe: none
settings:
  client_id!: {type: string, label: Client}
  client_secret!: {type: secret, label: Secret}
auth:
  oauth2: {%s, token: "https://cloud.test/token"}
  bearer: $auth.access_token
http: {base: "https://cloud.test"}
actions:
  event: {for: track, item: {id: $.messageId}, send: {post: /events, json: $item}}
check: {get: /me}
"""
CONSENT = CLOUD % 'grant: authorization_code, authorize: "https://cloud.test/authorize", scopes: [a]'
MACHINE = CLOUD % "grant: client_credentials"


def program(folder: Path, data: Path, manifests: Mapping[str, str]) -> Program:
    """Lay it out in a folder; what is run there has these destinations, and no others."""
    package = folder / "turnout"
    package.mkdir(parents=True)
    for each in Path(turnout.__file__).parent.iterdir():
        if each.name not in {"__pycache__", "manifests"}:
            (package / each.name).symlink_to(each)
    inside = package / "manifests" / "destinations"
    inside.mkdir(parents=True)
    for slug, text in manifests.items():
        (inside / f"{slug}.yaml").write_text(text, encoding="utf-8")
    return Program(data, (*LOOPBACK.items(), ("PYTHONPATH", str(folder))))
