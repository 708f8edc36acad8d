"""An asynchronous service with Turnout inside: requests at once, and each answered when its event is on disk.

    python examples/service.py                                     a temporary workspace
    python examples/service.py --data ~/shop --write-key wk_…      a source of a workspace of your choice

The loop is never held up, whatever else writes into the workspace: what waits is a task. To see what was recorded
delivered, run `turnout serve` on the same data directory.
"""

from __future__ import annotations

import argparse
import tempfile
from datetime import date
from decimal import Decimal

import anyio

from turnout import AsyncTurnout
from turnout.errors import InvalidCall

CUSTOMERS = ("ann", "ben", "cem", "dora")


class Service:
    """What a web framework would call: one coroutine a request."""

    def __init__(self, turnout: AsyncTurnout) -> None:
        self.turnout = turnout
        self.answered: list[str] = []

    async def order(self, customer: str, number: int) -> None:
        """Take an order. Sent again by a nervous customer, it is still one order: its number is its message id."""
        recorded = await self.turnout.track(
            customer,
            "Order Completed",
            {"total": Decimal("28.50"), "items": {"tea", "cup"}, "promised": date(2026, 12, 24)},
            message_id=f"order-{customer}-{number}",
        )
        self.answered.append(f"order-{customer}-{number}{' (was there already)' if recorded.repeated else ''}")

    async def customer(self, name: str) -> None:
        """Sign in, and order three times, the last time twice."""
        await self.turnout.identify(name, {"email": f"{name}@example.com", "since": date(2026, 11, 26)})
        for number in (1, 2, 3, 3):
            await self.order(name, number)


async def serve(data: str, write_key: str | None) -> None:
    async with AsyncTurnout(data, write_key=write_key, namespace=None if write_key else "test") as turnout:
        service = Service(turnout)
        async with anyio.create_task_group() as requests:
            for name in CUSTOMERS:
                requests.start_soon(service.customer, name)
        print(f"Answered, each after its event was on disk in {data}:")
        for line in sorted(service.answered):
            print(f"  {line}")
        try:
            await turnout.track("ann", "Order Cancelled", {"why": object()})
        except InvalidCall as error:
            print(f"And a mistake is named: {error}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", metavar="DIR", help="the data directory; else a temporary one")
    options.add_argument(
        "--write-key", metavar="KEY", help="of the source that events are of; else test events of Local"
    )
    given = options.parse_args()
    anyio.run(serve, given.data or tempfile.mkdtemp(prefix="turnout-service-"), given.write_key)


if __name__ == "__main__":
    main()
