"""What was posted comes to what the law says: cumulative equality, and no part of a whole lost in rounding (L9, L10).

After any story, corrections and closes included, the postings of each window sum to f(version, attributes, standing):
here f is worked out in fractions, over an account that only ever measured the gigs that stay. Where a whole is split
over funds and payers, the parts sum to the whole rounded once, worked out from the gigs' pay without the engine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.closing import open_closed
from ledger.domain.correction import take_pay
from ledger.domain.earning import addition
from ledger.domain.language.document import Document
from ledger.domain.period import GIG, RUNNING, local_day, parse_period, window_label
from ledger.domain.posting import name_of
from ledger.domain.reckoning.amounts import of_view
from ledger.domain.reckoning.lines import View
from ledger.domain.reckoning.plan import Group, Plan
from ledger.domain.registry import Registry
from ledger.domain.scheme import Line, Operand
from ledger.domain.settling import EVENTS, existing, is_there, payer_for, take
from ledger.domain.standing import Account, Standing
from ledger.domain.story import Changed, chains
from tests.ledger.domain.generated import Split, schemes, splits
from tests.ledger.domain.stories import EXAMPLES, START, Story, stories, tell
from tests.ledger.domain.stories import PLACES as SHIPPED_PLACES
from tests.ledger.domain.teller import Teller
from tests.ledger.domain.test_laws import WORLDS, funds
from tests.ledger.domain.test_laws_generated import PLACES, STORIES, no_funds

Sums = Counter[tuple[str, ...]]


def measured(teller: Teller) -> Account:
    """Give an account that took in what was stated and the gigs that stay, each once and whole; nothing is posted."""
    account, registry = Account(teller.account.worker), teller.registry
    account.catch_up(registry)
    for fact, _ in teller.story:
        for name, raw in fact.attributes.items() if isinstance(fact, Changed) else ():
            account.state_attribute(name, raw, fact.from_day)
    for chain in chains(teller.story).values():
        account.reach(chain.gig.occurred_at)
        for plan in registry.plans(chain.gig):
            take(plan, chain.whole if plan.group.by_gig else chain.gig, account, registry)
        for extra in (addition(chain.gig, adjustment) for adjustment in chain.adjustments):
            for plan in registry.plans(extra):
                if not plan.group.by_gig:
                    take_pay(plan, extra, account, registry, 1)
    open_closed(registry.schemes(), account, registry)
    return account


def owed(teller: Teller) -> Sums:
    """Give f of what stands, window by window, shorter windows first: by scheme, fund, payer's kind, state, unit."""
    account, registry = measured(teller), teller.registry
    sums: Sums = Counter()
    for plan in existing(set(registry.schemes()), account, registry):
        standing = account.standings[plan.key or ("", "", "")]
        standing.version = plan.version
        _work(plan, standing, View(account, registry, plan, standing), sums)
    for chain in chains(teller.story).values():
        for plan in registry.plans(chain.whole):
            if plan.group.window == GIG:
                standing = Standing(plan.version, [base(chain.whole) for base in plan.assess], [0] * len(plan.lines))
                _work(plan, standing, View(account, registry, plan, standing, chain.whole), sums)
    return Counter({key: total for key, total in sums.items() if total})


def _work(plan: Plan, standing: Standing, view: View, sums: Sums) -> None:
    there = is_there(plan, standing, view.account, view)
    for at, (rule, line) in enumerate(zip(plan.group.rules, plan.lines, strict=True)):
        waits = rule.on in EVENTS or (rule.on == "close" and not standing.closed)
        nobody = payer_for(line, view.account, plan, view.gig, standing) is None
        if there and not waits and not nobody and not plan.group.own[at]:
            standing.posted[at] = of_view(rule, plan.group)(standing.inputs, view)
            window = "" if plan.group.window == RUNNING else plan.window
            sums[plan.scheme, *plan.group.names[at], window] += standing.posted[at]


def posted(teller: Teller) -> Sums:
    """Give what was posted, likewise; of payments and decisions nothing."""
    sums: Sums = Counter()
    of_events = {
        (version.scheme, name)
        for version in teller.registry.enacted
        for group in teller.registry.compiled(version).groups.values()
        for rule, name in zip(group.rules, group.names, strict=True)
        if rule.on in EVENTS
    }
    for own in teller.postings():
        name = name_of(own)
        if own.state not in ("remitted", "credit") and (own.scheme, name) not in of_events:
            sums[own.scheme, *name, "" if name in teller.registry.runs(own.scheme) else own.window] += own.amount
    return Counter({key: total for key, total in sums.items() if total})


@EXAMPLES
@given(stories(funds, pays=False))
def test_postings_sum_to_f_of_what_stands(story: Story) -> None:
    teller = tell(story, WORLDS[story.currency])
    assert posted(teller) == owed(teller)


@EXAMPLES
@given(schemes(), STORIES)
def test_postings_of_a_scheme_that_nobody_wrote_sum_to_f_of_what_stands(made: Document, story: Story) -> None:
    teller = tell(story, Registry(made.versions))
    assert posted(teller) == owed(teller)


# -- parts of a whole ------------------------------------------------------------------------------------------------


