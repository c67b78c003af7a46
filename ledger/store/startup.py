"""What every process checks about the database and the keys before it opens a journal.

Refuses what does not fit, each with what to do (HOUSE: a contradiction is a stop): another schema, no ledger, keys
that are not this ledger's. Topics are checked by `streams.topics`, a journal's head when it is opened.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from sqlalchemy.exc import OperationalError

from ledger.errors import StoreUnavailable, Unfit
from ledger.store import database, registry
from ledger.store.private_files import KeyFileError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.store.keystore import KeyStore
    from ledger.store.registry import LedgerFacts


def check_ledger(database_url: str) -> tuple[LedgerFacts, dict[tuple[str, int], int]]:
    """Give the ledger's facts and each journal's next offsets by (topic, journal).

    Raises Unfit for another schema or no ledger, StoreUnavailable when the database does not answer.
    """
    try:
        database.check_schema(database_url)
        with database.session(database_url) as session:
            facts = registry.read_facts(session)
            positions = registry.read_positions(session)
    except OperationalError as error:
        raise StoreUnavailable(f"database: expected an answer, got {error.orig}") from error
    if facts is None:
        raise Unfit("database: expected a ledger, got none; make one with `iuran ledger init`")
    return facts, positions


def check_keys(keys: KeyStore, facts: LedgerFacts) -> None:
    """Raise Unfit unless the keys are there and those that the database registered are among them.

    Which of them sign is said by each journal's entries, and checked when it is opened.
    """
    for number, vkeys in enumerate(facts.vkeys):
        try:
            keys.secret(number)
            found = tuple(verifier.vkey() for verifier in keys.verifiers(number))
            if not set(vkeys) <= set(found):
                raise other_keys(number, vkeys, found)
            keys.signers(number, vkeys[:2])
        except KeyFileError as error:
            raise Unfit(f"journal {number}: {error}") from error


def other_keys(number: int, registered: Sequence[str], found: Sequence[str]) -> Unfit:
    """Give what is said when the keys at hand are not those that the database registered for a journal."""
    differing = [pair for pair in zip_longest(registered, found, fillvalue="none") if pair[0] not in found]
    expected, got = differing[0] if differing else ("others", "these")
    return Unfit(
        f"journal {number}: expected the key {expected} that the database registered, got {got}; this is another "
        "ledger's database or another ledger's keys: set IURAN_DATABASE_URL and IURAN_HOME to the same ledger's"
    )
