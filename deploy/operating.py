"""What an operator makes known day by day: attributes of workers, payments, disputes, closes, open parameters.

Each is a record on `iuran.control` with an id of its own, so that doing it again after a crash adds nothing: what the
caller names (a payment's reference, a case number), a period, or the number of a worker's changes. Before anything is
sent it is decoded as a journal will decode it; afterwards what the journals made of it is waited for, and a refusal is
told. Composes store and streams; words and arguments are `deploy.cli.operating`.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import UNSET

from contracts import events, forms
from contracts.entry import Kind, StoredEvent, decode, event_key
from contracts.topics import CONTROL, partition_of
from deploy import founding
from deploy.settling import wait_closed, wait_read
from ledger.domain.language.setting import texts_setting
from ledger.domain.period import parse_period
from ledger.errors import Unfit
from ledger.intake import changed_of, version_of_entry
from ledger.store import database
from ledger.store.rows import KIND_NUMBERS
from ledger.store.startup import check_ledger
from streams import acts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.entry import Entry
    from deploy.cli.progress import Progress
    from ledger.domain.scheme import Version
    from ledger.settings import Settings
    from ledger.store.registry import LedgerFacts
    from streams.connection import Broker

Attribute = str | bool | tuple[str, ...]

_OF_WORKER = 'SELECT leaf FROM entries WHERE journal = %s AND worker = %s AND kind = %s ORDER BY "index"'
_OF_EVENT = "SELECT leaf FROM entries WHERE event_key = ANY(%s)"
_SCHEMES = 'SELECT leaf FROM entries WHERE kind = %s AND worker IS NULL ORDER BY journal, "index"'
_open_changed = msgspec.json.Decoder(events.WorkerChanged).decode
_open_dispute = msgspec.json.Decoder(events.DisputeOpened).decode


class Payment(NamedTuple):
    """Money that came in: `reference` names it for ever; of a platform or of a worker; `day` None: today."""

    reference: str
    scheme: str
    period: str
    amount: str
    platform: str | None
    worker: str | None
    fund: str | None
    day: date | None


class Ledger(NamedTuple):
    """A ledger at hand: its servers and its facts."""

    broker: Broker
    url: str
    facts: LedgerFacts

    @property
    def topic(self) -> str:
        """The operator's topic."""
        return self.facts.topic_prefix + CONTROL


def ledger_of(settings: Settings) -> Ledger:
    """Give the ledger that the settings name. Raises Unfit for none, LedgerError when a server does not answer."""
    broker, url = founding.servers_of(settings)
    facts, _ = check_ledger(url)
    return Ledger(broker, url, facts)


# -- workers ---------------------------------------------------------------------------------------------------------


def change_worker(
    settings: Settings, worker: str, attributes: Mapping[str, Attribute], from_day: date, progress: Progress
) -> bool:
    """Let attributes of a worker hold from a day on; False where the newest statements about that day say so already.

    Raises Unfit for what is no worker or attribute and for a change that is announced and not yet entered, LedgerError.
    """
    ledger = ledger_of(settings)
    stated, number = _stated(ledger, worker)
    if all(stated.get((name, from_day)) == value for name, value in attributes.items()):
        return False
    data = events.WorkerChanged(effective_on=from_day.isoformat(), set=dict(attributes))
    act = acts.Act(events.WORKER_CHANGED, f"worker/{worker}/changed/{number + 1}", worker, lambda _: data)
    _tell(ledger, act, progress)
    return True


def _stated(ledger: Ledger, worker: str) -> tuple[dict[tuple[str, date], Any], int]:
    """Give what was stated last of each attribute and day, and how many changes of this kind a worker has had."""
    numbered = re.compile(rf"worker/{re.escape(worker)}/changed/([1-9][0-9]*)").fullmatch
    stated: dict[tuple[str, date], Any] = {}
    newest = 0
    journal = partition_of(worker.encode(), ledger.facts.journals)
    for entry in _entries(ledger.url, _OF_WORKER, (journal, worker, KIND_NUMBERS[Kind.WORKER])):
        if not isinstance(entry.event, StoredEvent):
            continue
        changed = changed_of(entry.event.time, _open_changed(bytes(entry.event.data)))
        stated |= {(name, changed.from_day): _plain(value) for name, value in changed.attributes.items()}
        made = numbered(str(entry.cause.id))
        newest = max(newest, int(made[1])) if made else newest
    return stated, newest


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else value


# -- payments --------------------------------------------------------------------------------------------------------


def remit(settings: Settings, paid: Payment, progress: Progress) -> None:
    """Enter a payment; the same reference again adds nothing, with another content it is refused.

    Raises Unfit for what can't be laid against anything, LedgerError when a server does not answer.
    """
    ledger = ledger_of(settings)
    versions = enacted(ledger.url, paid.scheme)
    if not versions:
        raise Unfit(f"remittance: expected a scheme that was enacted, got {paid.scheme}")
    data = events.RemittanceReceived(
        amount=paid.amount,
        currency=versions[0].currency,
        fund=UNSET if paid.fund is None else paid.fund,
        payer="worker" if paid.platform is None else "platform",
        period=paid.period,
        scheme=paid.scheme,
    )
    subject = paid.platform or paid.worker or ""
    moment = None if paid.day is None else f"{paid.day.isoformat()}T00:00:00Z"
    act = acts.Act(events.REMITTANCE_RECEIVED, f"remittance/{paid.reference}", subject, lambda _: data, moment)
    _tell(ledger, act, progress)


# -- disputes --------------------------------------------------------------------------------------------------------


