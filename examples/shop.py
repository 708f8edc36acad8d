"""A web shop with Turnout inside: it records what its customers do.

    python examples/shop.py                          a temporary workspace, test events
    python examples/shop.py --data ~/shop            a workspace of your choice
    python examples/shop.py --data ~/shop --live     events that count

When a call returns, its event is on disk. Nothing waits in memory, so there is no `flush`.
"""

from __future__ import annotations

import argparse
import os
import secrets
import tempfile

from turnout import Turnout


def browse(shop: Turnout) -> dict[str, str]:
    """Let Ann and Ben use the shop, in one of each of the six calls; give what they did, with its message id."""
    browser, url = "browser-7f3a", "https://shop.example.com/"
    did = {
        "somebody sees the home page": shop.page(anonymous_id=browser, name="Home", properties={"url": url}),
        "it is Ann, who signs in": shop.identify("ann", {"email": "ann@example.com"}, anonymous_id=browser),
        "she buys for Acme": shop.group("ann", "acme", {"name": "Acme", "employees": 12}),
        "she takes green tea": shop.track("ann", "Product Added", {"product_id": "tea-12", "price": 9.5}),
        "a guest looks into the basket": shop.screen("guest-17", name="Basket"),
        "he makes an account, as Ben": shop.alias(previous_id="guest-17", user_id="ben"),
    }
    return {words: recorded.message_id for words, recorded in did.items()}


def crash_after_ordering(shop: Turnout, order: str) -> None:
    """Take an order in a worker process that dies at once: no close, no goodbye to the interpreter."""
    worker = os.fork()
    if worker == 0:
        place(shop, order)
        os._exit(1)
    os.waitpid(worker, 0)


def place(shop: Turnout, order: str) -> bool:
    """Record an order; tell whether it was on record already. Its number is its message id: no order counts twice."""
    return shop.track("ann", "Order Completed", {"order_id": order, "revenue": 28.5}, message_id=order).repeated


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", metavar="DIR", help="the data directory; else a temporary one")
    options.add_argument("--live", action="store_true", help="record live events instead of test events")
    given = options.parse_args()
    data = given.data or tempfile.mkdtemp(prefix="turnout-shop-")
    namespace = "live" if given.live else "test"

    with Turnout(data, namespace=namespace) as shop:
        print(f"Stored in {data}, namespace {namespace}:")
        for what, message_id in browse(shop).items():
            print(f"  {what:<30} {message_id}")

        order = f"order-{secrets.token_hex(4)}"
        crash_after_ordering(shop, order)
        print(f"  {'Ann orders, the worker dies':<30} {order}")
        kept = place(shop, order)  # she presses the button again
        print(f"Is that order lost? {'No: it was on disk, and is there once.' if kept else 'Yes!'}")
        print(f"What became of it: turnout trace {order} --data {data}")


if __name__ == "__main__":
    main()
