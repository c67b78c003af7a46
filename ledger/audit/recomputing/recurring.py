"""What entries say again and again, read once and then known by its bytes: what gigs pay, and what they post.

A gig's data differ from those of gigs that paid the same in when it was accepted, how far it went and how long it took;
postings of the same amounts differ in the worker's own name as a payer. The bytes without that come many times, and are
read, with all that is asked of them, once. Whatever is not so is read as it always is, and refused as it always is.

What is remembered is bounded in number and in length, and forgotten as a whole when it is full: strangers can't fill
memory. Upholds L4 and L10 as an auditor. Must not know accounts or findings.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from typing import Final, NamedTuple, TypeVar

import msgspec

from contracts.codec import stored_gig
from contracts.entry import ContributionRow, encode
from contracts.forms import parse_instant
from ledger.domain.earning import Gig
from ledger.domain.posting import Contribution
from ledger.intake import gig_of, posting_of, row_of

KNOWN_MAX: Final = 1 << 13
TEXT_MAX: Final = 2048
"""How many texts of each kind are remembered, of at most so many bytes: not more than about 40 MB."""

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

_OWN: Final = b"\0"
"""Stands for the worker's own name as a payer; JSON has no such byte."""
_WORKER: Final = "worker:"
_WORKER_PAYS: Final = b'"payer":"%b"' % _WORKER.encode()
"""The worker as a payer, whose name is not said."""
_amount = re.compile(rb"0|-?[1-9][0-9]{0,14}").fullmatch
_decode_row = msgspec.json.Decoder(ContributionRow).decode
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


class _Posted(NamedTuple):
    """Postings as some worker's; `own`: those that the worker pays, by place, with what stands before and behind."""

    postings: list[Contribution]
    own: Sequence[tuple[int, tuple[str, ...], tuple[str | int, ...]]]


class RecurringPostings:
    """Reads the rows of postings."""

    def __init__(self) -> None:
        self._known: _Known[tuple[str, bytes], _Posted] = _Known()
        self._rows: _Known[tuple[str, bytes], Contribution] = _Known()

    def postings(self, platform: str, worker: str, rows: bytes) -> list[Contribution] | None:
        """Give the postings of a platform's entry about a worker, of its rows without brackets around them.

        None for rows that strict decoding refuses, that are not as `row_of` writes these postings, or that no scheme
        makes: of 16 digits, or paid by a worker without a name.
        """
        if _OWN in rows:
            return None
        payer = "worker:" + worker
        text = rows.replace(b'"payer":"%b"' % payer.encode(), _OWN)
        known = self._known.get((platform, text))
        if known is None:
            known = self._read(platform, text)
            if known is None:
                return None
            self._known.keep((platform, text), len(text), known)
        postings = known.postings.copy()
        for at, before, after in known.own:
            postings[at] = _new(Contribution, (*before, payer, *after))
        return postings

    def _read(self, platform: str, text: bytes) -> _Posted | None:
        """Read rows one by one: what stands behind the amount comes again even where amounts never do."""
        postings: list[Contribution] = []
        pieces = (text + b",").split(b'{"amount":') if text else [b""]
        if pieces[0]:
            return None
        for piece in pieces[1:]:
            amount, _, rest = piece.partition(b",")
            row = self._rows.get((platform, rest))
            if row is None:
                row = _row(platform, rest)
                if row is None:
                    return None
                self._rows.keep((platform, rest), len(rest), row)
            if not _amount(amount):
                return None
            scheme, version, fund, payer, window, _, unit, state, on = row
            own = (scheme, version, fund, payer, window, int(amount), unit, state, on)
            postings.append(_new(Contribution, own))
        paid = [(at, posting[:3], posting[4:]) for at, posting in enumerate(postings) if posting[3] == _WORKER]
        return _Posted(postings, paid)


def _row(platform: str, rest: bytes) -> Contribution | None:
    """Give a row of which this is what stands behind the amount, and a comma; the worker as a payer is _WORKER."""
    if not rest.endswith(b"},"):
        return None
    text = b'{"amount":0,' + rest[:-1].replace(_OWN, _WORKER_PAYS)
    try:
        posting = posting_of(_decode_row(text), platform)
    except ValueError:
        return None
    if encode(row_of(posting, platform)) != text or (posting.payer == _WORKER and _OWN not in rest):
        return None
    return posting
