"""`iuran period`, `worker`, `remittance`, `dispute` and `iuran scheme set`: what an operator makes known day by day.

Thin: what is done stands in `deploy.operating`; here are arguments and wording. Each command may be given again after
it was cut short, and then finishes what it began or says that it stands so already.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import UNSET

from contracts import events
from deploy import operating
from deploy.cli.ledger import reachable
from deploy.cli.progress import terminal
from ledger import settings as settings_of
from ledger.domain import attributes as known
from ledger.errors import Unfit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ledger.settings import Settings

periods = typer.Typer(no_args_is_help=True, help="Periods: close what is over.")
workers = typer.Typer(no_args_is_help=True, help="Workers: the attributes that schemes read.")
remittances = typer.Typer(no_args_is_help=True, help="Remittances: money that really came in.")
disputes = typer.Typer(no_args_is_help=True, help="Disputes: opened by a worker, decided after an inquiry.")

Worker = Annotated[str, typer.Option("--worker", help="The worker's pseudonym, W-...")]
Values = Annotated[list[str], typer.Option("--set", help="NAME=VALUE; may be repeated. Lists with commas.")]
On = Annotated[str | None, typer.Option("--on", help="The day, 2026-03-31; default: today (UTC).")]
Reason = Annotated[str | None, typer.Option("--reason", help="One word of a-z, 0-9 and _.")]
Gig = Annotated[str | None, typer.Option("--gig", help="The gig's id at the platform.")]


@periods.callback()
def _periods() -> None:
    """Periods: close what is over."""


@periods.command("close")
def close(
    period: Annotated[str, typer.Argument(help="2026-03, 2026-03-05, 2026-W10, 2026-Q1, 2026, FY2025-26, ...")],
    platform: Annotated[str | None, typer.Option(help="Only this platform's windows; default: all.")] = None,
    early: Annotated[bool, typer.Option("--early", help="Although the period is not over.")] = False,
) -> None:
    """Close a period: post what falls due at its end. Waits until every journal is through; may be given again."""
    done = operating.close_period(_settings(), period, platform, today(), terminal(), early=early)
    print(f"period {period}: {'closed in every journal' if done else 'announced; no stream process runs'}")


@workers.callback()
def _workers() -> None:
    """Workers: the attributes that schemes read."""


@workers.command("change")
def change_worker(worker: Annotated[str, typer.Argument(help="W-...")], values: Values, on: On = None) -> None:
    """State attributes of a worker from a day on, which may lie long ago: what they change is posted at once."""
    stated = attributes_of(values, known.WORKER)
    done = operating.change_worker(_settings(), worker, stated, _day(on) or today(), terminal())
    print(f"worker {worker}: {'changed' if done else 'stands so already'}")


@remittances.callback()
def _remittances() -> None:
    """Remittances: money that really came in."""


@remittances.command("add")
def add(
    reference: Annotated[str, typer.Argument(help="What names the payment for ever: the bank's reference.")],
    scheme: Annotated[str, typer.Option(help="The scheme it was paid under.")],
    period: Annotated[str, typer.Option(help="The period it was paid for.")],
    amount: Annotated[str, typer.Option(help="In the scheme's currency, for example 36800.00.")],
    platform: Annotated[str | None, typer.Option(help="The platform that paid.")] = None,
    worker: Annotated[str | None, typer.Option(help="Or the worker who paid.")] = None,
    fund: Annotated[str | None, typer.Option(help="One fund; default: all that is owed, oldest first.")] = None,
    on: On = None,
) -> None:
    """Enter a payment. The same reference again adds nothing."""
    if (platform is None) == (worker is None):
        raise Unfit("remittance: expected either --platform or --worker, got both or none")
    paid = operating.Payment(reference, scheme, period, amount, platform, worker, fund, _day(on))
    operating.remit(_settings(), paid, terminal())
    print(f"remittance {reference}: {amount} by {platform or worker} for {scheme} {period}")


@disputes.command("open")
def open_dispute(
    case: Annotated[str, typer.Argument(help="What names the dispute for ever: your case number.")],
    worker: Worker,
    platform: Annotated[str, typer.Option(help="The platform whose deed is disputed.")],
    gig: Gig = None,
    reason: Reason = None,
) -> None:
    """Enter that a worker disputes what a platform did: with one gig, or with the work as a whole."""
    data = events.DisputeOpened(gig=_or_unset(gig), platform=platform, reason=_or_unset(reason))
    operating.open_dispute(_settings(), case, worker, data, terminal())
    print(f"dispute {case}: opened")


@disputes.command("decide")
def decide_dispute(
    case: Annotated[str, typer.Argument(help="The case number under which it was opened.")],
    upheld: Annotated[bool, typer.Option("--upheld/--unfounded", help="Whether the platform's deed was.")],
    suspended_from: Annotated[str | None, typer.Option(help="First day of the suspension it was about.")] = None,
    suspended_days: Annotated[int | None, typer.Option(min=0, help="Its length in days.")] = None,
    reviewer: Annotated[str | None, typer.Option(help="Who decided: one word, no name of a person.")] = None,
    reason: Reason = None,
) -> None:
    """Enter what an inquiry found. Schemes that pay for suspensions without reason post at once."""
    since = _day(suspended_from)
    finding = {
        "finding": "upheld" if upheld else "unfounded",
        "reason": _or_unset(reason),
        "reviewer": _or_unset(reviewer),
        "suspended_days": UNSET if suspended_days is None else suspended_days,
        "suspended_from": UNSET if since is None else since.isoformat(),
    }
    operating.decide_dispute(_settings(), case, finding, terminal())
    print(f"dispute {case}: {finding['finding']}")


def register(schemes: typer.Typer) -> None:
    """Add `iuran scheme set`."""
    schemes.command("set")(set_parameters)


def set_parameters(
    scheme: Annotated[str, typer.Argument(help="The id of an enacted scheme.")],
    values: Annotated[list[str], typer.Argument(help="PARAMETER=VALUE, decimals: expense_rate=0.306")],
    since: Annotated[str, typer.Option("--from", help="The day from which they hold, 2026-03-01.")],
    source: Annotated[str, typer.Option(help="What sets them: title, of whom, of when.")],
    url: Annotated[str, typer.Option(help="Where that can be read.")] = "",
) -> None:
    """Give open parameters values from a day on: by versions of the scheme whose texts carry them, with the source.

    A window takes the value that holds on its last day. For one zone alone write a programme, whose cities have values
    of their own.
    """
    day = operating.day_of(since)
    made = operating.set_parameters(_settings(), scheme, _pairs(values), day, (source, url), terminal())
    for version in made:
        print(f"{version.scheme} {version.id} enacted, digest {version.digest}")


def attributes_of(values: Sequence[str], types: Mapping[str, str]) -> dict[str, operating.Attribute]:
    """Give attributes as events say them, by their types. Raises Unfit for an unknown one, or one typed wrongly."""
    found: dict[str, operating.Attribute] = {}
    for name, text in _pairs(values).items():
        kind = types.get(name)
        if kind is None:
            raise Unfit(f"attribute: expected one of {', '.join(types)}, got {name[:40]}")
        if kind == "truth" and text not in ("true", "false"):
            raise Unfit(f"{name}: expected true or false, got {text[:40]}")
        several = tuple(word for word in text.split(",") if word)
        found[name] = text == "true" if kind == "truth" else several if kind == "list" else text
    return found


def _pairs(values: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or not name or name in found:
            raise Unfit(f"value: expected NAME=VALUE, each name once, got {value[:60]}")
        found[name] = text
    return found


def _or_unset(value: str | None) -> str:
    return UNSET if value is None else value  # type: ignore[return-value]


def _settings() -> Settings:
    return reachable(settings_of.load())


def today() -> date:
    """Give today's date in UTC."""
    return datetime.now(UTC).date()


def _day(text: str | None) -> date | None:
    return None if text is None else operating.day_of(text)
