"""`python -m bench`: the ratios, measured side by side in one run. See README.md."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from bench import (
    alone,
    catalogue,
    dead,
    destinations,
    door,
    evidence,
    fanout,
    far,
    growth,
    ingest,
    lane,
    mapping,
    program,
    second,
    slow,
    start,
    stdio,
    vendors,
    web,
)

BENCHES: Mapping[str, Callable[[int, Path], None]] = {
    "ingest": ingest.run,
    "stdio": stdio.run,
    "web": web.run,
    "door": door.run,
    "slow": slow.run,
    "mapping": mapping.run,
    "vendors": vendors.run,
    "lane": lane.run,
    "far": far.run,
    "evidence": evidence.run,
    "growth": growth.run,
    "destinations": destinations.run,
    "second": second.run,
    "alone": alone.run,
    "program": program.run,
    "start": start.run,
    "catalogue": catalogue.run,
    "fanout": fanout.run,
    "dead": dead.run,
}
FULL: Mapping[str, Callable[[int, Path, int], None]] = {"growth": growth.run, "dead": dead.run}
"""These store very many events, and take their number."""
PROFILES: Mapping[str, Callable[[Path], None]] = {
    "ingest": ingest.profiled,
    "stdio": stdio.profiled,
    "deliver": fanout.profiled,
    "lane": lane.profiled,
}
ROUNDS = 5


def main() -> None:
    """Run what is asked for, in a folder that is thrown away."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("what", nargs="*", metavar="WHAT", help=f"{', '.join(BENCHES)} (all of them), or profile WHAT")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"rounds of each side; {ROUNDS}")
    parser.add_argument("--dir", type=Path, default=Path(tempfile.gettempdir()), help="a folder on the disk to measure")
    parser.add_argument("--events", type=int, default=1_000_000, help="how many `growth` and `dead` store; 1000000")
    given = parser.parse_args()
    words: list[str] = given.what or list(BENCHES)
    known = PROFILES if words[0] == "profile" else BENCHES
    wanted = words[1:] or list(PROFILES) if known is PROFILES else words
    if unknown := [word for word in wanted if word not in known]:
        parser.error(f"{', '.join(unknown)}: there are {', '.join(known)}")
    with tempfile.TemporaryDirectory(dir=given.dir, prefix="turnout-bench-") as room:
        print(f"{given.rounds} rounds, on {os.cpu_count()} cores; load {os.getloadavg()[0]:.1f} before", flush=True)
        for word in wanted:
            if known is PROFILES:
                PROFILES[word](Path(room))
            elif word in FULL:
                FULL[word](given.rounds, Path(room), given.events)
            else:
                BENCHES[word](given.rounds, Path(room))


if __name__ == "__main__":
    main()
