"""One lane that sends each event alone, over TLS, against a bare loop of the same client with the very same requests.

Ours: 20,000 recorded events through the real lane of a webhook, whose manifest allows 16 requests at once, evidence
kept, from opening the workspace to the last verdict. Bare: those requests, made before, through `AsyncCurlMulti`, 16 at
once, handles reused, nothing kept. Each side is a process; the receiver speaks TLS in a third, on the other core.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pycurl
import uvloop

from bench import corpus, drain, fanout, mapping, sink
from bench.ingest import commit_all, grouped
from bench.measure import Cost, Mark, compare, cores, heading, interleave, pinned, side
from bench.profile import Threads, table
from turnout.event.model import Kind
from turnout.event.stored import document
from turnout.exchange import Request
from turnout.manifest.catalogue import Catalogue
from turnout.store.connect import connect_reader

EVENTS = 20_000
AT_ONCE = 16
"""As the webhook's manifest says."""
TRUST = "SSL_CERT_FILE"


def run(rounds: int, folder: Path) -> None:
    """Compare, and print."""
    heading("ours", "bare")
    with TemporaryDirectory(dir=folder) as place, trusted(sink.certify(Path(place) / "bench.pem")) as certificate:
        with sink.receiving(cores()[1], certificate) as receiver:
            found = interleave(
                {"ours": partial(ours, folder, receiver.url), "bare": partial(bare, folder, receiver.url)}, rounds
            )
        compare("single sends over TLS, 16 at once", found["ours"], found["bare"], "bound 1.5x")


@contextmanager
def trusted(certificate: Path) -> Iterator[Path]:
    """Let the processes that are started in here trust a certificate."""
    before = os.environ.get(TRUST)
    os.environ[TRUST] = str(certificate)
    try:
        yield certificate
    finally:
        del os.environ[TRUST]
        if before is not None:
            os.environ[TRUST] = before


def laid_up(room: Path, url: str) -> None:
    """Record the load for one webhook."""
    fanout.connect_all(room, (("webhook", None, {"url": f"{url}/in"}),), Catalogue())
    with fanout.opened(room) as store:
        commit_all(store, grouped(corpus.calls(EVENTS), 100))


def ours(folder: Path, url: str) -> Cost:
    """Deliver a backlog."""
    with TemporaryDirectory(dir=folder) as place:
        room = Path(place)
        laid_up(room, url)
        cost = drain.drained(room, EVENTS)
        fanout.check(room, EVENTS, lanes=1)
    return cost


def bare(folder: Path, url: str) -> Cost:
    """Send the same requests, of a workspace of the same events."""
    with TemporaryDirectory(dir=folder) as place:
        laid_up(Path(place), url)
        return side("lane", place, url)


def profiled(folder: Path) -> None:
    """Deliver without the profiler and with it, and print where the time goes; in the open, for TLS is libcurl's."""
    with sink.receiving(cores()[1]) as receiver, pinned(cores()[0]):
        with TemporaryDirectory(dir=folder) as plain:
            laid_up(Path(plain), receiver.url)
            cost = anyio.run(drain.drain, fanout.settings(Path(plain)), EVENTS, backend_options=fanout.AS_SERVED)
        threads = Threads()
        with TemporaryDirectory(dir=folder) as slow:
            laid_up(Path(slow), receiver.url)
            with threads.on():
                anyio.run(drain.drain, fanout.settings(Path(slow)), EVENTS, backend_options=fanout.AS_SERVED)
    print("\none lane, single sends")
    table(threads, EVENTS, cost.cpu_us)


def asked(room: Path, url: str) -> list[Request]:
    """Make the requests that a lane makes of what is recorded."""
    target = Catalogue().bind("webhook", {"url": f"{url}/in"})
    connection = connect_reader(room / "data" / "turnout.db")
    rows = connection.execute("SELECT body, meta, received FROM events ORDER BY seq").fetchall()
    connection.close()
    found = []
    for body, meta, received in rows:
        event = document(body, meta, received=received, kind=Kind.TRACK)
        items = target.items(event, target.select("track", str(event["event"])), mapping.RECEIVED)
        found.append(mapping.begun(target, mapping.kept(items)))
    return found


async def send_all(requests: Sequence[Request]) -> Cost:
    """Send, so many at once, and keep nothing."""
    left = iter(requests)
    multi = pycurl.AsyncCurlMulti()
    statuses: set[int] = set()

    async def worker() -> None:
        curl = pycurl.Curl()
        curl.setopt(pycurl.CAINFO, os.environ[TRUST])
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        curl.setopt(pycurl.WRITEFUNCTION, len)
        for request in left:
            curl.setopt(pycurl.URL, request.url)
            curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in request.headers])
            curl.setopt(pycurl.POSTFIELDS, request.body)
            await multi.add_handle(curl)
            statuses.add(curl.getinfo(pycurl.RESPONSE_CODE))
        curl.close()

    begin = Mark.here()
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    cost = begin.cost(len(requests), Mark.here())
    await multi.aclose()
    assert statuses == {200}, statuses
    return cost


if __name__ == "__main__":
    uvloop.run(send_all(asked(Path(sys.argv[1]), sys.argv[2]))).tell()
