"""`iuran token`: tokens for development, signed with the key under the home.

A door: reads the settings, prints the token and nothing else, so that it can stand in a command:
`curl -H "Authorization: Bearer $(iuran token issue --role worker --sub W-7f3a)" ...`. How tokens are made stands in
`ledger.api.tokens`; where an issuer's keys are set, this refuses.
"""

from __future__ import annotations

from typing import Annotated

import typer

from ledger import settings as settings_of
from ledger.api import tokens
from ledger.api.access import Role

app = typer.Typer(no_args_is_help=True, help="Tokens for development.")


@app.callback()
def group() -> None:
    """Tokens for development."""


@app.command("issue")
def issue(
    role: Annotated[Role, typer.Option(help="What the bearer is.")],
    sub: Annotated[str, typer.Option(help="A worker's pseudonym, a platform's name, or who else it is.")],
    hours: Annotated[int, typer.Option(min=1, max=8784, help="How long it holds.")] = tokens.HOURS_DEFAULT,
) -> None:
    """Print a bearer token; development keys only."""
    print(tokens.issue(settings_of.load(), role, sub, hours))
