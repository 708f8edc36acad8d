"""Asks every URL of a file, one a line of JSON: by the lanes' sender, or by a client that checks nothing.

By hand:  python -m support.asker FILE [--naive]      (prints `{url: what came of it}`)
"""

from __future__ import annotations

import argparse
import json
import sys
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path

import anyio

from turnout.delivery.sender import CurlSender
from turnout.egress import Policy
from turnout.exchange import Answer, Request


async def ask(urls: Sequence[str]) -> dict[str, str]:
    """Send to each as a lane does, all side by side."""
    told: dict[str, str] = {}
    async with CurlSender(Policy()) as sender, anyio.create_task_group() as tasks:

        async def one(url: str) -> None:
            reply = await sender.send(Request("POST", url, (), b"{}", 30.0))
            told[url] = str(reply.status) if isinstance(reply, Answer) else str(reply.kind)

        for url in urls:
            tasks.start_soon(one, url)
    return told


def ask_naively(urls: Sequence[str]) -> dict[str, str]:
    """Send to each by the standard library: it resolves, connects and follows wherever it is told to."""
    told: dict[str, str] = {}
    for url in urls:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, b"{}"), timeout=1) as answer:  # noqa: S310 - the point
                told[url] = str(answer.status)
        except (OSError, ValueError, HTTPException) as error:
            told[url] = type(error).__name__
    return told


def main() -> None:
    parser = argparse.ArgumentParser(prog="support.asker")
    parser.add_argument("file", type=Path)
    parser.add_argument("--naive", action="store_true")
    given = parser.parse_args()
    urls: list[str] = json.loads(given.file.read_text())
    told = ask_naively(urls) if given.naive else anyio.run(ask, urls)
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
