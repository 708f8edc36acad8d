"""The file `keys`: a pepper for what is looked up, a key for what is sealed. It is never in a backup.

Made once, with `O_EXCL` inside the turnstile. A database whose keys are missing or foreign is refused: new
ones would not find anybody, and could not open a single secret.
"""

from __future__ import annotations

import base64
import hashlib
import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from turnout import document, folders
from turnout.entropy import Entropy
from turnout.errors import Unavailable
from turnout.identity.model import ID_CODES, Identifier

NONCE = 12
_BLOCK = 64
"""Bytes of a block of SHA-256: a longer key is hashed first."""
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))


@dataclass(frozen=True, slots=True)
class Vault:
    """The keys of one workspace. Nothing here prints."""

    workspace: uuid.UUID
    pepper: bytes = field(repr=False)
    wrap: bytes = field(repr=False)

    _inner: hashlib._Hash = field(init=False, repr=False, compare=False)
    _outer: hashlib._Hash = field(init=False, repr=False, compare=False)
    _derived: dict[str, bytes] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Hash the two pads of the pepper once: each digest under it then costs a sixth (0.7 us for 3.9)."""
        short = self.pepper if len(self.pepper) <= _BLOCK else hashlib.sha256(self.pepper).digest()
        key = short.ljust(_BLOCK, b"\0")
        object.__setattr__(self, "_inner", hashlib.sha256(key.translate(_INNER)))
        object.__setattr__(self, "_outer", hashlib.sha256(key.translate(_OUTER)))

    def mac(self, purpose: str, *parts: str | bytes) -> bytes:
        """Digest what must be found again but not read: HMAC-SHA-256, its first 16 bytes."""
        text = purpose.encode()
        for part in parts:
            raw = part if isinstance(part, bytes) else part.encode()
            text += b"\0%d\0%b" % (len(raw), raw)
        return self._digest(text)[:16]

    def identifier(self, identifier: Identifier) -> bytes:
        """Key of an identifier in the tables of people and of suppressions."""
        # The value stands last, so that nothing in it can pass for another field.
        text = f"identifier\0{identifier.namespace}\0{ID_CODES[identifier.type]}\0{identifier.value}"
        return self._digest(text.encode())[:16]

    def derived(self, purpose: str) -> bytes:
        """Derive a 32-byte key for one purpose (fingerprints, confirmation tokens)."""
        found = self._derived.get(purpose)
        if found is None:
            found = self._derived[purpose] = self._digest(b"derive\0" + purpose.encode())
        return found

    def _digest(self, text: bytes) -> bytes:
        """Give the HMAC-SHA-256 of a text under the pepper. Source: RFC 2104, 4: the pads' states, kept."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.digest()

    def check(self) -> bytes:
        """What the database remembers of these keys, to know them again."""
        return self.mac("keys", self.workspace.bytes)

    def seal(self, entity: str, name: str, value: str, entropy: Entropy) -> bytes:
        """Seal a secret with AES-256-GCM; entity and field are bound to it."""
        nonce = entropy.token(NONCE)
        return nonce + AESGCM(self.wrap).encrypt(nonce, value.encode(), f"{entity}\0{name}".encode())

    def unseal(self, entity: str, name: str, sealed: bytes) -> str:
        """Open a sealed secret. Raises: Unavailable when it was sealed with other keys or for another place."""
        try:
            plain = AESGCM(self.wrap).decrypt(sealed[:NONCE], sealed[NONCE:], f"{entity}\0{name}".encode())
        except InvalidTag:
            raise Unavailable(
                f"the secret {name} of {entity} cannot be opened with this workspace's keys; set it again"
            ) from None
        return plain.decode()


def find(path: Path, database: Path, entropy: Entropy) -> Vault:
    """Read the keys of a workspace, or make those of a new one. Raises: Unavailable for a database without keys."""
    if database.exists() and database.stat().st_size:
        if not path.exists():
            raise Unavailable(
                "the file `keys` of the data directory is missing: without it nobody is found and no secret opens; "
                "put it back from where you keep it"
            )
        return read(path)
    found = read(path) if path.exists() else make(path, entropy)
    folders.sync_names(path)  # before the database gets a byte: it would not outlive a power cut without them
    return found


def make(path: Path, entropy: Entropy) -> Vault:
    """Make keys, 0600, synced but for their name. Raises: FileExistsError."""
    vault = Vault(uuid.UUID(bytes=entropy.token(16), version=4), entropy.token(32), entropy.token(32))
    write(path, vault)
    return vault


def write(path: Path, vault: Vault) -> None:
    """Write keys where none are, 0600, synced with their folder. Raises: FileExistsError."""
    body = {
        "workspace": str(vault.workspace),
        "pepper": base64.b64encode(vault.pepper).decode(),
        "wrap": base64.b64encode(vault.wrap).decode(),
    }
    body["sum"] = document.sum_of(body)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        write_whole(file, document.encode(body) + b"\n")
        os.fsync(file)
    finally:
        os.close(file)
    os.link(draft, path)  # whole, or not at all; fails where there are keys
    draft.unlink()
    folders.sync_folder(path.parent)


def read(path: Path) -> Vault:
    """Read the keys. Raises: FileNotFoundError, Unavailable for a file that is not whole."""
    try:
        body = document.decode(path.read_bytes())
        assert isinstance(body, dict)
        noted = body.pop("sum", None)  # there was none at first
        assert noted in {None, document.sum_of(body)}
        return Vault(
            uuid.UUID(str(body["workspace"])),
            base64.b64decode(str(body["pepper"]), validate=True),
            base64.b64decode(str(body["wrap"]), validate=True),
        )
    except (ValueError, KeyError, AssertionError):
        raise Unavailable(
            "the file `keys` of the data directory is damaged; put back the copy you kept of it"
        ) from None


def write_whole(file: int, raw: bytes) -> None:
    """Write all of it: a disk that is full takes a part, and says so to the next write alone."""
    while raw:
        raw = raw[os.write(file, raw) :]
