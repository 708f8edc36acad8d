"""The small files beside the database: locks, tail, keys; and the floor of free disk."""

from __future__ import annotations

import hashlib
import hmac
import os
import uuid
from pathlib import Path

import pytest

from turnout.entropy import SystemEntropy
from turnout.errors import Unavailable
from turnout.event.model import LIVE, TEST
from turnout.identity.model import ID_CODES, Identifier, IdType
from turnout.store import connect, space, tail, vault
from turnout.store.locks import FileLock
from turnout.store.messages import message_key


def test_one_holds_a_lock_alone_and_signs_it(tmp_path: Path) -> None:
    mine, yours = FileLock(tmp_path / "x.lock"), FileLock(tmp_path / "x.lock")

    assert mine.try_acquire()
    assert not yours.try_acquire()
    assert not yours.try_share()
    assert yours.holder() == os.getpid()
    mine.release()
    assert yours.try_acquire()


def test_many_share_a_lock_and_keep_the_others_out(tmp_path: Path) -> None:
    one, two, alone = (FileLock(tmp_path / "x.lock") for _ in range(3))

    assert one.try_share()
    assert two.try_share()
    assert not alone.try_acquire()


def test_a_lock_nobody_ever_took_names_nobody(tmp_path: Path) -> None:
    assert FileLock(tmp_path / "x.lock").holder() == 0


def test_the_tail_is_read_as_written_also_when_it_shrinks(tmp_path: Path) -> None:
    tail.write(tmp_path / "tail", 123_456)
    tail.write(tmp_path / "tail", 9)

    assert tail.read(tmp_path / "tail") == 9


def test_keys_are_made_once(tmp_path: Path) -> None:
    made = vault.make(tmp_path / "keys", SystemEntropy())

    assert vault.read(tmp_path / "keys") == made
    with pytest.raises(FileExistsError):
        vault.make(tmp_path / "keys", SystemEntropy())


def test_keys_do_not_print(tmp_path: Path) -> None:
    made = vault.make(tmp_path / "keys", SystemEntropy())

    assert made.pepper.hex() not in repr(made)
    assert "pepper" not in repr(made)


def test_a_sealed_secret_opens_only_in_its_own_place(tmp_path: Path) -> None:
    made = vault.make(tmp_path / "keys", SystemEntropy())
    sealed = made.seal("dst_1", "api_key", "s3cret", SystemEntropy())

    assert made.unseal("dst_1", "api_key", sealed) == "s3cret"
    assert b"s3cret" not in sealed
    with pytest.raises(Unavailable, match="cannot be opened"):
        made.unseal("dst_2", "api_key", sealed)


def test_identifiers_of_live_and_test_and_of_two_types_have_different_keys(tmp_path: Path) -> None:
    made = vault.make(tmp_path / "keys", SystemEntropy())
    identifiers = [
        Identifier(LIVE, IdType.USER, "x"),
        Identifier(TEST, IdType.USER, "x"),
        Identifier(LIVE, IdType.ANONYMOUS, "x"),
    ]

    assert len({made.identifier(each) for each in identifiers}) == 3


def test_parts_of_what_is_digested_cannot_be_shifted(tmp_path: Path) -> None:
    made = vault.make(tmp_path / "keys", SystemEntropy())

    assert made.mac("p", "ab", "c") != made.mac("p", "a", "bc")


def test_what_is_looked_up_is_an_hmac_with_the_pepper_as_others_make_it(tmp_path: Path) -> None:
    made = vault.make(tmp_path / "keys", SystemEntropy())

    assert made.derived("x" * 100) == hmac.digest(made.pepper, b"derive\0" + b"x" * 100, "sha256")
    key = made.identifier(Identifier(LIVE, IdType.USER, "ü1"))
    assert key == hmac.digest(made.pepper, "identifier\0live\x001\0ü1".encode(), "sha256")[:16]


def test_a_message_key_knows_its_source() -> None:
    assert message_key(1, "m1") != message_key(2, "m1")
    assert len(message_key(1, "m" * 10_000)) == 16


def test_a_folder_with_room_is_not_low(tmp_path: Path) -> None:
    found = os.statvfs(tmp_path)
    floor = min(space.FLOOR, int(found.f_blocks * found.f_frsize * space.SHARE))

    assert space.low(tmp_path) is (found.f_bavail * found.f_frsize < floor)


def test_this_sqlite_is_one_that_several_processes_may_write_with() -> None:
    assert connect.version_warning() is None


@pytest.mark.parametrize("size", [0, 1, 32, 63, 64, 65, 200])
def test_what_is_looked_up_is_keyed_by_hmac_sha_256(size: int) -> None:
    keys = vault.Vault(uuid.uuid4(), os.urandom(size), os.urandom(32))

    for text in ("", "x" * 55, "x" * 500):
        whole = b"derive\0" + text.encode()
        assert keys.derived(text) == hmac.digest(keys.pepper, whole, hashlib.sha256)
    identifier = Identifier(TEST, IdType.USER, "ann")
    text = f"identifier\0test\0{ID_CODES[IdType.USER]}\0ann"
    assert keys.identifier(identifier) == hmac.digest(keys.pepper, text.encode(), hashlib.sha256)[:16]
