"""A real export of a real ledger is taken by all verifiers, ours and foreign, and refused once a file of it is forged.

So is a log that keys sign which may not.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.cli.audit import app
from deploy.cli.audit_export import exported
from deploy.cli.progress import SILENT
from ledger.audit.exporting import export_sources
from ledger.audit.sources.folder import FORMAT, MANIFEST
from ledger.log import keys as keys_of_log
from ledger.log import note as notes
from ledger.log.checkpoint import claimed
from ledger.log.receipt import Receipt
from ledger.log.witness import Request
from ledger.store import keys
from ledger.witness import memory
from ledger.witness.app import Witness
from ledger.witness.known import KnownLogs
from tests.ledger.audit.conftest import Honest
from tests.ledger.audit.forgeries.exports import EXPORTS, STALE, Spoilt
from tests.ledger.audit.forgeries.receipts import TIME
from tests.ledger.audit.forgeries.rotations import LOG, ROTATIONS, SECOND, THIRD, Resigned
from tests.support import foreign
from tests.support.exports import LEDGER, MadeLog, rewritten

WITNESS = keys_of_log.generate("witness.example/w", keys_of_log.COSIGNATURE)


@pytest.fixture(scope="module")
def folder(honest: Honest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The export; never written to, only copied."""
    place = tmp_path_factory.mktemp("exported") / "export"
    exported(place, export_sources.of_database(honest.ledger.url), SILENT)
    yield place


def trusted(honest: Honest, place: Path, *, journals: int = 2) -> Path:
    """A file of the ledger's verifier keys, of its first journals, as an auditor has it from elsewhere."""
    settings = honest.ledger.settings
    store = keys.of_settings(settings, settings.ledger)
    path = place / f"trusted-{journals}"
    path.write_text("".join(f"{line}\n" for n in range(journals) for line in store.vkeys(n)))
    return path


def test_a_real_export_is_verified_by_go_and_node_as_it_is(honest: Honest, folder: Path, tmp_path: Path) -> None:
    entries = sum(len(honest.ledger.leaves(n)) for n in range(2))
    verified = f"verified: 2 journals, {entries} entries"
    keys_file = trusted(honest, tmp_path)
    if foreign.missing_go() is None:
        assert foreign.go("verify-log", "-vkeys", keys_file, folder).text == f"{verified}\n"
    if foreign.missing_node() is None:
        assert foreign.node("log", folder, keys_file).last == verified


def held_outside(honest: Honest, place: Path) -> list[Path]:
    """The newest checkpoints that were published, as files."""
    for number, note in honest.outside.before.items():
        (place / f"held-{number}").write_bytes(note or b"")
    return sorted(place.glob("held-*"))


def audited(folder: Path, vkeys: Path, held: Sequence[Path], *more: str) -> tuple[bool, set[str], str]:
    """What `iuran audit verify DIR` says: whether all held, the laws it names, and all of it."""
    against = [text for path in held for text in ("--against", str(path))]
    done = CliRunner().invoke(app, ["verify", str(folder), "--vkey", str(vkeys), *against, *more])
    laws = {line.split()[0] for line in done.stdout.splitlines() if line.startswith("L")}
    return done.exit_code == 0, laws, f"{done.stdout}{done.exception}"


@pytest.mark.parametrize("row", EXPORTS, ids=lambda row: row.what)
def test_a_forged_export_is_refused(row: Spoilt, honest: Honest, folder: Path, tmp_path: Path) -> None:
    forged, keys_file, held = tmp_path / "export", trusted(honest, tmp_path, journals=1), held_outside(honest, tmp_path)
    shutil.copytree(folder, forged)
    assert audited(forged, keys_file, held)[0]
    row.do(forged / "log" / "0")
    holds, laws, text = audited(forged, keys_file, held)
    assert not holds
    assert row.law in laws, text
    if foreign.missing_go() is None:
        against = [part for path in held for part in ("-against", path)]
        told = foreign.go("verify-log", "-vkeys", trusted(honest, tmp_path), *against, forged)
        assert told.holds == (row.go is None), told.last
        assert row.go is None or row.go in told.laws(), told.last


def whole(log: MadeLog, place: Path) -> Path:
    """A log as a whole export of a ledger of one journal, without schemes."""
    head = claimed((log.write(place) / "checkpoint").read_bytes())
    logs = [{"journal": 0, "origin": head.origin, "root": head.root.hex(), "size": head.size}]
    told = {"format": FORMAT, "journals": 1, "ledger": LEDGER, "logs": logs, "schemes": []}
    (place / MANIFEST).write_text(json.dumps(told))
    return place


@pytest.mark.parametrize("row", ROTATIONS, ids=lambda row: row.what)
def test_a_log_signed_by_keys_that_may_not_is_refused(row: Resigned, tmp_path: Path) -> None:
    vkeys = tmp_path / "trusted"
    vkeys.write_text("".join(f"{signer.vkey()}\n" for signer in THIRD))
    assert audited(whole(LOG, tmp_path / "honest"), vkeys, [])[0]
    holds, laws, text = audited(whole(row.do(LOG), tmp_path / "forged"), vkeys, [])
    assert not holds
    assert row.law in laws, text


