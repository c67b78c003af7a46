"""What a witness has cosigned: of each log the newest tree head, in one SQLite file that outlives any end.

A head is compared, cosigned and stored in one transaction that takes the file's write lock before it reads, so that no
two requests, threads or processes see the same head and each cosign another that follows. The answer leaves only after
the commit, and a commit returns only once the disk has it (`synchronous=FULL`). The file itself refuses a head that
shrinks, a second root for one size, and the loss of a row.

Ladder of `cosign`; what an end at each rung leaves:
    1 BEGIN IMMEDIATE      nothing
    2 judge, sign          a signature that nobody has seen
    3 COMMIT               the head, and nobody has the lines: the log asks again with the size it is told (409)
    4 answer               both

Upholds L6 and L7 for other people's logs. The file and the keys belong together: `make` names the keys in it, `open`
refuses another witness's. An old copy of the file put back would cosign a fork: it must never be restored (a lost one
ends the witness; another begins with new keys).
Source: c2sp.org/tlog-witness@v1.0.0, "add-checkpoint" (persist before responding; check and persist atomically).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Final

from ledger.durable import sync_folder
from ledger.errors import StoreUnavailable, Unfit
from ledger.log import note as notes
from ledger.log import witness
from ledger.log.note import NoteSigner
from ledger.log.witness import NEVER, Answer, Latest, Submission

BUSY_SECONDS: Final = 5.0
FORKS_MAX: Final = 100
_VERSION: Final = 1
_TABLES: Final = (
    "CREATE TABLE witness (vkeys TEXT NOT NULL)",
    "CREATE TABLE heads (origin_hash TEXT PRIMARY KEY, origin TEXT NOT NULL, size INTEGER NOT NULL, "
    "root BLOB NOT NULL, note BLOB NOT NULL)",
    "CREATE TABLE forks (origin TEXT NOT NULL, size INTEGER NOT NULL, note BLOB NOT NULL, "
    "PRIMARY KEY (origin, size, note))",
    "CREATE TRIGGER heads_grow BEFORE UPDATE ON heads WHEN NEW.origin_hash IS NOT OLD.origin_hash "
    "OR NEW.size < OLD.size OR (NEW.size = OLD.size AND NEW.root IS NOT OLD.root) "
    "BEGIN SELECT RAISE(ABORT, 'a cosigned head only grows'); END",
    "CREATE TRIGGER heads_stay BEFORE DELETE ON heads BEGIN SELECT RAISE(ABORT, 'a cosigned head stays'); END",
)


def make(path: Path, vkeys: Sequence[str]) -> None:
    """Make the file of a new witness with these verifier keys, or leave the one that is there. Durable at return.

    Raises Unfit if the place cannot be written.
    """
    try:
        with closing(_connect(path)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                for statement in _TABLES:
                    connection.execute(statement)
                connection.execute("INSERT INTO witness VALUES (?)", ["\n".join(vkeys)])
                connection.execute(f"PRAGMA user_version = {_VERSION}")
            connection.execute("COMMIT")
        sync_folder(path.parent)
    except (sqlite3.Error, OSError) as error:
        raise Unfit(f"{path}: expected a place for what the witness has cosigned, got {error}") from error


class Memory:
    """The heads one witness has cosigned. Use it from one thread at a time; several processes may share the file."""

    def __init__(self, path: Path, vkeys: Sequence[str]) -> None:
        """Open the file of the witness with these verifier keys.

        Raises Unfit if there is none, it is no such file, or belongs to another witness.
        """
        if not path.is_file():
            raise Unfit(
                f"{path}: expected what the witness has cosigned, got no file; without it these keys must not sign "
                "again, nor with an old copy: make a new witness with `iuran witness keygen`"
            )
        try:
            self._connection = _connect(path)
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            owner = self._connection.execute("SELECT vkeys FROM witness").fetchone() if version == _VERSION else None
        except sqlite3.Error as error:
            raise Unfit(f"{path}: expected what the witness has cosigned, got {error}") from error
        if owner != ("\n".join(vkeys),):
            self.close()
            raise Unfit(f"{path}: expected what the witness with these keys has cosigned, got another's")

    def cosign(self, submission: Submission, signers: Callable[[], Sequence[NoteSigner]]) -> Answer:
        """Give the answer to a submission: a refusal, or the cosignature lines, durable before they are given.

        `signers` is asked for the witness's keys at the time of now, once nothing speaks against signing. Raises
        StoreUnavailable if the file cannot be read or written: nothing was signed that anybody has.
        """
        checkpoint = submission.checkpoint
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                latest = self._latest(checkpoint.origin)
                refusal = witness.judge(submission, latest)
                if refusal is None:
                    cosigned = witness.cosign(submission, signers())
                    self._keep(submission, cosigned.note)
                elif submission.old == checkpoint.size == latest.size > 0 and checkpoint.root != latest.root:
                    self._keep_fork(submission)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the witness's file: expected to keep a head, got {error}") from error
        return cosigned.answer if refusal is None else refusal

    def checkpoint(self, origin_hash: str) -> bytes | None:
        """Give the newest cosigned checkpoint, with the log's and the witness's lines, of the log with this hash.

        The hash is SHA-256 of the origin in lower-case hexadecimal. Raises StoreUnavailable.
        """
        try:
            row = self._connection.execute("SELECT note FROM heads WHERE origin_hash = ?", [origin_hash]).fetchone()
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the witness's file: expected to read a head, got {error}") from error
        return None if row is None else bytes(row[0])

    def forks(self) -> list[tuple[str, int, bytes]]:
        """Give the proofs of misbehaviour met: origin, size, and the note signed by the log beside the one cosigned."""
        rows = self._connection.execute("SELECT origin, size, note FROM forks ORDER BY origin, size, note")
        return [(origin, size, bytes(note)) for origin, size, note in rows]

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _latest(self, origin: str) -> Latest:
        row = self._connection.execute(
            "SELECT size, root FROM heads WHERE origin_hash = ?", [hash_of(origin)]
        ).fetchone()
        return NEVER if row is None else Latest(row[0], bytes(row[1]))

    def _keep(self, submission: Submission, note: bytes) -> None:
        checkpoint = submission.checkpoint
        self._connection.execute(
            "INSERT INTO heads VALUES (?, ?, ?, ?, ?) ON CONFLICT (origin_hash) "
            "DO UPDATE SET size = excluded.size, root = excluded.root, note = excluded.note",
            [hash_of(checkpoint.origin), checkpoint.origin, checkpoint.size, checkpoint.root, note],
        )

    def _keep_fork(self, submission: Submission) -> None:
        origin, size, _ = submission.checkpoint
        (kept,) = self._connection.execute("SELECT count(*) FROM forks WHERE origin = ?", [origin]).fetchone()
        if kept < FORKS_MAX:
            note = notes.format(submission.text, submission.signatures)
            self._connection.execute("INSERT OR IGNORE INTO forks VALUES (?, ?, ?)", [origin, size, note])


def hash_of(origin: str) -> str:
    """Give the name under which a witness shows a log's checkpoint: SHA-256 of the origin in lower-case hexadecimal."""
    return sha256(origin.encode()).hexdigest()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
