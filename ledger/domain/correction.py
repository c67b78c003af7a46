"""Corrections: later facts about what is already accrued, each in the window it belongs to, also when that is closed.

An adjustment adds to a gig, a reversal takes it back, a change states dated attributes, and a restatement brings an
account into line with versions enacted since. All of them change inputs and then settle the same windows as a gig does:
what is posted is the difference. Upholds L9: after each of them every balance equals a replay with (without) it. Where
a cap is pooled over platforms, who pays what is found by replaying the window in journal order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from ledger.domain.closing import open_closed
from ledger.domain.credit import release
from ledger.domain.earning import Adjustment, Gig, addition, adjusted
from ledger.domain.ids import payer_kind
from ledger.domain.period import GIG, local_day
from ledger.domain.posting import ACCRUED, Contribution, Name, Outcome, name_of
from ledger.domain.reckoning.plan import Plan
from ledger.domain.reckoning.shapes import zone_time
from ledger.domain.settling import BY_PLATFORM, EVENTS, existing, local_of, open_standing, settle, settle_others, take
from ledger.domain.standing import Account
from ledger.domain.story import Chain, Completed, Told, chains, gigs_in_order

if TYPE_CHECKING:
    from ledger.domain.registry import Registry


def adjust(chain: Chain, adjustment: Adjustment, account: Account, registry: Registry) -> Outcome:
    """Give what an addition to an earlier gig posts. Raises StaleStanding, the account unchanged."""
    account.catch_up(registry)
    outcome = Outcome([], [])
    before, after = chain.whole, adjusted(chain.whole, (adjustment,))
    extra = addition(chain.gig, adjustment)
    plans = tuple(plan for plan in registry.plans(before) if plan.group.by_gig) + tuple(
        plan for plan in registry.plans(extra) if not plan.group.by_gig
    )
    for plan in plans:
        if plan.group.by_gig:
            take(plan, after, account, registry, before=before)
        else:
            take_pay(plan, extra, account, registry, 1)
    for plan in sorted(plans, key=lambda plan: plan.scheme):
        if plan.group.by_gig:
            settle(plan, account, registry, outcome, gig=after, before=posted_by(plan, chain.posted, registry))
        else:
            settle(plan, account, registry, outcome, gig=extra, before={})
    settle_others(plans, account, registry, outcome)
    release(account, registry, outcome)
    return outcome


def reverse(chain: Chain, account: Account, registry: Registry, story: Sequence[Told]) -> Outcome:
    """Give what taking a gig back posts. `story`: the worker's facts up to here, this gig's among them.

    Raises StaleStanding, the account unchanged.
    """
    account.catch_up(registry)
    outcome = Outcome([], [])
    whole = chain.whole
    rest = _without(story, chain.name)
    touched: list[Plan] = []
    for plan in registry.plans(chain.gig):
        if plan.group.by_gig:
            take(plan, whole, account, registry, -1)
        else:
            take(plan, chain.gig, account, registry, -1)
        touched.append(plan)
    for adjustment in chain.adjustments:
        extra = addition(chain.gig, adjustment)
        for plan in registry.plans(extra):
            if not plan.group.by_gig:
                take_pay(plan, extra, account, registry, -1)
                touched.append(plan)
    forget_first(chain.gig, account, registry, [own.gig for own in chains(rest).values()])
    for plan in {(plan.key, plan.window, plan.group.key, plan.scheme): plan for plan in touched}.values():
        if plan.group.window == GIG:
            _unpost(plan, chain.posted, account, registry, outcome)
        else:
            settle_by_platform(plan, account, registry, outcome, story, rest, chain.gig)
    settle_others(tuple(touched), account, registry, outcome)
    release(account, registry, outcome)
    return outcome


def change(
    attributes: Mapping[str, Any], from_day: date, account: Account, registry: Registry, story: Sequence[Told] = ()
) -> Outcome:
    """Give what dated attributes change in every window that reads them. Raises ValueError naming a wrong attribute,
    and StaleStanding, the account unchanged.
    """
    account.catch_up(registry)
    trial = Account(account.worker)
    for name, raw in attributes.items():
        trial.state_attribute(name, raw, from_day)
    for name, raw in attributes.items():
        account.state_attribute(name, raw, from_day)
    return _settle_all(registry.readers(attributes), account, registry, story)


def restate(account: Account, registry: Registry, story: Sequence[Told]) -> list[tuple[str, Outcome]]:
    """Give what the acts now made make different in everything that was posted; nothing where nothing is due.

    First each gig's own window, by the gig's name, then ("") all longer ones. The account was folded under this
    registry (`ledger.domain.fold`); gig windows are worked out again from the story.
    """
    outcomes: list[tuple[str, Outcome]] = []
    for chain in chains(story).values():
        outcome = Outcome([], [])
        whole = chain.whole
        own = [plan for plan in registry.plans(whole) if plan.group.window == GIG]
        for plan in own:
            settle(plan, account, registry, outcome, gig=whole, before=posted_by(plan, chain.posted, registry))
        _take_back_gone({(plan.scheme, plan.window) for plan in own}, chain, account, registry, outcome)
        outcomes.append((chain.name, outcome))
    outcomes.append(("", _settle_all(set(registry.schemes()), account, registry, story)))
    return [(name, outcome) for name, outcome in outcomes if outcome.contributions or outcome.said]


def _take_back_gone(
    covered: set[tuple[str, str]], chain: Chain, account: Account, registry: Registry, outcome: Outcome
) -> None:
    """Take back what a gig's own window posted under a scheme that no longer covers it."""
    for scheme in registry.schemes():
        for version in registry.versions(scheme):
            group = registry.group(scheme, version.id, (GIG, False))
            if group is None:
                continue
            day = local_day(zone_time(version, chain.gig.zone), chain.gig.occurred_at)
            plan = group.bind(day, chain.gig.platform, registry)
            if (scheme, plan.window) not in covered:
                covered.add((scheme, plan.window))
                _unpost(plan, chain.posted, account, registry, outcome)


