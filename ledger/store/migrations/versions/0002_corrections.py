"""Corrections: which gig an entry speaks of, and an index of the acts that leaves workers' entries out.

`refers_to` is the event key of a gig, on the entries that adjust or reverse it: so a gig is found with all that was
added to it. On a ledger made by this release the first migration has made both already.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column and its index; narrow the index of acts to entries without a worker."""
    op.execute("ALTER TABLE entries ADD COLUMN IF NOT EXISTS refers_to uuid")
    op.execute("CREATE INDEX IF NOT EXISTS entries_refers_to ON entries (refers_to, index) WHERE refers_to IS NOT NULL")
    op.execute("DROP INDEX IF EXISTS entries_acts")
    op.execute('CREATE INDEX entries_acts ON entries (journal, "index") WHERE kind > 1 AND worker IS NULL')


def downgrade() -> None:
    """Not offered: a ledger does not go back."""
    raise NotImplementedError("a ledger's schema only goes forward")
