"""What every process checks about the database and the keys before it opens a journal.

Refuses what does not fit, each with what to do (HOUSE: a contradiction is a stop): another schema, no ledger, keys
that are not this ledger's. Topics are checked by `streams.topics`, a journal's head when it is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import OperationalError

from ledger.errors import StoreUnavailable, Unfit
from ledger.store import database, keys, registry

if TYPE_CHECKING:
    from pathlib import Path

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


def check_keys(keys_dir: Path, facts: LedgerFacts) -> None:
    """Raise Unfit unless the key files are those whose verifier keys the database registered."""
    for number, vkey in enumerate(facts.vkeys):
        try:
            found = keys.load_signer(keys_dir, facts.name, number).vkey()
            keys.load_secret(keys_dir, facts.name, number)
        except keys.KeyFileError as error:
            raise Unfit(f"journal {number}: {error}") from error
        if found != vkey:
            raise Unfit(
                f"journal {number}: expected the key {vkey}, got {found} under {keys_dir}; this is another ledger's "
                "database or another ledger's keys: set IURAN_DATABASE_URL and IURAN_HOME to the same ledger's"
            )
