"""The first schema: journals, their heads and positions, rejections, checkpoints, standings; roles and guards.

Append-only twice over (L2): triggers refuse UPDATE, DELETE and TRUNCATE whoever asks, and the roles that the
processes take have no such right.
"""

from __future__ import annotations

from alembic import op
from sqlmodel import SQLModel

from ledger.store import tables

revision = "0001"
down_revision = None

_GUARD = """
CREATE FUNCTION iuran_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'L2: expected only inserts into %, got %', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$
"""
_ROLES = """
DO $$ DECLARE r text; BEGIN
  FOREACH r IN ARRAY ARRAY['iuran_writer', 'iuran_reader'] LOOP
    BEGIN
      EXECUTE format('CREATE ROLE %I NOLOGIN', r);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
    EXECUTE format('GRANT %I TO CURRENT_USER', r);
  END LOOP;
END $$
"""


def upgrade() -> None:
    """Create everything."""
    SQLModel.metadata.create_all(op.get_bind())
    op.execute(_GUARD)
    for table in tables.APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION iuran_append_only()"
        )
        op.execute(
            f"CREATE TRIGGER append_only_all BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION iuran_append_only()"
        )
    op.execute(_ROLES)
    op.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM iuran_writer, iuran_reader, PUBLIC")
    op.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO iuran_writer, iuran_reader")
    op.execute("GRANT INSERT ON entries, checkpoints, rejections, positions, standings TO iuran_writer")
    op.execute("GRANT UPDATE ON positions, standings TO iuran_writer")
    op.execute("GRANT UPDATE (size, commits, frontier, published_size) ON heads TO iuran_writer")
    # a leaf is already dense text below PostgreSQL's threshold for compressing: storing it inline saves the attempt
    op.execute("ALTER TABLE entries ALTER COLUMN leaf SET STORAGE MAIN")
    # heads and positions are rewritten at each commit: room on the page keeps those updates from growing indexes
    op.execute("ALTER TABLE heads SET (fillfactor = 20)")
    op.execute("ALTER TABLE positions SET (fillfactor = 20)")


def downgrade() -> None:
    """Not offered: a ledger does not go back."""
    raise NotImplementedError("a ledger's schema only goes forward")
