"""The opening moves, answered from a file: right away, before the SDK is imported and the store open.

What `initialize`, `server/discover` and the lists answer depends on code, scopes and toolsets alone. A server
that has started once leaves its answers as a card, named by a digest of those; the next one with the same name
answers from it some 30 ms after its start, where the SDK alone takes 700 (mcp.md 2.10). One client does not wait
longer than a second.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from turnout.agent.toolsets import Toolset
from turnout.document import Document, Json, decode, encode
from turnout.guard.principal import Scope

MODERN = "2026-07-28"
LEGACY = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""Protocol revisions that begin with `initialize`; a client that asks for another is offered the last."""
LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")
"""What clients ask for before anybody has asked them anything; the same whatever is in the workspace."""
ERA = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"

PACKAGED = Path(__file__).parent / "cards"
"""Where a build may leave cards."""

_KEPT = 8
"""Cards in a folder: one for each way somebody starts the server, with room for upgrades."""
_HERE = Path(__file__).parent
_LIBRARIES = ("mcp-", "mcp_types-", "pydantic-", "turnout-")


@dataclass(frozen=True, slots=True)
class Card:
    """The results of the opening moves, and those of the lists by method, once for each era."""

    initialize: Document
    discover: Document
    modern: Mapping[str, Document]
    legacy: Mapping[str, Document]


def key(scopes: AbstractSet[Scope], toolsets: AbstractSet[Toolset]) -> str:
    """Name the card of a server by what its answers depend on."""
    parts = hashlib.blake2b(digest_size=16)
    for file in sorted(_HERE.rglob("*.py")):
        parts.update(file.read_bytes())
    parts.update(encode([sorted(scopes), sorted(toolsets), _versions(sys.path)]))
    return parts.hexdigest()


def _versions(path: Iterable[str]) -> list[str]:
    """List the libraries that shape the answers, by the names of their metadata: reading those takes 40 ms more."""
    found: set[str] = set()
    for folder in path:
        with suppress(OSError):
            found.update(name for name in os.listdir(folder) if name.startswith(_LIBRARIES))  # noqa: PTH208 - names
    return sorted(found)


def find(name: str, folders: Iterable[Path]) -> Card | None:
    """Look for a card; one that cannot be read is none."""
    for folder in folders:
        with suppress(OSError, ValueError, TypeError):
            read = decode((folder / _file(name)).read_bytes())
            if isinstance(read, dict) and all(isinstance(part, dict) for part in read.values()):
                return Card(**read)
    return None


def keep(card: Card, name: str, folder: Path) -> None:
    """Leave a card for the next start, and drop the oldest; a folder that cannot be written to has none."""
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = folder / f".{_file(name)}.{os.getpid()}"
        draft.write_bytes(encode(asdict(card)))
        draft.replace(folder / _file(name))
        for old in sorted(folder.glob("card-*.json"), key=lambda file: file.stat().st_mtime_ns)[:-_KEPT]:
            old.unlink(missing_ok=True)


def _file(name: str) -> str:
    return f"card-{name}.json"


def answer(card: Card, request: Mapping[str, Json], *, greeted: bool) -> Document | None:
    """Give the result of an opening move; None for anything else.

    `greeted` says that `initialize` came before: without it a legacy client may not list.
    """
    params = request.get("params")
    params = params if isinstance(params, Mapping) else {}
    meta = params.get("_meta")
    era = meta.get(ERA) if isinstance(meta, Mapping) else None
    match request.get("method"):
        case "initialize":
            wanted = params.get("protocolVersion")
            return card.initialize | {"protocolVersion": wanted if wanted in LEGACY else LEGACY[-1]}
        case "server/discover" if _is_whole(meta, era):
            return card.discover
        case str() as method if "cursor" not in params:
            if _is_whole(meta, era):
                return card.modern.get(method)
            return card.legacy.get(method) if greeted and era is None else None
        case _:
            return None


def _is_whole(meta: Json, era: Json) -> bool:
    """Say whether a request carries what each modern one must; if not, the refusal is the real server's."""
    return era == MODERN and isinstance(meta, Mapping) and isinstance(meta.get(CAPABILITIES), Mapping)
