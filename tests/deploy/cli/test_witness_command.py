"""`iuran witness`: keys and memory made once, and a server that is killed again and again and never signs a fork."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from deploy import witnessing
from deploy.cli.witness import app
from ledger.errors import Unfit
from ledger.log import keys, note, policy, witness
from ledger.log.checkpoint import Checkpoint
from ledger.log.witness import Request
from ledger.witness.memory import hash_of
from tests.ledger.log.trees import fork, mth, proof
from tests.support.witnesses import Served

NAME = "witness.example/w"
LOGS = [keys.generate(f"log.example/{n}") for n in range(3)]
KILLS = 3
ANSWERS_BETWEEN_KILLS = 40


def test_keygen_makes_a_folder_once_and_prints_lines_for_a_policy(tmp_path: Path) -> None:
    """tlog-cosignature, Ed25519 signed message: each cosigner of an operator MUST have a public key of its own."""
    folder = tmp_path / "w"
    said = CliRunner().invoke(app, ["keygen", NAME, "--folder", str(folder)])
    assert said.exit_code == 0, said.output
    read = policy.parse(said.output.encode() + b"quorum w\n")
    assert {w.verifier.algorithm for w in read.witnesses} == {0x04, 0x06}
    assert {w.verifier.name for w in read.witnesses} == {NAME}
    assert {w.url for w in read.witnesses} == {b"https://witness.example/w/"}
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.glob("witness.*.pem"))] == [
        0o700,
        0o600,
        0o600,
    ]
    assert CliRunner().invoke(app, ["keygen", NAME, "--folder", str(folder)]).output == said.output
    with pytest.raises(Unfit, match="expected no witness yet"):
        witnessing.make(folder, "witness.example/other")
    other = {keys.parse_vkey(vkey).public_key for vkey in witnessing.make(tmp_path / "v", "witness.example/other")}
    assert not other & {w.verifier.public_key for w in read.witnesses}


def test_the_command_is_a_group_of_iuran() -> None:
    from deploy.cli.main import app as iuran

    assert "keygen" in CliRunner().invoke(iuran, ["witness", "--help"]).output


def test_keys_under_a_passphrase_open_with_it_alone(tmp_path: Path) -> None:
    vkeys = witnessing.make(tmp_path / "w", NAME, b"correct horse")
    signers, kept = witnessing.load(tmp_path / "w", b"correct horse")
    kept.close()
    assert [signer.vkey() for signer in signers] == vkeys
    for wrong in (None, b"another"):
        with pytest.raises(Unfit, match="private key of"):
            witnessing.load(tmp_path / "w", wrong)


def test_a_call_cut_short_is_mended_and_what_is_lost_is_not_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    vkeys = witnessing.make(folder, NAME)
    (folder / witnessing.VKEY_FILE).unlink()
    assert witnessing.make(folder, NAME) == vkeys
    for file in (witnessing.MEMORY_FILE, witnessing.ED25519_FILE, witnessing.MLDSA44_FILE):
        content = (folder / file).read_bytes()
        (folder / file).unlink()
        for call in (lambda: witnessing.make(folder, NAME), lambda: witnessing.load(folder)):
            with pytest.raises(Unfit):
                call()
        (folder / file).write_bytes(content)
        (folder / file).chmod(0o600)
    assert witnessing.make(folder, NAME) == vkeys


def test_a_name_that_is_none_and_keys_of_another_are_refused(tmp_path: Path) -> None:
    for name in ("", "a b", "a+b", "x" * 256):
        with pytest.raises(Unfit, match="witness"):
            witnessing.make(tmp_path / "bad", name)
    witnessing.make(tmp_path / "a", NAME)
    witnessing.make(tmp_path / "b", NAME)
    (tmp_path / "a" / witnessing.ED25519_FILE).unlink()
    os.link(tmp_path / "b" / witnessing.ED25519_FILE, tmp_path / "a" / witnessing.ED25519_FILE)
    with pytest.raises(Unfit, match="expected the verifier keys"):
        witnessing.load(tmp_path / "a")


class Log(threading.Thread):
    """A log that grows as fast as it is cosigned, and between two steps asks for a fork of what it has shown."""

    def __init__(self, signer: keys.Signer, served: Served, counted: threading.Semaphore) -> None:
        super().__init__(daemon=True)
        self._signer, self._served, self._counted = signer, served, counted
        self._client = httpx.Client(verify=False, timeout=20)
        self.cosigned: list[tuple[int, bytes]] = []
        self.statuses: set[int] = set()
        self.stopped = False
        self.fault: BaseException | None = None

    def run(self) -> None:
        try:
            size = 0
            while not self.stopped:
                size = self._grow(size)
                self._fork(size)
        except BaseException as error:
            self.fault = error
            raise

    def _grow(self, known: int) -> int:
        """Ask for the next head; after a conflict go on from the size the witness says, which is ours or the next."""
        answer = self._ask(known, Checkpoint(self._signer.name, known + 1, mth(0, known + 1)), known)
        if answer is None:
            return known
        if answer.status_code == 409:
            told = witness.open_size(answer.content)
            assert told in (known, known + 1)  # what was kept and not answered is at most the one that was asked for
            return told
        assert answer.status_code == 200, answer.text
        self.cosigned.append((known + 1, mth(0, known + 1)))
        return known + 1

    def _fork(self, known: int) -> None:
        for size, at in ((known, known - 1), (known + 1, known - 1), (known + 2, 0)):
            if at >= 0:
                head = Checkpoint(self._signer.name, size, fork(size, at))
                answer = self._ask(known, head, known)
                assert answer is None or answer.status_code in (409, 422), answer.text

    def _ask(self, old: int, head: Checkpoint, proven: int) -> httpx.Response | None:
        body = Request(old, tuple(proof(proven, head.size)), note.sign(head.format(), [self._signer])).format()
        self._served.up.wait()
        try:
            answer = self._client.post(f"{self._served.address}/add-checkpoint", content=body)
        except httpx.TransportError:
            return None
        self.statuses.add(answer.status_code)
        self._counted.release()
        return answer


def test_killed_in_the_middle_of_its_work_it_never_signs_a_fork_nor_rolls_back(tmp_path: Path) -> None:
    """tlog-witness, add-checkpoint: the witness MUST persist the new checkpoint before responding, atomically."""
    folder, logs = tmp_path / "w", tmp_path / "logs"
    vkeys = witnessing.make(folder, NAME)
    logs.write_text("".join(f"log {signer.vkey()}\n" for signer in LOGS) + "quorum none\n")
    served, counted = Served(folder, logs), threading.Semaphore(0)
    served.start()
    asking = [Log(signer, served, counted) for signer in LOGS]
    for log in asking:
        log.start()
    try:
        for kill in range(KILLS):
            for _ in range(ANSWERS_BETWEEN_KILLS + kill):
                assert counted.acquire(timeout=60)
            served.kill()
            served.start()
        for _ in range(ANSWERS_BETWEEN_KILLS):
            assert counted.acquire(timeout=60)
    finally:
        for log in asking:
            log.stopped = True
        for log in asking:
            log.join(timeout=60)
    assert [log.fault for log in asking] == [None] * len(asking)
    verifiers = [keys.parse_vkey(vkey) for vkey in vkeys]
    for log, signer in zip(asking, LOGS, strict=True):
        sizes = [size for size, _ in log.cosigned]
        assert sizes == sorted(set(sizes))
        assert {200, 422} <= log.statuses
        shown = httpx.get(f"{served.address}/{hash_of(signer.name)}/checkpoint", timeout=20).content
        opened = note.open(shown, [signer.verifier, *verifiers])
        _, size, _, _ = opened.text.split("\n")
        assert int(size) - sizes[-1] in (0, 1)
        assert opened.text == Checkpoint(signer.name, int(size), mth(0, int(size))).format()
        assert len(opened.signatures) == 3
    assert served.end() == 0
