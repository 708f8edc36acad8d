"""The manifests that `turnout destination new` writes: they load, their tests pass, and each line says what it is.

Of a destination that the catalogue knows, what it knows is filled in. What it does not know is an address under
`look-up.invalid`, and `turnout destination check` refuses each of those by its place.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from turnout.document import canonical
from turnout.manifest.known import NO_WAY, PARTLY, Known
from turnout.manifest.lint import UNKNOWN_HOST
from turnout.manifest.model import KINDS

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
BEGUN = """\
# {name}: begun from what the catalogue knows. Look each field up in the vendor's documentation.
{notes}# The language: manifests/README.md. Check this file: turnout destination check {slug}.yaml
turnout: 1
slug: {slug}
name: {quoted_name}
category: {category}
{aliases}# `verified: <day>` instead of `preview` once every field was checked against the page that `docs` names.
status: {{preview: "endpoint and fields are not checked yet", docs: "https://{unknown}/docs"}}
order: person            # look up: `none` where the vendor sorts by timestamp
dedupe: none             # look up: {{item: field, memory: 24h}}, the field by which the vendor drops repeats
settings:                # `!` means required
  api_key!: {{type: secret, label: API key, help: "Where to find it in the vendor's pages"}}
auth: {auth}
http: {{base: "{base}"}}
actions:
  event:                 # look up: what the vendor calls each call, and its fields; an action for each that differs
    for: {calls}
    item:
      id: $.messageId
      event: $.event // $.name // $.type
      user: $.userId // $.anonymousId
      group: $.groupId
      at: $.timestamp
      properties: $.properties // $.traits
    require: {{any: [$item.user], say: the event has no person}}
    send: {{post: "{path}", json: $item}}
tests:
  - name: the first call is sent
    event: {{type: {call}, messageId: m1, userId: u1, event: A, timestamp: "2026-01-02", properties: {{plan: pro}}}}
    settings: {{api_key: k1}}
    sends:
      method: POST
      json: {{id: m1, event: A, user: u1, at: "2026-01-02", properties: {{plan: pro}}}}
  - name: a call without a person is dropped
    event: {{type: {call}, messageId: m2, event: A}}
    settings: {{api_key: k1}}
    drops: invalid
  - name: a vendor that is down is asked again
    event: {{type: {call}, messageId: m3, userId: u1, event: A}}
    settings: {{api_key: k1}}
    answers: [{{status: 503}}]
    outcomes: [retry]
"""
_HEADER = re.compile(r"api-key header \(([\w-]+)(?:: ([\w-]+))?\)")
_QUERY = re.compile(r"query-key(?: \(([\w-]+)\))?")
_BASE = f"https://{UNKNOWN_HOST}"


def manifest(slug: str, one: Known | None = None) -> str:
    """Write the manifest of a slug, with what is known of it."""
    if one is None:
        return TEXT.format(slug=slug, name=slug.replace("-", " ").title())
    base, path = _address(one)
    calls = [call for call in KINDS if call in one.calls] or ["track"]
    aliases = f"aliases: {{segment: [{', '.join(map(_quoted, one.aliases))}]}}\n" if one.aliases else ""
    return BEGUN.format(
        slug=slug, name=one.name, quoted_name=_quoted(one.name), category=_quoted(one.category), aliases=aliases,
        notes="".join(f"# {note}\n" for note in _notes(one)), unknown=UNKNOWN_HOST, auth=_auth(one.auth), base=base,
        path=path, calls=f"[{', '.join(calls)}]", call=calls[0],
    )  # fmt: skip


def _notes(one: Known) -> list[str]:
    notes = [f"Known endpoint: {each}" for each in one.endpoints]
    notes += [f"Known authentication: {one.auth}"] if one.auth else ["Its authentication is not known: look it up."]
    notes += [f"Known batches: {one.batch}; see `batch`"] if one.batch else []
    notes += ["It deletes people on request: add an action `for: delete`."] if one.deletes else []
    if one.reach == PARTLY:
        notes += ["As far as is known the vendor gives its address, or a part of what it can do, to partners only."]
    if one.reach == NO_WAY:
        notes += ["As far as is known no server can send to it: look up whether that still holds, before all else."]
    return notes


def _address(one: Known) -> tuple[str, str]:
    """Give the origin and path of the first endpoint that is written out; else one that is to be looked up."""
    found = [urlsplit(each) for each in one.endpoints if re.fullmatch(r"https://[\w.-]+(/[\w./-]*)?", each)]
    return (f"https://{found[0].netloc}", found[0].path or "/") if found else (_BASE, "/")


def _auth(said: str) -> str:
    """Write the parts of `auth` that say the same; what is refused until it is looked up, where none does."""
    if said.startswith("basic"):
        return '{basic: [$settings.api_key, ""]}  # look up: which is the user, which the password'
    if header := _HEADER.fullmatch(said):
        value = f'"{header[2]} {{{{ $settings.api_key }}}}"' if header[2] else "$settings.api_key"
        return f"{{header: {{{header[1]}: {value}}}}}"
    if query := _QUERY.fullmatch(said):
        return f"{{query: {{{query[1] or 'api_key'}: $settings.api_key}}}}"
    known = said == "bearer"
    return "{bearer: $settings.api_key}" + (
        "" if known else "  # look up: `auth`, Tokens and Signatures of the language"
    )


def _quoted(text: str) -> str:
    return canonical(text).decode()
