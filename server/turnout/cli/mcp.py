"""`turnout mcp`: MCP on standard input and output.

A client waits for its first answer no longer than a second, so it is given before the store is open: `begin` comes
first, all that is heavy after it, and the SDK only when something is asked that nobody else answers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import click

from turnout.agent.desk import Desk
from turnout.agent.stdio import begin
from turnout.agent.toolsets import Toolset
from turnout.agent.toolsets import toolsets as read_toolsets
from turnout.cli.here import Command, Here, pass_here
from turnout.config import Settings, cache_directory
from turnout.entropy import SystemEntropy
from turnout.errors import InvalidInput
from turnout.guard import namespace as namespaces
from turnout.guard.principal import Mode, Principal, local


@click.command(cls=Command, help="Serve an agent over standard input and output (MCP).")
@click.option(
    "--mode", type=click.Choice(["read", "write"]), default="write", help="What the agent may do; else write."
)
@click.option("--live", is_flag=True, help="It may change what is live, too.")
@click.option("--people", is_flag=True, help="It sees personal values, and may not configure.")
@click.option("--namespace", metavar="NAME", default="test", help="Where its events go unless it says; else test.")
@click.option("--toolsets", metavar="NAMES", default="core", help="Which tools, with commas, or all; else core.")
@pass_here
def mcp(here: Here, *, mode: Mode, live: bool, people: bool, namespace: str, toolsets: str) -> None:
    """Serve one client until its input ends."""
    settings = here.settings(serves=True)
    principal, chosen = asked(
        mode, live=live, people=people, namespace=namespace, toolsets=toolsets, both_allowed=settings.both_allowed
    )
    stdio = begin(principal, chosen, cache_directory())

    from turnout.agent.session import serve

    serve(stdio, lambda: opened(settings, principal), SystemEntropy(), rest)


def asked(
    mode: Mode, *, live: bool, people: bool, namespace: str, toolsets: str, both_allowed: bool
) -> tuple[Principal, frozenset[Toolset]]:
    """Read who the agent is, and its tools. Raises: click.UsageError."""
    try:
        space = namespaces.namespace(namespace)
        principal = local(mode, live=live, people=people, namespace=space, both_allowed=both_allowed)
        return principal, read_toolsets(toolsets)
    except InvalidInput as error:
        raise click.UsageError(error.message) from None


def rest() -> Callable[..., Awaitable[None]]:
    """Import the SDK, for what is asked seldom."""
    from turnout.agent.rest import serve

    return serve


@asynccontextmanager
async def opened(settings: Settings, principal: Principal) -> AsyncIterator[Desk]:
    """Open the workspace, and deliver if nobody else does."""
    from turnout.app import running
    from turnout.desk import OwnDesk

    async with running(settings, delivers=True) as app:
        yield OwnDesk(app, principal)
