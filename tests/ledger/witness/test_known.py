"""The logs a witness knows: several keys to an origin, read again when the file changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.errors import Unfit
from ledger.log import keys
from ledger.log.policy import PolicyError
from ledger.witness.known import KnownLogs, logs_of

OLD, NEW, PQ = keys.generate("log.example/1"), keys.generate("log.example/1"), keys.generate("log.example/1", 0x06)
OTHER = keys.generate("log.example/2")


def lines(*logs: keys.AnySigner) -> bytes:
    return "".join(f"log {log.vkey()}\n" for log in logs).encode() + b"quorum none\n"


def test_several_keys_of_one_origin_are_trusted_together() -> None:
    known = logs_of(lines(OLD, OTHER, NEW, PQ))
    assert known == {OLD.name: [OLD.verifier, NEW.verifier, PQ.verifier], OTHER.name: [OTHER.verifier]}


def test_a_file_that_names_no_log_is_refused() -> None:
    for content in (b"quorum none\n", b"", b"log nothing\nquorum none\n"):
        with pytest.raises(PolicyError):
            logs_of(content)
    with pytest.raises(PolicyError, match="at most 255 bytes"):
        logs_of(lines(keys.generate("x" * 256)))


def test_a_changed_file_is_read_again_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "logs"
    path.write_bytes(lines(OLD))
    known = KnownLogs(path)
    path.write_bytes(lines(OLD, NEW, OTHER))
    assert [len(known.now()[name]) for name in (OLD.name, OTHER.name)] == [2, 1]
    path.write_bytes(b"broken")
    assert len(known.now()) == 2
    path.unlink()
    assert len(known.now()) == 2
    path.write_bytes(lines(NEW))
    assert known.now() == {NEW.name: [NEW.verifier]}


def test_a_missing_or_broken_file_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(Unfit, match="expected a policy file"):
        KnownLogs(tmp_path / "missing")
    (tmp_path / "logs").write_bytes(b"quorum none\n")
    with pytest.raises(Unfit, match="one or more `log` lines"):
        KnownLogs(tmp_path / "logs")
