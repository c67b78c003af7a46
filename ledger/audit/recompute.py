"""`iuran audit recompute`: the accrual run again from the entries alone, and compared bit for bit with what they say.

What an entry's event earns is worked out by the very functions that the stream used (`ledger.intake`, `ledger.domain`),
under the scheme versions that the journal's own entries had enacted by then, and from an account that only these
recomputed gigs have filled. Compared are contributions and balances, the event key, and the salt where the journal's
secret is at hand; as an entry is read strictly (decoded, encoded, compared), equal members are equal bytes (L4).
Not worked out again is what only Kafka knows: the hash of the record, its offset and time, and records refused.

Accounts are kept in memory up to a limit and folded again from the worker's earlier entries when they were let go or
have gone stale under a new version: the stream's own way of recovery. After a difference it goes on from the balances
as they are written, so that one wrong entry makes few findings. Knows neither broker nor terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from contracts.entry import ENGINE, BalanceRow, Entry, EntryError, Kind, StoredEvent, decode, event_key, salt
from contracts.events import GIG_COMPLETED, LEDGER_OPENED, PLATFORM_CHANGED, SCHEME_ENACTED
from ledger.audit import evidence, parallel
from ledger.audit.findings import Finding, Findings
from ledger.domain.accrual import Contribution, accrue, refold
from ledger.domain.registry import EnactError, Registry
from ledger.domain.scheme import parse
from ledger.domain.standing import Account, StaleStanding
from ledger.domain.tree import SchemeError
from ledger.errors import InvariantError
from ledger.intake import contributions_of, gig_of_entry

if TYPE_CHECKING:
    from ledger.audit.evidence import Stored, View
    from ledger.audit.parallel import Advance
    from ledger.domain.earning import Gig

ACCOUNTS_MAX: Final = 100_000
"""Accounts kept in memory, by journal under way: about 2 KB each."""

_KINDS: Final[dict[str, Kind]] = {
    GIG_COMPLETED: Kind.ACCRUAL,
    LEDGER_OPENED: Kind.LEDGER,
    SCHEME_ENACTED: Kind.SCHEME,
    PLATFORM_CHANGED: Kind.PLATFORM,
}

Earlier = Callable[[str, int], Iterable[tuple[int, bytes]]]
"""Gives (index, leaf) of a worker's entries below an index, in order."""


