"""Our entry in a client's file: shown, copied, written, taken out; a file that cannot be read stays as it is."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from turnout.clients import change, known
from turnout.clients.known import BY_SLUG, CLIENTS, Home
from turnout.errors import InvalidInput

WORDS = ("/opt/turnout", "mcp", "--live")
CODEX = BY_SLUG["codex"]

THEIRS = """# mine
model = "gpt"   # the big one

[mcp_servers.other]
command = "o"

[mcp_servers.other.env]
A = "1"

[[rules]]
b = [
  "[mcp_servers.turnout]",
]
"""


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.slug)
def test_an_entry_is_written_once_and_goes_without_a_trace(client: known.Client, tmp_path: Path) -> None:
    file = client.user(Home(tmp_path, {}, "linux"))

    first = change.plan(client, file, WORDS)
    assert change.carry_out(first, "1") is None
    assert change.stands(client, file)
    again = change.plan(client, file, WORDS)
    assert again.is_none
    assert again.diff() == ""
    backup = change.carry_out(change.plan(client, file, None), "2")
    assert backup is not None
    assert backup.read_text() == first.new
    assert not change.stands(client, file)
    assert change.plan(client, file, None).is_none


def test_of_toml_only_our_table_changes(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(THEIRS)

    change.carry_out(change.plan(CODEX, file, WORDS[:2]), "1")

    text = file.read_text()
    assert text.startswith(THEIRS)
    assert tomllib.loads(text)["mcp_servers"]["turnout"] == {
        "command": "/opt/turnout", "args": ["mcp"], "required": True,
    }  # fmt: skip
    file.write_text(text + '\n[mcp_servers.turnout.env]\nTURNOUT_DATA = "/d"\n\n[after]\nc = 1\n')
    change.carry_out(change.plan(CODEX, file, WORDS), "2")
    held = tomllib.loads(file.read_text())
    assert held["mcp_servers"]["turnout"]["args"] == ["mcp", "--live"]
    assert held["mcp_servers"]["turnout"]["env"] == {"TURNOUT_DATA": "/d"}, "what its owner added stays"
    change.carry_out(change.plan(CODEX, file, None), "3")
    assert tomllib.loads(file.read_text()) == {**tomllib.loads(THEIRS), "after": {"c": 1}}
    assert file.read_text().startswith(THEIRS)


def test_what_its_owner_added_to_the_entry_stays(tmp_path: Path) -> None:
    client, file = BY_SLUG["claude-code"], tmp_path / ".mcp.json"
    file.write_text('{"mcpServers": {"turnout": {"type": "stdio", "command": "old", "env": {"TURNOUT_DATA": "/d"}}}}')

    planned = change.plan(client, file, WORDS)

    change.carry_out(planned, "1")
    assert '"TURNOUT_DATA": "/d"' in file.read_text()
    assert change.plan(client, file, WORDS).is_none


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.toml", "mcp_servers = {other = {command = 'o'}}\n"),
        ("config.toml", "[mcp_servers]\nturnout = {command = 'o'}\n"),
        ("config.toml", "[mcp_servers\n"),
        ("mcp.json", '{"mcp_servers": []}'),
        ("mcp.json", '{"mcp_servers": {"turnout": 1}'),
        ("mcp.json", "\ufeff{"),
        ("config.toml", 'mcp_servers.turnout.command = "o"\n'),
        ("config.toml", 'a = """\n[mcp_servers.turnout]\n"""\n'),
    ],
)
def test_a_file_that_is_written_otherwise_stays_and_the_entry_is_told(name: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(text)

    with pytest.raises(InvalidInput, match="nothing was changed") as raised:
        change.plan(CODEX, file, WORDS)

    assert "/opt/turnout" in str(raised.value.attributes["fix"])
    assert file.read_text() == text
    assert list(tmp_path.iterdir()) == [file]


def foreign(client: known.Client) -> tuple[str, str]:
    """Give a file as its owner keeps it, with another's server in it, and a line of it that no change may touch."""
    if client.slug == "codex":
        return THEIRS, 'model = "gpt"   # the big one'
    line = '"theme": "dark", // darker than "before"'
    other = f'  "{client.under}": {{\n    "other": {{"command": "o", "env": {{"KEY": "k"}}}},\n  }},\n'
    return f"// mine\n{{\n  {line}\n{other}}}\n", line


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.slug)
def test_of_a_file_of_any_editor_only_our_lines_change(
    client: known.Client, end: str, mark: str, tmp_path: Path
) -> None:
    text, line = foreign(client)
    file = tmp_path / client.user(Home(tmp_path, {}, "linux")).name
    file.write_bytes(before := (mark + text.replace("\n", end)).encode())

    planned = change.plan(client, file, WORDS)
    backup = change.carry_out(planned, "1")

    after = file.read_bytes()
    assert not [row for row in planned.diff().splitlines() if row.startswith("-") and not row.startswith("---")]
    assert line.encode() in after
    assert after.count(b"\r\n") == (after.count(b"\n") if end == "\r\n" else 0)
    assert after.startswith(mark.encode() + text.encode()[:6])
    assert backup is not None
    assert backup.read_bytes() == before
    change.carry_out(change.plan(client, file, None), "2")
    assert file.read_bytes() == before, "and nothing of it is left"


