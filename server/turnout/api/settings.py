"""What browser and phone libraries ask for before they send: where events go, and what else they should load.

Everything goes to us and nothing else is loaded: destinations are served from here, whatever they are, so that one
page sends each event once. Source: tracking-api.md 9, clients-on-the-wire.md 3.
"""

from __future__ import annotations

from turnout.api.answers import Answer, refused, told
from turnout.clock import iso
from turnout.document import Document
from turnout.workspace import Source

KEPT = (b"cache-control", b"public, max-age=120")
UNKNOWN = refused(
    404,
    "invalid_write_key",
    "No source has this write key; `turnout source list` shows the keys there are.",
)


def segment(write_key: str, host: str, scheme: str) -> Answer:
    """Answer analytics.js and Segment's phone libraries: all plain objects, as the phones insist on."""
    ours: Document = {
        "apiKey": write_key, "apiHost": f"{host}/v1", "protocol": scheme, "retryQueue": True,
        "addBundledMetadata": True, "unbundledIntegrations": [], "maybeBundledConfigIds": {},
        "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
    }  # fmt: skip
    every: Document = {"__default": {"enabled": True, "integrations": {}}}
    return told(
        200,
        {
            "integrations": {"Segment.io": ours},
            "plan": {"track": every, "identify": every, "group": every},
            "middlewareSettings": {"routingRules": []}, "enabledMiddleware": {}, "metrics": {"sampleRate": 0},
            "legacyVideoPluginsEnabled": False, "remotePlugins": [], "edgeFunction": {},
            "consentSettings": {"allCategories": [], "hasUnmappedDestinations": True},
            "autoInstrumentationSettings": {"sampleRate": 0},
        },
        KEPT,
    )  # fmt: skip


def rudder(source: Source, write_key: str) -> Answer:
    """Answer RudderStack's libraries: one enabled source without destinations, and no statistics for anybody."""
    nothing: Document = {"errors": {"enabled": False}, "metrics": {"enabled": False}}
    made = iso(source.created)
    return told(
        200,
        {
            "source": {
                "id": str(source.id), "name": source.name, "writeKey": write_key, "enabled": True,
                "workspaceId": "turnout", "config": {"statsCollection": nothing}, "connections": [],
                "destinations": [], "dataplanes": {}, "updatedAt": made,
            },
            "updatedAt": made,
        },
        KEPT,
    )  # fmt: skip
