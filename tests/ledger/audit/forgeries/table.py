"""What a forgery is, as a row: who can do it, what is done, which command finds it, by which law and in which words.

The rows stand by subject in the modules beside this one. Each is a test on a real stored ledger, and
`deploy/FORGERIES.md` is written from them (`page`), so that what the page says was seen to happen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from ledger.store import keys
from tests.ledger.audit.tampering import Attacker

if TYPE_CHECKING:
    import psycopg

    from ledger.store.keystore import LogSigner
    from tests.ledger.audit.conftest import Honest


class Who(StrEnum):
    """Whose power it takes."""

    DATABASE = "owner of the database"
    KEYS = "owner of the database and of the keys"
    BROKER = "owner of the broker"
    RECEIPT = "whoever hands out a receipt"
    EXPORT = "whoever hands out an export"
    STREAM = "whoever runs the streams"
    WITNESS = "owner of the keys, and a witness set back"


class By(StrEnum):
    """The command that finds it. `stored` needs the database alone, `compared` what was published beside it. `EXPORT`
    is with --vkey and --against, as an auditor holds the keys and the newest checkpoints."""

    STORED = "iuran audit verify --offline"
    COMPARED = "iuran audit verify"
    RECOMPUTED = "iuran audit recompute"
    RECEIPT = "iuran audit verify-receipt"
    WITNESS = "iuran witness serve"
    EXPORT = "iuran audit verify DIR"
    WATCH = "iuran audit watch"


class Forger(Attacker):
    """An attacker at the copy of an honest ledger's database, who may also hold its keys."""

    def __init__(self, connection: psycopg.Connection, journal: int, honest: Honest) -> None:
        super().__init__(connection, journal)
        self.honest = honest

    def signers(self, journal: int | None = None) -> Sequence[LogSigner]:
        """The keys of a journal, by default of the one that is forged."""
        settings = self.honest.ledger.settings
        return keys.of_settings(settings, settings.ledger).signers(self.journal if journal is None else journal)

    def secret(self) -> bytes:
        """The secret from which the journal's salts are made."""
        settings = self.honest.ledger.settings
        return keys.of_settings(settings, settings.ledger).secret(self.journal)

    def elsewhere(self, journal: int) -> Forger:
        """The same forger at another journal."""
        return Forger(self.connection, journal, self.honest)


class Forgery(NamedTuple):
    """One way to cheat; `do` gives the index of the entry that must be named, or None where it is no single one.

    `go` is the law by which the verifier in Go refuses the log of what was forged; None where the log does not show it
    to who holds nothing else.
    """

    what: str
    who: Who
    by: By
    law: str
    says: str
    do: Callable[[Forger], Any]
    go: str | None = None

    @property
    def rewrites(self) -> bool:
        """Whether it makes a log that is consistent in itself and not what was published before."""
        return self.go is None and self.by != By.STORED and self.who != Who.BROKER
