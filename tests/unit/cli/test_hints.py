"""What a command says to do next is what a person can type."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from rich.console import Console

from support.program import TURNOUT
from turnout.cli.main import MISSING
from turnout.cli.source import show_all
from turnout.document import Document


def said(data: Path, *words: str) -> tuple[int, str, str]:
    done = subprocess.run([*TURNOUT, *words, "--data", str(data)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_an_id_that_no_event_has_comes_with_where_ids_stand(data_dir: Path) -> None:
    code, _, err = said(data_dir, "trace", "m_nobody")

    assert code == MISSING
    assert "`turnout find`" in err


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("webhok",), "`turnout destination list --catalog --search WORD` finds what there is."),
        (("webhook",), "`turnout destination show webhook` shows what it takes."),
    ],
)
def test_a_slip_in_connecting_names_the_command_that_tells_more_and_no_tool(
    words: tuple[str, ...], hint: str, data_dir: Path
) -> None:
    _, _, err = said(data_dir, "destination", "connect", *words)

    assert hint in err
    assert "list_destinations" not in err
    assert "describe_destination" not in err


def test_each_key_of_a_source_is_whole_on_a_narrow_terminal() -> None:
    key, test_key = "wk_" + 32 * "a", "test_wk_" + 32 * "b"
    row: Document = {"source_id": "7", "name": "A shop with a long name", "write_key": key, "test_write_key": test_key}

    narrow = Console(width=80)
    with narrow.capture() as drawn:
        for part in show_all({"sources": [row]}):
            narrow.print(part)

    assert key in drawn.get()
    assert test_key in drawn.get()


def test_a_new_manifest_comes_with_the_folder_in_which_it_can_be_connected(data_dir: Path, tmp_path: Path) -> None:
    _, out, _ = said(data_dir, "destination", "new", "my-tool", "--to", str(tmp_path))

    assert f"connected as my-tool once it is in {data_dir / 'manifests'}" in out


def test_a_journey_that_a_replay_would_go_on_with_says_how_it_is_typed(data_dir: Path, tmp_path: Path) -> None:
    _, out, _ = said(data_dir, "send", "track", "--user-id", "u", "--event", "Paid", "--live", "--json")
    sent = str(json.loads(out)["message_id"])
    _, before, _ = said(data_dir, "trace", sent)
    said(data_dir, "destination", "connect", "jsonl", "--set", f"path={tmp_path / 'events.jsonl'}")

    _, after, _ = said(data_dir, "trace", sent)

    assert f"To replay it: turnout replay --message-id {sent} --destination NAME" in after
    assert "To replay it" not in before


def test_a_vendor_without_a_test_of_credentials_comes_with_what_to_do_instead(data_dir: Path) -> None:
    said(data_dir, "destination", "connect", "webhook", "--set", "url=https://hook.example.com/in", "--yes")

    _, out, _ = said(data_dir, "destination", "test", "Webhook")

    assert "look at a preview, then at what became of its events" in out
