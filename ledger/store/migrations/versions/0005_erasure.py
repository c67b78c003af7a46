"""Refused records can be erased: key, value and headers emptied once, noted with when, by whom and why.

The guard on `rejections` lets that one change through and no other, whoever asks: all other columns stay as they were,
the time and the database's own name for who asked are the database's, and what was erased stays erased (L2, L12). The
writer still has no right to update, and may not insert a row that says it was erased.
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

_GUARD = """
CREATE OR REPLACE FUNCTION iuran_erase_only() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE emptied text[] := ARRAY['key', 'value', 'headers', 'erased_at', 'erased_by', 'erased_reason'];
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.erased_at IS NULL AND NEW.erased_at IS NOT NULL
    AND NEW.key IS NULL AND NEW.value IS NULL AND NEW.headers = '[]'::jsonb
    AND NEW.erased_reason ~ '^[a-z][a-z0-9_]{0,31}$'
    AND to_jsonb(NEW) - emptied = to_jsonb(OLD) - emptied
  THEN
    NEW.erased_at := now();
    NEW.erased_by := session_user;
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'L2: expected only inserts into %, and bytes erased once, got %', TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'restrict_violation';
END $$
"""
_WRITTEN = 'journal, "index", topic, partition, "offset", timestamp_ms, code, detail, key, value, headers, recorded_at'


def upgrade() -> None:
    """Add the columns, and the guard in the old one's place; narrow the writer's right to insert."""
    for column in ("erased_at timestamptz", "erased_by text", "erased_reason text"):
        op.execute(f"ALTER TABLE rejections ADD COLUMN IF NOT EXISTS {column}")
    op.execute(_GUARD)
    op.execute(
        "CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON rejections "
        "FOR EACH ROW EXECUTE FUNCTION iuran_erase_only()"
    )
    op.execute("REVOKE INSERT ON rejections FROM iuran_writer")
    op.execute(f"GRANT INSERT ({_WRITTEN}) ON rejections TO iuran_writer")


def downgrade() -> None:
    """Not offered: a ledger does not go back."""
    raise NotImplementedError("a ledger's schema only goes forward")
