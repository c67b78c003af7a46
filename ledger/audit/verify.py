"""`iuran audit verify`: every journal walked from entry 0 to its head, then all of them held against each other.

Each journal is a `JournalCheck` (or, where the log alone is asked for, a `LogCheck`) fed from one view of the source,
in this process or another; what only shows between journals is asked in `between`.

What can't be found from stored data: a checkpoint row removed from the middle of a journal (the tree and all other
checkpoints still hold; `heads.commits` counts openings and duplicates too, so it says nothing), the words of a
rejection's detail, the bytes of one that was erased (its hash stands in the entry and has nothing left to be held
against: how many, is told), and, where nothing outside is compared, a source that was set back as a whole or written
anew by who holds the keys.

Going on from what was kept (`since`), entries, refused records, tiles and checkpoints below that size are not read. The
kept frontier grows by the new leaves to every newer checkpoint: a root that fits proves that the tree verified before
is its beginning, and that the new leaves are those signed. So a fork, a log written anew, another ledger of the same
name and a journal set back (which is walked whole again) are found. Not found: what was changed in place below the
size while the checkpoints still sign what it was, as their readers would find; and what a source that kept less (a
folder has no columns, positions or refused records) could not show when it was verified.

Upholds L1 to L7, L10 and L12 as an auditor. Knows neither broker nor terminal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from ledger.audit import between, parallel
from ledger.audit.checks.journal import JournalCheck
from ledger.audit.checks.log import LogCheck
from ledger.audit.elsewhere import standing
from ledger.audit.elsewhere.held import NOTHING_HELD, Held
from ledger.audit.findings import Finding
from ledger.audit.keeping.kept import KeptJournal
from ledger.audit.verdict import Verdict, Walked
from ledger.errors import Unfit
from ledger.log import policy as policies

if TYPE_CHECKING:
    from ledger.audit.elsewhere.outside import Outside
    from ledger.audit.parallel import Advance
    from ledger.audit.sources.source import JournalSource, Stored, StoredHead, View
    from ledger.log.policy import Policy

VERIFIED_BEFORE: Final = "verified before"
"""What the checkpoint is called up to which an earlier audit came."""
NO_SECRETS: Final[Mapping[int, bytes]] = {}
NO_KEYS: Final[Mapping[int, str]] = {}
NOTHING_KEPT: Final[Mapping[int, bytes]] = {}


class Task(NamedTuple):
    """One journal's walk, as it travels to the process that does it."""

    view: View
    stored: StoredHead
    trusted: tuple[str, ...]
    held: Held
    secret: bytes | None
    log_only: bool
    since: bytes | None = None
    keep: bool = False
    policy: bytes | None = None


def verify(
    stored: Stored,
    outside: Outside | None,
    advance: Advance,
    *,
    journals: Sequence[int] | None = None,
    vkeys: Mapping[int, str] = NO_KEYS,
    known_secrets: Mapping[int, bytes] = NO_SECRETS,
    held: Mapping[int, Held] | None = None,
    policy: Policy | None = None,
    strict: bool = False,
    log_only: bool = False,
    since: Mapping[int, bytes] = NOTHING_KEPT,
    keep: bool = False,
    cores: int = 1,
) -> Verdict:
    """Verify these journals (all); `outside` None: nothing is compared with what was published.

    `vkeys` are verifier keys that the auditor trusts, by journal, one a line: without one those that the source lists
    are taken, so that who may write there may also choose the key. `known_secrets` let salts be made again. `held` is
    what was kept elsewhere and must be in the logs. `policy`: the checkpoints shown to others must have its quorum, and
    what is held and has it is believed, whatever became of the journals' keys.
    `log_only`: leaves, tree, tiles and signatures, and nothing that entries say. `since`: what was kept of journals
    that were verified before; they are gone on from there. `keep`: give what is to be kept, as `Walked.kept`; neither
    goes with `log_only`. Raises Unfit for what can't be gone on from.
    """
    chosen = [h for h in stored.heads if journals is None or h.head.journal in journals]
    tasks = [
        Task(
            stored.view,
            head,
            tuple(filter(None, vkeys.get(head.head.journal, "").split("\n"))),
            _held(head, outside, held or {}),
            known_secrets.get(head.head.journal),
            log_only,
            since.get(head.head.journal),
            keep,
            None if policy is None else policy.format(),
        )
        for head in chosen
    ]
    walked = parallel.each(walk, tasks, advance, cores)
    found, between_them = _between(stored, chosen, walked, outside, vkeys, policy, strict=strict)
    doubts = [(w.journal, doubt) for w in walked for doubt in w.warnings]
    found += [Finding("L6", journal, None, doubt) for journal, doubt in doubts if strict]
    warnings = [*(f"journal {journal}: {doubt}" for journal, doubt in doubts if not strict), *between_them]
    by_journal = sorted({f.journal for f in found} | {w.journal for w in walked})
    listed = {w.journal: w.findings for w in walked}
    return Verdict(
        tuple(walked),
        tuple(f for n in by_journal for f in (*(f for f in found if f.journal == n), *listed.get(n, ()))),
        sum(w.unlisted for w in walked),
        tuple(warnings),
        outside is not None or bool(held) or bool(since),
    )


