"""An event of the spool as a fact of a worker's story: the seam between what came and what the engine takes.

The same functions as for an entry's event (`ledger.intake`), so that a gig read from a file and one read from the
ledger are the same gig (L4). What a trial does not take (a dispute opened, money paid in) is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from contracts import forms
from contracts.codec import stored_adjustment, stored_gig
from contracts.events import (
    DISPUTE_DECIDED,
    GIG_ADJUSTED,
    GIG_COMPLETED,
    GIG_REVERSED,
    WORKER_CHANGED,
    DisputeDecided,
    GigReversed,
    WorkerChanged,
)
from deploy.simulate.spool import Fact as Stored
from ledger.domain.attributes import WORKER
from ledger.domain.story import Changed, Completed, Fact, Reversed
from ledger.intake import adjusted_of, changed_of, decided_of, gig_name, gig_of

CORRECTIONS: Final = frozenset({GIG_ADJUSTED, GIG_REVERSED, WORKER_CHANGED})
"""Events that read the worker's story so far."""
TAKEN: Final = CORRECTIONS | {GIG_COMPLETED, DISPUTE_DECIDED}
"""Events that a trial takes."""
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_text = msgspec.json.Decoder(str).decode
_reversal = msgspec.json.Decoder(GigReversed).decode
_change = msgspec.json.Decoder(WorkerChanged).decode
_decision = msgspec.json.Decoder(DisputeDecided).decode


def fact_of(worker: str, stored: Stored, currencies: Mapping[str, str]) -> Fact | None:
    """Give the fact; None for what a trial does not take. `currencies`: of the worker's gigs so far, by name.

    Attributes that no scheme can read are left out. Raises ValueError for an event that the ledger would not have
    accepted.
    """
    source = stored.source
    if stored.type == GIG_COMPLETED:
        gig = gig_of(source, worker, forms.parse_instant(stored.time), *stored_gig(stored.data))
        return Completed(gig_name(source, stored.id), gig)
    if stored.type == GIG_ADJUSTED:
        currency = currencies.get(gig_name(source, _text(_members(stored.data)["gig"])))
        if currency is None:
            return None
        return adjusted_of(source, forms.parse_instant(stored.time), *stored_adjustment(stored.data, currency))
    if stored.type == GIG_REVERSED:
        return Reversed(gig_name(source, _reversal(stored.data).gig))
    if stored.type == WORKER_CHANGED:
        changed = changed_of(stored.time, _change(stored.data))
        known = {name: raw for name, raw in changed.attributes.items() if name in WORKER}
        return Changed(known, changed.from_day) if known else None
    if stored.type == DISPUTE_DECIDED:
        return decided_of(_decision(stored.data))
    return None
