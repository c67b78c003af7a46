"""An export of a real ledger is verified with nothing else at hand, and every tampering is found."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from typer.testing import CliRunner

from deploy.cli import audit_export, brought
from deploy.cli.audit import app
from deploy.cli.progress import SILENT
from ledger.audit import verify
from ledger.audit.exporting import export_sources
from ledger.audit.exporting.export_serving import create_app
from ledger.audit.sources import evidence, http_paths
from ledger.audit.sources.notes import notes_of
from ledger.errors import LedgerError, Unfit
from ledger.log import keys as keys_of_log
from ledger.log import note as notes
from ledger.log.checkpoint import Checkpoint, claimed, sign_checkpoint
from ledger.log.edge import Edge
from ledger.log.merkle import Frontier, leaf_hash
from ledger.log.prover import fold_inclusion, needs_inclusion
from ledger.log.receipt import Receipt
from ledger.log.tiles import Tile, decode_bundle
from ledger.store import keys
from ledger.store.cosignatures import Book
from tests.ledger.audit.conftest import JOURNALS, Honest
from tests.ledger.audit.tampering import copied, encode
from tests.support.exports import MadeLog, tile_files
from tests.support.serving import served


def files(place: Path) -> dict[str, bytes]:
    return {p.relative_to(place).as_posix(): p.read_bytes() for p in sorted(place.rglob("*")) if p.is_file()}


def exported(url: str, place: Path) -> None:
    audit_export.exported(place, export_sources.of_database(url), SILENT)


@pytest.fixture(scope="module")
def whole(honest: Honest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of the honest ledger; copied, never written to."""
    place = tmp_path_factory.mktemp("export")
    exported(honest.ledger.url, place)
    return place


def audit(place: Path, *arguments: str) -> tuple[int, list[str]]:
    done = CliRunner().invoke(app, ["verify", str(place), *arguments])
    if isinstance(done.exception, Unfit):
        return 2, [str(done.exception)]
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout.splitlines()


def copy_of(whole: Path, place: Path) -> Path:
    shutil.copytree(whole, place)
    return place


def test_it_verifies_by_itself(honest: Honest, whole: Path) -> None:
    entries = sum(len(honest.ledger.leaves(n)) for n in range(JOURNALS))
    for more in ((), ("--recompute",), ("--log-only",), ("--journal", "1")):
        code, lines = audit(whole, *more)
        assert code == 0, lines
        if more != ("--journal", "1"):
            assert lines[-1] == f"verified: {JOURNALS} journals, {entries} entries"
    done = CliRunner().invoke(app, ["recompute", str(whole)])
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1].startswith("recomputed the same: 2 journals, ")


def test_it_holds_what_the_journals_hold_and_is_laid_out_as_others_read_it(honest: Honest, whole: Path) -> None:
    for number in range(JOURNALS):
        own = files(whole / "log" / str(number))
        expected = dict(tile_files(honest.ledger.leaves(number)))
        assert {path: content for path, content in own.items() if path.startswith("tile")} == expected
        notes = list(notes_of([own["checkpoints"]]))
        assert [claimed(note).size for note in notes] == sorted({claimed(note).size for note in notes})
        assert claimed(own["checkpoint"]).size == len(honest.ledger.leaves(number)) > claimed(notes[-1]).size
    manifest = json.loads((whole / "manifest.json").read_bytes())
    assert [scheme["scheme"] for scheme in manifest["schemes"]] == ["ID-JK-PILOT"]


def list_more(manifest: Path, what: str, **other: Any) -> None:
    """List one more in a manifest: what comes first, but for these members."""
    listed = json.loads(manifest.read_bytes())[what]
    change_json(manifest, **{what: [*listed, listed[0] | other]})


def change_json(place: Path, **members: Any) -> None:
    place.write_bytes(msgspec.json.encode(json.loads(place.read_bytes()) | members))


def flip(place: Path, at: int) -> None:
    content = bytearray(place.read_bytes())
    content[at] ^= 1
    place.write_bytes(bytes(content))


def unlink(place: Path) -> None:
    place.unlink()


def relink(place: Path) -> None:
    content = place.read_bytes()
    place.unlink()
    other = place.with_name("elsewhere")
    other.write_bytes(content)
    place.symlink_to(other)


