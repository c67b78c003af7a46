"""The `iuran` command: one file per group."""
