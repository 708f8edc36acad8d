"""Other people's programs on Node: packages as `peers/package-lock.json` pins them, kept outside the repository."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from bench.measure import LIMIT_S, Cost, cores, pinned

HERE = Path(__file__).resolve().parent / "peers"
CHECKOUT = "RUDDER_TRANSFORMER"
"""The variable that names a compiled checkout of rudder-transformer, which no registry has."""


def node() -> str | None:
    """Find Node; None where there is none."""
    return shutil.which("node")


def packages() -> Path:
    """Give the folder with the packages, which the first run on a machine fills."""
    mark = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"turnout-bench-peers-{mark}"
    if not folder.exists():
        fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix="turnout-bench-peers-"))
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(HERE / name, fresh / name)
        words = ("npm", "ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", "--silent")
        subprocess.run(words, cwd=fresh, check=True, timeout=LIMIT_S, stdout=subprocess.DEVNULL)
        fresh.rename(folder)
    return folder


def rudder() -> Path | None:
    """Give the compiled checkout of rudder-transformer; None where nobody says where it is."""
    named = os.environ.get(CHECKOUT)
    return Path(named).resolve() if named else None


def told(script: str, *words: object) -> tuple[Cost, str]:
    """Run a script once: what it cost, and the line before that."""
    lines = said(script, *words)
    return Cost(**json.loads(lines[-1])), lines[-2]


def said(script: str, *words: object) -> list[str]:
    """Run a script once, and give its lines."""
    with pinned(cores()[0]):
        done = subprocess.run(
            (node() or "node", str(HERE / script), *map(str, words)),
            stdout=subprocess.PIPE, text=True, timeout=LIMIT_S, check=True,
        )  # fmt: skip
    return done.stdout.splitlines()


def cost(script: str, *words: object) -> Cost:
    """Run a script once, and give what it cost."""
    return told(script, *words)[0]
