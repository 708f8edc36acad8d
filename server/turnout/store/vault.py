"""The file `keys`: a pepper for what is looked up, a key for what is sealed. It is never in a backup.

Made once, with `O_EXCL` inside the turnstile. A database whose keys are missing or foreign is refused: new
ones would not find anybody, and could not open a single secret.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
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


@dataclass(frozen=True, slots=True)
class Vault:
    """The keys of one workspace. Nothing here prints."""

    workspace: uuid.UUID
    pepper: bytes = field(repr=False)
    wrap: bytes = field(repr=False)

    def mac(self, purpose: str, *parts: str | bytes) -> bytes:
        """Digest what must be found again but not read: HMAC-SHA-256, its first 16 bytes."""
        text = purpose.encode() + b"".join(
            b"\0%d\0" % len(raw) + raw
            for part in parts
            for raw in (part if isinstance(part, bytes) else part.encode(),)
        )
        return hmac.digest(self.pepper, text, hashlib.sha256)[:16]

    def identifier(self, identifier: Identifier) -> bytes:
        """Key of an identifier in the tables of people and of suppressions."""
        # The value stands last, so that nothing in it can pass for another field.
        text = f"identifier\0{identifier.namespace}\0{ID_CODES[identifier.type]}\0{identifier.value}"
        return hmac.digest(self.pepper, text.encode(), hashlib.sha256)[:16]

    def derived(self, purpose: str) -> bytes:
        """Derive a 32-byte key for one purpose (fingerprints, confirmation tokens)."""
        return hmac.digest(self.pepper, b"derive\0" + purpose.encode(), hashlib.sha256)

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
    body = {
        "workspace": str(vault.workspace),
        "pepper": base64.b64encode(vault.pepper).decode(),
        "wrap": base64.b64encode(vault.wrap).decode(),
    }
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, document.encode(body) + b"\n")
        os.fsync(file)
    finally:
        os.close(file)
    os.link(draft, path)  # whole, or not at all; fails where there are keys
    draft.unlink()
    return vault


def read(path: Path) -> Vault:
    """Read the keys. Raises: FileNotFoundError, Unavailable for a file that is not whole."""
    try:
        body = document.decode(path.read_bytes())
        assert isinstance(body, dict)
        return Vault(
            uuid.UUID(str(body["workspace"])),
            base64.b64decode(str(body["pepper"]), validate=True),
            base64.b64decode(str(body["wrap"]), validate=True),
        )
    except (ValueError, KeyError, AssertionError):
        raise Unavailable(
            "the file `keys` of the data directory is damaged; put back the copy you kept of it"
        ) from None
