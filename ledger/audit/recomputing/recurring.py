"""What entries say again and again, read once and then known by its bytes: what gigs pay, and what they post.

A gig's data differ from those of gigs that paid the same in when it was accepted, how far it went and how long it took;
postings of the same amounts differ in the worker's own name as a payer. The bytes without that come many times, and are
read, or written, with all that is asked of them, once. Whatever is not so is read and refused as it always is.

What is remembered is bounded in number and in length, and forgotten as a whole when it is full: strangers can't fill
memory. Upholds L4 and L10 as an auditor. Must not know accounts or findings.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from typing import Final, NamedTuple, TypeVar

from contracts.codec import stored_gig
from contracts.entry import ContributionRow, encode
from contracts.forms import parse_instant
from ledger.audit import grammar
from ledger.domain.earning import Gig
from ledger.domain.posting import Contribution
from ledger.intake import gig_of, row_of

KNOWN_MAX: Final = 1 << 13
TEXT_MAX: Final = 2048
"""How many texts of each kind are remembered, of at most so many bytes: not more than about 40 MB."""

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

_OWN: Final = b"\0"
"""Stands for the worker's own name as a payer; JSON has no such byte."""
_strict = grammar.rows(ContributionRow).fullmatch
_new = tuple.__new__

_measured = re.compile(
    rb'\{(?:"accepted_at":"([^"]*+)",)?+([^\]]*+\],"currency":"[^"]*+",)'
    rb'(?:"distance_m":(0|[1-9][0-9]{0,14}+),)?+(?:"engaged_seconds":(0|[1-9][0-9]{0,14}+),)?+([^\[}]*+)\}'
).fullmatch
"""A gig's data in canonical form, of one stretch and nothing declared: what is measured, apart from the rest."""


class _Known(dict[Key, Value]):
    def keep(self, key: Key, length: int, value: Value) -> Value:
        """Remember what a text of this length was read as; give it back."""
        if length <= TEXT_MAX:
            if len(self) >= KNOWN_MAX:
                self.clear()
            self[key] = value
        return value


class RecurringGigs:
    """Reads gigs' data."""

    def __init__(self) -> None:
        self._known: _Known[bytes, Gig] = _Known()

    def gig(self, platform: str, worker: str, occurred_at: int, data: bytes) -> Gig:
        """Give a platform's gig, of data that an entry keeps and that are in canonical form, as `gig_of` does.

        Raises ValueError for data that would not have been accepted.
        """
        found = _measured(data)
        if found is None:
            return _told(data)._replace(platform=platform, worker=worker, occurred_at=occurred_at)
        accepted_at, before, metres, seconds, after = found.groups()
        if accepted_at is not None:
            parse_instant(accepted_at.decode())
        rest = before + after  # says where it was cut: `before` ends with the currency
        told = self._known.get(rest)
        if told is None:
            told = self._known.keep(rest, len(rest), _told(b"{%b}" % rest))
        _, _, service, vehicle, zone, currency, pay, commission, engaged, distance, segments, _, due, exchange = told
        if seconds is not None:
            engaged = int(seconds)
        if metres is not None:
            distance = int(metres)
        named = (worker, platform, service, vehicle, zone, currency, pay, commission)
        return _new(Gig, (*named, engaged, distance, segments, occurred_at, due, exchange))


def _told(data: bytes) -> Gig:
    """Give the gig of data, without what they don't say: platform, worker, time."""
    return gig_of("", "", 0, *stored_gig(data))


class Written(NamedTuple):
    """Rows of postings as they are written, `text` without the worker's own name; `known`: what wrote the same."""

    platform: str
    rows: bytes
    text: bytes
    known: _Posted | None


class _Posted(NamedTuple):
    """Postings of some worker; `own`: those that the worker pays, by place, with what stands before and behind."""

    postings: list[Contribution]
    own: Sequence[tuple[int, tuple[str, ...], tuple[str | int, ...]]]


class RecurringPostings:
    """Holds rows of postings, as they are written, against postings that were worked out.

    Rows that were once, byte for byte, those of some worker's postings are those of another's who has the same: only
    the name differs, and it is written as it is. Where that does not tell, they are written, and compared.
    """

    def __init__(self) -> None:
        self._known: _Known[tuple[str, bytes], _Posted] = _Known()

    def written(self, platform: str, worker: bytes, rows: bytes) -> Written | None:
        """Give the rows of a platform's entry about a worker, without brackets around them; None for some that strict
        decoding may refuse. The worker's name is printable ASCII without quotation mark and reverse solidus.
        """
        if _OWN in rows:
            return None
        text = rows.replace(b'"payer":"worker:%b"' % worker, _OWN)
        known = self._known.get((platform, text))
        return None if known is None and not _strict(rows) else _new(Written, (platform, rows, text, known))

    def are(self, written: Written, worker: str, postings: list[Contribution]) -> bool:
        """Tell whether rows are, byte for byte, those that an entry about the worker with these postings has."""
        platform, rows, text, known = written
        payer = "worker:" + worker
        if known is not None:
            same = known.postings.copy()
            for at, before, behind in known.own:
                same[at] = _new(Contribution, (*before, payer, *behind))
            if same == postings:
                return True
        if encode([row_of(posting, platform) for posting in postings])[1:-1] != rows:
            return False
        own = [(at, posting[:3], posting[4:]) for at, posting in enumerate(postings) if posting[3] == payer]
        self._known.keep((platform, text), len(text), _Posted(postings, own))
        return True
