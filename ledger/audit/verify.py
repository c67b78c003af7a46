"""`iuran audit verify`: every journal walked from entry 0 to its head, then all of them held against each other.

Each journal is a `JournalCheck` fed from one frozen view; what only shows between journals is asked here: that none of
those that entry 0 names is hidden, that all entries 0 say the same, and that no gig id stands under workers of two
journals (SPEC section 3: found here, not at intake). That last is a platform's contradiction and not the ledger's, so
it is a warning, and a finding only for who asks to be strict.

What can't be found from stored data: a checkpoint row removed from the middle of a journal (the tree and all other
checkpoints still hold; `heads.commits` counts openings and duplicates too, so it says nothing), the words of a
rejection's detail, and, where nothing outside is compared, a database that was set back as a whole or written anew by
who holds the keys. Upholds L1 to L7, L10 and L12 as an auditor. Knows neither broker nor terminal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from contracts.events import JOURNALS_MAX
from ledger.audit import evidence, parallel
from ledger.audit.checks import JournalCheck
from ledger.audit.event_keys import EventKeys, gigs_met_again
from ledger.audit.findings import Finding
from ledger.log.checkpoint import claimed
from ledger.log.note import NoteError

if TYPE_CHECKING:
    from ledger.audit.evidence import JournalRows, Stored, StoredHead, View
    from ledger.audit.outside import Outside
    from ledger.audit.parallel import Advance
    from ledger.audit.rows import RefusedRow

SHARED_GIGS_MAX: Final = 100
"""How many gigs met in two journals are named; more are counted with the last."""

NO_SECRETS: Final[Mapping[int, bytes]] = {}
NO_KEYS: Final[Mapping[int, str]] = {}


class Task(NamedTuple):
    """One journal's walk, as it travels to the process that does it."""

    view: View
    stored: StoredHead
    vkey: str
    outside: dict[str, bytes]
    secret: bytes | None


@dataclass(frozen=True)
class Walked:
    """One journal after its walk. `root` is the tree's, of the entries as they are stored; `erased` counts refused
    records whose bytes were erased.
    """

    journal: int
    entries: int
    size: int
    root: bytes
    checkpoints: int
    erased: int
    findings: list[Finding]
    unlisted: int
    opening: dict[str, Any] | None
    events: EventKeys


@dataclass(frozen=True)
class Verdict:
    """What an audit found, by journal and in order; `unlisted` findings were counted and not kept."""

    journals: tuple[Walked, ...]
    findings: tuple[Finding, ...]
    unlisted: int
    warnings: tuple[str, ...]
    compared: bool

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def entries(self) -> int:
        """How many entries were read."""
        return sum(walked.entries for walked in self.journals)


def verify(
    stored: Stored,
    outside: Outside | None,
    advance: Advance,
    *,
    journals: Sequence[int] | None = None,
    vkeys: Mapping[int, str] = NO_KEYS,
    known_secrets: Mapping[int, bytes] = NO_SECRETS,
    strict: bool = False,
    cores: int = 1,
) -> Verdict:
    """Verify these journals (all); `outside` None: nothing is compared with what was published.

    `vkeys` are verifier keys that the auditor trusts, by journal: without one the database's is taken, so that who may
    write there may also choose the key. `known_secrets` let salts be made again.
    """
    chosen = [h for h in stored.heads if journals is None or h.head.journal in journals]
    tasks = [
        Task(
            stored.view,
            head,
            vkeys.get(head.head.journal, head.vkey),
            _notes(outside, head.head.journal),
            known_secrets.get(head.head.journal),
        )
        for head in chosen
    ]
    walked = parallel.each(walk, tasks, advance, cores)
    shared = list(_shared_gigs(walked))
    found = [
        *_check_ledger(stored, walked),
        *_check_outside(chosen, outside),
        *_check_keys(chosen, vkeys),
        *(shared if strict else ()),
    ]
    by_journal = sorted({f.journal for f in found} | {w.journal for w in walked})
    listed = {w.journal: w.findings for w in walked}
    return Verdict(
        tuple(walked),
        tuple(f for n in by_journal for f in (*(f for f in found if f.journal == n), *listed.get(n, ()))),
        sum(w.unlisted for w in walked),
        () if strict else tuple(map(str, shared)),
        outside is not None,
    )


def walk(task: Task, advance: Advance) -> Walked:
    """Walk one journal. Raises StoreUnavailable."""
    head = task.stored.head
    check = JournalCheck(head.journal, task.secret)
    with evidence.journal(task.view, head.journal) as rows:
        check.start(head, task.vkey.split("\n"), task.outside, rows.tiles, leaves_at=rows.leaves_at)
        _feed(check, rows, advance)
        findings = check.finish(head, rows.positions(), rows.refused_count(), rows.tile_counts())
    return Walked(
        head.journal,
        check.entries,
        head.size,
        check.root(),
        check.checkpoints,
        check.erased,
        findings,
        check.findings.unlisted,
        check.opening,
        check.events,
    )


