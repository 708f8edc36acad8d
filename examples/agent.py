"""What an agent does with Turnout: connect a destination, send a test event, ask why it did not arrive.

    python examples/agent.py                      a temporary workspace
    python examples/agent.py --data ~/shop        a workspace of your choice
    python examples/agent.py --mode legacy        as a client of a protocol before 2026-07-28

It starts the MCP server as every client does: `turnout mcp` on standard input and output. Run it twice on one
workspace and the second run changes nothing, because every call that changes something has an idempotency key.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from typing import Any, Literal

import anyio
from mcp import Client, StdioServerParameters

ORDER = {"event": "Order Completed", "user_id": "u_ann"}


async def ask(agent: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool; give its answer."""
    result = await agent.call_tool(tool, arguments)
    if result.is_error or result.structured_content is None:
        raise RuntimeError(f"{tool}: {result.content}")
    answer: dict[str, Any] = result.structured_content
    return answer


async def connect(agent: Client) -> None:
    """Connect two files: one for every order, one for big ones only. The server is not --live: they get test events."""
    everything = {"name": "Orders", "settings": {"path": "orders.jsonl"}}
    big_ones = {"name": "Big orders", "settings": {"path": "big.jsonl"}, "filter": "$.properties.revenue > 100"}
    for file in (everything, big_ones):
        made = await ask(agent, "connect_destination", slug="jsonl", **file, idempotency_key=f"example {file['name']}")
        print(f"  {made['name']}: {made['state']}, receives {made['receives']} events")


async def send(agent: Client) -> None:
    """Send one event, and wait until it is settled everywhere."""
    order = {**ORDER, "properties": {"revenue": 42.5}, "idempotency_key": "example-order-1001"}
    sent = await ask(agent, "track_event", **order, wait_seconds=10)
    for delivery in sent["deliveries"]:
        print(f"  {delivery['destination']}: {delivery['verdict']}")
    again = await ask(agent, "track_event", **order)
    same = again["message_id"] == sent["message_id"]
    print(f"  sent again with the same key: {'the same event, nothing doubled' if same else 'a second event!'}")


async def why_not(agent: Client) -> None:
    """Ask why a person's event did not reach a destination."""
    found = await ask(agent, "debug_event_delivery", **ORDER, destination="Big orders")
    (delivery,) = found["deliveries"]
    print(f"  {delivery['verdict']}, because of its {delivery['rule']}: {delivery['says']} {delivery['next']}")


async def preview(agent: Client) -> None:
    """Show what a bigger order would cause: nothing is stored, nothing is sent."""
    shown = await ask(agent, "preview_event", **ORDER, properties={"revenue": 420}, destination="Big orders")
    (would,) = shown["previews"]
    (request,) = would["requests"]
    print(f"  {would['verdict']}: user {request['body']['userId']}, a test id instead of the real one")


async def usage(agent: Client) -> None:
    """Count monthly tracked users: test people are none."""
    counted = await ask(agent, "get_usage")
    print(f"  {counted['mtu']} tracked users in {counted['month']}, {counted['test_people']} test people not counted")


STORY = {
    "Two files are connected": connect,
    "Ann orders for 42.50": send,
    "Why did it not reach 'Big orders'?": why_not,
    "And an order for 420?": preview,
    "What does that cost?": usage,
}


async def tell(data: str, mode: Literal["auto", "legacy"]) -> None:
    server = StdioServerParameters(command=sys.executable, args=["-m", "turnout", "mcp", "--data", data])
    async with Client(server, mode=mode) as agent:
        print(f"Workspace {data}, protocol {agent.protocol_version}")
        for title, step in STORY.items():
            print(title)
            await step(agent)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", metavar="DIR", help="the data directory; else a temporary one")
    options.add_argument(
        "--mode", choices=["auto", "legacy"], default="auto", help="the newest protocol, or an old one"
    )
    given = options.parse_args()
    anyio.run(tell, given.data or tempfile.mkdtemp(prefix="turnout-agent-"), given.mode)


if __name__ == "__main__":
    main()
