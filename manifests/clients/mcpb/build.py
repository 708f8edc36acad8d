"""Packs the MCPB bundle into build/: `make bundle`. The same sources give the same bytes."""  # noqa: INP001

from __future__ import annotations

import json  # noqa: TID251 - a list of strings is the same in TOML
import re
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
    **{name: name for name in ("README.md", "LICENSE", "manifests/catalogue.tsv")},
}
"""What goes in beside the folders, and where."""
PIN = re.compile(r"^([a-z0-9.-]+==[^\s;]+(?: ; .+?)?) \\$", re.MULTILINE)
THEN = (1980, 1, 1, 0, 0, 0)
MODE = 0o644 << 16


def contents() -> Iterator[tuple[str, bytes]]:
    """List what goes in, by its name there."""
    yield "pyproject.toml", project().encode()
    for source, name in FILES.items():
        yield name, (ROOT / source).read_bytes()
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith("."):
                yield path.relative_to(ROOT).as_posix(), path.read_bytes()


def project() -> str:
    """Write pyproject.toml with the versions of requirements.lock: what was tested is what a host brings."""
    pins = PIN.findall((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    own = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return f"{own}\n[tool.uv]\nconstraint-dependencies = {json.dumps(pins, indent=2)}\n"


def pack(target: Path) -> None:
    """Write the bundle."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, held in sorted(contents()):
            entry = zipfile.ZipInfo(name, THEN)
            entry.external_attr = MODE
            entry.compress_type = zipfile.ZIP_DEFLATED
            bundle.writestr(entry, held)


if __name__ == "__main__":
    pack(Path(sys.argv[1]))
