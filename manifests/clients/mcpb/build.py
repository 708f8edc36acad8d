"""Packs the MCPB bundle into build/: `make bundle`. The same sources give the same bytes."""  # noqa: INP001

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
FOLDERS = ("server/turnout", "manifests/destinations")
FILES: Mapping[str, str] = {
    "manifests/clients/mcpb/manifest.json": "manifest.json",
    "manifests/clients/mcpb/main.py": "server/main.py",
    **{name: name for name in ("pyproject.toml", "README.md", "LICENSE", "manifests/catalogue.tsv")},
}
"""What goes in beside the folders, and where."""
THEN = (1980, 1, 1, 0, 0, 0)
MODE = 0o644 << 16


def contents() -> Iterator[tuple[str, Path]]:
    """List what goes in, by its name there."""
    for source, name in FILES.items():
        yield name, ROOT / source
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith("."):
                yield path.relative_to(ROOT).as_posix(), path


def pack(target: Path) -> None:
    """Write the bundle."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, path in sorted(contents()):
            entry = zipfile.ZipInfo(name, THEN)
            entry.external_attr = MODE
            entry.compress_type = zipfile.ZIP_DEFLATED
            bundle.writestr(entry, path.read_bytes())


if __name__ == "__main__":
    pack(Path(sys.argv[1]))