def test_a_comment_of_the_next_table_stays_and_so_does_one_of_ours(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[mcp_servers.turnout]\n# why\ncommand = "old"\n\n# about z\n[z]\na = 1\n')

    change.carry_out(change.plan(CODEX, file, WORDS), "1")
    assert file.read_text() == (
        '[mcp_servers.turnout]\n# why\ncommand = "/opt/turnout"\nargs = ["mcp", "--live"]\nrequired = true\n'
        "\n# about z\n[z]\na = 1\n"
    )
    change.carry_out(change.plan(CODEX, file, None), "2")
    assert file.read_text() == "# about z\n[z]\na = 1\n"


@pytest.mark.parametrize(
    "header", ['[mcp_servers."turnout"]', "['mcp_servers'.turnout]", "[ mcp_servers . turnout ] # x"]
)
def test_our_table_is_known_however_its_name_is_written(header: str, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'{header}\ncommand = "old"\n')

    change.carry_out(change.plan(CODEX, file, WORDS), "1")

    assert tomllib.loads(file.read_text())["mcp_servers"]["turnout"]["command"] == "/opt/turnout"


@pytest.mark.parametrize(
    ("slug", "text"),
    [
        ("cursor", '{"mcpServers": {"turnout": {"url": "http://h/mcp", "headers": {"Authorization": "Bearer to_x"}}}}'),
        ("gemini", '{"mcpServers": {"turnout": {"httpUrl": "http://h/mcp"}}}'),
        ("codex", '[mcp_servers.turnout]\nurl = "http://h/mcp"\n[mcp_servers.turnout.http_headers]\nA = "1"\n'),
    ],
)
def test_of_an_entry_that_asked_over_http_nothing_stays(slug: str, text: str, tmp_path: Path) -> None:
    client = BY_SLUG[slug]
    file = tmp_path / client.user(Home(tmp_path, {}, "linux")).name
    file.write_text(text)

    change.carry_out(change.plan(client, file, WORDS), "1")

    held = change._read(file.read_text(), is_toml=slug == "codex")  # as clients read it
    assert held == {client.under: {"turnout": client.entry(WORDS)}}


def test_what_is_no_plain_file_is_left_alone(tmp_path: Path) -> None:
    cursor, link, folder = BY_SLUG["cursor"], tmp_path / "mcp.json", tmp_path / "folder.json"
    link.symlink_to("/dev/null")
    folder.mkdir()

    for file in (link, folder):
        with pytest.raises(InvalidInput, match="no plain file; nothing was changed"):
            change.plan(cursor, file, WORDS)

    assert Path("/dev/null").is_char_device()


def test_a_file_that_may_not_be_written_is_not_replaced_either(tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    file.write_text("{}")
    file.chmod(0o444)
    planned = change.plan(BY_SLUG["cursor"], file, WORDS)

    with pytest.raises(InvalidInput, match="may not be written; nothing was changed"):
        change.carry_out(planned, "1")

    assert list(tmp_path.iterdir()) == [file]
    assert file.read_text() == "{}"


def test_a_file_in_another_encoding_says_so(tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    file.write_bytes('{"a": "é"}'.encode("latin-1"))

    with pytest.raises(InvalidInput, match="is not UTF-8"):
        change.plan(BY_SLUG["cursor"], file, WORDS)


def test_a_link_stays_a_link_and_the_mode_of_a_file_its_mode(tmp_path: Path) -> None:
    real, file = tmp_path / "dotfiles.json", tmp_path / "mcp.json"
    real.write_text("{}")
    real.chmod(0o600)
    file.symlink_to(real)

    backup = change.carry_out(change.plan(BY_SLUG["cursor"], file, WORDS), "1")

    assert file.is_symlink()
    assert "turnout" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o600
    assert backup is not None
    assert backup.stat().st_mode & 0o777 == 0o600


def test_copies_of_one_second_are_two(tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    file.write_text("{}")

    backups = [change.carry_out(change.plan(BY_SLUG["cursor"], file, WORDS[:n]), "1") for n in (1, 2, 3)]

    assert len(set(backups)) == 3
    assert (tmp_path / "mcp.json.before-turnout-1").read_text() == "{}"


def test_what_somebody_else_wrote_in_between_is_not_lost(tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    file.write_text("{}")
    planned = change.plan(BY_SLUG["cursor"], file, WORDS)
    file.write_text('{"theirs": 1}')

    with pytest.raises(InvalidInput, match="somebody else"):
        change.carry_out(planned, "1")

    assert file.read_text() == '{"theirs": 1}'


def test_each_system_keeps_its_files_in_its_place(tmp_path: Path) -> None:
    mac, windows = Home(tmp_path, {}, "darwin"), Home(tmp_path, {"APPDATA": str(tmp_path / "Roaming")}, "win32")
    moved = Home(tmp_path, {"XDG_CONFIG_HOME": "/x", "CODEX_HOME": "/c", "CLAUDE_CONFIG_DIR": "/k"}, "linux")

    assert BY_SLUG["claude-desktop"].user(mac) == (
        tmp_path / "Library" / "Application Support" / "Claude" / "claude_desktop_config.json"
    )
    assert BY_SLUG["vscode"].user(windows) == tmp_path / "Roaming" / "Code" / "User" / "mcp.json"
    assert [str(BY_SLUG[slug].user(moved)) for slug in ("vscode", "codex", "claude-code")] == [
        "/x/Code/User/mcp.json", "/c/config.toml", "/k/.claude.json",
    ]  # fmt: skip
    assert BY_SLUG["copilot"].file(mac, tmp_path) is None
    (tmp_path / "opencode.jsonc").write_text("{}")
    assert BY_SLUG["opencode"].file(mac, tmp_path) == tmp_path / "opencode.jsonc"
