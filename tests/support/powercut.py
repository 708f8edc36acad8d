"""The disk as it may stand after a power cut: what was synced, and of the rest whatever had got there.

`Disk` follows the steps of a recording. At any of them, `stand` writes the folder as one of the styles leaves it:

    nothing      only what was synced: bytes by a sync of their file, names by a sync of their folder
    everything   all that was written: the machine died, and every cache was saved
    earlier      each file as of some moment since its last sync
    pages        each 4,096 bytes as of some moment of their own; the size, too; each name made or gone, or not
    sectors      the same with 512 bytes: torn pages
    mixed        each file in a style of its own

It is the worst that POSIX allows, not what one file system does: a size may come without its bytes (zeros), a name
without its file's bytes, and names in any order. A sector is never torn. The `-shm`, which nobody syncs, is not there,
empty, or noise.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from support.recording import MARKS, Step

PAGE, SECTOR = 4096, 512
SHM = 32_768
STYLES = ("nothing", "everything", "earlier", "pages", "sectors", "mixed")


@dataclass(frozen=True, slots=True)
class Change:
    """Bytes written at a place, or None: the file was cut there."""

    number: int
    at: int
    data: bytes | None


@dataclass(slots=True)
class File:
    """What is synced of a file, and what has happened to it since."""

    synced: bytearray = field(default_factory=bytearray)
    since: list[Change] = field(default_factory=list)


@dataclass(slots=True)
class Folder:
    """The same of a folder: a change gives names to nodes, or takes them away, all at once."""

    synced: dict[str, Node] = field(default_factory=dict)
    since: list[tuple[int, Mapping[str, Node | None]]] = field(default_factory=list)
    now: dict[str, Node] = field(default_factory=dict)


Node: TypeAlias = File | Folder


class Disk:
    """Follows a recording; the folder itself was there before it began."""

    def __init__(self, root: Path) -> None:
        self.root = Folder()
        self._prefix = str(root)
        self._open: dict[tuple[int, int], Node] = {}
        self._syncs: dict[tuple[int, int, int], tuple[Node, int]] = {}
        self._number = 0

    def follow(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self._number += 1
            match step.kind:
                case "O":
                    self._open[step.pid, step.fd] = self._opened(step)
                case "W":
                    self._change(step, step.data)
                case "T":
                    self._change(step, None)
                case "B":
                    self._syncs[step.pid, step.fd, step.at] = self._open[step.pid, step.fd], self._number
                case "E":
                    _sync(*self._syncs.pop((step.pid, step.fd, step.at)))
                case "M" | "U" | "R" | "L":
                    self._rename(step)
                case _:
                    assert step.kind in "SK"

    def stand(self, to: Path, style: str, draw: random.Random) -> None:
        """Write the folder as a power cut leaves it."""
        _write_folder(self.root, to, style, draw)

    def _opened(self, step: Step) -> Node:
        node = self._find(step.path)
        if node is None:
            node = File()
            self._change_names(step.path, {Path(step.path).name: node})
        elif step.at & os.O_TRUNC and isinstance(node, File):
            node.since.append(Change(self._number, 0, None))
        return node

    def _change(self, step: Step, data: bytes | None) -> None:
        file = self._open[step.pid, step.fd]
        assert isinstance(file, File)
        file.since.append(Change(self._number, step.at, data))

    def _rename(self, step: Step) -> None:
        node = Folder() if step.kind == "M" else None if step.kind == "U" else self._find(step.path)
        other = step.data.decode()
        if step.kind == "R":
            assert Path(other).parent == Path(step.path).parent, "a rename from folder to folder: say here what it does"
            self._change_names(other, {Path(step.path).name: None, Path(other).name: node})
        else:
            self._change_names(other or step.path, {Path(other or step.path).name: node})

    def _find(self, path: str) -> Node | None:
        node: Node | None = self.root
        for name in self._names(path):
            assert isinstance(node, Folder)
            node = node.now.get(name)
        return node

    def _change_names(self, path: str, names: Mapping[str, Node | None]) -> None:
        """Change names in the folder of a path, all at once."""
        folder = self._find(str(Path(path).parent))
        assert isinstance(folder, Folder)
        folder.since.append((self._number, names))
        _rename(folder.now, names)

    def _names(self, path: str) -> list[str]:
        assert path == self._prefix or path.startswith(self._prefix + "/")
        return [name for name in path[len(self._prefix) :].split("/") if name]


def _sync(node: Node, begun: int) -> None:
    """Make durable what had happened when the sync began."""
    if isinstance(node, Folder):
        for number, names in node.since:
            if number < begun:
                _rename(node.synced, names)
        node.since = [each for each in node.since if each[0] >= begun]
    else:
        for change in node.since:
            if change.number < begun:
                _apply(node.synced, change)
        node.since = [change for change in node.since if change.number >= begun]


def _rename(names: dict[str, Node], change: Mapping[str, Node | None]) -> None:
    for name, node in change.items():
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node


def _apply(content: bytearray, change: Change) -> None:
    if change.data is None:
        del content[change.at :]
    if len(content) < change.at:
        content.extend(bytes(change.at - len(content)))
    if change.data is not None:
        content[change.at : change.at + len(change.data)] = change.data


# -- what a cut leaves ------------------------------------------------------------------------------------------


def _write_folder(folder: Folder, to: Path, style: str, draw: random.Random) -> None:
    to.mkdir(mode=0o700)
    for name, node in _names(folder, style, draw).items():
        if isinstance(node, Folder):
            _write_folder(node, to / name, style, draw)
        elif name != MARKS:
            (to / name).write_bytes(_content(node, style, draw))
            (to / name).chmod(0o600)
    if (to / "turnout.db-wal").exists() and (shm := draw.choice((None, bytes(SHM), draw.randbytes(SHM)))):
        (to / "turnout.db-shm").write_bytes(shm)


def _names(folder: Folder, style: str, draw: random.Random) -> dict[str, Node]:
    names = dict(folder.synced)
    kept = {
        "nothing": lambda _: False,
        "everything": lambda _: True,
        "earlier": _before(draw.randint(0, len(folder.since))),
    }.get(style, lambda _: draw.random() < 0.5)
    for at, (_, change) in enumerate(folder.since):
        if kept(at):
            _rename(names, change)
    return names


def _before(end: int) -> Callable[[int], bool]:
    return lambda at: at < end


def _content(file: File, style: str, draw: random.Random) -> bytes:
    if style == "mixed":
        style = draw.choice(STYLES[:-1])
    if style in {"pages", "sectors"}:
        return _torn(file, PAGE if style == "pages" else SECTOR, draw)
    n = {"nothing": 0, "everything": len(file.since)}.get(style, draw.randint(0, len(file.since)))
    content = bytearray(file.synced)
    for change in file.since[:n]:
        _apply(content, change)
    return bytes(content)


def _torn(file: File, piece: int, draw: random.Random) -> bytes:
    """Give each piece as some number of the changes left it, and the size as some number did."""
    sizes = _sizes(file)
    content = bytearray(file.synced).ljust(max(sizes), b"\0")
    reached: dict[int, int] = {}
    for at, change in enumerate(file.since):
        end = len(content) if change.data is None else change.at + len(change.data)
        for number in range(change.at // piece, -(-end // piece)):
            if number not in reached:
                reached[number] = _some(draw, len(file.since))
            if at < reached[number]:
                low, high = max(change.at, number * piece), min(end, (number + 1) * piece)
                data = change.data
                content[low:high] = bytes(high - low) if data is None else data[low - change.at : high - change.at]
    return bytes(content[: sizes[_some(draw, len(file.since))]])


def _sizes(file: File) -> Sequence[int]:
    sizes = [len(file.synced)]
    for change in file.since:
        sizes.append(change.at if change.data is None else max(sizes[-1], change.at + len(change.data)))
    return sizes


def _some(draw: random.Random, n: int) -> int:
    """Draw how many of n have happened: none and all are as likely as any in between together."""
    return draw.choice((0, n, draw.randint(0, n)))
