"""Going on from what was verified: the same verdict as from entry 0, or a finding, or an exact word why not.

The ledgers come out of the pure pipeline and lie in folders; the last tests are on a real database. What is not found
by going on (an earlier entry changed in place, under checkpoints that still sign what it was) is a test too.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from typer.testing import CliRunner

from contracts.entry import Kind, decode, event_key
from deploy.cli.audit import app
from deploy.cli.audit_verify import NOT_HELD
from ledger.audit import verify
from ledger.audit.checks.references import References
from ledger.audit.elsewhere.held import Held
from ledger.audit.findings import Findings
from ledger.audit.keeping import kept_file
from ledger.audit.keeping.kept import KeptJournal
from ledger.audit.sources import evidence, folder
from ledger.audit.verdict import Verdict
from ledger.errors import Unfit
from ledger.keyring import ring_of
from tests.ledger.audit.conftest import Honest
from tests.ledger.audit.tampering import Attacker, copied, set_in
from tests.support.exports import LEDGER, MadeLog, made_ledger, rewritten, rotated_log


def lay(place: Path, logs: Sequence[MadeLog], ledger: str = LEDGER) -> Path:
    """Write an export's folder with these logs, from nothing."""
    shutil.rmtree(place, ignore_errors=True)
    texts = {}
    for log in logs:
        log.write(place)
        for leaf in log.leaves:
            event: Any = decode(leaf).event
            if b'"kind":"scheme"' in leaf:
                act = msgspec.json.decode(event.data)
                texts[act["scheme"], act["version"]] = act["text"].encode()
    schemes = []
    (place / "schemes").mkdir()
    for (scheme, version), text in texts.items():
        file = f"schemes/{scheme}@{version}.json"
        (place / file).write_bytes(text)
        schemes.append({"file": file, "scheme": scheme, "sha256": sha256(text).hexdigest(), "version": version})
    stated = [
        {"journal": log.number, "origin": log.origin, "root": log.note(n).split(b"\n")[2], "size": n}
        for log in logs
        for n in log.sizes[-1:]
    ]
    stated = [log | {"root": msgspec.json.decode(b'"%b"' % log["root"], type=bytes).hex()} for log in stated]
    manifest = {"format": folder.FORMAT, "journals": len(logs), "ledger": ledger, "logs": stated, "schemes": schemes}
    (place / folder.MANIFEST).write_bytes(msgspec.json.encode(manifest))
    return place


def at(log: MadeLog, size: int) -> MadeLog:
    """The log as it was at a size, its newest checkpoint there, with the keys that its entries had named by then."""
    vkeys = list(ring_of(map(decode, log.leaves[:size])).listed()) if log.vkeys else []
    return replace(log, sizes=sorted({*(s for s in log.sizes if s < size), size}), vkeys=vkeys)


def walked(place: Path, since: Mapping[int, bytes] | None = None, **more: Any) -> Verdict:
    return verify.verify(folder.opened(place).stored, None, lambda _: None, since=since or {}, keep=True, **more)


def kept_of(verdict: Verdict) -> dict[int, bytes]:
    assert verdict.holds, verdict.findings
    return {w.journal: w.kept for w in verdict.journals if w.kept is not None}


def told(verdict: Verdict) -> list[tuple[str, int, int | None]]:
    return [(f.law, f.journal, f.index) for f in verdict.findings]


@pytest.fixture(scope="module")
def small() -> list[MadeLog]:
    return [replace(log, sizes=list(range(1, len(log.leaves) + 1))) for log in made_ledger((9,))]


@pytest.fixture(scope="module")
def made() -> list[MadeLog]:
    return made_ledger()


@pytest.mark.parametrize("world", ["acts and gigs", "keys that change"])
def test_from_every_size_it_is_as_if_walked_from_the_start(world: str, small: list[MadeLog], tmp_path: Path) -> None:
    log = small[0] if world == "acts and gigs" else rotated_log()[0]
    whole = lay(tmp_path / "whole", [log])
    expected = kept_of(walked(whole))
    for size in log.sizes:
        kept = kept_of(walked(lay(tmp_path / "earlier", [at(log, size)])))
        later = walked(whole, kept)
        assert (later.taken, later.entries) == (size, len(log.leaves) - size)
        assert KeptJournal.decode(kept_of(later)[0]) == KeptJournal.decode(expected[0])
        assert later.journals[0].root == walked(whole).journals[0].root


