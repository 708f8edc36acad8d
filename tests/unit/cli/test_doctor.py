from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.engine import open_store
from turnout.cli.main import run


def doctor(capsys: pytest.CaptureFixture[str], folder: Path) -> tuple[int, dict[str, dict[str, Any]]]:
    code = run(["doctor", "--data", str(folder), "--json"])
    told = json.loads(capsys.readouterr().out)
    return code, {each["name"]: each for each in told["checks"]}


def test_a_damaged_header_is_one_reason_everywhere(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    open_store(data_dir).close()
    with (data_dir / "turnout.db").open("r+b") as file:
        file.write(b"x" * 100)

    code, checks = doctor(capsys, data_dir)
    assert run(["usage", "--data", str(data_dir)]) == 1

    said = capsys.readouterr().err
    assert code == 1
    for words in (checks["opens"]["detail"], said):
        assert "the database cannot be read (file is not a database); see `turnout doctor`" in words


def test_a_damaged_page_is_a_check_that_fails(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    open_store(data_dir).close()
    size = (data_dir / "turnout.db").stat().st_size
    with (data_dir / "turnout.db").open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * (size - 8192))

    code, checks = doctor(capsys, data_dir)

    assert code == 1
    assert not all(each["ok"] for each in checks.values())


def test_a_file_in_the_place_of_the_directory_is_no_workspace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").touch()
    monkeypatch.setenv("TURNOUT_DATA", str(tmp_path / "data"))

    assert run(["doctor"]) == 1
    assert "is no directory" in capsys.readouterr().out
    assert run(["usage"]) == 1
    assert f"unavailable: the data directory {tmp_path}/data cannot be used" in capsys.readouterr().err


@pytest.mark.parametrize("month", ["9999-12", "0000-01", "1969-12", "2025-13"])
def test_a_month_that_cannot_be_is_a_reason(data_dir: Path, month: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["usage", "--data", str(data_dir), "--month", month]) == 1
    assert "`month` is no month" in capsys.readouterr().err