def _settle_all(schemes: set[str], account: Account, registry: Registry, story: Sequence[Told]) -> Outcome:
    outcome = Outcome([], [])
    open_closed(schemes, account, registry)
    for plan in existing(schemes, account, registry):
        settle_by_platform(plan, account, registry, outcome, story, story, None)
    release(account, registry, outcome)
    return outcome


def settle_by_platform(
    plan: Plan,
    account: Account,
    registry: Registry,
    outcome: Outcome,
    story: Sequence[Told],
    rest: Sequence[Told],
    gig: Gig | None,
) -> None:
    """Settle a window; where platforms pay into a pooled one, each pays what a replay of the rest of the story gives.

    `story` says what each platform has paid, `rest` what is to be replayed. What an earlier version let platforms pay
    and this one does not is given back to each.
    """
    standing = None if plan.key is None else account.standings.get(plan.key)
    names = [*plan.group.names, *(sorted(standing.orphans) if standing is not None else ())]
    if not plan.group.pooled or not any(kind in BY_PLATFORM for _, kind, _, _ in names) or not story:
        settle(plan, account, registry, outcome, gig=gig, on="again")
        return
    own = Outcome([], [])
    settle(plan, account, registry, own, gig=gig, on="again")
    outcome.said.extend(own.said)
    outcome.contributions.extend(p for p in own.contributions if payer_kind(p.payer) not in BY_PLATFORM)
    alone = _only_platform(plan, story)
    if alone is not None:
        # nobody else has paid or owes a part, so what was settled is this platform's
        for posting in own.contributions:
            kind = payer_kind(posting.payer)
            if kind in BY_PLATFORM:
                outcome.contributions.append(posting._replace(payer=f"{kind}:{alone}", platform=alone))
        return
    paid: dict[Name, dict[str, int]] = {}
    for _, contributions in story:
        for posting in contributions:
            if (posting.scheme, posting.window) == (plan.scheme, plan.window):
                _add(paid, posting)
    due = replay(plan, account, registry, rest)
    for name in dict.fromkeys(names):
        fund, kind, state, unit = name
        if kind not in BY_PLATFORM:
            continue
        for payer in sorted({*paid.get(name, {}), *due.get(name, {})}):
            amount = due.get(name, {}).get(payer, 0) - paid.get(name, {}).get(payer, 0)
            if amount:
                whose = payer.partition(":")[2]
                posted = (plan.scheme, plan.version, fund, payer, plan.window, amount, unit, state, whose)
                outcome.contributions.append(Contribution(*posted))


def _only_platform(plan: Plan, story: Sequence[Told]) -> str | None:
    """Give the platform on which all gigs of a story lie, where a window comes to what those alone make it; else None:
    who pays which part hangs on the order of gigs.
    """
    if plan.group.compiled.reaches or any(when in EVENTS for when in plan.group.when):
        return None
    platforms = {told.fact.gig.platform for told in story if isinstance(told.fact, Completed)}
    return platforms.pop() if len(platforms) == 1 else None


