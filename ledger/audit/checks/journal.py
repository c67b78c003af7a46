"""What stored data must satisfy, journal by journal: `iuran audit verify` without a database.

A `JournalCheck` is fed what is stored, in order, and collects findings. It believes nothing that it can derive: leaf
hashes, roots, balances, event keys and offsets are all worked out again from the leaves, and the columns and tiles
beside them are held against that. What nearly all entries are is judged in one pass (`plain`), the rest the long way
that is written here. Memory stays flat but for the workers' balances, the topics' positions, refused records not yet
met, and 24 bytes an event for L3.

Checks L1 (balances are the sums of contributions), L2 (with `growth`), L3 (event keys, causes and parts), L4 (written
form, and with `signatures` what platforms signed), L5, L6, L7 (with `growth`), L10 (range) and L12 (offsets). After a
wrong balance or offset it goes on from what the entry says, so that one wrong entry makes few findings. Whether amounts
are what the schemes ask is not asked here: that is recomputation. Must not know where evidence comes from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

import msgspec

from contracts.entry import (
    LEAF_BYTES_MAX,
    Entry,
    EntryError,
    Kind,
    Position,
    Refusal,
    StoredEvent,
    decode,
    event_key,
    salt,
    worker_of,
)
from contracts.rejections import Code
from contracts.topics import CONTROL, GIGS, partition_of
from ledger.audit.checks.balances import PLATFORM_SOURCE, Balances
from ledger.audit.checks.event_keys import EventKeys, digest_of
from ledger.audit.checks.growth import Growth
from ledger.audit.checks.journal_keys import JournalKeys
from ledger.audit.checks.offsets import Offsets
from ledger.audit.checks.plain import Plain
from ledger.audit.checks.references import LeavesAt, References
from ledger.audit.checks.signatures import Signatures
from ledger.audit.findings import Finding, Findings
from ledger.audit.keeping.kept import KeptJournal
from ledger.audit.kept_tiles import Tiles
from ledger.audit.rows import Column, Head, RefusedRow, Rows
from ledger.log.policy import Policy

_OPERATOR: Final = "urn:iuran:operator"
_CODES: Final = frozenset(Code)
_fixed_forms = re.compile(
    r"[0-9a-f]{32} [0-9a-f]{64} [0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z"
).fullmatch
_engine_form = re.compile(r"[1-9][0-9]{0,8}").fullmatch


class JournalCheck:
    """One journal walked from its first entry to its head.

    Call `start`, then `rows` with all stored rows in order of index, and each checkpoint of size n, in order of size,
    before row n; `refused` for a refused record at any time after its entry (at once keeps memory flat); then `finish`.
    """

    def __init__(
        self, journal: int, secret: bytes | None = None, remember: bool = False, since: KeptJournal | None = None
    ) -> None:
        """Take the journal's number and, if at hand, its secret: then each salt is made again and compared.

        `remember`: that `kept` will be asked for. `since`: go on behind what was kept, instead of from entry 0; then
        rows and checkpoints come from its size on, the checkpoint of that size among them. Raises ValueError for what
        no `kept` gives.

        The salt covers an entry's cause and not its content, so a salt that fits says only that the cause is the one
        it was made for.
        """
        self.journal = journal
        self.opening: dict[str, Any] | None = None
        """What entry 0 says of the ledger, once it was seen: `journals` is a number, `vkeys` a list."""
        self.events = EventKeys()
        """The events entered, to be held against other journals' by the caller."""
        self.entries = 0
        self.checkpoints = 0
        self.findings = Findings(journal)
        self._add = self.findings.add
        self._secret = secret
        self._keys = JournalKeys(journal, self.findings)
        self._growth = Growth(self.findings, self._keys)
        self._journals: int | None = None
        self._offsets = Offsets(self.findings)
        self._balances = Balances(self.findings)
        self._signatures = Signatures(self.findings)
        self._references = References(journal, self.findings)
        self._plain = Plain(journal, self._balances, self._offsets, self.events, secret)
        self._refused: dict[int, tuple[str, int, int, str, str]] = {}
        self._refused_entries = 0
        self.erased = 0
        """How many refused records were met that were erased: their hashes can't be held against anything."""
        self._refused_met = False
        self._speakers: set[tuple[str, str]] = set()
        self._remember = remember
        self._since = since
        self.schemes: dict[tuple[str, str], str] = {}
        """SHA-256 (hex) of the text of each scheme's version that was enacted."""
        if since is not None:
            self._resume(since)

    def start(
        self,
        head: Head,
        listed: Sequence[str],
        outside: Mapping[str, bytes] | None = None,
        tiles: Tiles | None = None,
        partial_tiles: bool = False,
        leaves_at: LeavesAt | None = None,
        trusted: Sequence[str] = (),
        policy: Policy | None = None,
    ) -> None:
        """Begin: `listed` are the verifier keys that the source lists, `trusted` those that the auditor brings, if any.

        `policy`: what a quorum of its witnesses has cosigned is believed, whatever became of the journal's keys.
        `outside` are checkpoints seen elsewhere (the topic of checkpoints, a witness, an earlier audit), each under a
        word that says where: the log must contain them all (L6). `tiles` gives those kept beside the entries, the
        partial ones of the whole tree among them if `partial_tiles`. `leaves_at` gives stored leaves by index, for what
        the columns of later entries say of them.
        """
        if head.journal != self.journal:
            self._add("L5", None, f"head: expected journal {self.journal}, got {head.journal}")
        self._keys.start(listed, trusted, policy)
        self._growth = Growth(self.findings, self._keys, tiles, partial_tiles, self._remember)
        self._references = References(self.journal, self.findings, leaves_at)
        if self._since is not None:
            self._keys.resume(self._since.keys)
            self._growth.resume(self._since.tree)
            self._references.resume(self._since.record, self._since.gig)
        self._growth.begin(head, outside or {})

    def rows(self, rows: Rows) -> None:
        """Check stored rows: their place in the tree, their leaves, and the columns beside them where there are any."""
        leaves, columns, start = rows.leaves, rows.columns, rows.start
        self.entries += len(leaves)
        at, end = 0, len(leaves)
        short = max(map(len, leaves), default=0) <= LEAF_BYTES_MAX
        while at < end:
            if short:
                at = self._plain.take(start, leaves, columns, at)
            if at < end:
                self._entry(start + at, leaves[at], None if columns is None else columns.at(at))
                at += 1
        self._references.settle()
        # behind the entries, since they say which keys must have signed
        self._growth.leaves(start, leaves)

    def _entry(self, index: int, leaf: bytes, column: Column | None) -> None:
        """Check one entry the long way: its leaf bytes, and its columns where they are kept."""
        if len(leaf) > LEAF_BYTES_MAX:
            self._add("L4", index, f"entry: expected at most {LEAF_BYTES_MAX} bytes, got {len(leaf)}")
        try:
            entry = decode(leaf)
        except (EntryError, UnicodeDecodeError, RecursionError, msgspec.MsgspecError) as error:
            self._add("L4", index, str(error))
            return
        if entry.index != index:
            self._add("L5", index, f"entry: expected its own index to be {index}, got {entry.index}")
        if entry.journal != self.journal:
            self._add("L5", index, f"entry: expected its own journal to be {self.journal}, got {entry.journal}")
        if column is not None:
            self._references.check(index, entry, column.refers_to)
            if column.kind != entry.kind:
                self._add("L2", index, f"column kind: expected {entry.kind}, got {column.kind}")
        self._check_form(index, entry)
        self._offsets.check(index, entry.cause, self.journal)
        self._signatures.check(index, entry)
        if isinstance(entry.event, StoredEvent):
            self._check_event(index, entry, entry.event, column)
        elif isinstance(entry.worker, str):
            self._check_part(index, entry, entry.worker, column)
        else:
            self._check_refusal(index, entry, column)

    def checkpoint(self, size: int, note: bytes) -> None:
        """Check a stored checkpoint: signature, growth, and its root once the tree has that size."""
        self.checkpoints += 1
        self._growth.checkpoint(size, note)

    def refused(self, row: RefusedRow) -> None:
        """Check a stored refused record against the entry that refuses it; of an erased one all but its bytes."""
        self._refused_met = True
        entered = self._refused.pop(row.index, None)
        digest = sha256(row.value or b"").hexdigest()
        if row.erased:
            self.erased += 1
            digest = digest if entered is None else entered[-1]
            if not row.emptied:
                self._add("L12", row.index, "refused record: expected nothing left of an erased one, got some of it")
        stored = (row.topic, row.partition, row.offset, row.code, digest)
        if entered is None:
            self._add("L12", row.index, "refused record: expected an entry that refuses it, got none")
        elif entered != stored:
            self._add("L12", row.index, "refused record: expected what the entry's cause and hash say, got another")

    def finish(
        self,
        head: Head,
        positions: Mapping[str, Position] | None,
        refused_rows: int | None = None,
        full_tiles: Mapping[int, int] | None = None,
    ) -> list[Finding]:
        """End: hold head and positions (by topic) against the walk, and give all findings by index.

        `positions` None: they are kept elsewhere; nothing is said of what came after the newest entries then.
        `refused_rows` is the number of stored refused records, where they were counted; entries whose record
        is missing are named if `refused` was called for any, or there is none at all. `full_tiles`: how many are kept,
        by level, where they were counted.
        """
        self._offsets.finish(positions, head.size)
        for index, first in self.events.met_again():
            self._add("L3", index, f"event: expected one not entered before, got that of entry {first} again")
        expected = self._refused_entries
        if refused_rows is not None and refused_rows != expected:
            self._add(
                "L12",
                None,
                f"refused records: expected {expected}, as many as entries refuse, got {refused_rows}",
                head.size,
            )
        if self._refused_met or refused_rows == 0:
            for index in self._refused:
                self._add("L12", index, "refused record: expected the record that this entry refuses, got none stored")
        self._growth.finish(head.size, head.frontier, full_tiles)
        self._keys.finish(head.size)
        return self.findings.ordered()

    def kept(self, note: bytes) -> KeptJournal:
        """Give what a walk must remember to go on from here, after `finish` without findings.

        `note` is the checkpoint of this size.
        """
        return KeptJournal(
            self.journal,
            note,
            self.opening or {},
            [(*named, digest) for named, digest in self.schemes.items()],
            sorted(self._speakers),
            self._refused_entries,
            *self._references.kept(),
            self._growth.kept(),
            self._keys.kept(),
            self._offsets.kept(),
            self._balances.kept(),
            self.events.kept(),
            self._signatures.kept(),
        )

    def _resume(self, kept: KeptJournal) -> None:
        self.opening = dict(kept.opening)
        self.schemes = {(scheme, version): digest for scheme, version, digest in kept.schemes}
        self._journals = self._plain.journals = kept.opening.get("journals")
        self._speakers = set(kept.speakers)
        self._refused_entries = kept.refused_entries
        self._offsets.resume(kept.topics)
        self._balances.resume(kept.balances)
        self.events.resume(kept.events)
        self._signatures.resume(kept.platforms)

    def root(self) -> bytes:
        """Give the root of the tree over the entries seen so far (32 bytes); after a gap, of those before it."""
        return self._growth.root()

    def _check_form(self, index: int, entry: Entry) -> None:
        cause = entry.cause
        if not _fixed_forms(f"{entry.salt} {cause.sha256} {entry.received_at}"):
            self._add(
                "L4", index, "entry: expected salt and sha256 in hexadecimal and received_at in UTC, got another form"
            )
        if entry.engine != "1" and not _engine_form(entry.engine):
            self._add("L4", index, "entry: expected a number as engine, got another form")
        if self._secret is not None:
            made = salt(self._secret, cause.topic, cause.partition, cause.offset, cause.part[0])
            if entry.salt != made:
                self._add(
                    "L4", index, "salt: expected the one that the journal's secret gives for its cause, got another"
                )
        if index == 0:
            self._check_opening(entry)

    def _check_opening(self, entry: Entry) -> None:
        event = entry.event
        if entry.kind != Kind.LEDGER or not isinstance(event, StoredEvent):
            self._add("L4", 0, f"entry 0: expected kind {Kind.LEDGER}, got {entry.kind}")
            return
        opening: dict[str, Any] = msgspec.json.decode(event.data)
        journals, vkeys = opening.get("journals"), opening.get("vkeys")
        if opening.get("journal") != self.journal or not isinstance(journals, int) or not isinstance(vkeys, list):
            self._add("L4", 0, f"entry 0: expected to open journal {self.journal}, got another opening")
            return
        self.opening = opening
        own = opening.get("own", vkeys[self.journal : self.journal + 1])
        if len(vkeys) == journals > self.journal and isinstance(own, list) and own[:1] == [vkeys[self.journal]]:
            self._journals = self._plain.journals = journals
            self._keys.opened(own)
        else:
            self._add("L6", 0, "entry 0: expected to name a verifier key of each journal and its own, got others")

    def _check_event(self, index: int, entry: Entry, event: StoredEvent, column: Column | None) -> None:
        source, event_id = entry.cause.source, entry.cause.id
        if not isinstance(source, str) or not isinstance(event_id, str):
            self._add("L3", index, "cause: expected source and id of the accepted event, got none")
            return
        if (entry.cause.topic, source) not in self._speakers:
            self._check_speaker(index, entry.cause.topic, source)
        own = worker_of(entry)
        if column is not None:
            if column.event_key != event_key(self.journal, source, event_id):
                self._add("L3", index, "column event_key: expected the key of the entry's event, got another")
            if column.worker != own:
                self._add(
                    "L2",
                    index,
                    "column worker: expected the entry's subject, got another"
                    if own
                    else "column worker: expected none for an operator's act, got one",
                )
        self.events.take(index, digest_of(source, event_id), entry.kind == Kind.ACCRUAL)
        if entry.kind == Kind.WORKER:
            self._check_sponsor(event)
        elif entry.kind == Kind.PLATFORM:
            self._plain.forget()
        elif entry.kind == Kind.KEY:
            self._keys.act(index, entry)
        elif entry.kind == Kind.SCHEME:
            self._check_scheme(index, event)
        if own is not None:
            self._check_balances(index, entry, own, source if entry.kind == Kind.ACCRUAL else "")
        is_known = (entry.cause.topic, source) in self._speakers and source not in self._signatures.keys
        if is_known and entry.kind == Kind.ACCRUAL:
            self._plain.hear(source, entry.cause.topic)

    def _check_part(self, index: int, entry: Entry, own: str, column: Column | None) -> None:
        """Check an entry whose event stands in another part of its record."""
        if column is not None and column.worker != own:
            self._add("L2", index, "column worker: expected the entry's worker, got another")
        if column is not None and column.event_key is not None:
            self._add("L3", index, "column event_key: expected none for a part without the event, got one")
        self._check_balances(index, entry, own, "")

    def _check_balances(self, index: int, entry: Entry, worker: str, source: str) -> None:
        if worker not in self._balances and self._journals is not None:
            self._check_partition(index, worker, self._journals)
        rows = entry.contributions if isinstance(entry.contributions, list) else []
        balances = entry.balances if isinstance(entry.balances, list) else []
        self._balances.check(index, worker, source, rows, balances)
        if isinstance(entry.refers_to, list) and any(not 0 <= other < index for other in entry.refers_to):
            self._add("L4", index, "refers_to: expected earlier entries, got another")

    def _check_scheme(self, index: int, event: StoredEvent) -> None:
        act: Any = msgspec.json.decode(event.data)
        digest = sha256(str(act.get("text")).encode()).hexdigest()
        if act.get("sha256") != digest:
            self._add("L4", index, "scheme: expected the digest of its text, got another")
        self.schemes.setdefault((str(act.get("scheme")), str(act.get("version"))), digest)

    def _check_sponsor(self, event: StoredEvent) -> None:
        stated: Any = msgspec.json.decode(event.data)
        sponsor = stated.get("set", {}).get("sponsor") if isinstance(stated.get("set"), dict) else None
        if isinstance(sponsor, str):
            self._balances.sponsor(sponsor)

    def _check_partition(self, index: int, worker: str, journals: int) -> None:
        partition = partition_of(worker.encode(), journals)
        if partition != self.journal:
            self._add("L3", index, f"subject: expected a worker of journal {self.journal}, got one of {partition}")

    def _check_speaker(self, index: int, topic: str, source: str) -> None:
        """The topic says who speaks: a platform on its own, the operator on the control topic (under any prefix)."""
        platform = source.removeprefix(PLATFORM_SOURCE)
        own = CONTROL if source == _OPERATOR else GIGS + platform
        if topic == own or topic.endswith("." + own):
            self._speakers.add((topic, source))
        else:
            self._add("L4", index, f"cause: expected source and topic to agree, got {source} on {topic}")

    def _check_refusal(self, index: int, entry: Entry, column: Column | None) -> None:
        self._refused_entries += 1
        code = entry.rejection.code if isinstance(entry.rejection, Refusal) else ""
        cause = entry.cause
        self._refused[index] = (cause.topic, cause.partition, cause.offset, code, cause.sha256)
        if code not in _CODES:
            self._add("L4", index, f"rejection: expected a known code, got {code[:40]!r}")
        if column is not None and column.worker is not None:
            self._add("L2", index, "column worker: expected none for a rejection, got one")
        if column is not None and column.event_key is not None:
            self._add("L3", index, "column event_key: expected none for a rejection, which occupies no id, got one")
