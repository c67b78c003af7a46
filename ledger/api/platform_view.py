"""What a platform sees of an entry that its own record caused.

Its event, the contributions on its own gigs, and the entry's place under a signed checkpoint: journal, index, leaf hash
and the note. No balances and no salt: those tell of other platforms, and so would the exact bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

from contracts.entry import ContributionRow, Entry, StoredEvent
from ledger.api.views import CheckpointNote, EntryView
from ledger.intake import platform_of
from ledger.log.merkle import leaf_hash
from ledger.store.keys import key_name

if TYPE_CHECKING:
    from ledger.store.readers import Cited


def view_of(ledger: str, leaf: bytes, entry: Entry, cited: Cited) -> EntryView:
    """Give the view of an entry of this ledger, of which `leaf` are the bytes, under a checkpoint that covers it."""
    journal = entry.journal
    return EntryView(
        journal,
        entry.index,
        entry.kind,
        leaf_hash(leaf).hex(),
        entry.received_at,
        entry.cause,
        None if entry.event is UNSET else entry.event,
        _own(entry),
        None if entry.rejection is UNSET else entry.rejection.code,
        CheckpointNote(journal, key_name(ledger, journal), cited.size, cited.note.decode()),
    )


def _own(entry: Entry) -> list[ContributionRow]:
    """Give the postings on the platform's own gigs: a record may correct what lies on others' too."""
    rows = [] if entry.contributions is UNSET else entry.contributions
    own = "" if entry.cause.source is UNSET else platform_of(entry.cause.source)
    if isinstance(entry.event, StoredEvent):
        return [row for row in rows if row.platform in (UNSET, own)]
    return [row for row in rows if row.platform == own]