class Recomputing:
    """One journal accrued again, entry by entry in order of index."""

    def __init__(
        self, journal: int, earlier: Earlier, secret: bytes | None = None, accounts_max: int = ACCOUNTS_MAX
    ) -> None:
        """`earlier` is asked when an account must be folded again; `secret` is the journal's, where at hand."""
        self.entries = 0
        self.accruals = 0
        self.findings = Findings(journal)
        self._journal = journal
        self._add = self.findings.add
        self._earlier = earlier
        self._secret = secret
        self._registry = Registry()
        self._accounts: dict[str, Account] = {}
        self._accounts_max = accounts_max
        self._let_go = False

    def entry(self, index: int, column: bytes | None, leaf: bytes) -> None:
        """Work an entry out again and compare; `column` is its event key as stored beside it, `leaf` its bytes."""
        self.entries += 1
        try:
            entry = decode(leaf)
        except EntryError as error:
            self._add("L4", index, str(error))
            return
        cause, event = entry.cause, entry.event
        if entry.engine != ENGINE:
            self._add("L4", index, f"entry: expected engine {ENGINE}, which this release knows, got another")
        if self._secret is not None:
            made = salt(self._secret, cause.topic, cause.partition, cause.offset, cause.part[0])
            if entry.salt != made:
                self._add("L4", index, f"salt: expected {made}, got {entry.salt[:40]}")
        if not isinstance(event, StoredEvent):
            return
        if isinstance(cause.source, str) and isinstance(cause.id, str):
            key = event_key(self._journal, cause.source, cause.id)
            if column != key:
                got = "none" if column is None else column.hex()
                self._add("L3", index, f"column event_key: expected {key.hex()}, got {got}")
        if _KINDS.get(event.type) != entry.kind:
            self._add("L4", index, f"entry: expected the kind of its event's type, got {entry.kind}")
        elif entry.kind == Kind.ACCRUAL:
            self._accrue(index, entry, event.subject)
        elif entry.kind == Kind.SCHEME:
            self._enact(index, event)

    def _accrue(self, index: int, entry: Entry, worker: str) -> None:
        self.accruals += 1
        try:
            gig = gig_of_entry(entry)
        except InvariantError as error:
            self._add(error.law, index, f"event: expected a gig that is accepted, got {error}")
            return
        account = self._accounts.get(worker) or self._account(worker, index)
        due = self._due(gig, account)
        if due is None:
            account = self._accounts[worker] = self._fold(worker, index)
            due = accrue(gig, account, self._registry)
        rows = entry.contributions or ()
        if due != [(c.scheme, c.version, c.fund, c.payer, c.window, c.amount, c.unit) for c in rows]:
            self._add("L4", index, _first_difference(due, contributions_of(entry)))
        stated = entry.balances or ()
        if [*account.balances.items()] != [((b.scheme, b.fund, b.unit), b.accrued) for b in stated]:
            self._add("L1", index, _balance_difference(account.balances, stated))
            account.balances = {(b.scheme, b.fund, b.unit): b.accrued for b in stated}

    def _due(self, gig: Gig, account: Account) -> list[Contribution] | None:
        """Give what the gig adds; None, the account unchanged, when it was folded under versions since replaced."""
        try:
            return accrue(gig, account, self._registry)
        except StaleStanding:
            return None

    def _account(self, worker: str, index: int) -> Account:
        accounts = self._accounts
        if len(accounts) >= self._accounts_max:
            for name in list(accounts)[: self._accounts_max // 8 + 1]:
                del accounts[name]
            self._let_go = True
        # as long as none was let go, who is not in memory has no entry yet
        account = accounts[worker] = self._fold(worker, index) if self._let_go else Account()
        return account

    def _fold(self, worker: str, before: int) -> Account:
        """Give a worker's account from the entries below an index; what can't be read was found at its own place."""
        account = Account()
        for _, leaf in self._earlier(worker, before):
            try:
                entry = decode(leaf)
                refold(gig_of_entry(entry), contributions_of(entry), account, self._registry)
            except (ValueError, InvariantError):
                continue
            account.balances = {(b.scheme, b.fund, b.unit): b.accrued for b in entry.balances or ()}
        account.catch_up(self._registry)
        return account

    def _enact(self, index: int, event: StoredEvent) -> None:
        members: dict[str, Any] = msgspec.json.decode(event.data)
        scheme, version_id, text = (members.get(name) for name in ("scheme", "version", "text"))
        try:
            version = parse(str(text), f"{scheme} {version_id}")
            if (version.scheme, version.id) != (scheme, version_id):
                raise EnactError("data.text: expected the version that data names, got another's")
            self._registry = self._registry.enact(version)
        except (SchemeError, EnactError) as error:
            self._add("L4", index, f"scheme: expected a version that could be enacted, got {error}")


def _first_difference(due: Sequence[Contribution], written: Sequence[Contribution]) -> str:
    """Say where the postings part; a payer's kind alone, as a worker is a payer too (L11)."""
    number, expected, got = next((n, a, b) for n, (a, b) in enumerate(zip_longest(due, written), 1) if a != b)
    return f"contribution {number}: expected {_shown(expected, got)}, got {_shown(got, expected)}"


def _shown(posting: Contribution | None, other: Contribution | None) -> str:
    if posting is None:
        return "none"
    scheme, version, fund, payer, window, amount, unit = posting
    kind = payer.partition(":")[0]
    if other is not None and kind == other.payer.partition(":")[0] and payer != other.payer:
        kind = f"{kind} (another one)"
    return f"{amount} {unit} to {scheme}/{fund} by {kind} in {window} under {version}"


def _balance_difference(due: Mapping[tuple[str, str, str], int], stated: Iterable[BalanceRow]) -> str:
    written = {(b.scheme, b.fund, b.unit): b.accrued for b in stated}
    for scheme, fund, unit in sorted(due.keys() | written.keys()):
        expected, got = due.get((scheme, fund, unit)), written.get((scheme, fund, unit))
        if expected != got:
            return f"balance of {scheme}/{fund} in {unit}: expected {_or_none(expected)}, got {_or_none(got)}"
    return "balances: expected each fund once, by scheme, fund and unit, got another order"


def _or_none(amount: int | None) -> str:
    return "none" if amount is None else str(amount)


# -- over the database -----------------------------------------------------------------------------------------------


class Task(NamedTuple):
    """One journal, as it travels to the process that recomputes it."""

    view: View
    journal: int
    secret: bytes | None


class Recomputed(NamedTuple):
    """One journal after it was recomputed."""

    journal: int
    entries: int
    accruals: int
    findings: list[Finding]
    unlisted: int


def recompute(
    stored: Stored,
    advance: Advance,
    *,
    journals: Sequence[int] | None = None,
    known_secrets: Mapping[int, bytes] | None = None,
    cores: int = 1,
) -> list[Recomputed]:
    """Recompute these journals (all), by number. Raises StoreUnavailable."""
    numbers = [h.head.journal for h in stored.heads if journals is None or h.head.journal in journals]
    tasks = [Task(stored.view, number, (known_secrets or {}).get(number)) for number in numbers]
    return parallel.each(walk, tasks, advance, cores)


def walk(task: Task, advance: Advance) -> Recomputed:
    """Recompute one journal. Raises StoreUnavailable."""
    with evidence.journal(task.view, task.journal) as rows:
        recomputing = Recomputing(task.journal, rows.earlier, task.secret)
        for several in rows.entries():
            for index, _, event_key_column, leaf, _ in several:
                recomputing.entry(index, event_key_column, leaf)
            advance(len(several))
    findings = recomputing.findings
    return Recomputed(task.journal, recomputing.entries, recomputing.accruals, findings.ordered(), findings.unlisted)