def test_it_goes_on_over_full_tiles_and_in_several_journals(made: list[MadeLog], tmp_path: Path) -> None:
    whole = lay(tmp_path / "whole", made)
    expected = {n: KeptJournal.decode(kept) for n, kept in kept_of(walked(whole)).items()}
    kept = kept_of(walked(lay(tmp_path / "earlier", [at(made[0], 150), at(made[1], 20)])))
    for size in (255, 256, 257, len(made[0].leaves)):
        middle = walked(lay(tmp_path / "earlier", [at(made[0], size), at(made[1], 20)]), kept)
        last = kept_of(walked(whole, kept_of(middle)))
        assert KeptJournal.decode(last[1]) == expected[1]
        seen = KeptJournal.decode(last[0])
        assert msgspec.structs.replace(seen, tree=expected[0].tree) == expected[0]
        assert (seen.tree.size, seen.tree.rows) == (expected[0].tree.size, expected[0].tree.rows)


@pytest.mark.parametrize("honest", [True, False])
def test_the_root_up_to_which_a_revoked_key_is_believed_is_the_trees(honest: bool, tmp_path: Path) -> None:
    """Whether or not the checkpoint of that size is still kept: it follows from the tiles."""
    log, _ = rotated_log()
    if not honest:
        revoked = edited(log.leaves[10], "event", "data", "trusted_root", to="ab" * 32)
        log = replace(log, leaves=[*log.leaves[:10], revoked, *log.leaves[11:]])
    kept = kept_of(walked(lay(tmp_path / "earlier", [at(log, 9)])))
    expected = [] if honest else [("L6", 0, 10)]
    for sizes in (log.sizes, [9, 10, 11, 12], [12]):
        whole = lay(tmp_path / "whole", [replace(log, sizes=sizes)])
        assert told(walked(whole)) == expected
        assert told(verify.verify(folder.opened(whole).stored, None, lambda _: None, log_only=True)) == expected
        if 9 in sizes:
            assert told(walked(whole, kept)) == expected


def test_a_record_that_corrects_a_gig_may_go_on_behind_the_size() -> None:
    logs = made_ledger((3,))
    entries = [decode(leaf) for leaf in logs[0].leaves]
    main = next(entry for entry in entries if entry.kind == Kind.ADJUSTMENT)
    cause = msgspec.structs.replace(main.cause, part=(2, 2))
    part = msgspec.structs.replace(main, cause=cause, event=msgspec.UNSET)
    gig = event_key(0, str(main.cause.source), "G-0-0")
    before, found = References(0, Findings(0)), Findings(0)
    before.check(main.index, main, gig)
    after = References(0, found)
    after.resume(*before.kept())
    after.check(main.index + 1, part, gig)
    assert found.ordered() == []


def edited(leaf: bytes, *path: Any, to: Any) -> bytes:
    content = msgspec.json.decode(leaf)
    set_in(*path, to=to)(content)
    return msgspec.json.Encoder(order="sorted").encode(content)


Forgery = Callable[[list[bytes], int], Any]


def put(leaves: list[bytes], index: int, *path: Any, to: Any) -> None:
    leaves[index] = edited(leaves[index], *path, to=to)


FORGERIES: dict[str, Forgery] = {
    "a balance": lambda leaves, n: put(leaves, n, "balances", 0, "accrued", to=lambda a: a + 1),
    "an event again": lambda leaves, n: put(leaves, n, "cause", "id", to="G-0-2"),
    "an offset": lambda leaves, n: put(leaves, n, "cause", "offset", to=lambda a: a + 1),
    "a time": lambda leaves, n: put(leaves, n, "event", "time", to="2026-03-02T08:15:30Z"),
    "an entry out": lambda leaves, n: leaves.pop(n),
    "entries turned": lambda leaves, n: leaves.__setitem__(slice(n, n + 2), leaves[n : n + 2][::-1]),
}


@pytest.mark.parametrize("name", FORGERIES)
@pytest.mark.parametrize("resigned", [False, True])
def test_what_is_forged_later_is_found_as_from_the_start(
    name: str, resigned: bool, made: list[MadeLog], tmp_path: Path
) -> None:
    kept = kept_of(walked(lay(tmp_path / "earlier", [at(made[0], 150), made[1]])))
    leaves = list(made[0].leaves)
    FORGERIES[name](leaves, 200)
    forged = lay(tmp_path / "forged", [rewritten(made[0], leaves), made[1]])
    if not resigned:
        honest = lay(tmp_path / "honest", made) / "log" / "0"
        for file in ("checkpoint", "checkpoints"):
            shutil.copyfile(honest / file, forged / "log" / "0" / file)
    full = walked(forged)
    assert told(walked(forged, kept)) == told(full)
    assert full.holds == (resigned and name == "a time")


