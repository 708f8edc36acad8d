"""Looks for a value in every file of a folder, however it is written: as an intruder or an auditor would."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import zstandard

from turnout.store.connect import connect_file

MAGIC = {
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x1f\x8b\x08": "gzip",
    b"\x78\x01": "zlib",
    b"\x78\x9c": "zlib",
    b"\x78\xda": "zlib",
}
UNPACKED_MAX = 1 << 22


def spellings(value: str) -> frozenset[bytes]:
    """Every way in which the value may stand in bytes."""
    raw = value.encode()
    found = {
        raw,
        value.encode("utf-16-le"),
        value.encode("utf-16-be"),
        json.dumps(value)[1:-1].encode(),
        raw.hex().encode(),
    }
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + raw)
        # Characters that mix with their neighbours' bits are left out at both ends.
        found.add(coded[(0, 2, 3)[shift] : len(coded) - (4 if (shift + len(raw)) % 3 else 0)])
    return frozenset(found)


def within(text: bytes, values: Sequence[str]) -> list[str]:
    """Name the values that stand in these bytes, in any case but for base64, or in a packed part of them."""
    return [value for piece in (text, *_unpacked(text)) for value in values if _stands(piece, value)]


def in_folder(folder: Path, values: Sequence[str]) -> list[str]:
    """Give `file: value` for each place; long values of the database are looked at whole, too."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    found = [f"{path.name}: {value}" for path in files for value in within(path.read_bytes(), values)]
    return found + [
        f"{where}: {value}" for where, text in cells(folder / "turnout.db") for value in within(text, values)
    ]


def cells(database: Path) -> Iterator[tuple[str, bytes]]:
    """Read every text and blob of every table."""
    reader = connect_file(database)  # by the one library of the process: another's would void the locks of a store
    try:
        tables = [row[0] for row in reader.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in reader.execute(f"SELECT * FROM {table}"):  # noqa: S608 - the name is the database's own
                for cell in row:
                    if isinstance(cell, str | bytes):
                        yield table, cell.encode() if isinstance(cell, str) else cell
    finally:
        reader.close()


def _stands(text: bytes, value: str) -> bool:
    lower = text.lower()
    return any(each in text or each.lower() in lower for each in spellings(value))


def _unpacked(text: bytes) -> Iterator[bytes]:
    for magic, how in MAGIC.items():
        at = text.find(magic)
        while at >= 0:
            yield _unpack(text[at : at + UNPACKED_MAX], how)
            at = text.find(magic, at + 1)


def _unpack(text: bytes, how: str) -> bytes:
    """Unpack as much as there is; chance matches of a magic number give nothing."""
    try:
        if how == "zstd":
            return zstandard.ZstdDecompressor().decompressobj().decompress(text)
        return zlib.decompressobj(31 if how == "gzip" else 15).decompress(text, UNPACKED_MAX)
    except (zlib.error, zstandard.ZstdError):
        return b""
