"""Settling a window: its rules worked out, the differences to what was posted posted, and said what is to be said.

The one place where rules that are no plain percentages are worked out. Gigs take their measures into a window and
settle it; so do adjustments, reversals, changed attributes, closes, remittances and decisions. Whoever is no longer
posted for under a later version is taken back. Upholds L4 and L10: exact, and no order but the caller's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from ledger.domain.ids import CUSTOMER, PLATFORM_PAYER, WORKER, payer_of
from ledger.domain.notices import say
from ledger.domain.period import DAYS, MONTHS, local_day, midnight
from ledger.domain.posting import ACCRUED, Contribution, Name, Outcome
from ledger.domain.reckoning.lines import View
from ledger.domain.reckoning.plan import RUNNING_KEY, Line, Plan
from ledger.domain.reckoning.shapes import zone_time
from ledger.domain.standing import Account, Key, Standing

if TYPE_CHECKING:
    from ledger.domain.attributes import Value
    from ledger.domain.earning import Gig
    from ledger.domain.registry import Registry

BY_PLATFORM: Final = (PLATFORM_PAYER, CUSTOMER)
"""Kinds of payers that are one platform's: over a window that pools platforms, each has its own part."""
EVENTS: Final = ("remittance", "dispute")
"""When rules act that make something of each payment or decision by itself."""


def take(plan: Plan, gig: Gig, account: Account, registry: Registry, sign: int = 1, before: Gig | None = None) -> None:
    """Take a gig into its window's inputs (or out: sign -1). With `before`: what an adjustment changes of a gig."""
    if plan.fast and sign > 0 and before is None:
        _take_plain(plan, gig, account, registry)
        return
    group = plan.group
    if group.tracks_first and sign > 0 and account.note_first(plan.scheme, gig.platform, local_of(plan, gig)):
        account.joining.add(plan.scheme)
    if plan.key is None or group.window.rolling:
        return
    standing = account.standings.get(plan.key)
    if standing is None:
        standing = open_standing(plan, account, registry)
    elif standing.version != plan.version:
        move(standing, plan, registry)
    inputs = standing.inputs
    for at, base in enumerate(plan.assess):
        inputs[at] += sign * base(gig) if before is None else base(gig) - base(before)
    for place, day_of in group.days:
        if before is not None:
            earlier = day_of(before)
            if earlier is not None:
                standing.count_day(place, earlier, -1)
        day = day_of(gig)
        if day is not None:
            standing.count_day(place, day, sign)
    if not plan.fast or plan.careful:
        standing.platform = gig.platform
        standing.gigs += sign if before is None else 0


def _take_plain(plan: Plan, gig: Gig, account: Account, registry: Registry) -> None:
    """Take a gig into a window that is nothing but its sums: what folding does most."""
    if plan.key is None:
        return
    standing = account.standings.get(plan.key)
    if standing is None:
        standing = open_standing(plan, account, registry)
    inputs = standing.inputs
    for at, base in enumerate(plan.assess):
        inputs[at] += base(gig)
    if plan.careful:
        standing.platform = gig.platform
        standing.gigs += 1


def local_of(plan: Plan, gig: Gig) -> date:
    """Give the local day of a gig where it was done."""

    return local_day(zone_time(plan.group.version, gig.zone), gig.occurred_at)


def open_standing(plan: Plan, account: Account, registry: Registry) -> Standing:
    """Give a new standing for a window that keeps one; closed at once where its period is."""
    if plan.key is None:
        raise ValueError(f"standing of {plan.scheme}: expected a window that keeps one, got {plan.window}")
    closed = bool(registry.acts.closes) and registry.is_closed(plan)
    standing = Standing(plan.version, [0] * len(plan.assess), [0] * len(plan.lines), closed)
    if closed:
        account.reach(midnight(plan.group.version.time_zone, plan.span.last))
    account.standings[plan.key] = standing
    return standing


def move(standing: Standing, plan: Plan, registry: Registry) -> None:
    """Bring a running window's standing under the version now in force: measures by name, postings by fund and payer.

    Each gig was measured under the version of its own date; what was posted for rules that are gone is left to be
    taken back.
    """
    old = registry.group(plan.scheme, standing.version, plan.group.key)
    inputs: list[int | Fraction] = [0] * len(plan.assess)
    posted = [0] * len(plan.lines)
    days: dict[int, dict[str, int]] = {}
    if old is not None:
        for measure, place in old.places.items():
            if measure in plan.group.places:
                inputs[plan.group.places[measure]] = standing.inputs[place]
                days[plan.group.places[measure]] = standing.days.get(place, {})
        for name, amount in zip(old.names, standing.posted, strict=True):
            at = place_of(plan, name)
            if at is not None:
                posted[at] += amount
            elif amount:
                standing.orphans[name] = standing.orphans.get(name, 0) + amount
    standing.version, standing.inputs, standing.posted = plan.version, inputs, posted
    standing.days = days