@pytest.mark.parametrize("size", [150, 300])
def test_a_log_written_anew_below_the_size_is_found_at_the_next_root(
    size: int, made: list[MadeLog], tmp_path: Path
) -> None:
    kept = kept_of(walked(lay(tmp_path / "earlier", [at(made[0], size), made[1]])))
    leaves = list(made[0].leaves)
    put(leaves, 100, "event", "time", to="2026-03-02T08:15:30Z")
    anew = rewritten(made[0], leaves)
    grown = lay(tmp_path / "forged", [anew, made[1]])
    assert walked(grown).holds
    found = [str(f) for f in walked(grown, kept).findings]
    assert any(f"or the log below size {size} is not the one that was verified before" in f for f in found) or any(
        f"checkpoint stored of size {size}: expected the tree's root, got another" in f for f in found
    )
    as_large = lay(tmp_path / "forged", [at(anew, size), made[1]])
    assert walked(as_large).holds
    assert told(walked(as_large, kept))[0][:2] == ("L6", 0)


def test_an_earlier_entry_changed_in_place_is_not_read_again(made: list[MadeLog], tmp_path: Path) -> None:
    whole = lay(tmp_path / "whole", made)
    kept = kept_of(walked(lay(tmp_path / "earlier", [at(made[0], 300), made[1]])))
    bundle = whole / "log/0/tile/entries/000"
    content = bytearray(bundle.read_bytes())
    content[5000] ^= 1
    bundle.write_bytes(content)
    assert walked(whole, kept).holds
    assert not walked(whole).holds


def test_a_log_set_back_is_walked_whole_and_found(made: list[MadeLog], tmp_path: Path) -> None:
    kept = kept_of(walked(lay(tmp_path / "whole", made)))
    found = walked(lay(tmp_path / "back", [at(made[0], 150), made[1]]), kept)
    size = len(made[0].leaves)
    detail = f"checkpoint verified before: expected the {size} entries it signs, got 150: entries 150 to {size - 1}"
    assert [str(f) for f in found.findings] == [f"L6 journal 0 entry 150: {detail} are missing"]
    assert [(w.taken, w.entries) for w in found.journals] == [(0, 150), (len(made[1].leaves), 0)]
    assert found.journals[0].kept is None


def test_a_journal_that_is_hidden_is_found(made: list[MadeLog], tmp_path: Path) -> None:
    whole = lay(tmp_path / "whole", made)
    kept = kept_of(walked(whole))
    shutil.rmtree(whole / "log" / "1")
    assert ("L2", 1, None) in told(walked(whole, kept))


def test_another_ledger_of_the_same_name_is_found(made: list[MadeLog], tmp_path: Path) -> None:
    kept = kept_of(walked(lay(tmp_path / "earlier", [at(made[0], 150), made[1]])))
    found = walked(lay(tmp_path / "other", made_ledger()), kept)
    assert {"L6"} <= {f.law for f in found.findings}
    assert {f.journal for f in found.findings} == {0, 1}


def test_older_checkpoints_are_held_against_those_verified_before(made: list[MadeLog], tmp_path: Path) -> None:
    whole = lay(tmp_path / "whole", made)
    kept = kept_of(walked(whole))
    log, other = made[0], made_ledger()[0]
    known = log.sizes[2]
    forged = replace(other, signers=log.signers).note(known)
    assert walked(whole, kept, held={0: Held({"held": log.note(known)})}).holds
    found = walked(whole, kept, held={0: Held({"held": forged})}).findings
    assert [f.law for f in found] == ["L6"]
    assert "expected the tree's root, got another" in found[0].detail
    with pytest.raises(Unfit, match=r"held: expected a size from .* or one that was verified before, got 77"):
        walked(whole, kept, held={0: Held({"held": log.note(77)})})


