"""Tiles, and two keys a journal: a ledger of an older release is refused, as its trees have neither.

What was published is the checkpoint of that size, so heads no longer repeat its note, which is 3.5 kB with both
signatures and would be written anew at each commit. On a ledger made by this release the first migration has made
table and guards already.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

from ledger.errors import Unfit

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the table with its guards and rights; take the published note out of heads.

    Raises Unfit for a database that holds a ledger of an older release.
    """
    if op.get_bind().execute(text("SELECT 1 FROM heads LIMIT 1")).first() is not None:
        raise Unfit(
            "database: expected an empty one or a ledger of this release, got a ledger of an older release; ledgers of "
            "releases before 1.0 are not carried over: make a new one with another IURAN_HOME and database"
        )
    op.execute("ALTER TABLE heads DROP COLUMN IF EXISTS published")
    op.execute(
        "CREATE TABLE IF NOT EXISTS tiles (journal smallint NOT NULL, level smallint NOT NULL, number bigint NOT NULL, "
        "root bytea NOT NULL, hashes bytea NOT NULL, PRIMARY KEY (journal, level, number))"
    )
    op.execute(
        "CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON tiles "
        "FOR EACH ROW EXECUTE FUNCTION iuran_append_only()"
    )
    op.execute(
        "CREATE OR REPLACE TRIGGER append_only_all BEFORE TRUNCATE ON tiles "
        "FOR EACH STATEMENT EXECUTE FUNCTION iuran_append_only()"
    )
    op.execute("REVOKE ALL ON tiles FROM iuran_writer, iuran_reader, PUBLIC")
    op.execute("GRANT SELECT ON tiles TO iuran_writer, iuran_reader")
    op.execute("GRANT INSERT ON tiles TO iuran_writer")
    # hashes and signatures do not compress: saves the attempt at each commit
    op.execute("ALTER TABLE tiles ALTER COLUMN hashes SET STORAGE EXTERNAL")
    op.execute("ALTER TABLE checkpoints ALTER COLUMN note SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Not offered: a ledger does not go back."""
    raise NotImplementedError("a ledger's schema only goes forward")
