"""What each look needs: for the reads what `Operation.scopes` is for what changes something.

The desk asks it once, for every door; a read itself asks no more.
"""

from __future__ import annotations

from collections.abc import Mapping

from turnout.guard.principal import Scope

_READ = frozenset({Scope.READ})

LOOKS: Mapping[str, frozenset[Scope]] = {
    "preview_event": frozenset({Scope.READ, Scope.TRACK}),
    "debug_event_delivery": _READ,
    "find_events": _READ,
    "get_profile": _READ,
    "get_usage": _READ,
    "audit_routing": _READ,
    "list_destinations": _READ,
    "describe_destination": _READ,
    "list_sources": _READ,
    "list_changes": _READ,
    "get_deletion": _READ,
}
"""A preview shows settings at work, and is for whoever sends: it needs both."""
