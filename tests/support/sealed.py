"""A network of a process's own in which every address leads here: whatever it connects to is seen, nothing gets out.

By hand:  python -m support.sealed SEEN ZONE [--env NAME=VALUE …] -- command …

The process enters a network namespace whose only routes are `local 0.0.0.0/0` and `local ::/0` on the loopback
interface, so that one listener stands at each address there is, and a mount namespace in which `/etc/resolv.conf`
asks a scripted DNS. Then it runs the command. Each connection is one JSON line in SEEN:
`{"at": address, "port": …, "asked": first line, "host": …}`.

Listeners answer as HTTP: `/to/302?http://…` is a redirect, all else a 200 with an `Alt-Svc` that nobody may follow.
Root of the machine or of a user namespace of its own is needed; where neither is to be had, it says so and ends with 1.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote

PORTS = (80, 443, 1080, 3128, 8080)
"""Where each address answers; at `LONE` and `LONE_PORT` nothing but that address does."""
LONE, LONE_PORT = "10.0.0.1", 8081
DNS_PORT = 53

_NEWUSER, _NEWNS, _NEWNET = 0x10000000, 0x00020000, 0x40000000
_BIND, _PRIVATE = 4096, (1 << 18) | (1 << 14)
_SET_FLAGS, _UP = 0x8914, 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def enter(folder: Path) -> None:
    """Go into namespaces of this process's own. Raises: OSError where the machine does not let us."""
    user, group = os.getuid(), os.getgid()
    if _LIBC.unshare(_NEWNS | _NEWNET):
        _call("unshare", _NEWUSER | _NEWNS | _NEWNET)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    _call("mount", b"none", b"/", None, _PRIVATE, None)
    for name, text in (
        ("resolv.conf", "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n"),
        ("hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost\n10.0.0.7 known.test\n"),
        ("nsswitch.conf", "hosts: files dns\n"),
    ):
        if Path("/etc", name).exists():
            (folder / name).write_text(text)
            _call("mount", str(folder / name).encode(), f"/etc/{name}".encode(), None, _BIND, None)
    _open_network()


def _call(name: str, *words: object) -> None:
    if getattr(_LIBC, name)(*words):
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")


def _open_network() -> None:
    """Raise the loopback interface, and make every address one of its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        fcntl.ioctl(plain, _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP))
    for family in (socket.AF_INET, socket.AF_INET6):
        route = struct.pack("BBBBBBBBI", family, 0, 0, 0, 255, 3, 254, 2, 0) + struct.pack("HHi", 8, 4, 1)
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
            netlink.send(struct.pack("IHHII", 16 + len(route), 24, 0x1 | 0x4 | 0x400, 1, 0) + route)
            code = struct.unpack_from("i", netlink.recv(4096), 16)[0]
            if code:
                raise OSError(-code, f"route: {os.strerror(-code)}")


class Zone:
    """A scripted DNS: `{"name": [address, …]}`; a list of lists changes from one question of a kind to the next."""

    def __init__(self, names: Mapping[str, Sequence[object]]) -> None:
        self._names = names
        self._asked: dict[tuple[str, int], int] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", DNS_PORT))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            question, whom = self._socket.recvfrom(512)
            self._socket.sendto(self._answer(question), whom)

    def _answer(self, question: bytes) -> bytes:
        labels, at = [], 12
        while size := question[at]:
            labels.append(question[at + 1 : at + 1 + size].decode())
            at += 1 + size
        kind = struct.unpack_from("!H", question, at + 1)[0]
        name = ".".join(labels).lower()
        found = [] if name not in self._names else self._found(name, kind)
        code = 0x8180 if name in self._names else 0x8183
        head = question[:2] + struct.pack("!HHHHH", code, 1, len(found), 0, 0) + question[12 : at + 5]
        return head + b"".join(struct.pack("!HHHIH", 0xC00C, kind, 1, 0, len(each)) + each for each in found)

    def _found(self, name: str, kind: int) -> list[bytes]:
        given = self._names[name]
        if isinstance(given[0], list):
            turn = self._asked[name, kind] = self._asked.get((name, kind), -1) + 1
            given = given[min(turn, len(given) - 1)]  # type: ignore[assignment]  # JSON has no types to tell
        packed = [ip_address(str(each)).packed for each in given]
        return [each for each in packed if {4: 1, 16: 28}[len(each)] == kind]


class Canaries:
    """A listener at every address."""

    def __init__(self, seen: BinaryIO) -> None:
        self._seen = seen
        for port in PORTS:
            self._listen(socket.AF_INET, "0.0.0.0", port)  # noqa: S104 - nobody else is in this network
            self._listen(socket.AF_INET6, "::", port)
        self._listen(socket.AF_INET, LONE, LONE_PORT)

    def _listen(self, family: socket.AddressFamily, at: str, port: int) -> None:
        listener = socket.socket(family, socket.SOCK_STREAM)
        if family is socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((at, port))
        listener.listen(128)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            talk, _ = listener.accept()
            threading.Thread(target=self._answer, args=(talk,), daemon=True).start()

    def _answer(self, talk: socket.socket) -> None:
        at, port = talk.getsockname()[:2]
        with talk:
            talk.settimeout(2)
            asked, host = _read(talk)
            line = json.dumps({"at": at, "port": port, "asked": asked, "host": host})
            self._seen.write(line.encode() + b"\n")
            status, more = (
                "200 Fine",
                'alt-svc: h2="10.0.0.3:80", h3="10.0.0.3:443"\r\nrefresh: 0; url=http://10.0.0.4/\r\n',
            )
            if " /to/" in asked:
                code, _, where = asked.split(" ")[1].removeprefix("/to/").partition("?")
                status, more = f"{code} Elsewhere", f"location: {unquote(where)}\r\n"
            talk.sendall(f"HTTP/1.1 {status}\r\n{more}content-length: 2\r\nconnection: close\r\n\r\n{{}}".encode())


def _read(talk: socket.socket) -> tuple[str, str]:
    """Read one request; give its first line and its host."""
    said = b""
    try:
        while b"\r\n\r\n" not in said and (more := talk.recv(65536)):
            said += more
        head, _, body = said.partition(b"\r\n\r\n")
        size = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"), 0)
        while len(body) < size and (more := talk.recv(65536)):
            body += more
    except OSError:
        return "", ""
    lines = head.decode("latin-1").split("\r\n")
    return lines[0], next((line[5:].strip() for line in lines if line.lower().startswith("host:")), "")


def main() -> None:
    parser = argparse.ArgumentParser(prog="support.sealed")
    parser.add_argument("seen", type=Path)
    parser.add_argument("zone", type=Path)
    parser.add_argument("--env", action="append", default=[])
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, given.seen.open("ab", buffering=0) as seen:
        try:
            enter(Path(folder))
        except OSError as error:
            sys.exit(f"no network of our own can be made here, neither as root nor in a user namespace: {error}")
        Zone(json.loads(given.zone.read_text()))
        Canaries(seen)
        environment = {**os.environ, **dict(each.split("=", 1) for each in given.env)}
        with subprocess.Popen(given.command, env=environment) as process:
            signal.signal(signal.SIGTERM, lambda *_: process.terminate())
            code = process.wait()
    sys.exit(code)


if __name__ == "__main__":
    main()