def _add(sums: dict[Name, dict[str, int]], posting: Contribution) -> None:
    by = sums.setdefault(name_of(posting), {})
    by[posting.payer] = by.get(posting.payer, 0) + posting.amount


def replay(plan: Plan, account: Account, registry: Registry, story: Sequence[Told]) -> dict[Name, dict[str, int]]:
    """Give what each payer pays into a window when its gigs come once more, in journal order, under one version."""
    trial = Account(account.worker)
    trial.attributes, trial.typed, trial.generation = account.attributes, account.typed, registry.generation
    sums: dict[Name, dict[str, int]] = {}
    for gig, before, adjustment in gigs_in_order(story):
        due = plan.group.version.attribution != "completed"
        shown = addition(gig, adjustment) if adjustment is not None and due else gig
        plans = [own for own in registry.plans(shown) if own.scheme == plan.scheme]
        for own in plans:
            if adjustment is not None and due:
                take_pay(own, shown, trial, registry, 1)
            else:
                take(own, gig, trial, registry, before=before)
        for own in plans:
            if own.key == plan.key:
                step = Outcome([], [])
                settle(own, trial, registry, step, gig=shown)
                for posting in step.contributions:
                    _add(sums, posting)
    return sums


def take_pay(plan: Plan, extra: Gig, account: Account, registry: Registry, sign: int) -> None:
    """Take an addition's pay into (out of) the window in which it falls due; it is no gig, and no day, of its own."""
    if plan.key is None or plan.group.window.rolling:
        return
    standing = account.standings.get(plan.key)
    if standing is None:
        standing = open_standing(plan, account, registry)
    for place in plan.group.sums:
        standing.inputs[place] += sign * plan.assess[place](extra)
    if not plan.fast or plan.careful:
        standing.platform = extra.platform


def posted_by(plan: Plan, posted: Sequence[Contribution], registry: Registry) -> dict[Name, int]:
    """Give what a gig's own window has posted: not what longer windows took, nor what runs on from day to day."""
    before: dict[Name, int] = {}
    if plan.group.window != GIG:
        return before
    runs = registry.runs(plan.scheme)
    daily = {version.id: registry.compiled(version).daily for version in registry.versions(plan.scheme)}
    for posting in posted:
        name = name_of(posting)
        here = (posting.scheme, posting.window) == (plan.scheme, plan.window)
        if here and name not in runs and name not in daily.get(posting.version, ()):
            before[name] = before.get(name, 0) + posting.amount
    return before


def _unpost(plan: Plan, posted: Sequence[Contribution], account: Account, registry: Registry, outcome: Outcome) -> None:
    """Take back what a gig's own window has posted, payer by payer."""
    names = posted_by(plan, posted, registry)
    sums: dict[tuple[Name, str], int] = {}
    for posting in posted:
        if (posting.scheme, posting.window) == (plan.scheme, plan.window) and name_of(posting) in names:
            key = (name_of(posting), posting.payer)
            sums[key] = sums.get(key, 0) + posting.amount
    for ((fund, _, state, unit), payer), amount in sums.items():
        if amount:
            taken = (plan.scheme, plan.version, fund, payer, plan.window, -amount, unit, state, plan.platform)
            outcome.contributions.append(Contribution(*taken))
            if state == ACCRUED:
                account.add_balance((plan.scheme, fund, unit), -amount)
            else:
                account.add_other((plan.scheme, fund, unit), state, -amount)


def _without(story: Sequence[Told], name: str) -> list[Told]:
    """Give the story without a gig's own facts."""
    return [told for told in story if getattr(told.fact, "name", None) != name]


def forget_first(gig: Gig, account: Account, registry: Registry, rest: Iterable[Gig]) -> None:
    """Find anew when platforms were joined, where a scheme asks and the gig taken back may have been the first."""
    tracking = {plan.scheme for plan in registry.plans(gig) if plan.group.tracks_first}
    if not tracking:
        return
    before = account.firsts
    account.firsts = {key: day for key, day in account.firsts.items() if key[0] not in tracking}
    for other in rest:
        for plan in registry.plans(other):
            if plan.scheme in tracking:
                account.note_first(plan.scheme, other.platform, local_of(plan, other))
    if account.firsts != before:
        account.joining |= tracking
