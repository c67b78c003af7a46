"""The short way for plain entries: what nine entries in ten are, judged in one pass each and never found wrong.

A plain entry is the one entry of a platform's gig, in the form of `ledger.audit.grammar`, that follows on what was
read before in every respect that the checks ask for: its place, its topic's offset, its columns, its platform's voice,
its payers and windows, its worker's balances. `Plain` takes such entries and counts them in; the first that is not so
it leaves untouched, whatever the reason, to be read the long way, where it may turn out to be right or wrong. So
nothing is checked less strictly here, and no finding is made; a test walks both ways and holds them together.

Gigs repeat their amounts, and postings their funds, payers and windows: what was read once, with all that is asked of
it, is known by its bytes and need not be read again. Upholds L1, L3, L4, L10 and L12 as an auditor. Must not know
where entries come from.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256
from operator import add
from typing import Final

import msgspec
from msgspec import UNSET

from contracts.entry import ContributionRow, Kind, Salter, encode
from contracts.topics import partition_of
from ledger.audit import grammar
from ledger.audit.checks.balances import PLATFORM_SOURCE, Balances
from ledger.audit.checks.event_keys import KEY_BYTES, EventKeys
from ledger.audit.checks.offsets import Offsets, Partition
from ledger.audit.checks.totals import Fund, Listing, Totals, is_exact
from ledger.audit.rows import Columns

POSTED_MAX: Final = 1 << 14
TAILS_MAX: Final = 1 << 12
VOICES_MAX: Final = 1 << 10
"""How many are remembered; beyond that all are forgotten and learnt again: strangers can't fill memory."""

_OWN: Final = b"]"
"""Stands for the worker's own name in postings; the grammar ends them before the first such byte."""
_AS_PAYER: Final = b'"payer":"worker:%b"' % _OWN

Step = tuple[Listing, tuple[int, ...]]
"""What postings do to the balances of a worker: which funds are listed then, and what each of them gains."""

_amount = re.compile(rb"0|-?[1-9][0-9]{0,14}").fullmatch
_posting = msgspec.json.Decoder(ContributionRow).decode


class _Voice:
    """A source that speaks on its topic: where the topic stands, and the postings seen on its gigs.

    `steps` are known by the funds of the worker's balances before and by the text of the postings, with `_OWN` for the
    worker's name.
    """

    __slots__ = ("digest", "keyed", "learnt", "partition", "salter", "source", "steps", "tails")

    def __init__(self, journal: int, source: str, topic: str, partition: Partition, secret: bytes | None) -> None:
        self.source = source
        self.salter = None if secret is None else Salter(secret, topic, journal)
        self.partition = partition
        self.digest = sha256(f"{source}\n".encode())
        self.keyed = f"{journal}\n{source}\n".encode()
        self.steps: dict[Listing, dict[bytes, Step]] = {}
        self.learnt = 0
        self.tails: dict[bytes, Fund] = {}


