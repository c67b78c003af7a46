"""Alembic's entry: runs the migrations on the connection it was handed."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

from ledger.store import tables  # noqa: F401 - fills the metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=SQLModel.metadata)
with context.begin_transaction():
    context.run_migrations()