def place_of(plan: Plan, name: Name) -> int | None:
    """Give the place of the rule that posts for this fund, kind of payer, state and unit; None where none does."""
    names = plan.group.names
    return names.index(name) if name in names else None


def settle(
    plan: Plan,
    account: Account,
    registry: Registry,
    outcome: Outcome,
    *,
    gig: Gig | None = None,
    on: str = "gig",
    facts: Mapping[str, Value] | None = None,
    before: Mapping[Name, int] | None = None,
    written: bool = False,
) -> None:
    """Work a window's rules out, post the differences to what was posted, and say what is to be said.

    A gig window has no standing: its inputs are the gig's, and `before` is what was posted for it. `on`: gig,
    close, remittance or dispute (then `facts` says what was paid or decided), or again.
    `written`: the postings stand in the journal already, so that nothing is posted; what was said is remembered.
    """
    group = plan.group
    if not group.acts:
        return
    standing = _gig_standing(plan, gig, before) if plan.key is None else _standing(plan, account, registry, on)
    if standing is None or (group.waits and facts is None and not standing.closed and not standing.events):
        return  # nothing here acts before the close
    if facts is not None:
        standing.events.append(dict(facts))
    view = View(account, registry, plan, standing, gig, standing.events[-1] if standing.events else None)
    if gig is not None:
        for _, share in group.refusing:
            share(view)
    there = is_there(plan, standing, account, view)
    closed, posted = standing.closed, standing.posted
    for at, line in enumerate(plan.lines):
        when = group.when[at]
        if when == "close" and not closed:
            continue
        applies = there if not group.own[at] else account.alone or not account.worker
        if not applies:
            due = 0
        elif when in EVENTS:
            due = sum(_of_event(event, view, line) for event in standing.events)
        else:
            due = line.total(standing.inputs, gig if line.free else view)
        if due != posted[at] and not written:
            payer = line.payer if line.payer is not None and gig else payer_for(line, account, plan, gig, standing)
            if payer is not None:
                amount, posted[at] = due - posted[at], due
                post(plan, line, payer, amount, account, outcome, gig)
    if standing.orphans and not written:
        take_back(plan, account, standing, gig.platform if gig else standing.platform, outcome.contributions)
    if group.notices or view.unset or view.unknown:
        outcome.said.extend(say(view, on))


def _gig_standing(plan: Plan, gig: Gig | None, before: Mapping[Name, int] | None) -> Standing:
    """Give what a gig's own window holds, with what was posted for it before; it is not kept."""
    if gig is None:
        raise ValueError(f"window of {plan.scheme}: expected a gig, got none")
    standing = Standing(plan.version, [base(gig) for base in plan.assess], [0] * len(plan.lines))
    for name, amount in before.items() if before else ():
        at = place_of(plan, name)
        if at is None:
            standing.orphans[name] = amount
        else:
            standing.posted[at] = amount
    return standing


def _standing(plan: Plan, account: Account, registry: Registry, on: str) -> Standing | None:
    """Give the window's standing, under the version now in force; None for a rolling window that nobody closed."""
    standing = None if plan.key is None else account.standings.get(plan.key)
    if standing is None:
        if plan.group.window.rolling and on in ("gig", "again"):
            return None
        return open_standing(plan, account, registry)
    if standing.version != plan.version:
        move(standing, plan, registry)
    return standing


def is_quick(plan: Plan, account: Account) -> bool:
    """Tell whether a gig settles this window on the hot path: by its sums alone, and not once its close has spoken."""
    if not plan.fast or not plan.careful:
        return plan.fast
    standing = None if plan.key is None else account.standings.get(plan.key)
    return standing is None or not standing.closed


def is_there(plan: Plan, standing: Standing, account: Account, view: View) -> bool:
    """Tell whether a window has to do with this worker: by their gigs, or by what they stated and the version reads.

    One whose gigs were all taken back has not, whatever its rules make of nothing: a replay without them (L9) would
    never have opened it. In a trial a close acts without a gig.
    """
    group = plan.group
    if plan.key is None or (plan.fast and not plan.careful):
        return True
    if group.flat and group.pooled:
        return account.alone or bool(group.compiled.attributes & account.attributes.keys())
    if standing.gigs > 0 or standing.events or (not group.flat and account.alone and standing.closed):
        return True
    if group.window.rolling:
        return any(group.measured(name, view) for name in group.reads)
    return not group.flat and any(standing.inputs)


