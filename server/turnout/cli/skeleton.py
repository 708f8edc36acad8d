"""The manifest that `turnout destination new` writes: it loads, its tests pass, and each line says what it is."""

from __future__ import annotations

TEXT = """\
# {name}: say here what it does with events, and which pages of the vendor's documentation you read.
# The language: manifests/README.md. Check this file: turnout destination check {slug}.yaml
turnout: 1
slug: {slug}
name: {name}
category: Raw Data
# `verified: <day>` with `docs: <page>` once every field was checked against the vendor's documentation.
status: {{preview: "endpoint and fields are not checked yet"}}
order: person            # one event of a person at a time; `none` where the vendor sorts by timestamp
dedupe: none             # or {{item: field, memory: 24h}}: the field by which the vendor drops repeats
settings:                # `!` means required
  api_key!: {{type: secret, label: API key, help: "Where to find it in the vendor's pages"}}
auth: {{bearer: $settings.api_key}}
http: {{base: "https://api.example.com"}}
actions:
  event:                 # a name of your choice
    for: track           # which of the six calls; `track: [Signed Up]` for single names
    item:                # what one event becomes; an absent field is left out
      id: $.messageId
      event: $.event
      user: $.userId // $.anonymousId
      at: $.timestamp
      properties: $.properties
    require: {{any: [$item.user], say: the event has no person}}
    send: {{post: /v1/events, json: $item}}
tests:
  - name: a track call is sent
    event: {{type: track, messageId: m1, userId: u1, event: A, timestamp: "2026-01-02", properties: {{plan: pro}}}}
    settings: {{api_key: k1}}
    sends:
      method: POST
      url: https://api.example.com/v1/events
      headers: {{Authorization: Bearer k1}}
      json: {{id: m1, event: A, user: u1, at: "2026-01-02", properties: {{plan: pro}}}}
  - name: a call that it does nothing with is dropped
    event: {{type: page, messageId: m2, userId: u1, name: Home}}
    settings: {{api_key: k1}}
    drops: no_match
  - name: a vendor that is down is asked again
    event: {{type: track, messageId: m3, userId: u1, event: Signed Up}}
    settings: {{api_key: k1}}
    answers: [{{status: 503}}]
    outcomes: [retry]
"""


def manifest(slug: str) -> str:
    """Write the manifest of a slug."""
    return TEXT.format(slug=slug, name=slug.replace("-", " ").title())