def _feed(check: JournalCheck, rows: JournalRows, advance: Advance) -> None:
    """Feed a journal's rows in the order that the checks ask for: each checkpoint before the leaves beyond it."""
    checkpoints, refused = rows.checkpoints(), rows.refused()
    checkpoint = next(checkpoints, None)
    refusal: RefusedRow | None = next(refused, None)
    for several in rows.rows():
        while checkpoint is not None and checkpoint[0] <= several.end:
            check.checkpoint(*checkpoint)
            checkpoint = next(checkpoints, None)
        check.rows(several)
        while refusal is not None and refusal.index < several.end:
            check.refused(refusal)
            refusal = next(refused, None)
        advance(len(several.leaves))
    while checkpoint is not None:
        check.checkpoint(*checkpoint)
        checkpoint = next(checkpoints, None)
    while refusal is not None:
        check.refused(refusal)
        refusal = next(refused, None)


def _notes(outside: Outside | None, journal: int) -> dict[str, bytes]:
    note = None if outside is None else outside.before.get(journal)
    return {} if note is None else {"on iuran.checkpoints": note}


# -- between journals ------------------------------------------------------------------------------------------------


def _check_ledger(stored: Stored, walked: Sequence[Walked]) -> Iterator[Finding]:
    """Hold the ledger's own row and the set of its journals against what the entries 0 say."""
    for table, number in stored.strangers:
        yield Finding("L5", number, None, f"{table}: expected no rows of a journal that has no head, got some")
    yield from _check_missing(stored, stored.journals, "the ledger's row")
    for journal in walked:
        if not journal.entries:
            yield Finding("L2", journal.journal, None, "entry 0: expected the entry that opens the journal, got none")
    opened = [w for w in walked if w.opening is not None]
    if not opened:
        return
    first = opened[0]
    ledger, count, _ = named = _named(first)
    for journal in opened[1:]:
        if _named(journal) != named:
            detail = f"entry 0: expected the ledger, journals and verifier keys that journal {first.journal} names"
            yield Finding("L6", journal.journal, 0, f"{detail}, got others")
    if ledger != stored.name:
        yield Finding("L6", first.journal, 0, "entry 0: expected the ledger that the database names, got another")
    if count != stored.journals:
        detail = f"ledger's row: expected {count} journals, as entry 0 names, got {stored.journals}"
        yield Finding("L2", first.journal, None, detail)
        yield from _check_missing(stored, count, "entry 0")


def _check_missing(stored: Stored, count: int, where: str) -> Iterator[Finding]:
    there = {head.head.journal for head in stored.heads}
    for number in sorted(set(range(min(count, JOURNALS_MAX))) - there):
        yield Finding("L2", number, None, f"journal: expected it, as {where} names {count} journals, got none")


def _named(walked: Walked) -> tuple[object, int, list[object]]:
    opening = walked.opening or {}
    return opening.get("ledger"), int(opening["journals"]), list(opening["vkeys"])


def _check_keys(heads: Sequence[StoredHead], vkeys: Mapping[int, str]) -> Iterator[Finding]:
    for stored in heads:
        number = stored.head.journal
        trusted = vkeys.get(number, stored.vkey).split("\n")
        for expected, got in zip_longest(trusted, stored.vkey.split("\n"), fillvalue="none"):
            if expected != got:
                detail = f"verifier key: expected {expected}, which is trusted, got {got} in the database"
                yield Finding("L6", number, None, detail)


def _check_outside(heads: Sequence[StoredHead], outside: Outside | None) -> Iterator[Finding]:
    """The topic holds whatever the database says was published: it is written first."""
    if outside is None:
        return
    for stored in heads:
        head = stored.head
        note = outside.after.get(head.journal)
        size = 0 if note is None else _size(note)
        if size < head.published_size:
            got = "none" if note is None else f"one of size {size}"
            detail = f"iuran.checkpoints: expected the checkpoint published at size {head.published_size}"
            yield Finding("L6", head.journal, None, f"{detail}, got {got}")


def _size(note: bytes) -> int:
    """Give the size that a note claims; 0 for what is no checkpoint (the walk says so by itself)."""
    try:
        return claimed(note).size
    except (NoteError, UnicodeDecodeError):
        return 0


def _shared_gigs(walked: Sequence[Walked]) -> Iterator[Finding]:
    """A gig id that a platform reported for workers of two journals: each of them was accrued."""
    more = 0
    for number, (there, here) in enumerate(gigs_met_again([(w.journal, w.events) for w in walked])):
        if number >= SHARED_GIGS_MAX:
            more += 1
            continue
        detail = f"gig: expected an id of one worker, got that of journal {there[0]} entry {there[1]} again"
        yield Finding("L3", here[0], here[1], f"{detail}, under a worker of another journal")
    if more:
        yield Finding("L3", walked[-1].journal, None, f"gig: expected ids of one worker each, got {more} more again")
