"""`iuran audit`: what auditors, funds and unions run, on the ledger's database, its API or an exported folder.

One file a family: `audit_verify` (verify, recompute), `audit_export` (export, serve), `audit_receipt` (verify-receipt),
`audit_watch`.
"""

from __future__ import annotations

import typer

from deploy.cli import audit_export, audit_receipt, audit_verify, audit_watch
from deploy.cli.audit_verify import last_line, verdict

__all__ = ["app", "last_line", "verdict"]

app = typer.Typer(no_args_is_help=True, help="Verify the ledger, export it, follow it; recompute what gigs earned.")
audit_verify.register(app)
audit_receipt.register(app)
audit_export.register(app)
audit_watch.register(app)