def test_a_file_that_is_damaged_or_foreign_is_refused(
    made: list[MadeLog], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "verified"
    kept = kept_of(walked(lay(tmp_path / "whole", made)))
    kept_file.write(file, LEDGER, kept)
    assert file.stat().st_mode & 0o777 == 0o600
    assert kept_file.read(file, LEDGER) == kept
    content, chance = file.read_bytes(), random.Random(6)
    for _ in range(100):
        changed = bytearray(content)
        changed[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        file.write_bytes(changed)
        with pytest.raises(Unfit, match=r"expected .*, got "):
            kept_file.read(file, LEDGER)
    for end in (0, 10, 50, 90, len(content) - 1):
        file.write_bytes(content[:end])
        with pytest.raises(Unfit, match=r"expected .*, got "):
            kept_file.read(file, LEDGER)
    file.write_bytes(content)
    with pytest.raises(Unfit, match=f"expected what was verified of else.localhost, got that of {LEDGER}"):
        kept_file.read(file, "else.localhost")
    with pytest.raises(Unfit, match="expected a readable file"):
        kept_file.read(tmp_path / "none", LEDGER)
    monkeypatch.setattr(kept_file, "ENGINE", "2")
    with pytest.raises(Unfit, match=r"expected one of release .* engine 2, got one of .* engine 1"):
        kept_file.read(file, LEDGER)


def run(*arguments: object) -> tuple[int, list[str]]:
    done = CliRunner().invoke(app, ["verify", *map(str, arguments)])
    if isinstance(done.exception, Unfit):
        return 2, [str(done.exception)]
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout.splitlines()


def test_the_command_goes_on_and_says_from_where(made: list[MadeLog], tmp_path: Path) -> None:
    file, size = tmp_path / "verified", len(made[0].leaves)
    earlier = lay(tmp_path / "earlier", [at(made[0], 150), made[1]])
    whole = lay(tmp_path / "whole", made)
    code, lines = run(earlier, "--keep", file)
    assert code == 0, lines
    assert lines[-3:-1] == [NOT_HELD, f"kept in {file}"]
    code, lines = run(whole, "--since", file, "--keep", file, "--journal", "0")
    assert code == 0, lines
    assert NOT_HELD not in lines, "what was verified before is held from outside"
    assert "journal 0: entries 0 to 149 were taken as verified before and not read again" in lines
    assert lines[-1] == f"verified: 1 journals, {size - 150} entries, going on from 150 verified before"
    code, lines = run(whole, "--since", file)
    assert lines[-1] == f"verified: 2 journals, 0 entries, going on from {size + len(made[1].leaves)} verified before"
    before = file.read_bytes()
    code, lines = run(earlier, "--since", file, "--keep", file)
    assert (code, file.read_bytes()) == (1, before)
    assert f"not kept in {file}: only what holds is gone on from" in lines
    assert run(whole, "--since", file, "--recompute")[1][0].startswith("--recompute: expected without --since")
    assert run(whole, "--keep", file, "--log-only")[1][0].startswith("--log-only: expected without --keep")


def stored(url: str, since: Mapping[int, bytes] | None = None, **more: Any) -> Verdict:
    with evidence.frozen(url) as source:
        return verify.verify(source, None, lambda _: None, since=since or {}, keep=True, **more)


def test_a_database_goes_on_from_an_earlier_one_and_not_back(honest: Honest) -> None:
    kept = kept_of(stored(honest.earlier_url))
    full = stored(honest.ledger.url)
    later = stored(honest.ledger.url, kept)
    assert later.entries + later.taken == full.entries
    assert 0 < later.taken < full.entries
    for number, one in kept_of(full).items():
        assert KeptJournal.decode(kept_of(later)[number]) == KeptJournal.decode(one)
    back = stored(honest.earlier_url, kept_of(full))
    assert {(f.law, f.journal) for f in back.findings} == {("L6", 0), ("L6", 1)}
    assert all("checkpoint verified before: expected the " in f.detail for f in back.findings)


def test_a_database_changed_behind_the_size_is_found_and_before_it_is_not(honest: Honest, servers: Any) -> None:
    kept = kept_of(stored(honest.earlier_url))
    size = KeptJournal.decode(kept[0]).size
    with copied(servers, honest.ledger.url) as url:
        attacker = Attacker(psycopg.connect(url, autocommit=True), 0)
        index = next(n for n in attacker.of_kind("accrual") if n >= size)
        leaf = attacker.leaf(index)
        attacker.edit(index, set_in("balances", 0, "accrued", to=lambda amount: amount + 1))
        assert told(stored(url, kept)) == told(stored(url))
        assert ("L1", 0, index) in told(stored(url, kept))
        attacker.set_leaf(index, leaf)
        attacker.edit(7, set_in("event", "time", to="2026-03-02T08:15:30Z"))
        assert stored(url, kept).holds
        assert not stored(url).holds