@pytest.mark.parametrize(
    ("size", "signers", "holds"),
    [
        (8, SECOND, False),
        (9, SECOND, True),
        (9, SECOND[:1], True),
        (9, [*SECOND, *THIRD], False),
        (10, SECOND, True),
        (11, SECOND, True),
        (12, SECOND, False),
    ],
)
def test_what_a_revoked_key_signed_above_the_trusted_size_proves_nothing(
    size: int, signers: list[Any], holds: bool, tmp_path: Path
) -> None:
    """Another tree, of which a checkpoint is held: the second pair is believed up to 8 and signs up to 11."""
    vkeys, held = tmp_path / "trusted", tmp_path / "held"
    vkeys.write_text("".join(f"{signer.vkey()}\n" for signer in THIRD))
    fork = replace(LOG, leaves=[*LOG.leaves[:7], b"{}", *LOG.leaves[8:]])
    held.write_bytes(fork.note(size, signers))
    folder = whole(LOG, tmp_path / "log")
    told, _, text = audited(folder, vkeys, [held])
    assert told == holds, text
    assert holds == ("proves nothing" in text)
    strict, _, text = audited(folder, vkeys, [held], "--strict")
    assert not strict and (
        not holds or f"L6 journal 0: checkpoint {held} of size {size} is of another tree and proves nothing" in text
    )
    held.write_bytes(LOG.note(size, signers))
    assert "proves nothing" not in audited(folder, vkeys, [held])[2], "of this tree, whoever signed it"
    held.write_bytes(Receipt(7, tuple(fork.inclusion(7, size)), fork.note(size, signers)).format())
    assert audited(folder, vkeys, [held])[0] == holds, "a receipt by the thief accuses nobody either"
    if foreign.missing_go() is None:
        assert foreign.go("verify-log", "-vkeys", vkeys, "-against", held, folder).holds == holds


def cosigned(note: bytes, by_the_log: bool = True) -> bytes:
    """A checkpoint with a witness's line beneath, and the log's own."""
    text, own = notes.parse(note)
    (line,) = notes.parse(notes.sign(text, [WITNESS.at(1_772_352_931)])).signatures
    return notes.format(text, (*own, line) if by_the_log else (line,))


@pytest.mark.parametrize("by_the_log", [True, False], ids=["and the log", "alone"])
def test_what_witnesses_cosigned_is_believed_whatever_became_of_the_logs_key(by_the_log: bool, tmp_path: Path) -> None:
    """Else who holds all keys writes a log anew, revokes the old key behind it, and what others hold proves nothing."""
    policy, held, vkeys = tmp_path / "policy", tmp_path / "held", tmp_path / "trusted"
    logs = "".join(f"log {signer.vkey()}\n" for signer in THIRD)
    policy.write_text(f"{logs}witness w {WITNESS.vkey()} https://witness.example/w\nquorum w\n")
    vkeys.write_text("".join(f"{signer.vkey()}\n" for signer in THIRD))
    folder = whole(LOG, tmp_path / "log")
    shown = folder / "log/0/checkpoint"
    shown.write_bytes(cosigned(shown.read_bytes()))
    fork = replace(LOG, leaves=[*LOG.leaves[:7], b"{}", *LOG.leaves[8:]])
    for log, holds in ((LOG, True), (fork, False)):
        held.write_bytes(cosigned(log.note(9, SECOND), by_the_log))
        told, _, text = audited(folder, vkeys, [held], "--policy", str(policy))
        assert told == holds, text
        assert holds or f"checkpoint {held} of size 9: expected the tree's root, got another" in text
        if by_the_log and foreign.missing_go() is None:
            arguments = ("-vkeys", vkeys, "-policy", policy, "-against", held)
            assert foreign.go("verify-log", *arguments, folder).holds == holds
    policy.write_text(f"{logs}quorum none\n")
    assert audited(folder, vkeys, [held], "--policy", str(policy))[0] == by_the_log, "nobody is asked: as without"


def test_what_a_witness_that_was_set_back_cosigned_is_held_against_the_log(
    honest: Honest, folder: Path, tmp_path: Path
) -> None:
    settings = honest.ledger.settings
    own, leaves = [keys_of_log.generate("witness.example/w", keys_of_log.COSIGNATURE)], honest.ledger.leaves(0)
    log = MadeLog(0, list(keys.of_settings(settings, settings.ledger).signers(0)), leaves, [len(leaves)])
    vkeys = [signer.vkey() for signer in own]
    (tmp_path / "logs").write_text("".join(f"log {s.vkey()}\n" for s in log.signers) + "quorum none\n")
    memory.make(tmp_path / "memory", vkeys)
    shutil.copy(tmp_path / "memory", tmp_path / "older")

    def asked(name: str, note: bytes) -> tuple[int, bytes]:
        witness = Witness(own, memory.Memory(tmp_path / name, vkeys), KnownLogs(tmp_path / "logs"), lambda: TIME)
        answer = witness.add_checkpoint(Request(0, (), note).format())
        return answer.status, answer.body

    honest_note, fork = log.note(len(leaves)), rewritten(log, [*leaves[:-1], b"{}"]).note(len(leaves))
    assert asked("memory", honest_note)[0] == 200
    assert asked("memory", fork)[0] != 200
    status, lines = asked("older", fork)
    assert status == 200
    held = tmp_path / "cosigned"
    held.write_bytes(fork + lines)
    holds, laws, text = audited(folder, trusted(honest, tmp_path), [held])
    assert not holds
    assert STALE.law in laws, text
    if foreign.missing_go() is None:
        assert STALE.go in foreign.go("verify-log", "-against", held, folder).laws()
