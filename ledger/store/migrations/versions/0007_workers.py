"""A journal's workers stand together and in order in the index by which their entries are found.

A close goes through all workers of one journal by name; with the journal first that is one look for each of them,
however many other journals the database holds, and questions about one worker need no help to find the index. Names are
ordered by code point. Who has stated an attribute or paid in stands in an index of its own, which is small. On a ledger
made by this release the first migration has made all of it already: it is made anew, so that what stands after this one
is exactly what this one says.
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Order workers by code point, put the journal before the worker, index who stated something or paid in."""
    op.execute("DROP INDEX IF EXISTS entries_worker, entries_known")
    op.execute('ALTER TABLE entries ALTER COLUMN worker TYPE text COLLATE "C"')
    op.execute('CREATE INDEX entries_worker ON entries (journal, worker, "index") WHERE worker IS NOT NULL')
    op.execute(
        "CREATE INDEX entries_known ON entries (journal, worker, kind) WHERE kind IN (7, 9) AND worker IS NOT NULL"
    )


def downgrade() -> None:
    """Not offered: a ledger does not go back."""
    raise NotImplementedError("a ledger's schema only goes forward")
