"""What a witness has cosigned: one head a log, durable before the answer, whatever fails and whoever else writes."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from ledger.errors import StoreUnavailable, Unfit
from ledger.log import keys, note, witness
from ledger.log.checkpoint import Checkpoint
from ledger.log.merkle import node_hash
from ledger.log.note import NoteSigner
from ledger.log.witness import Answer, Request, Submission
from ledger.witness import memory
from ledger.witness.memory import Memory, hash_of
from tests.ledger.log.trees import mth, proof

ORIGIN = "log.example/1"
LOG = keys.generate(ORIGIN)
OTHER = keys.generate("log.example/2")
LOGS = {ORIGIN: [LOG.verifier], OTHER.name: [OTHER.verifier]}
W = keys.generate("witness.example/w", keys.COSIGNATURE)
VKEYS = [W.vkey()]


def submission(old: int, size: int, root: bytes | None = None, log: keys.Signer = LOG) -> Submission:
    head = Checkpoint(log.name, size, root or mth(0, size))
    read = witness.read(Request(old, tuple(proof(old, size)), note.sign(head.format(), [log])).format(), LOGS)
    assert isinstance(read, Submission)
    return read


def signers() -> list[NoteSigner]:
    return [W.at(7)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "memory"
    memory.make(made, VKEYS)
    return made


def known_size(path: Path, origin: str = ORIGIN) -> int | None:
    """What another process finds in the file."""
    kept = Memory(path, VKEYS)
    try:
        found = kept.checkpoint(hash_of(origin))
        return None if found is None else int(note.parse(found).text.split("\n")[1])
    finally:
        kept.close()


def test_a_head_is_kept_with_the_answers_lines_and_each_log_has_its_own(path: Path) -> None:
    kept = Memory(path, VKEYS)
    first = kept.cosign(submission(0, 3), signers)
    second = kept.cosign(submission(3, 8), signers)
    assert (first.status, second.status) == (200, 200)
    assert kept.checkpoint(hash_of(ORIGIN)).endswith(second.body)
    assert kept.cosign(submission(0, 5, log=OTHER), signers).status == 200
    assert (known_size(path), known_size(path, OTHER.name), known_size(path, "log.example/3")) == (8, 5, None)
    assert hash_of(ORIGIN) == sha256(ORIGIN.encode()).hexdigest()


def test_the_head_is_in_the_file_before_the_answer_is_out(path: Path) -> None:
    kept = Memory(path, VKEYS)
    assert kept.cosign(submission(0, 3), signers).status == 200
    # Not closed: what another process sees is what was committed.
    assert known_size(path) == 3


def test_refusals_change_nothing(path: Path) -> None:
    kept = Memory(path, VKEYS)
    kept.cosign(submission(0, 8), signers)
    before = kept.checkpoint(hash_of(ORIGIN))
    assert kept.cosign(submission(3, 9), signers) == Answer(409, b"8\n", "text/x.tlog.size")
    assert kept.cosign(submission(8, 9, bytes(32)), signers).status == 422
    assert kept.cosign(submission(8, 8, bytes(32)), signers).status == 422
    assert kept.checkpoint(hash_of(ORIGIN)) == before


def test_the_same_head_again_is_cosigned_again_with_the_time_of_now(path: Path) -> None:
    kept = Memory(path, VKEYS)
    kept.cosign(submission(0, 8), signers)
    again = kept.cosign(submission(8, 8), lambda: [W.at(9)])
    opened = witness.open_cosignatures(again.body, submission(0, 8).text, [W.verifier])
    assert witness.timestamp_of(opened[0]) == 9


def test_a_second_root_of_one_size_is_kept_as_proof(path: Path) -> None:
    kept = Memory(path, VKEYS)
    kept.cosign(submission(0, 8), signers)
    forged = submission(8, 8, bytes(32))
    for _ in range(2):
        kept.cosign(forged, signers)
    ((origin, size, proof_note),) = kept.forks()
    assert (origin, size) == (ORIGIN, 8)
    assert note.open(proof_note, [LOG.verifier]).text == forged.text


def test_what_proves_no_fork_is_not_kept_as_one(path: Path) -> None:
    """Else whoever has an old checkpoint could fill the table, and what stands there would convict an honest log."""
    kept = Memory(path, VKEYS)
    kept.cosign(submission(0, 8), signers)
    refused = [
        submission(0, 8),
        submission(0, 8, bytes(32)),
        submission(8, 8)._replace(proof=(bytes(32),)),
        submission(8, 9, bytes(32)),
    ]
    assert [kept.cosign(one, signers).status for one in refused] == [409, 409, 422, 422]
    kept.cosign(submission(0, 0, log=OTHER), signers)
    empty = submission(0, 0, log=OTHER)
    assert kept.cosign(empty._replace(proof=(bytes(32),)), signers).status == 422
    assert kept.forks() == []


def test_proofs_of_forks_are_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "FORKS_MAX", 3)
    kept = Memory(path, VKEYS)
    kept.cosign(submission(0, 8), signers)
    for n in range(5):
        kept.cosign(submission(8, 8, bytes([n]) * 32), signers)
    assert len(kept.forks()) == 3


class Failing:
    """A connection that fails at one statement, before it or after it was carried out."""

    def __init__(self, connection: sqlite3.Connection, at: str, done: bool) -> None:
        self._connection, self._at, self._done = connection, at, done

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def execute(self, statement: str, values: object = ()) -> sqlite3.Cursor:
        if statement.startswith(self._at):
            if self._done:
                self._connection.execute(statement, values)  # type: ignore[arg-type]
            raise sqlite3.OperationalError("disk I/O error")
        return self._connection.execute(statement, values)  # type: ignore[arg-type]


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("at", ["BEGIN", "SELECT size", "INSERT INTO heads", "COMMIT"])
def test_a_fault_at_any_rung_gives_no_answer_and_keeps_a_head_that_may_stand(path: Path, at: str, done: bool) -> None:
    """Each statement fails once without effect and once with: nothing is answered, and what is kept can be gone on."""
    kept = Memory(path, VKEYS)
    kept.cosign(submission(0, 3), signers)
    whole = kept._connection
    kept._connection = Failing(whole, at, done)  # type: ignore[assignment]
    with pytest.raises(StoreUnavailable, match="disk I/O error"):
        kept.cosign(submission(3, 8), signers)
    kept._connection = whole
    if whole.in_transaction:
        whole.execute("ROLLBACK")
    size = known_size(path)
    assert size == (8 if (at, done) == ("COMMIT", True) else 3)
    assert kept.cosign(submission(size, 9), signers).status == 200


def test_a_signer_that_fails_leaves_nothing(path: Path) -> None:
    kept = Memory(path, VKEYS)

    def broken() -> list[NoteSigner]:
        raise RuntimeError("no key")

    with pytest.raises(RuntimeError):
        kept.cosign(submission(0, 3), broken)
    assert known_size(path) is None
    assert kept.cosign(submission(0, 3), signers).status == 200


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE heads SET size = 7",
        "UPDATE heads SET root = zeroblob(32)",
        "UPDATE heads SET origin_hash = 'x'",
        "DELETE FROM heads",
    ],
)
def test_the_file_itself_refuses_a_head_that_does_not_grow(path: Path, statement: str) -> None:
    kept = Memory(path, VKEYS)
    kept.cosign(submission(0, 8), signers)
    with pytest.raises(sqlite3.IntegrityError, match="a cosigned head"):
        kept._connection.execute(statement)


def test_two_writers_on_one_file_never_cosign_two_successors(path: Path) -> None:
    """Threads with connections of their own, each asking for its own fork of the same head: one of them is cosigned."""
    Memory(path, VKEYS).cosign(submission(0, 1), signers)
    roots = [bytes([n]) * 32 for n in range(8)]
    answers: list[Answer] = []
    together = threading.Barrier(len(roots))

    def ask(root: bytes) -> None:
        mine = Memory(path, VKEYS)
        read = submission(1, 2, root)
        # A proof for any root over a first leaf that is known: the second leaf is the proof itself.
        together.wait()
        answers.append(mine.cosign(read._replace(proof=(root,), checkpoint=fork_of(root)), signers))
        mine.close()

    threads = [threading.Thread(target=ask, args=[root]) for root in roots]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [200, *[409] * 7]


def fork_of(second: bytes) -> Checkpoint:
    return Checkpoint(ORIGIN, 2, node_hash(mth(0, 1), second))


def test_missing_foreign_and_broken_files_are_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(Unfit, match="expected what the witness has cosigned, got no file"):
        Memory(tmp_path / "missing", VKEYS)
    with pytest.raises(Unfit, match="got another's"):
        Memory(path, [keys.generate("witness.example/v", keys.COSIGNATURE).vkey()])
    (tmp_path / "broken").write_bytes(b"no database" * 100)
    with pytest.raises(Unfit, match="not a database"):
        Memory(tmp_path / "broken", VKEYS)
    sqlite3.connect(tmp_path / "empty").execute("CREATE TABLE a (b)").connection.close()
    with pytest.raises(Unfit, match="got another's"):
        Memory(tmp_path / "empty", VKEYS)
    with pytest.raises(Unfit, match="expected a place"):
        memory.make(tmp_path / "no" / "folder", VKEYS)


def test_making_again_leaves_what_is_there(path: Path) -> None:
    Memory(path, VKEYS).cosign(submission(0, 3), signers)
    memory.make(path, ["another"])
    assert known_size(path) == 3


def test_every_commit_waits_for_the_disk(path: Path) -> None:
    """tlog-witness, add-checkpoint: the witness MUST persist the new checkpoint before responding."""
    kept = Memory(path, VKEYS)
    pragma: Callable[[str], int] = lambda name: kept._connection.execute(f"PRAGMA {name}").fetchone()[0]  # noqa: E731
    assert (pragma("synchronous"), pragma("fullfsync")) == (2, 1)
