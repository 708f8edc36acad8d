"""The SQL of each noun, by name, read once from `queries/<noun>.sql`.

Each query begins with `-- name: verb_noun`; the comment lines under it say what it guarantees and which
index it leans on.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files


def load(noun: str) -> Mapping[str, str]:
    """Read the queries of one noun."""
    text = files("turnout.store").joinpath("queries", f"{noun}.sql").read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for block in text.split("-- name: ")[1:]:
        name, _, rest = block.partition("\n")
        lines = [line for line in rest.splitlines() if not line.startswith("--")]
        found[name.strip()] = "\n".join(lines).strip().rstrip(";")
    return found
