"""A journal that its streams no longer feed: what it holds is whole, and what it misses stands on the broker alone."""

from __future__ import annotations

from typing import NamedTuple

from ledger.audit.elsewhere import standing
from tests.ledger.audit.forgeries.table import By, Who


class Still(NamedTuple):
    """Who leaves records unread, and the words in which they are told."""

    what: str
    held: bool
    says: str
    by: By = By.COMPARED
    law: str = "L12"
    who: Who = Who.STREAM
    go: str | None = None
    rewrites: bool = False


STANDING: tuple[Still, ...] = (
    Still("a journal stands still while its topics go on", True, standing.STANDING_STILL),
    Still("the streams are stopped, and records wait (a warning; --strict)", False, standing.NOBODY_READS),
)
