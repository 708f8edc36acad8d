"""The programs in which people use agents, as they are published: each hears of us by `turnout install`, and calls us.

A script stands in for the vendor's model, on loopback: the program offers it our tools, runs the calls that it answers
with, and tells it what we said.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from support.engine import open_store
from support.model import LAST_WORD, Model
from support.node import HOSTS, NODE, packages
from support.server import Server
from turnout.agent.catalogue import TOOLS
from turnout.agent.toolsets import USUAL_TOOLSETS
from turnout.clients.known import BY_SLUG

LIMIT_S = 60
EVENT = {"event": "Order Completed", "user_id": "u-1", "properties": {"total": 42.5}, "idempotency_key": "order-1"}
CALLS = (("track_event", EVENT), ("track_event", EVENT), ("debug_event_delivery", {"user_id": "u-1"}))
ERASE = {"user_id": "u-1", "kind": "erase"}
WRITES = "MCP tool call requires approval"


@dataclass(frozen=True, slots=True)
class Host:
    """One program: its file among the packages, words for a task, and what it needs to ask our model.

    `prefix` is what it puts before the names of tools. `settings`: its file in the home, and what stands there besides.
    """

    slug: str
    program: str
    words: tuple[str, ...]
    prefix: str
    env: Mapping[str, str] = field(default_factory=dict)
    settings: tuple[str, Mapping[str, Any]] | None = None

    def command(self) -> list[str]:
        """Give the words that start it."""
        program = next(iter(sorted((packages(HOSTS) / "node_modules").glob(self.program))))
        return [*([str(NODE)] if program.suffix == ".js" else []), str(program)]

    def run(self, home: Path, model: Model, extra: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """Give it a task, in a home of its own."""
        if self.settings:
            file = home / self.settings[0]
            mine = json.loads(json.dumps(self.settings[1]).replace("$URL", model.url))
            file.write_text(json.dumps({**json.loads(file.read_text()), **mine}))
        words = [word.replace("$URL", model.url) for word in (*self.words, *extra)]
        env = {name: value.replace("$URL", model.url) for name, value in self.env.items()}
        return subprocess.run(
            [*self.command(), *words],
            cwd=home, env={**clean(home), **env}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=LIMIT_S, check=False,
        )  # fmt: skip


CODEX = Host(
    "codex",
    "@openai/codex/bin/codex.js",
    (
        "exec", "--skip-git-repo-check", "-m", "scripted", "-c", 'model_provider="s"',
        "-c", 'model_providers.s={name="s",base_url="$URL/v1",wire_api="responses"}', "Track an order",
    ),
    "mcp__turnout/",
)  # fmt: skip
UNATTENDED = {
    "claude-code": ("--allowedTools", "mcp__turnout"),
    "codex": ("-c", 'mcp_servers.turnout.default_tools_approval_mode="approve"'),
}
"""What `turnout install` says of them."""
CLAUDE = Host(
    "claude-code",
    "@anthropic-ai/claude-code-*/claude",
    ("-p", "Track an order"),
    "mcp__turnout__",
    {"ANTHROPIC_BASE_URL": "$URL", "ANTHROPIC_API_KEY": "none", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"},
)
SAMPLES = (
    CLAUDE,
    CODEX,
    Host(
        "gemini",
        "@google/gemini-cli/bundle/gemini.js",
        ("-m", "gemini-2.5-pro", "-p", "Track an order", "--approval-mode", "yolo"),
        "mcp_turnout_",
        {"GOOGLE_GEMINI_BASE_URL": "$URL", "GEMINI_API_KEY": "none"},
        (
            ".gemini/settings.json",
            {
                "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": False}},
                "privacy": {"usageStatisticsEnabled": False},
                "general": {"enableAutoUpdate": False},
            },
        ),
    ),
    Host(
        "opencode",
        "opencode-*-baseline/bin/opencode",
        ("run", "-m", "anthropic/claude-sonnet-4-5", "Track an order"),
        "turnout_",
        {f"OPENCODE_DISABLE_{what}": "1" for what in ("AUTOUPDATE", "MODELS_FETCH", "DEFAULT_PLUGINS", "LSP_DOWNLOAD")},
        (
            ".config/opencode/opencode.json",
            {"provider": {"anthropic": {"options": {"baseURL": "$URL/v1", "apiKey": "none"}}}},
        ),
    ),
)


def clean(home: Path) -> dict[str, str]:
    """Give an environment in which nothing of who runs this shows."""
    return {"HOME": str(home), "PATH": os.environ["PATH"], "TERM": "dumb", "NO_COLOR": "1"}


def turnout(home: Path, *words: str) -> dict[str, Any]:
    """Run a command of ours; give what it answers."""
    done = subprocess.run(
        (sys.executable, "-m", "turnout", *words, "--json"),
        env=clean(home), capture_output=True, check=True, timeout=LIMIT_S,
    )  # fmt: skip
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def install(home: Path, slug: str) -> dict[str, Any]:
    """Add us, as a user would."""
    return turnout(home, "install", slug, "--yes", "--data", str(home / "data"))


@pytest.mark.parametrize("host", SAMPLES, ids=lambda host: host.slug)
def test_a_program_offers_its_model_our_tools_and_tells_it_what_they_answered(host: Host, tmp_path: Path) -> None:
    install(tmp_path, host.slug)

    with Model(CALLS, host.prefix).listening() as model:
        done = host.run(tmp_path, model, UNATTENDED.get(host.slug, ()))

    assert done.returncode == 0, done.stdout + done.stderr
    assert LAST_WORD in done.stdout
    assert model.offered == {tool.name for tool in TOOLS if tool.toolset in USUAL_TOOLSETS}
    first, again, found = model.heard
    assert "1 event was recorded in the namespace test." in first
    assert '"replayed":true' in again
    store = open_store(tmp_path / "data")
    (event,) = store.look(lambda view: view.log.after(0, 9))
    store.close()
    assert event.name == "Order Completed"
    assert f'"event":"{event.name}"' in found


def confirmed(heard: Sequence[str]) -> dict[str, str]:
    """Confirm the plan that was heard last, if there is one."""
    token = re.search(r'"token":"([^"]+)"', heard[-1])
    return {**ERASE, "confirm": token[1] if token else "none was given"}


@pytest.mark.parametrize("host", SAMPLES, ids=lambda host: host.slug)
def test_what_cannot_be_undone_is_planned_first_and_done_when_confirmed(host: Host, tmp_path: Path) -> None:
    install(tmp_path, host.slug)
    calls = (
        CALLS[0],
        ("request_deletion", ERASE),
        ("request_deletion", confirmed),
        ("find_events", {"user_id": "u-1"}),
    )

    with Model(calls, host.prefix).listening() as model:
        host.run(tmp_path, model, UNATTENDED.get(host.slug, ()))

    _, planned, done, left = model.heard
    if host is CODEX:  # says that it can ask a person, and answers for them
        assert "The person was asked and said no. Nothing was changed." in planned
        assert "confirm_invalid" in done
        assert "1 event" in left
    else:
        assert "Nothing was done yet: In the namespace test, 1 event and 1 identifier would be erased" in planned
        assert '"deletion_id"' in done
        assert '"events":[]' in left


def test_a_program_that_cannot_ask_anybody_calls_what_writes_as_install_says(tmp_path: Path) -> None:
    told = install(tmp_path, "codex")

    with Model(CALLS[:1], CODEX.prefix).listening() as model:
        CODEX.run(tmp_path, model)

    assert WRITES in model.heard[0]
    assert told["unattended"] == BY_SLUG["codex"].unattended
    for slug, words in UNATTENDED.items():
        assert all(word in BY_SLUG[slug].unattended for word in words)


def test_claude_code_and_codex_speak_over_http_with_a_token(server: Server, tmp_path: Path) -> None:
    made = turnout(tmp_path, "token", "create", "--scopes", "read,track", "--name", "hosts", "--data", str(server.data))
    token, url = made["token"], f"{server.url}/mcp"
    add = ("mcp", "add", "--transport", "http", "turnout", url, "--header", f"Authorization: Bearer {token}")
    subprocess.run([*CLAUDE.command(), *add], env=clean(tmp_path), cwd=tmp_path, check=True, timeout=LIMIT_S)
    bearer = replace(CODEX, env={"TURNOUT_TOKEN": token})
    entry = {"url": url, "bearer_token_env_var": "TURNOUT_TOKEN", "default_tools_approval_mode": "approve"}
    remote = f"mcp_servers.turnout={{{','.join(f'{name}={json.dumps(value)}' for name, value in entry.items())}}}"

    heard = []
    for host, extra in ((CLAUDE, UNATTENDED["claude-code"]), (bearer, ("-c", remote))):
        with Model(CALLS, host.prefix).listening() as model:
            host.run(tmp_path, model, extra)
        heard += [model.heard]

    assert all("1 event was recorded in the namespace test." in answer for answers in heard for answer in answers[:2])
    assert [['replayed":true' in answer for answer in answers] for answers in heard] == [
        [False, True, False],
        [True, True, False],
    ]