def open_dispute(settings: Settings, case: str, worker: str, data: events.DisputeOpened, progress: Progress) -> None:
    """Enter that a worker disputes something; `case` names the dispute for ever. Raises as `remit` does."""
    _tell(ledger_of(settings), acts.Act(events.DISPUTE_OPENED, f"dispute/{case}", worker, lambda _: data), progress)


def decide_dispute(settings: Settings, case: str, finding: Mapping[str, Any], progress: Progress) -> None:
    """Enter what an inquiry found; platform and gig are those of the dispute. Raises as `remit` does.

    `finding`: members of `dispute.decided` but for these.
    """
    ledger = ledger_of(settings)
    keys = [event_key(n, events.OPERATOR_SOURCE, f"dispute/{case}").hex() for n in range(ledger.facts.journals)]
    opened = next((entry.event for entry in _entries(ledger.url, _OF_EVENT, (keys,))), None)
    if not isinstance(opened, StoredEvent) or opened.type != events.DISPUTE_OPENED:
        raise Unfit(f"dispute {case}: expected one that was opened and entered, got none")
    about = _open_dispute(bytes(opened.data))
    data = events.DisputeDecided(dispute=f"dispute/{case}", gig=about.gig, platform=about.platform, **finding)
    act = acts.Act(events.DISPUTE_DECIDED, f"dispute/{case}/decided", opened.subject, lambda _: data)
    _tell(ledger, act, progress)


# -- periods ---------------------------------------------------------------------------------------------------------


def close_period(
    settings: Settings, period: str, platform: str | None, today: date, progress: Progress, *, early: bool = False
) -> bool:
    """Close a period in every journal, once each has read what its topics hold now; False where no stream runs.

    Closing it again finishes what was cut short, and adds nothing. Raises Unfit for what is no period, for one that
    is not over on `today` unless that is meant (`early`), and for an unknown platform; LedgerError.
    """
    ledger = ledger_of(settings)
    facts = ledger.facts
    try:
        last = parse_period(forms.PERIOD.read(period)).last
    except forms.FormError as error:
        raise Unfit(f"period: expected {error}, got {period[:40]}") from error
    if last >= today and not early:
        raise Unfit(f"period {period}: expected one that is over, got one that ends on {last}; --early closes it now")
    if platform is not None and platform not in facts.platforms:
        known = ", ".join(sorted(facts.platforms)) or "none"
        raise Unfit(f"platform: expected a registered one ({known}), got {platform[:40]}")
    progress.step("one act in each journal, with the end of each topic")
    feeds = sorted(facts.platforms.values())
    offsets = acts.close_period(
        ledger.broker, facts.topic_prefix, facts.journals, feeds, platform or facts.name, period, platform
    )
    done = wait_closed(ledger.url, ledger.topic, offsets, progress)
    _complain(ledger, f"period {period}", offsets if done else {})
    return done


# -- schemes ---------------------------------------------------------------------------------------------------------


def set_parameters(
    settings: Settings,
    scheme: str,
    values: Mapping[str, str],
    from_day: date,
    source: tuple[str, str],
    progress: Progress,
) -> list[Version]:
    """Let open parameters of a scheme have values from a day on; give the versions whose texts say so.

    `source`: title and address of what sets them. Raises Unfit for what can't be set, LedgerError.
    """
    versions = enacted(ledger_of(settings).url, scheme)
    if not versions:
        raise Unfit(f"scheme: expected one that was enacted, got {scheme[:40]}")
    try:
        made = texts_setting(versions, values, from_day, *source)
    except ValueError as error:
        raise Unfit(str(error)) from error
    for version in made:
        founding.enact(settings, version, progress)
    return made


def enacted(url: str, scheme: str) -> list[Version]:
    """Give all versions of a scheme that some journal has entered, each once."""
    found: dict[str, Version] = {}
    for entry in _entries(url, _SCHEMES, (KIND_NUMBERS[Kind.SCHEME],)):
        version = version_of_entry(entry)
        if version is not None and version.scheme == scheme:
            found.setdefault(version.id, version)
    return list(found.values())


# -- within ----------------------------------------------------------------------------------------------------------


def _tell(ledger: Ledger, act: acts.Act, progress: Progress) -> None:
    """Put an act into the one partition in which it belongs, and wait for what the journal makes of it."""
    facts = ledger.facts
    worker = act.subject.startswith("W-")
    number = partition_of(act.subject.encode(), facts.journals) if worker else 0
    bad = acts.refused(act, facts.topic_prefix, facts.journals, number)
    if bad is not None:
        raise Unfit(f"{act.id}: {bad.code}: {bad.detail}")
    progress.step(f"{act.type.removesuffix('.v1')} in journal {number}")
    offsets = acts.announce(ledger.broker, facts.topic_prefix, facts.journals, act, frozenset({number}))
    _complain(ledger, act.id, offsets if wait_read(ledger.url, ledger.topic, offsets, progress) else {})


def _complain(ledger: Ledger, what: str, offsets: dict[int, int]) -> None:
    refused = founding.refusals(ledger.url, ledger.topic, offsets) if offsets else []
    if refused:
        raise Unfit(f"{what}: {refused[0]}")


def _entries(url: str, statement: str, values: tuple[Any, ...]) -> list[Entry]:
    with database.connect(url, "reader") as connection:
        return [decode(bytes(leaf)) for (leaf,) in connection.execute(statement, values)]


def day_of(text: str) -> date:
    """Give a day as people type it. Raises Unfit."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError as error:
        raise Unfit(f"day: expected one such as 2026-03-31, got {text[:40]}") from error
