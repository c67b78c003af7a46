"""Why an event did what it did to a worker: each step, its numbers and its source, in plain words.

For a courier to read and an auditor to follow. Everything is worked out again from the event, the account as it stood
before it, the worker's story and the enacted versions; nothing of it is stored, and nothing is changed. The figures are
those of the functions that post (`ledger.domain.settling`, `reckoning.lines`), read through a view that takes note
of each name; words are added, no arithmetic (L4, L10). Schemes that do not cover a gig say why not.
"""

from ledger.domain.explain.events import explain, explain_event
from ledger.domain.explain.step import Step, plain

__all__ = ["Step", "explain", "explain_event", "plain"]
