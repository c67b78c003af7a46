"""The two ways in which Iuran stops: breakage (something we depend on failed) and contradiction (a law is broken).

A refusal is neither: it is a value, `contracts.rejections.Rejection`. Messages are `what: expected X, got Y` and hold
no secret and no person's data.
"""

from __future__ import annotations


class LedgerError(Exception):
    """Breakage. `outcome_known` tells whether the act was surely not done; if not: reload and look."""

    def __init__(self, detail: str, *, outcome_known: bool = True) -> None:
        super().__init__(detail)
        self.outcome_known = outcome_known


class StoreUnavailable(LedgerError):
    """The database did not answer, or broke off."""


class Fenced(LedgerError):
    """Another process has taken the journal over; this one must give it up. Surely not done."""


class KeysTaken(LedgerError):
    """Some of a batch's events were accepted before; nothing of the batch was written."""


class Unfit(LedgerError):
    """What start-up found does not fit this ledger; the message says what to do about it."""


class InvariantError(Exception):
    """A law is broken: no retry mends it. Not a LedgerError on purpose; it stops the process."""

    def __init__(self, law: str, detail: str) -> None:
        super().__init__(f"{law}: {detail}")
        self.law = law