def _of_event(facts: Mapping[str, Value], view: View, line: Line) -> int:
    """Give what a rule makes of one remittance or decision; each adds to the others."""
    own = View(view.account, view.registry, view.plan, view.standing, view.gig, facts)
    return line.total(view.standing.inputs, own)


def payer_for(line: Line, account: Account, plan: Plan, gig: Gig | None, standing: Standing) -> str | None:
    """Give who pays: the rule's payer, the worker, or the platform that sponsors them; None where nobody is known."""
    if line.payer is not None:
        if line.payer_kind in BY_PLATFORM and gig is None and plan.group.pooled:
            return f"{line.payer_kind}:{standing.platform}"
        return line.payer
    if line.payer_kind == WORKER:
        return f"{WORKER}:{account.worker}"
    sponsor = account.attribute("sponsor", plan.span.last)
    return None if sponsor is None else f"{PLATFORM_PAYER}:{sponsor}"


def post(plan: Plan, line: Line, payer: str, amount: int, account: Account, outcome: Outcome, gig: Gig | None) -> None:
    """Post an amount to the account and the outcome."""
    platform = gig.platform if gig is not None else plan.platform
    outcome.contributions.append(
        Contribution(plan.scheme, plan.version, line.fund, payer, plan.window, amount, line.unit, line.state, platform)
    )
    if line.state == ACCRUED:
        account.add_balance(line.account, amount)
    else:
        account.add_other(line.account, line.state, amount)


def take_back(plan: Plan, account: Account, standing: Standing, platform: str, postings: list[Contribution]) -> None:
    """Post back what an earlier version posted for funds and payers that this one does not have."""
    for (fund, kind, state, unit), posted in sorted(standing.orphans.items()):
        if posted:
            payer = f"measure:{plan.scheme}/{fund}" if kind == "measure" else payer_of(kind, account.worker, platform)
            where = platform if platform or not plan.platform else plan.platform
            postings.append(
                Contribution(plan.scheme, plan.version, fund, payer, plan.window, -posted, unit, state, where)
            )
            if state == ACCRUED:
                account.add_balance((plan.scheme, fund, unit), -posted)
            else:
                account.add_other((plan.scheme, fund, unit), state, -posted)
    standing.orphans = {}


def settle_others(
    done: tuple[Plan, ...],
    account: Account,
    registry: Registry,
    outcome: Outcome,
    *,
    written: bool = False,
    schemes: set[str] | None = None,
) -> None:
    """Settle the other windows of these plans' schemes in which something was posted or closed, oldest first.

    Only for versions whose rules read beyond their own window (or the schemes named): a gig may change what those give.
    """
    # what adds up the postings of other windows is settled once more, after them
    keys = {plan.key for plan in done if not plan.group.compiled.adds_up}
    crossing = {plan.scheme for plan in done if plan.group.compiled.reaches} if schemes is None else schemes
    crossing |= account.joining
    account.joining = set()
    for plan in done:
        if plan.scheme in crossing and registry.acts.closes and plan.group.window in (MONTHS, DAYS):
            for over in registry.closed_rolling(plan.scheme, plan.platform):
                if over.span.holds(plan.span) and over.key not in account.standings:
                    open_standing(over, account, registry)
                    keys.discard(over.key)
    for plan in existing(crossing, account, registry) if crossing else ():
        if plan.key not in keys:
            settle(plan, account, registry, outcome, on="again", written=written)


def existing(schemes: set[str], account: Account, registry: Registry) -> Iterator[Plan]:
    """Give the plans of these schemes' windows that the account holds and rules act on, oldest first."""
    plans = [
        plan
        for key in account.standings
        if key[0] in schemes
        for plan in plans_of(key, account, registry)
        if plan.group.acts
    ]
    yield from sorted(plans, key=lambda plan: (plan.span.last, plan.span.last - plan.span.first, plan.key))


def plans_of(key: Key, account: Account, registry: Registry, day: date | None = None) -> list[Plan]:
    """Give the plans of a window that the account may hold. A running one, as of a day (or the newest gig's), stands
    under the version of the newest gig that it counts: a later version may have no such window any more.
    """
    standing = account.standings.get(key) if key[1] == RUNNING_KEY else None
    day = day or running_day(account)
    if standing is not None and day is not None:
        return registry.running(key, standing.version, day)
    return registry.plan_of(key, day)


def running_day(account: Account) -> date | None:
    """Give the day as of which running windows are settled again: the newest gig's, as UTC has it."""

    return None if account.newest < 0 else local_day("UTC", account.newest)