class Plain:
    """The short way through one journal; shares what is added up with the long way."""

    def __init__(
        self, journal: int, balances: Balances, offsets: Offsets, keys: EventKeys, secret: bytes | None = None
    ) -> None:
        self.journals: int | None = None
        """How many there are, once entry 0 has said so: from then on a worker must be one of this journal."""
        self._journal = journal
        self._balances = balances
        self._offsets = offsets
        self._keys = keys
        self._secret = secret
        self._match = grammar.plain_entry(journal, told=False).fullmatch
        self._voices: dict[bytes, _Voice] = {}
        self._workers: dict[bytes, Totals] = {}

    def hear(self, source: str, topic: str) -> None:
        """Take note that a platform's source speaks on its own topic, and that it signs nothing."""
        partition = self._offsets.partition(topic)
        if partition is not None and source.startswith(PLATFORM_SOURCE) and (source + topic).isascii():
            named = encode({"source": source, "topic": topic})[1:-1]
            if len(self._voices) >= VOICES_MAX:
                self._voices.clear()
            if named not in self._voices:
                self._voices[named] = _Voice(self._journal, source, topic, partition, self._secret)

    def forget(self) -> None:
        """Forget who speaks: a platform was changed."""
        self._voices.clear()

    def take(self, start: int, leaves: Sequence[bytes], columns: Columns | None, at: int) -> int:
        """Take the plain entries from place `at` on; give the place of the first that is not, or how many there are.

        `start` is the index of the first of `leaves`, none of which is longer than an entry may be.
        """
        match, unhexed, voices, workers = self._match, grammar.unhexed, self._voices, self._workers
        keys, indexes = self._keys.keys, self._keys.indexes
        for place in range(at, len(leaves)):
            leaf = leaves[place]
            found = match(leaf)
            if found is None:
                return place
            balances, event_id, offset, digest, named, postings, subject, own_index, salted = found.groups()
            index = start + place
            voice = voices.get(named)
            hexed = unhexed(digest + salted)
            if voice is None or int(own_index) != index or hexed is None:
                return place
            seen = voice.partition
            read = int(offset)
            if read != seen.offset + 1 or seen.part != seen.parts:
                return place
            if columns is not None and not (
                columns.workers[place] == subject
                and columns.event_keys[place] == sha256(voice.keyed + event_id).digest()[:16]
                and columns.refers_to[place] is None
                and columns.kinds[place] == Kind.ACCRUAL
            ):
                return place
            if voice.salter is not None and voice.salter.first(offset) != hexed[32:]:
                return place
            totals = workers.get(subject) or self._worker(subject)
            if totals is None or not totals.plain:
                return place
            text = postings.replace(subject, _OWN)
            listing = totals.listing
            steps = voice.steps.get(listing)
            step = (steps and steps.get(text)) or self._step(voice, listing, subject, text)
            if step is None:
                return place
            after, gained = step
            before = totals.amounts if after is listing else totals.widened(after)
            amounts = (*map(add, before, gained),)
            if after.form % amounts != balances or (len(balances) > after.narrow and not is_exact(amounts)):
                return place
            totals.listing, totals.amounts = after, amounts
            seen.index, seen.offset, seen.sha256 = index, read, digest
            if seen.parts != 1:
                seen.part = seen.parts = 1
            event = voice.digest.copy()
            event.update(event_id)
            key = event.digest()[:KEY_BYTES]
            heap = key[0]
            keys[heap] += key
            indexes[heap].append(index)
        return len(leaves)

    def _step(self, voice: _Voice, listing: Listing, subject: bytes, text: bytes) -> Step | None:
        """Give what postings do to balances that list these funds; None where one of them must be looked at closely."""
        if text.count(_OWN) != text.count(_AS_PAYER):
            return None
        sums: dict[Fund, int] = {}
        pieces = (text + b",").split(b'{"amount":') if text else [b""]
        if pieces[0]:
            return None
        for piece in pieces[1:]:
            amount, _, tail = piece.partition(b",")
            fund = voice.tails.get(tail) or self._read_tail(voice, tail, subject)
            if fund is None or not _amount(amount):
                return None
            sums[fund] = sums.get(fund, 0) + int(amount)
        if voice.learnt >= POSTED_MAX:
            voice.steps.clear()
            voice.learnt = 0
        voice.learnt += 1
        after = self._balances.listings.with_more(listing, sums)
        step = after, tuple(sums.get(fund, 0) for fund in after.funds)
        voice.steps.setdefault(listing, {})[text] = step
        return step

    def _read_tail(self, voice: _Voice, tail: bytes, subject: bytes) -> Fund | None:
        if not tail.endswith(b"},"):
            return None
        text = b'{"amount":0,' + tail[:-1].replace(_OWN, subject)
        try:
            row = _posting(text)
        except ValueError:
            return None
        worker = subject.decode()
        if encode(row) != text or row.state is not UNSET or not self._balances.may_pay(row, worker, voice.source):
            return None
        if len(voice.tails) >= TAILS_MAX:
            voice.tails.clear()
        fund = voice.tails[tail] = self._balances.fund(row)
        return fund

    def _worker(self, subject: bytes) -> Totals | None:
        """Give the totals of a worker who comes for the first time on this way; None for one of another journal."""
        name = subject.decode()
        is_own = self.journals is None or partition_of(subject, self.journals) == self._journal
        if not is_own and name not in self._balances:
            return None
        totals = self._workers[subject] = self._balances.totals(name)
        return totals
