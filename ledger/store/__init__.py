"""The journals in PostgreSQL: one writer each, readers for everyone else."""
