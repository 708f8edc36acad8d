"""A web page with a client in it, and the Chromium that visits it: it asks for its plan and tells what came of it."""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from typing_extensions import override

from support.node import bundle

LIMIT_S = 120
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
"""Without the background flags each start looks for its maker's hosts."""
HTML = b"<!doctype html><meta charset=utf-8><title>Shop</title><script src=/program.js></script>"


@functools.cache
def chromium() -> str:
    """Find Chromium."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    assert found, "There is no Chromium. On Debian and Ubuntu: apt-get install chromium"
    return found


class Page(ThreadingHTTPServer):
    """Serves the page. Each time it is loaded it gets the next plan; the last one stays.

    A page that is to leave asks for `/leave`, which is answered when `leave` is set; `back` says that it came again.
    """

    daemon_threads = True

    def __init__(self, program: str, plans: list[Mapping[str, Any]]) -> None:
        super().__init__(("127.0.0.1", 0), _Served)
        self.plans = plans
        self.files = {"/": HTML, "/program.js": bundle(program)}
        self.leave, self.back = threading.Event(), threading.Event()
        self._told: dict[str, Any] = {}
        self._heard = threading.Event()

    def give(self, path: str) -> bytes | None:
        match path:
            case "/plan":
                return json.dumps(self._next()).encode()
            case "/leave":
                self.leave.wait(LIMIT_S)
                return b"{}"
            case _:
                return self.files.get(path)

    def _next(self) -> Mapping[str, Any]:
        if self.leave.is_set():
            self.back.set()
        return self.plans.pop(0) if len(self.plans) > 1 else self.plans[0]

    def hear(self, told: dict[str, Any]) -> None:
        self._told = told
        self._heard.set()

    def told(self) -> dict[str, Any]:
        """Wait for what it tells."""
        assert self._heard.wait(LIMIT_S), "the page said nothing"
        return self._told


class _Served(BaseHTTPRequestHandler):
    server: Page

    def do_GET(self) -> None:
        body = self.server.give(self.path)
        self._answer(404 if body is None else 200, body or b"")

    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self._answer(200, b"{}")
        self.server.hear(told)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def visited(program: str, *plans: Mapping[str, Any]) -> Iterator[Page]:
    """Have Chromium visit the page with a fresh profile, and stay until the end of the block."""
    with Page(program, list(plans)) as page, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        threading.Thread(target=page.serve_forever, name="page", daemon=True).start()
        words = (chromium(), *FLAGS, f"--user-data-dir={profile}", f"http://127.0.0.1:{page.server_port}/")
        nothing = subprocess.DEVNULL
        with subprocess.Popen(words, stdout=nothing, stderr=nothing, start_new_session=True) as process:
            try:
                yield page
            finally:
                os.killpg(process.pid, signal.SIGKILL)
        page.shutdown()


def pictured(program: str, plan: Mapping[str, Any], to: Path, size: tuple[int, int] = (760, 1100)) -> None:
    """Have Chromium visit the page until it has told what came of it, and take a picture then."""
    with Page(program, [plan]) as page, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        threading.Thread(target=page.serve_forever, name="page", daemon=True).start()
        words = (
            chromium(), *FLAGS, "--hide-scrollbars", f"--user-data-dir={profile}", f"--screenshot={to}",
            f"--window-size={size[0]},{size[1]}", "--virtual-time-budget=20000", f"http://127.0.0.1:{page.server_port}/",
        )  # fmt: skip
        nothing = subprocess.DEVNULL
        subprocess.run(words, stdout=nothing, stderr=nothing, check=True, timeout=LIMIT_S)
        page.shutdown()
