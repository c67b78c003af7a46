"""What only shows between journals: that none is hidden, that all say the same, that no gig stands in two of them.

A gig id under workers of two journals is a platform's contradiction and not the ledger's (SPEC section 3: found here,
not at intake), so it is a warning, and a finding only for who asks to be strict. Upholds L2 to L6 as an auditor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from contracts.events import JOURNALS_MAX
from ledger.audit.checks.event_keys import EventKeys, gigs_met_again
from ledger.audit.findings import Finding
from ledger.log.checkpoint import claimed
from ledger.log.note import NoteError

if TYPE_CHECKING:
    from ledger.audit.elsewhere.outside import Outside
    from ledger.audit.sources.source import Stored, StoredHead
    from ledger.audit.verdict import Walked
    from ledger.log.policy import Policy

SHARED_GIGS_MAX: Final = 100
"""How many gigs met in two journals are named; more are counted with the last."""


def check_ledger(stored: Stored, walked: Sequence[Walked]) -> Iterator[Finding]:
    """Hold what the source says of the ledger, and which journals it has, against what the entries 0 say."""
    for table, number in stored.strangers:
        yield Finding("L5", number, None, f"{table}: expected no rows of a journal that has no head, got some")
    yield from _check_missing(stored, stored.journals, "the ledger's row")
    for journal in walked:
        if not journal.entries and not journal.taken:
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


def check_keys(heads: Sequence[StoredHead], vkeys: Mapping[int, str]) -> Iterator[Finding]:
    """Each key that is trusted must be among those that the source lists."""
    for stored in heads:
        number = stored.head.journal
        listed = stored.vkey.split("\n")
        for trusted in filter(None, vkeys.get(number, "").split("\n")):
            if trusted not in listed:
                detail = f"verifier key: expected {trusted}, which is trusted, got {listed[0][:200]} and no such key"
                yield Finding("L6", number, None, detail)


def check_schemes(walked: Sequence[Walked]) -> Iterator[Finding]:
    """One version of a scheme has one text, whichever journal recorded it."""
    first: dict[tuple[str, str], tuple[int, str]] = {}
    for one in walked:
        for named, digest in one.schemes.items():
            journal, known = first.setdefault(named, (one.journal, digest))
            if known != digest:
                detail = f"scheme {' '.join(named)[:80]}: expected the text that journal {journal} records, got another"
                yield Finding("L4", one.journal, None, detail)


def check_quorum(heads: Sequence[StoredHead], policy: Policy) -> tuple[list[Finding], list[str]]:
    """Give what a policy finds lacking in the checkpoints that are shown, and what is newer than they are."""
    lacking, late = [], []
    for stored in heads:
        number, size = stored.head.journal, stored.head.size
        try:
            if stored.shown is None:
                raise NoteError("none")
            witnessed = policy.open(stored.shown)
        except NoteError as error:
            detail = f"checkpoint shown: expected one of a log of the policy, got {error}"
            lacking.append(Finding("L6", number, None, detail))
            continue
        if not witnessed.quorum:
            detail = f"checkpoint shown: expected cosignatures of a quorum, got {len(witnessed.cosigned)} of witnesses"
            lacking.append(Finding("L6", number, None, detail))
        elif witnessed.checkpoint.size < size:
            late.append(f"journal {number}: entries from {witnessed.checkpoint.size} on have no quorum yet")
    return lacking, late


def check_outside(heads: Sequence[StoredHead], outside: Outside | None) -> Iterator[Finding]:
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


def shared_gigs(journals: Sequence[tuple[int, EventKeys]]) -> Iterator[Finding]:
    """A gig id that a platform reported for workers of two journals: each of them was accrued."""
    more = 0
    for number, (there, here) in enumerate(gigs_met_again(journals)):
        if number >= SHARED_GIGS_MAX:
            more += 1
            continue
        detail = f"gig: expected an id of one worker, got that of journal {there[0]} entry {there[1]} again"
        yield Finding("L3", here[0], here[1], f"{detail}, under a worker of another journal")
    if more:
        yield Finding("L3", journals[-1][0], None, f"gig: expected ids of one worker each, got {more} more again")
