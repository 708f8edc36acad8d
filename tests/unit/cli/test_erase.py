"""`turnout erase`, as a person reads it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from support.program import TURNOUT
from turnout.cli.main import DONE


def said(data: Path, *words: str) -> tuple[int, str, str]:
    done = subprocess.run([*TURNOUT, *words, "--data", str(data)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_receipt_has_its_proof_and_says_where_to_look_until_it_is_finished(data_dir: Path) -> None:
    said(data_dir, "send", "track", "--user-id", "u 1", "--event", "Paid")

    code, out, _ = said(data_dir, "erase", "u 1", "--yes")
    _, after, _ = said(data_dir, "erase", "u 1", "--yes", "--wait")

    assert code == DONE
    assert "events left" in out
    assert "receipt sha256" in out
    assert "turnout profile 'u 1'" in out
    assert "events left" in after
    assert "turnout profile" not in after
