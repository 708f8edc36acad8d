"""Configuration as content-addressed leaves, and the sealed secrets beside it."""

from __future__ import annotations

from collections.abc import Mapping

from turnout import document
from turnout.document import Json
from turnout.errors import Unavailable
from turnout.store.queries import load
from turnout.store.session import Row, Session
from turnout.workspace import Workspace, build

SQL = load("entities")


class EntitiesView:
    """What can be read of the configuration."""

    def __init__(self, session: Session) -> None:
        """Read through this session."""
        self._s = session

    def workspace(self, revision: int | None = None) -> Workspace:
        """Build the configuration in force, or as of a revision."""
        wanted = self._s.counter.revision if revision is None else revision
        known = self._s.cache.workspace
        if known is not None and known.revision == wanted and not self._changed():
            return known
        rows = self._s.rows(SQL["list_leaves"], (wanted,))
        built = build(wanted, ((row[0], row[1], body) for row in rows if (body := _whole(row)) is not None))
        if wanted == self._s.counter.revision and not self._changed():
            self._s.cache.workspace = built
        return built

    def last(self, kind: str, key: str) -> Mapping[str, Json]:
        """Give the newest body of an entity, of one that was removed too; empty for an unknown one."""
        return _body(self._s.row(SQL["last_leaf"], (kind, key)))

    def body_at(self, kind: str, key: str, revision: int) -> Mapping[str, Json]:
        """Give the body of an entity as of a revision; empty where there was none."""
        return _body(self._s.row(SQL["leaf_at"], (kind, key, revision)))

    def damaged(self) -> tuple[str, ...]:
        """Name what is not as it was written, in any revision."""
        rows = self._s.rows(SQL["list_every_leaf"])
        return tuple(dict.fromkeys(f"{row[0]} {row[1]}" for row in rows if not _is_whole(row)))

    def since(self) -> int:
        """Give when the workspace was configured first; 0 before that."""
        row = self._s.row(SQL["first_revision"])
        return int(row[0]) if row else 0

    def require_keys(self) -> None:
        """Open every secret. Raises: Unavailable where the keys are not those it was sealed with."""
        for entity, field, sealed in self._s.rows(SQL["list_sealed"]):
            self._s.vault.unseal(entity, field, sealed)

    def secrets(self, entity: str) -> Mapping[str, str]:
        """Open the secrets of an entity, at their current values. For senders alone."""
        rows = self._s.rows(SQL["list_secrets"], (entity,))
        return {row[0]: self._s.vault.unseal(entity, row[0], row[1]) for row in rows}

    def _changed(self) -> bool:
        return True in [overlay.configured for overlay in self._s.overlays]


class Entities(EntitiesView):
    """What can be written of the configuration."""

    def put(self, kind: str, key: str, body: Mapping[str, Json]) -> None:
        """Write a leaf of the revision that this commit makes."""
        digest = document.digest(body)
        self._s.run(SQL["insert_document"], (digest, document.canonical(body)))
        self._leaf(kind, key, digest)

    def remove(self, kind: str, key: str) -> None:
        """Write a removal."""
        self._leaf(kind, key, None)

    def _leaf(self, kind: str, key: str, digest: bytes | None) -> None:
        leaf = kind, key, self._s.counter.revision, digest
        self._s.run(SQL["insert_leaf"], (*leaf, _sum(leaf)))

    def revise(self, principal: str, operation: str) -> int:
        """Begin the next revision; all leaves of one operation share it."""
        self._s.overlay.configured = True
        self._s.counter.revision += 1
        self._s.run(SQL["insert_revision"], (self._s.counter.revision, self._s.now, principal, operation))
        return self._s.counter.revision

    def seal(self, entity: str, name: str, value: str) -> None:
        """Seal a secret; it is never read back but by a sender."""
        self._s.run(SQL["put_secret"], (entity, name, self._s.vault.seal(entity, name, value, self._s.entropy)))

    def unset(self, entity: str, name: str) -> None:
        """Forget a secret."""
        self._s.run(SQL["delete_secret"], (entity, name))

    def forget(self, entity: str) -> None:
        """Forget all secrets of an entity."""
        self._s.run(SQL["delete_secrets"], (entity,))


def _body(row: Row | None) -> Mapping[str, Json]:
    body = document.decode(_whole(row) or b"{}") if row else {}
    assert isinstance(body, dict)
    return body


def _whole(row: Row) -> bytes | None:
    """Give what a leaf says as it was written, None for a removal. Raises: Unavailable, with whose it is."""
    if not _is_whole(row):
        raise Unavailable(
            f"what is stored of the configuration of {row[0]} {row[1]} is damaged, so nothing goes by it; restore "
            "the newest backup: turnout restore FILE"
        )
    body: bytes | None = row[5]
    return body


def _is_whole(row: Row) -> bool:
    """Hold a leaf and its document against their checksums; the first leaves had none."""
    digest, noted, body = row[3:]
    if noted is not None and noted != _sum(row[:4]):
        return False
    return digest is None or (isinstance(body, bytes) and document.digest_of(body) == digest)


def _sum(leaf: Row) -> str:
    kind, key, revision, digest = leaf
    return document.sum_of([kind, key, revision, digest.hex() if isinstance(digest, bytes) else digest])
