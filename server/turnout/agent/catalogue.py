"""All tools, prompts and resources, the order in which clients see them, and who sees which."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from turnout.agent.model import AnyTool
from turnout.agent.prompts import PROMPTS, Prompt
from turnout.agent.resources import RESOURCES, Resource
from turnout.agent.tools import (
    audit_routing,
    connect_destination,
    create_source,
    debug_event_delivery,
    describe_destination,
    find_events,
    get_deletion,
    get_profile,
    get_usage,
    identify_user,
    list_changes,
    list_destinations,
    list_sources,
    preview_event,
    replay_events,
    request_deletion,
    send_events,
    test_destination,
    track_event,
    update_destination,
)
from turnout.agent.toolsets import Toolset
from turnout.errors import Denied
from turnout.guard.principal import Scope

TOOLS: tuple[AnyTool, ...] = (
    track_event.TOOL,
    identify_user.TOOL,
    send_events.TOOL,
    preview_event.TOOL,
    debug_event_delivery.TOOL,
    find_events.TOOL,
    get_profile.TOOL,
    get_usage.TOOL,
    list_destinations.TOOL,
    describe_destination.TOOL,
    connect_destination.TOOL,
    update_destination.TOOL,
    test_destination.TOOL,
    audit_routing.TOOL,
    replay_events.TOOL,
    list_sources.TOOL,
    create_source.TOOL,
    request_deletion.TOOL,
    get_deletion.TOOL,
    list_changes.TOOL,
)
BY_NAME = {tool.name: tool for tool in TOOLS}


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that a server has to offer."""

    tools: Sequence[AnyTool]
    prompts: Sequence[Prompt]
    resources: Sequence[Resource]

    def tool(self, name: str) -> AnyTool | None:
        """Find a tool."""
        for tool in self.tools:
            if tool.name == name:
                return tool
        return None


OURS = Catalogue(TOOLS, PROMPTS, RESOURCES)


def offered(
    tools: Sequence[AnyTool], scopes: AbstractSet[Scope], toolsets: AbstractSet[Toolset]
) -> tuple[AnyTool, ...]:
    """Name the tools that a principal sees, in our order."""
    return tuple(tool for tool in tools if tool.toolset in toolsets and tool.scopes & scopes)


def admit(tool: AnyTool, scopes: AbstractSet[Scope], toolsets: AbstractSet[Toolset]) -> None:
    """Let a call of a tool pass. Raises: Denied, saying what is missing."""
    if tool.toolset not in toolsets:
        raise Denied(
            f"{tool.name} belongs to the toolset {tool.toolset}, which this server was started without",
            fix=f"The user may start it with --toolsets {','.join(sorted({*toolsets, tool.toolset}))}",
        )
    if not tool.scopes & scopes:
        need = " or ".join(sorted(tool.scopes))
        raise Denied(f"{tool.name} needs the scope {need}", fix=_way_to(tool, scopes))


def _way_to(tool: AnyTool, scopes: AbstractSet[Scope]) -> str:
    """Say how the user gets a tool: what `--people` took away, no mode gives back."""
    if Scope.CONFIGURE in tool.scopes and {Scope.PEOPLE, Scope.TRACK} <= scopes:
        return "The user may start the server without --people, or allow both in turnout.toml (both_allowed = true)"
    return "The user may start the server with --mode write, or use a token with that scope"
