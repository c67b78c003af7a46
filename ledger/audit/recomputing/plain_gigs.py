"""Recomputing's short way into plain entries: the one entry of a platform's gig, read into a typed gig in one step.

What reading the long way asks of such an entry is asked here by `ledger.audit.grammar`, by its place, event key and
salt, and by the rows of its postings and balances, so that the long way would read it without a finding. What is not so
is None, whatever the reason, and goes the long way. Postings and balances themselves are left to be compared with what
the gig comes to. Upholds L3, L4 and L10 as an auditor; a test walks both ways and holds them together. Must not
know accounts or schemes.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final, Literal, NamedTuple

import msgspec

from contracts import forms
from contracts.entry import BalanceRow, Salter
from ledger.audit import grammar
from ledger.audit.recomputing.recurring import RecurringGigs, RecurringPostings, Written
from ledger.domain.earning import Gig
from ledger.intake import platform_of

NO_COLUMN: Final[Literal[""]] = ""
"""Stands for an event key where none is kept beside the leaf."""
VOICES_MAX: Final = 1 << 10
"""How many sources are remembered; beyond that all are forgotten: strangers can't fill memory."""

_balances = grammar.rows(BalanceRow).fullmatch
_new = tuple.__new__


class PlainGig(NamedTuple):
    """A plain entry as read: its gig, and the rows of its postings and balances as written, without brackets."""

    gig: Gig
    written: Written
    balances: bytes


class _Voice(NamedTuple):
    platform: str
    salter: Salter | None
    keyed: bytes


class PlainGigs:
    """Reads one journal's plain entries; `secret` is the journal's, where salts are to be made again."""

    def __init__(self, journal: int, secret: bytes | None) -> None:
        self._journal = journal
        self._secret = secret
        self._match = grammar.plain_entry(journal).fullmatch
        self._voices: dict[bytes, _Voice] = {}
        self._gigs = RecurringGigs()
        self.postings = RecurringPostings()

    def read(self, index: int, column: bytes | Literal[""] | None, leaf: bytes) -> PlainGig | None:
        """Give the gig of a leaf that stands at an index, beside this event key (or NO_COLUMN); None for another."""
        found = self._match(leaf)
        if found is None:
            return None
        balances, event_id, offset, record, named, rows, data, subject, time, own_index, salted = found.groups()
        voice = self._voices.get(named) or self._hear(named)
        hexed = grammar.unhexed(record + salted)
        if voice is None or int(own_index) != index or hexed is None:
            return None
        if column != NO_COLUMN and column != sha256(voice.keyed + event_id).digest()[:16]:
            return None
        if voice.salter is not None and voice.salter.first(offset) != hexed[32:]:
            return None
        worker = subject.decode()
        written = self.postings.written(voice.platform, subject, rows)
        if written is None or not _balances(balances):
            return None
        try:
            gig = self._gigs.gig(voice.platform, worker, forms.parse_instant(time.decode()), data)
        except ValueError:
            return None
        return _new(PlainGig, (gig, written, balances))

    def _hear(self, named: bytes) -> _Voice | None:
        """Give who speaks where, as an entry's cause names them; None for a source that is no platform."""
        told = msgspec.json.decode(b"{%b}" % named)
        source, topic = told["source"], told["topic"]
        platform = platform_of(source)
        if not platform:
            return None
        if len(self._voices) >= VOICES_MAX:
            self._voices.clear()
        salter = None if self._secret is None else Salter(self._secret, topic, self._journal)
        voice = self._voices[named] = _Voice(platform, salter, f"{self._journal}\n{source}\n".encode())
        return voice