def turn(place: Path) -> None:
    place.write_bytes(b"".join(reversed(list(notes_of([place.read_bytes()])))))


def later(place: Path) -> None:
    newest = place.with_name("checkpoint").read_bytes()
    place.write_bytes(place.read_bytes() + newest.replace(b"\n290\n", b"\n999\n"))


def replace(place: Path, old: bytes, new: bytes) -> None:
    place.write_bytes(place.read_bytes().replace(old, new))


def bundle(place: Path, change: Callable[[list[bytes]], Any]) -> None:
    width = 34 if place.name == "34" else 256
    leaves = decode_bundle(place.read_bytes(), width)
    change(leaves)
    place.write_bytes(b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves))


SCHEME = "schemes/ID-JK-PILOT@2026-01-01.json"
PART = "log/1/tile/entries/000.p/34"
TAMPERINGS: dict[str, tuple[str, Callable[[Path], Any], str]] = {
    "a byte of an entry": (PART, lambda p: flip(p, 5000), "^L[0-9]+ journal 1 entry [0-9]+: "),
    "an entry taken out": (
        PART,
        lambda p: bundle(p, lambda leaves: leaves.pop(7)),
        "^L5 journal 1 entry 0: tile/entries/",
    ),
    "an entry swapped": (PART, lambda p: bundle(p, lambda leaves: leaves.reverse()), "^L[0-9]+ journal 1 entry 0: "),
    "an entry more": (PART, lambda p: bundle(p, lambda leaves: leaves.append(b"{}")), "^L5 journal 1 entry 0: tile/"),
    "a bundle gone": (PART, unlink, "^L5 journal 1 entry 0: .*expected a bundle of 34 entries, got none"),
    "a full bundle gone": (
        "log/0/tile/entries/000",
        unlink,
        "^L5 journal 0 entry 0: .*a bundle of 256 entries, got none",
    ),
    "the last bundle gone": (
        "log/0/tile/entries/001.p/34",
        unlink,
        "^L7 journal 0 entry 256: |^L5 journal 0 entry 256: ",
    ),
    "a bundle cut": (PART, lambda p: p.write_bytes(p.read_bytes()[:-1]), "^L5 journal 1 entry 0: tile/entries/"),
    "a bundle of a gigabyte": (PART, lambda p: os.truncate(p, 1 << 30), "^L5 journal 1 entry 0: tile/entries/"),
    "a hash of a tile": ("log/0/tile/0/000", lambda p: flip(p, 99), "^L6 journal 0: tile/0/000: .*got others"),
    "a hash of a partial tile": ("log/0/tile/1/000.p/1", lambda p: flip(p, 9), "^L6 journal 0: tile/1/000.p/1: "),
    "a tile gone": ("log/0/tile/0/001.p/34", unlink, "^L6 journal 0: tile/0/001.p/34: .*got none"),
    "a tile of a gigabyte": ("log/0/tile/0/000", lambda p: os.truncate(p, 1 << 30), "^L6 journal 0: tile/0/000: "),
    "a scheme's text": (
        SCHEME,
        lambda p: flip(p, 30),
        "^L4 journal 0: schemes/ID-JK-PILOT@2026-01-01.json: .*got another",
    ),
    "a scheme gone": (SCHEME, unlink, "^L4 journal 0: schemes/.*got none"),
    "a scheme more": (
        SCHEME,
        lambda p: p.with_name("ID-X@1.json").write_bytes(b""),
        "^L4 journal 0: schemes/ID-X@1.json",
    ),
    "an earlier checkpoint": ("log/0/checkpoints", lambda p: flip(p, 25), "^L[56] journal 0: checkpoint"),
    "an earlier checkpoint's signature": ("log/0/checkpoints", lambda p: flip(p, 200), "^L6 journal 0: checkpoint"),
    "earlier checkpoints turned": ("log/0/checkpoints", turn, "^L5 journal 0: checkpoints: "),
    "no checkpoints at all": (
        "log/0/checkpoints",
        lambda p: p.write_bytes(b"\n" * 3_000_000),
        "^L5 journal 0: checkpoints: ",
    ),
    "a checkpoint later than the last": (
        "log/0/checkpoints",
        later,
        "^L6 journal 0: checkpoint of size 999: expected one signed by",
    ),
    "the checkpoint": ("log/0/checkpoint", lambda p: flip(p, 200), "^L6 journal 0.*: checkpoint"),
    "a key": (
        "log/0/vkey",
        lambda p: p.write_bytes(p.read_bytes().splitlines(True)[0]),
        "^L6 journal 0: verifier keys: ",
    ),
    "the manifest's sizes": ("manifest.json", lambda p: replace(p, b"290", b"291"), "^L6 journal 0: manifest"),
    "the manifest's schemes": ("manifest.json", lambda p: change_json(p, schemes=[]), "^L4 journal 0: manifest: "),
    "a scheme more in the manifest": (
        "manifest.json",
        lambda p: list_more(p, "schemes", scheme="ID-X"),
        "^L4 journal 0: manifest: expected schemes that the journals record, got ID-X 2026-01-01",
    ),
    "a log more in the manifest": (
        "manifest.json",
        lambda p: list_more(p, "logs", journal=7),
        "^L2 journal 7: journal: expected it, as the manifest lists its log, got none",
    ),
    "the manifest's journals": (
        "manifest.json",
        lambda p: change_json(p, journals=1),
        "^L5 journal 1: log/1|^L2 journal",
    ),
    "the ledger's name": ("manifest.json", lambda p: change_json(p, ledger="x.localhost"), "^L6 journal 0 entry 0: "),
    "a journal hidden": ("log/1/vkey", lambda p: shutil.rmtree(p.parent), "^L2 journal 1: journal: expected it"),
    "a journal more": (
        "log/1/vkey",
        lambda p: shutil.copytree(p.parent, p.parent.with_name("7")),
        "^L5 journal 7: log/7",
    ),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_each_tampering_is_found(name: str, whole: Path, tmp_path: Path) -> None:
    path, change, pattern = TAMPERINGS[name]
    place = copy_of(whole, tmp_path / "copy")
    change(place / path)
    code, lines = audit(place)
    assert code == 1, lines
    assert any(re.search(pattern, line) for line in lines), lines
    assert lines[-1].startswith("NOT verified: ")


REFUSED: dict[str, tuple[str, Callable[[Path], Any], str]] = {
    "no manifest": ("manifest.json", unlink, "expected manifest.json, which an export ends with, got none"),
    "a manifest of nothing": (
        "manifest.json",
        lambda p: p.write_bytes(b"[]"),
        "expected what an export says of itself",
    ),
    "a manifest nested deep": (
        "manifest.json",
        lambda p: p.write_bytes(b"[" * 9_000_000),
        "expected what an export says",
    ),
    "another format": (
        "manifest.json",
        lambda p: change_json(p, format="x"),
        "expected format iuran-export/v1, got 'x'",
    ),
    "no checkpoint": ("log/0/checkpoint", unlink, "expected checkpoint and vkey, got one of them or none"),
    "a checkpoint of nothing": (
        "log/0/checkpoint",
        lambda p: p.write_bytes(b"\xff"),
        "expected a checkpoint and verifier keys",
    ),
    "a link to a checkpoint": ("log/0/checkpoint", relink, "expected a file of the export, got a link"),
    "a link to a bundle": (PART, relink, "expected a file of the export, got a link"),
    "a link to a folder": (
        "log/1/tile",
        lambda p: (p.rename(p.with_name("t")), p.symlink_to(p.with_name("t"))),
        "got a link or no folder",
    ),
    "a pipe": (PART, lambda p: (p.unlink(), os.mkfifo(p)), "expected a regular file, got something else"),
    "a folder as a file": (PART, lambda p: (p.unlink(), p.mkdir()), "expected a regular file, got something else"),
    "a file as a folder": ("log/1/tile", lambda p: (shutil.rmtree(p), p.write_bytes(b"")), "got a link or no folder"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_must_not_be_read_is_one_clear_line(name: str, whole: Path, tmp_path: Path) -> None:
    path, change, pattern = REFUSED[name]
    place = copy_of(whole, tmp_path / "copy")
    change(place / path)
    code, lines = audit(place)
    assert code == 2
    assert pattern in lines[0]


def test_a_size_that_was_made_up_costs_one_look(honest: Honest, whole: Path, tmp_path: Path) -> None:
    place = copy_of(whole, tmp_path / "copy")
    signers = keys.of_settings(honest.ledger.settings, honest.ledger.settings.ledger).signers(0)
    huge = sign_checkpoint(Checkpoint(signers[0].name, 2**62, bytes(32)), signers)
    (place / "log/0/checkpoint").write_bytes(huge)
    code, lines = audit(place)
    assert code == 1
    assert any("are missing" in line for line in lines)


# -- what was kept elsewhere -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def older(honest: Honest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of the ledger as it was earlier: a truncated tail, or a restored backup."""
    place = tmp_path_factory.mktemp("older")
    exported(honest.earlier_url, place)
    return place


@pytest.fixture(scope="module")
def receipt(honest: Honest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A receipt for the last entry of journal 0, as a worker holds it."""
    hashes = [leaf_hash(leaf) for leaf in honest.ledger.leaves(0)]
    size = len(hashes)
    _, nodes = Frontier().grow(hashes)
    edge, full = Edge().grow(nodes)
    tiles = {Tile(t.level, t.number): t.hashes for t in full} | edge.partials()
    path = fold_inclusion(size - 1, size, {t: cut(tiles, t) for t in needs_inclusion(size - 1, size)})
    note = honest.outside.before[0]
    assert note is not None
    place = tmp_path_factory.mktemp("held") / "entry.tlog-proof"
    place.write_bytes(Receipt(size - 1, tuple(path), note).format())
    return place


def cut(tiles: dict[Tile, bytes], wanted: Tile) -> bytes:
    whole = next(content for tile, content in tiles.items() if tile[:2] == wanted[:2])
    return whole[: 32 * wanted.width]


def test_a_truncated_tail_is_found_against_a_checkpoint_or_receipt_held_outside(
    whole: Path, older: Path, receipt: Path
) -> None:
    assert audit(older)[0] == 0
    assert "compared with nothing from outside" in audit(older)[1][-2]
    for held in (whole / "log/0/checkpoint", receipt):
        code, lines = audit(older, "--against", str(held))
        assert code == 1
        assert any(re.search(rf"^L6 journal 0.*checkpoint {held}: expected the 290 entries it signs", x) for x in lines)
        assert audit(whole, "--against", str(held))[0] == 0
    assert audit(whole, "--against", str(older / "log/1/checkpoint"))[0] == 0


def test_a_full_rewrite_under_the_right_key_is_found_by_anything_held_outside(
    honest: Honest, whole: Path, older: Path, receipt: Path, tmp_path: Path
) -> None:
    place = copy_of(whole, tmp_path / "copy")
    put(rewritten_log(honest, -1), place)
    assert audit(place)[0] == 0, "a forgery that is consistent in itself"
    for held in (whole / "log/0/checkpoint", receipt):
        code, lines = audit(place, "--against", str(held))
        assert code == 1
        assert any(re.search("^L6 journal 0.*expected the tree's root, got another|^L2 journal 0", x) for x in lines)
    assert any("expected the entry that it proves" in x for x in audit(place, "--against", str(receipt))[1])
    assert audit(place, "--against", str(older / "log/0/checkpoint"))[0] == 0, "it was the last entry that changed"


def rewritten_log(honest: Honest, place: int) -> MadeLog:
    """Journal 0 with another time in an entry, signed again by its own keys."""
    signers = keys.of_settings(honest.ledger.settings, honest.ledger.settings.ledger).signers(0)
    leaves = honest.ledger.leaves(0)
    told = msgspec.json.decode(leaves[place])
    told["received_at"] = "2026-03-02T08:15:30.000Z"
    leaves[place] = encode(told)
    return MadeLog(0, list(signers), leaves, [100, len(leaves)])


def put(log: MadeLog, place: Path) -> None:
    """Put a log in the place of an export's own."""
    shutil.rmtree(place / "log/0")
    log.write(place)
    logs = [claimed((place / f"log/{n}/checkpoint").read_bytes()) for n in range(JOURNALS)]
    told = [{"journal": n, "origin": c.origin, "root": c.root.hex(), "size": c.size} for n, c in enumerate(logs)]
    change_json(place / "manifest.json", logs=told)


def test_what_is_held_must_be_of_this_ledger(whole: Path, tmp_path: Path) -> None:
    other = keys_of_log.generate("other.localhost/log/0")
    unnumbered = keys_of_log.generate("iuran.localhost/log/00")
    stranger = keys_of_log.generate("iuran.localhost/log/9")
    forged = keys_of_log.generate("iuran.localhost/log/0")
    for signer, code, pattern in (
        (other, 2, "expected one of iuran.localhost, got one of other.localhost/log/0"),
        (unnumbered, 2, "expected one of iuran.localhost, got one of iuran.localhost/log/00"),
        (stranger, 1, "^L2 journal 9: journal: expected it, as .* is of it, got none"),
        (forged, 1, "^L6 journal 0: checkpoint .*: expected one signed by this journal's key"),
    ):
        held = tmp_path / "held"
        held.write_bytes(sign_checkpoint(Checkpoint(signer.name, 3, bytes(32)), [signer]))
        got, lines = audit(whole, "--against", str(held))
        assert got == code
        assert any(re.search(pattern, line) for line in lines), lines
    (tmp_path / "held").write_bytes(b"nothing")
    assert "expected a checkpoint or a receipt" in audit(whole, "--against", str(tmp_path / "held"))[1][0]
    assert "expected a readable file" in audit(whole, "--against", str(tmp_path / "gone"))[1][0]


def test_keys_that_the_auditor_brings_are_the_ones_that_count(honest: Honest, whole: Path, tmp_path: Path) -> None:
    for number in range(JOURNALS):
        vkeys = whole / f"log/{number}/vkey"
        assert audit(whole, "--vkey", str(vkeys))[0] == 0
        for line in vkeys.read_text().splitlines():
            assert audit(whole, "--vkey", line)[0] == 0
    stranger = keys_of_log.generate("iuran.localhost/log/0").vkey()
    code, lines = audit(whole, "--vkey", stranger)
    assert code == 1
    assert any(line.startswith("L6 journal 0: verifier key: expected") for line in lines)
    other = keys_of_log.generate("other.localhost/log/0").vkey()
    assert "expected a key of iuran.localhost/log/0 to 1" in audit(whole, "--vkey", other)[1][0]
    assert "expected a verifier key or a file of them" in audit(whole, "--vkey", "a+b+c")[1][0]


# -- cosigned ----------------------------------------------------------------------------------------------------------

WITNESSES = [keys_of_log.generate(f"witness.example/{name}", keys_of_log.COSIGNATURE) for name in "ab"]


def policy_of(honest: Honest, place: Path, quorum: int) -> str:
    """A policy that asks for so many of the two witnesses over each of the ledger's logs."""
    store = keys.of_settings(honest.ledger.settings, honest.ledger.settings.ledger)
    lines = [f"log {vkey}" for n in range(JOURNALS) for vkey in store.vkeys(n)]
    lines += [f"witness {name} {key.vkey()}" for name, key in zip("ab", WITNESSES, strict=True)]
    place.write_text("\n".join([*lines, f"group both {quorum} a b", "quorum both", ""]))
    return str(place)


def cosign(url: str, journal: int, size: int, keys_of_witnesses: Sequence[Any]) -> None:
    """Let these witnesses have cosigned the stored checkpoint of a size, and the operator's quorum be reached by it."""
    with psycopg.connect(url) as connection:
        query = "SELECT note FROM checkpoints WHERE journal = %s AND size = %s"
        (stored,) = connection.execute(query, (journal, size)).fetchone() or (b"",)
    text = notes.parse(bytes(stored)).text
    lines = notes.parse(notes.sign(text, [key.at(1_772_352_931) for key in keys_of_witnesses])).signatures

    async def keep() -> None:
        book = Book(url)
        numbers = await book.register([key.vkey() for key in keys_of_witnesses])
        await book.keep(journal, size, dict(zip(numbers.values(), lines, strict=True)))
        await book.reached(journal, size)
        await book.close()

    asyncio.run(keep())


def test_an_export_of_cosigned_checkpoints_holds_under_the_policy_that_they_reach(
    honest: Honest, whole: Path, servers: Any, tmp_path: Path
) -> None:
    one, two = (policy_of(honest, tmp_path / f"policy-{n}", n) for n in (1, 2))
    assert audit(whole, "--policy", one)[0] == 1, "nobody has cosigned"
    sizes = [len(honest.ledger.leaves(n)) for n in range(JOURNALS)]
    with copied(servers, honest.ledger.url) as url:
        for number, size in enumerate(sizes):
            cosign(url, number, size, WITNESSES[: 2 - number])
        exported(url, tmp_path / "cosigned")
    code, lines = audit(tmp_path / "cosigned", "--policy", one)
    assert (code, lines[-1]) == (0, f"verified: 2 journals, {sum(sizes)} entries"), lines
    code, lines = audit(tmp_path / "cosigned", "--policy", two)
    assert code == 1
    lacking = "checkpoint shown: expected cosignatures of a quorum, got 1 of witnesses"
    assert [line for line in lines if line.startswith("L")] == [f"L6 journal 1: {lacking}"]
    # a cosignature under another checkpoint of the log counts for nothing
    note = tmp_path / "cosigned/log/1/checkpoint"
    other = audit_notes(tmp_path / "cosigned/log/1/checkpoints")[-1]
    note.write_bytes(note.read_bytes().split(b"\xe2\x80\x94 witness")[0] + cosigned_line(other))
    assert audit(tmp_path / "cosigned", "--policy", one)[0] == 1


def audit_notes(place: Path) -> list[bytes]:
    return list(notes_of([place.read_bytes()]))


def cosigned_line(note: bytes) -> bytes:
    """The first witness's line under a checkpoint."""
    signed = notes.sign(notes.parse(note).text, [WITNESSES[0].at(1_772_352_931)])
    return signed[signed.index(b"\xe2\x80\x94 witness") :]


def test_what_is_newer_than_the_quorum_is_a_warning_where_it_is_seen(
    honest: Honest, servers: Any, tmp_path: Path
) -> None:
    """The database shows its newest entries; an export ends at the checkpoint with the quorum."""
    one = policy_of(honest, tmp_path / "policy", 1)
    with copied(servers, honest.ledger.url) as url:
        with psycopg.connect(url) as connection:
            rows = connection.execute("SELECT journal, max(size) FROM checkpoints WHERE size < 34 GROUP BY journal")
            early = {int(number): int(size) for number, size in rows}
        for number, size in early.items():
            cosign(url, number, size, WITNESSES)
        exported(url, tmp_path / "early")
        with evidence.frozen(url) as stored:
            verdict = verify.verify(stored, None, lambda _: None, policy=brought.policy(Path(one)))
    assert verdict.holds, verdict.findings
    late = [f"journal {number}: entries from {size} on have no quorum yet" for number, size in early.items()]
    assert sorted(told for told in verdict.warnings if "quorum" in told) == sorted(late)
    assert audit(tmp_path / "early", "--policy", one)[0] == 0
    assert {n: claimed((tmp_path / f"early/log/{n}/checkpoint").read_bytes()).size for n in early} == early


# -- as static files, and over HTTP ----------------------------------------------------------------------------------


def test_what_is_served_is_verified_and_exported_as_an_address(whole: Path, tmp_path: Path) -> None:
    with served(create_app(whole)) as url:
        done = CliRunner().invoke(app, ["verify", url + "/", "--recompute"])
        assert done.exit_code == 0, done.output
        assert done.stdout.splitlines()[-1].startswith("verified: 2 journals, ")
        out = CliRunner().invoke(app, ["export", str(tmp_path / "out"), "--from", url])
        assert out.exit_code == 0, out.output
    own = files(tmp_path / "out")
    assert own == files(whole)


def test_a_spoilt_address_is_found_too(whole: Path, tmp_path: Path) -> None:
    place = copy_of(whole, tmp_path / "copy")
    flip(place / "log/0/tile/0/000", 99)
    (place / PART).unlink()
    with served(create_app(place)) as url:
        done = CliRunner().invoke(app, ["verify", url, "--json"])
    told = json.loads(done.stdout)
    assert done.exit_code == 1
    assert {(f["law"], f["journal"]) for f in told["findings"]} >= {("L6", 0), ("L5", 1)}


@pytest.mark.parametrize(
    ("address", "pattern"),
    [
        ("http://127.0.0.1:1", "expected an answer"),
        ("http://user:word@host", "expected http:// or https://"),
        ("https://", "expected http:// or https://"),
    ],
)
def test_an_address_that_does_not_answer_is_one_clear_line(
    address: str, pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_paths, "PAUSE_SECONDS", 0)
    done = CliRunner().invoke(app, ["verify", address])
    assert isinstance(done.exception, LedgerError)
    assert pattern in str(done.exception)
