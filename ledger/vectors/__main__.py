"""`python -m ledger.vectors`: write the vectors beside the contracts."""

from __future__ import annotations

from ledger.vectors.files import HOME, files

for name, text in files().items():
    (HOME / name).write_text(text, encoding="utf-8")