@EXAMPLES
@given(splits(), stories(no_funds, PLACES, acts=False), st.booleans())
def test_parts_sum_to_the_whole_rounded_once(split: Split, story: Story, closed: bool) -> None:
    """From the gigs' pay: what is less than a step is carried within the window, and no payer's rounding loses any."""
    teller = tell(story, Registry(split.document.versions))
    for period in ("2026", "FY2025-26", "FY2026-27") if closed or split.on == "close" else ():
        teller.close(parse_period(period))
    pays: dict[tuple[str, ...], Fraction] = {}
    for name, chain in chains(teller.story).items():
        if chain.gig.currency != "IDR":
            continue  # paid in another currency, which this scheme does not read
        own, day = chain.whole, local_day("Asia/Jakarta", chain.gig.occurred_at)
        label = "" if split.window == RUNNING else window_label(split.window, day)
        key = (label, name) if split.window == GIG else (label, "" if split.together else own.platform)
        pay = sum(part.amount_minor for part in own.components) - own.commission_minor
        pays[key] = pays.get(key, Fraction(0)) + Fraction(pay, 100)
    due: Counter[str] = Counter()
    for (label, _), total in pays.items():
        due[label] += split.whole(total, parse_period(label).last if label else START)
    found: Counter[str] = Counter()
    for posting in teller.postings():
        found["" if split.window == RUNNING else posting.window] += posting.amount
    assert {label: total for label, total in found.items() if total} == {k: v for k, v in due.items() if v}


class Whole(NamedTuple):
    """Rules of one window whose amounts are, line by line, parts of one thing; `of`: that thing, and how often."""

    rules: tuple[int, ...]
    of: Mapping[Operand, int]


def wholes(group: Group) -> list[Whole]:
    """Give what a version's rules over one window split: posted as it is, under the same conditions, in fewer pieces
    than there are rules.
    """
    lines = {line.name: line for line in group.version.lines}
    together: dict[object, list[int]] = {}
    for at, rule in enumerate(group.rules):
        if rule.amount is not None and not rule.rounding.step and rule.unit == "money":
            together.setdefault((rule.on, rule.state, rule.when), []).append(at)
    found = []
    for places in together.values():
        of: Counter[Operand] = Counter()
        for at in places:
            of.update(_pieces(group.rules[at].amount or "", lines))
        pieces = {name: times for name, times in of.items() if times}
        found += [Whole(tuple(places), pieces)] if len(pieces) < len(places) else []
    return found


def _pieces(operand: Operand, lines: Mapping[str, Line]) -> Counter[Operand]:
    """Give what an amount adds up or takes away, followed through lines that do nothing else."""
    line = lines.get(operand) if isinstance(operand, str) else None
    if line is None or line.op not in ("add", "subtract", "value") or line.at_least or line.at_most or line.rounding:
        return Counter({operand: 1})
    found: Counter[Operand] = Counter()
    for place, each in enumerate(line.of):
        sign = -1 if line.op == "subtract" and place else 1
        found.update({name: sign * times for name, times in _pieces(each, lines).items()})
    return found


SPLIT = ("IDR", "MYR", "SGD")
"""Where shipped schemes split a whole."""


def test_which_shipped_schemes_split_a_whole() -> None:
    found = {
        (version.scheme, str(name))
        for currency in SPLIT
        for version in WORLDS[currency].enacted
        for group in WORLDS[currency].compiled(version).groups.values()
        for whole in wholes(group)
        for name in whole.of
    }
    assert found == {
        ("ID-BPU", "jkk"),
        ("ID-BPU", "6800"),
        ("MY-SKSPS", "year_amount"),
        ("SG-CPF-PW", "total"),
        ("SG-CPF-PW", "refund"),
    }


@EXAMPLES
@given(stories(funds, [place for place in SHIPPED_PLACES if place[1] in SPLIT], pays=False))
def test_what_a_shipped_scheme_splits_comes_to_the_whole(story: Story) -> None:
    """What each fund and payer bears, added up, is the amount that the law rounds once."""
    teller = tell(story, WORLDS[story.currency])
    account, registry, had = measured(teller), teller.registry, posted(teller)
    due: Counter[tuple[str, ...]] = Counter()
    paid: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for plan in existing(set(registry.schemes()), account, registry):
        standing = account.standings[plan.key or ("", "", "")]
        view = View(account, registry, plan, standing)
        for whole in wholes(plan.group):
            place, named = whole.rules[0], {(plan.scheme, *plan.group.names[at], plan.window) for at in whole.rules}
            key = (plan.scheme, plan.window, str(sorted(named)))
            paid[key] = named
            acts = plan.group.rules[place].on == "gig" or standing.closed
            holds = plan.group.holds[place] or (lambda _: True)
            if acts and is_there(plan, standing, account, view) and holds(view):
                due[key] += sum(times * _minor(name, view) for name, times in whole.of.items())
    assert {key: sum(had[each] for each in named) for key, named in paid.items()} == {key: due[key] for key in paid}


def _minor(name: Operand, view: View) -> int:
    value = view.read(name) if isinstance(name, str) else name
    return int(value * view.minor) if isinstance(value, Fraction) else 0
