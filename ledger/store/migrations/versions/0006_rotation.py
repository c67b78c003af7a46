"""The writer may list a journal's keys anew in its head, once an entry has changed them."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Grant that one column more."""
    op.execute("GRANT UPDATE (vkey) ON heads TO iuran_writer")


def downgrade() -> None:
    """Not offered: a ledger does not go back."""
    raise NotImplementedError("a ledger's schema only goes forward")
