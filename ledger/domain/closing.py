"""Closes: a period is over, and its windows get what is posted and said only then, oldest first.

What is flat for a month needs no gig: the close opens the window of everyone whom the scheme acts on. A window stays
closed; what comes late is settled at once, in the window it belongs to. What was paid ahead is drawn when a window
closes, and the rest goes on to the next one. The registry says which periods are closed; here they are closed for one
worker. Upholds L4: for one account the same close gives the same postings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from ledger.domain.credit import draw, release
from ledger.domain.period import Span, midnight, parse_period
from ledger.domain.posting import Outcome
from ledger.domain.settling import open_standing, settle, settle_others

if TYPE_CHECKING:
    from ledger.domain.reckoning.plan import Plan
    from ledger.domain.registry import Registry
    from ledger.domain.standing import Account
    from ledger.domain.story import Told

Heard: TypeAlias = Literal["nobody", "stated", "all"]


def close(
    period: Span, platform: str | None, account: Account, registry: Registry, story: Sequence[Told] = ()
) -> Outcome:
    """Give what closing a period posts and says for one worker, on one platform or on all (None).

    The registry holds the close already. Windows that were closed before are left as they are. `story`: the worker's
    facts so far, where a platform has paid ahead. Raises StaleStanding.
    """
    account.catch_up(registry)
    outcome = Outcome([], [])
    for scheme in registry.schemes():
        names = platforms_of(scheme, account, registry, platform)
        labels = []
        for plan in registry.plans_within(scheme, period, names):
            if platform is None or plan.platform in ("", platform):
                labels += [plan.window] if _close(plan, account, registry, outcome) else []
        to_draw = list(dict.fromkeys(labels)) if account.paid else []
        while to_draw:
            draw(scheme, to_draw.pop(0), to_draw, account, registry, outcome, story)
    release(account, registry, outcome)
    return outcome


def heard_by(period: Span, registry: Registry) -> Heard:
    """Tell to whom closing a period can post or say anything, of workers who have paid nothing in and for whom nothing
    is due: to nobody where nothing acts at a close, as what follows gigs stands there already; only to who stated an
    attribute, where all that acts is flat over all platforms, which is for them alone, and says nothing.
    """
    plans = (plan for scheme in registry.schemes() for plan in registry.plans_within(scheme, period, ("any",)))
    acting = [plan.group for plan in plans if plan.group.on_close]
    flat = all(group.flat and group.pooled and not group.notices for group in acting)
    return ("stated" if flat else "all") if acting else "nobody"


def _close(plan: Plan, account: Account, registry: Registry, outcome: Outcome) -> bool:
    standing = None if plan.key is None else account.standings.get(plan.key)
    if standing is None:
        if not opens(plan, account):
            return False
        standing = open_standing(plan, account, registry)
    elif standing.closed:
        return False
    standing.closed = True
    account.reach(midnight(plan.group.version.time_zone, plan.span.last))
    settle(plan, account, registry, outcome, on="close")
    if plan.group.compiled.reaches:
        settle_others((plan,), account, registry, outcome)
    return True


def opens(plan: Plan, account: Account) -> bool:
    """Tell whether a close opens a window that the worker has no gig in."""
    if not plan.group.on_close or account.alone:
        return plan.group.on_close
    if any(plan.group.own) and not account.worker:
        return True
    if plan.group.window.rolling:
        return any(
            (scheme, platform) == (plan.scheme, plan.platform)
            and label[0] == "~"
            and plan.span.holds(parse_period(label[1:]))
            for scheme, label, platform in account.standings
        )
    return plan.group.flat and plan.group.pooled and bool(plan.group.compiled.attributes & account.attributes.keys())


def platforms_of(scheme: str, account: Account, registry: Registry, platform: str | None) -> list[str]:
    """Give the platforms on which a scheme keeps windows of this worker, and those whose attributes were stated."""
    known = {key[2] for key in account.standings if key[0] == scheme and key[2]}
    if any(registry.compiled(version).reads_platforms for version in registry.versions(scheme)):
        known |= set(registry.acts.platforms)
    return [platform] if platform is not None else sorted(known)


def open_closed(schemes: Iterable[str], account: Account, registry: Registry) -> None:
    """Open the closed windows that act on a worker only now: someone who joined, by a back-dated attribute."""
    for scheme in sorted(schemes):
        for period, platform in registry.acts.closes:
            for plan in registry.plans_within(scheme, period, platforms_of(scheme, account, registry, platform)):
                if plan.key not in account.standings and opens(plan, account):
                    open_standing(plan, account, registry)
