"""`turnout install`, as a person and as a program calls it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from turnout.cli.main import DONE, MISSING, REFUSED, run


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "CODEX_HOME", "CLAUDE_CONFIG_DIR", "COPILOT_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = run([*words, "--json"])
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, answer


def test_without_a_name_it_lists_the_clients_and_where_we_stand(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "install", "cursor", "--yes")

    code, answer = told(capsys, "install")

    assert code == DONE
    assert len(answer["clients"]) == 8
    assert [each for each in answer["clients"] if each["installed"]] == [
        {
            "client": "cursor",
            "name": "Cursor",
            "file": str(home / ".cursor/mcp.json"),
            "exists": True,
            "installed": True,
        }
    ]


def test_what_it_writes_is_what_it_was_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--mode", "read", "--live", "--people", "--namespace", "qa", "--toolsets", "all", "--data", "here")

    code, answer = told(capsys, "install", "cursor", "--yes", *words)

    assert (code, answer["state"]) == (DONE, "installed")
    entry = json.loads((home / ".cursor/mcp.json").read_text())["mcpServers"]["turnout"]
    given = ["--mode", "read", "--namespace", "qa", "--toolsets", "all", "--live", "--people"]
    assert entry["args"][-len(given) - 2 :] == [*given, "--data", str(Path("here").absolute())]
    assert told(capsys, "install", "cursor", "--yes", *words)[1]["state"] == "unchanged"
    assert told(capsys, "install", "cursor", "--remove", "--yes")[1]["state"] == "removed"
    assert told(capsys, "install", "cursor", "--remove", "--yes")[1]["state"] == "unchanged"


def test_nothing_is_written_unasked(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planned = told(capsys, "install", "codex", "--dry-run")
    refused = told(capsys, "install", "codex")

    assert (planned[0], planned[1]["state"]) == (DONE, "planned")
    assert "+[mcp_servers.turnout]" in planned[1]["diff"]
    assert (refused[0], refused[1]["error"]["code"]) == (REFUSED, "confirm_needed")
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("install", "codx"), MISSING, "Did you mean codex?"),
        (("install", "emacs"), MISSING, "There are: claude-code, claude-desktop,"),
        (("install", "copilot", "--project", "."), REFUSED, "reads no file of a project"),
        (("install", "cursor", "--project", "no/such/folder"), 2, "does not exist"),
        (("install", "cursor", "--mode", "admin"), 2, "'read', 'write'"),
    ],
)
def test_a_mistake_is_named(
    words: tuple[str, ...], code: int, said: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, answer = told(capsys, *words)

    assert found == code
    assert said in answer["error"]["message"]
    assert list(home.iterdir()) == []