def _between(
    stored: Stored,
    chosen: Sequence[StoredHead],
    walked: Sequence[Walked],
    outside: Outside | None,
    vkeys: Mapping[int, str],
    policy: Policy | None,
    *,
    strict: bool,
) -> tuple[list[Finding], list[str]]:
    """Give (findings, warnings) of what only shows between journals, and against what stands outside."""
    shared = list(between.shared_gigs([(w.journal, w.events) for w in walked if w.events is not None]))
    found = [
        *between.check_ledger(stored, walked),
        *between.check_outside(chosen, outside),
        *between.check_keys(chosen, vkeys),
        *between.check_schemes(walked),
        *(shared if strict else ()),
    ]
    warnings = [] if strict else [str(finding) for finding in shared]
    if outside is not None:
        still, wait = standing.check(outside.unread, [h.head.journal for h in chosen], strict=strict)
        found += still
        warnings += wait
    if policy is not None:
        lacking, late = between.check_quorum(chosen, policy)
        found += lacking
        warnings += late
    return found, warnings


def walk(task: Task, advance: Advance) -> Walked:
    """Walk one journal. Raises StoreUnavailable; Unfit for what can't be gone on from."""
    head = task.stored.head
    since = None if task.since is None else _decoded(task.since, head.journal)
    notes = task.held.notes if since is None else {**task.held.notes, VERIFIED_BEFORE: since.note}
    if since is not None and head.size < since.size:
        since = None  # set back: all of it is walked, and held against what was verified
    check = LogCheck(head.journal) if task.log_only else _check_of(task, since)
    with task.view.journal(head.journal) as source:
        check.start(
            head,
            task.stored.vkey.split("\n"),
            notes,
            source.tiles,
            source.partial_tiles,
            source.leaves_at,
            task.trusted,
            None if task.policy is None else policies.parse(task.policy),
        )
        _feed(check, source, advance, 0 if since is None else since.size)
        for fault in source.faults:
            check.findings.add("L5", fault.place, fault.detail, head.size)
        task.held.check_receipts(source.leaves_at, check.findings)
        if isinstance(check, LogCheck):
            findings = check.finish(head, source.tile_counts())
        else:
            findings = check.finish(head, source.positions(), source.refused_count(), source.tile_counts())
        note = source.note_at(head.size) if task.keep and not findings else None
    kept = None if note is None or isinstance(check, LogCheck) else check.kept(note).encode()
    return Walked(
        head.journal,
        check.entries,
        head.size,
        check.root(),
        check.checkpoints,
        0 if isinstance(check, LogCheck) else check.erased,
        findings,
        check.findings.unlisted,
        check.opening,
        None if isinstance(check, LogCheck) else check.events,
        {} if isinstance(check, LogCheck) else check.schemes,
        0 if since is None else since.size,
        tuple(check.findings.warnings),
        kept,
    )


def _decoded(encoded: bytes, journal: int) -> KeptJournal:
    try:
        return KeptJournal.decode(encoded)
    except msgspec.MsgspecError as error:
        raise Unfit(f"verified before: expected what was kept of journal {journal}, got {error}") from error


def _check_of(task: Task, since: KeptJournal | None) -> JournalCheck:
    journal = task.stored.head.journal
    try:
        return JournalCheck(journal, task.secret, task.keep, since)
    except ValueError as error:
        raise Unfit(f"verified before: expected what was kept of journal {journal}, got {error}") from error


def _feed(check: JournalCheck | LogCheck, source: JournalSource, advance: Advance, start: int) -> None:
    """Feed a journal's rows in the order that the checks ask for: each checkpoint before the leaves beyond it.

    `start` is the size from which the walk goes on; the checkpoint of that size is fed again.
    """
    checkpoints = source.checkpoints(max(0, start - 1))
    checkpoint = next(checkpoints, None)
    refused = _Refused(check, source, start)
    for several in source.rows(start):
        while checkpoint is not None and checkpoint[0] <= several.end:
            check.checkpoint(*checkpoint)
            checkpoint = next(checkpoints, None)
        check.rows(several)
        refused.up_to(several.end)
        advance(len(several.leaves))
    while checkpoint is not None:
        check.checkpoint(*checkpoint)
        checkpoint = next(checkpoints, None)
    refused.up_to(None)


class _Refused:
    """Feeds the refused records of the entries that were read."""

    def __init__(self, check: JournalCheck | LogCheck, source: JournalSource, start: int) -> None:
        self._check = check if isinstance(check, JournalCheck) else None
        self._records = iter(()) if self._check is None else source.refused(start)
        self._next = next(self._records, None)

    def up_to(self, end: int | None) -> None:
        while self._check is not None and self._next is not None and (end is None or self._next.index < end):
            self._check.refused(self._next)
            self._next = next(self._records, None)


def _held(head: StoredHead, outside: Outside | None, held: Mapping[int, Held]) -> Held:
    """Give all that must be in a journal's log: what was published, what is shown, and what was kept elsewhere."""
    number = head.head.journal
    own = held.get(number, NOTHING_HELD)
    notes = dict(own.notes)
    published = None if outside is None else outside.before.get(number)
    if published is not None:
        notes["on iuran.checkpoints"] = published
    if head.shown is not None and head.shown != head.head.published:
        notes["shown"] = head.shown
    return own._replace(notes=notes)
