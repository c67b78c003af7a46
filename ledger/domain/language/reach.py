"""What each rule and notice reaches through the lines it reads: circles, windows too fine, names with no value there.

Lines, measures, tables and postings read one another; from every rule and notice the names are followed to their ends.
Noted are circles (with their path), names that have no value in the rule's window, measures finer than the rule, and
what nobody reaches at all. Knows the model only, and the nodes for their lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from ledger.domain import ids
from ledger.domain.language.citing import close_to
from ledger.domain.language.names import GIG_KEYS, GIVEN
from ledger.domain.language.scope import Scope
from ledger.domain.language.tree import Node
from ledger.domain.period import GIG, RUNNING, Window
from ledger.domain.scheme import Line, Measure, Notice, Rule, Table, Test

TABLE: Final = "table "
RULE: Final = "rule "
DEPTH_MAX: Final = 50
"""How deep lines may read one another: whoever works them out by walking down has room."""
STEPS_MAX: Final = 20_000
"""How many steps a line may come to, each line counted wherever it is read."""


class Root(NamedTuple):
    """A rule or notice, with what it reads itself and where it stands."""

    node: Node
    where: str
    window: Window
    pooled: bool
    on: str
    reads: tuple[str, ...]
    payer: str = ""


class Reach:
    """The names of one version and what each of them reads."""

    def __init__(self, scope: Scope, rules: Sequence[Rule], funds: Sequence[str]) -> None:
        self.scope = scope
        self.rules = rules
        self.funds = funds
        self.measures: Mapping[str, Measure] = {each.name: each for each in scope.read_measures}
        self.tables: Mapping[str, Table] = {each.name: each for each in scope.read_tables}
        self.lines: Mapping[str, Line] = {each.name: each for each in scope.read_lines}
        self.reached: set[str] = set()
        self.circular = False
        self.roots: list[tuple[Root, bool]] = []

    def reads(self, name: str) -> tuple[str, ...]:
        """Give what a name reads itself: names, tables (`table caps`) and postings of rules (`rule 3`)."""
        if name.startswith(TABLE):
            table = self.tables.get(name.removeprefix(TABLE))
            return (*table.by, *_bounds(t for row in table.rows for t in row.tests)) if table else ()
        if name.startswith(RULE):
            return self._of_rule(self.rules[int(name.removeprefix(RULE))])
        if name in self.measures:
            share = self.measures[name].share
            return (TABLE + share,) if share else ()
        line = self.lines.get(name)
        if line is None:
            return ()
        found = [each for each in (*line.of, line.at_least, line.at_most) if isinstance(each, str) and each]
        for choice in line.choices:
            found += [*_names(choice.when)] + ([choice.then] if isinstance(choice.then, str) else [])
        found += [TABLE + line.table] if line.table else []
        found += [f"{RULE}{number}" for number, rule in enumerate(self.rules) if _posts(rule, line)]
        return tuple(each for each in found if each.startswith((TABLE, RULE)) or self.scope.defines(each))

    def _of_rule(self, rule: Rule) -> tuple[str, ...]:
        own = [rule.amount, rule.base, rule.rate if isinstance(rule.rate, str) else None]
        own += [TABLE + rule.cap.table] if rule.cap is not None and rule.cap.table else []
        return (*(name for name in own if name), *_names(rule.when))

    def root_of_rule(self, node: Node, rule: Rule) -> Root:
        """Give a rule as a root."""
        where = f"rule {rule.fund} by {rule.payer}"
        return Root(node, where, rule.window, rule.pooled, rule.on, self._of_rule(rule), rule.payer)

    def root_of_notice(self, node: Node, notice: Notice) -> Root:
        """Give a notice as a root."""
        own = [each for each in (notice.amount, notice.value, notice.date) if isinstance(each, str)]
        own = [each for each in own if self.scope.defines(each)]
        reads = (*own, *_names(notice.when))
        return Root(node, f"notice {notice.kind}", notice.window, notice.pooled, notice.on, reads)

    def follow(self, root: Root) -> None:
        """Note everything that a rule or notice reaches and that has no value, or no meaning, in its window."""
        came: dict[str, str] = {}
        todo = list(dict.fromkeys(root.reads))
        for name in todo:
            came.setdefault(name, "")
        while todo:
            name = todo.pop(0)
            self.reached.add(name)
            problem = self._problem(root, name)
            if problem:
                through = _path(came, name)
                self.scope.reading.wrong(root.node, f"{root.where}: {problem[0]}{through}", problem[1])
            # What another rule has posted lies in that rule's own windows; and a share table is looked up gig by gig.
            if name in self.measures or name.startswith(RULE):
                self.reached.update(self.reads(name))
                continue
            for further in self.reads(name):
                if further not in came:
                    came[further] = name
                    todo.append(further)
        self.roots.append((root, any(name in self.measures for name in came)))

    def check_acts(self) -> None:
        """Note rules and notices that no gig and no statement could bring about: in a ledger they act on nobody."""
        if any(name == "age" or name.startswith("worker.") for name in self.reached):
            return
        counted = {root.window for root, counts in self.roots if counts and root.pooled}
        for root, _ in self.roots:
            if root.pooled and root.window.kind != "running" and root.window not in counted and not self.scope.lost:
                told = f"{root.where}: counts no gigs and reads nothing of the worker: it would act on nobody"
                mend = "let it read who is meant, as in `when: {worker.opted_in: {known: true}}`, or count gigs"
                self.scope.reading.wrong(root.node, told, mend)

    def _problem(self, root: Root, name: str) -> tuple[str, str] | None:
        if name in GIVEN:
            return _unread(root, name, GIVEN[name].where)
        measure = self.measures.get(name)
        if measure is not None:
            return _too_fine(root, measure)
        line = self.lines.get(name)
        if line is None:
            return None
        if line.op == "posted" and line.window is not None:
            return self._unposted(root, name, line, line.window)
        if line.op == "due" and root.window.kind == "running":
            return f"a running window has no end for {name} to follow", "use a window with an end"
        return None

    def _unposted(self, root: Root, name: str, line: Line, window: Window) -> tuple[str, str] | None:
        if not holds(root.window, window):
            what = f"its window {root.window.text} does not hold windows {window.text} of {name}"
            return what, "`posted` adds up windows within the rule's own"
        if root.window == window and window not in _UNSUMMED:
            told = f"reads {name}, and what is posted over its own window {window.text} is being worked out"
            return told, "read the line that the other rule posts"
        if root.pooled and any(_posts(rule, line) and not rule.pooled for rule in self.rules):
            return f"reads {name} of each platform, and it takes all together", "use `platforms: each` in the rule"
        return _unpaid(root, name)

    def check_lines(self) -> None:
        """Note postings that no rule makes, share tables looked up by more than the gig, and circles."""
        for name, line in self.lines.items():
            node = self.scope.lines[name]
            if line.op == "posted" and line.fund and line.window and not any(_posts(rule, line) for rule in self.rules):
                told = f"line {name}: no rule posts {line.fund} by {line.payer} over {line.window.text}"
                known = sorted({f"{r.fund} by {r.payer} over {r.window.text}" for r in self.rules})
                self.scope.reading.wrong(node, told, f"rules post: {', '.join(known) or 'nothing'}")
            if line.op == "posted" and line.window is not None and (line.window in _UNSUMMED or line.window.rolling):
                told = f"line {name}: what is posted over {line.window.text} is not summed window by window"
                self.scope.reading.wrong(node, told, "name a window with an end, from day to year")
        for name, measure in self.measures.items():
            table = self.tables.get(measure.share or "")
            for by in table.by if table else ():
                if by not in GIG_KEYS:
                    told = f"measure {name}: share: {by} is not the gig's own"
                    mend = f"look up by {', '.join(GIG_KEYS)}; shares by other names belong in a line"
                    self.scope.reading.wrong(self.scope.measures[name], told, mend)
            self._share_values(name, table)
        self._circles()

    def _share_values(self, name: str, table: Table | None) -> None:
        if table is None:
            return
        values = [value for row in table.rows for value in row.values]
        if len(table.columns) > 1 or any(isinstance(value, str) or value > 1 for value in values):
            told = f"measure {name}: share: expected a table with one share from 0 to 1 per row"
            self.scope.reading.wrong(self.scope.tables[table.name], told, 'write 65 % as "0.65"')

    def _circles(self) -> None:
        """Each circle once, at the line of the version that comes first in it."""
        done: set[str] = set()
        for start in self.lines:
            path = self._circle_from(start, done)
            if path:
                self.circular = True
                inner = [name for name in path if name in self.lines]
                first = min(inner, key=lambda name: self.scope.lines[name].line)
                turned = path[path.index(first) :] + path[: path.index(first)]
                said = " -> ".join(self._spoken(name) for name in [*turned, first])
                told = f"lines read one another in a circle: {said}"
                self.scope.reading.wrong(self.scope.lines[first], told, "let one of them read something else")

    def _circle_from(self, start: str, done: set[str]) -> list[str]:
        """Walk down from a name without recursion; give the first circle met, [] where there is none."""
        path: list[str] = []
        stack: list[tuple[str, Iterator[str]]] = []
        if start in done:
            return []
        stack.append((start, iter(self.reads(start))))
        path.append(start)
        on_path = {start}
        while stack:
            name, further = stack[-1]
            following = next(further, None)
            if following is None:
                stack.pop()
                path.pop()
                on_path.discard(name)
                done.add(name)
            elif following in on_path:
                done.update(path)
                return path[path.index(following) :]
            elif following not in done:
                stack.append((following, iter(self.reads(following))))
                path.append(following)
                on_path.add(following)
        return []

    def check_depth(self) -> bool:
        """Note a line that reads others too deep, or works out to too many steps; tell whether none does. No circles.

        An engine may walk down from a rule line by line, and over again wherever a line is read twice.
        """
        sizes: dict[str, tuple[int, int]] = {}
        for start in self.lines:
            waiting = [start]
            while waiting:
                missing = [each for each in self.reads(waiting[-1]) if each not in sizes]
                if missing:
                    waiting += missing
                    continue
                name = waiting.pop()
                below = [sizes[each] for each in self.reads(name)]
                table = self.tables.get(name.removeprefix(TABLE)) if name.startswith(TABLE) else None
                times = len(table.rows) if table is not None else 1
                deep, steps = 1 + max((each[0] for each in below), default=0), times + times * sum(s for _, s in below)
                sizes[name] = (deep, min(steps, STEPS_MAX + 1))
        for name, (deep, steps) in sizes.items():  # what is read stands before what reads it
            if name in self.lines and (deep > DEPTH_MAX or steps > STEPS_MAX):
                told = f"line {name}: expected lines that read one another at most {DEPTH_MAX} deep and {STEPS_MAX}"
                mend = "let it read fewer lines, or lines that do not read one another"
                self.scope.reading.wrong(self.scope.lines[name], f"{told} steps in all", mend)
                return False
        return True

    def _spoken(self, name: str) -> str:
        if name.startswith(RULE):
            rule = self.rules[int(name.removeprefix(RULE))]
            return f"rule {rule.fund} by {rule.payer}"
        return name

    def check_read(self) -> None:
        """Note what no rule and no notice reaches: what nobody reads is a mistake.

        Not where some reading was cut short by another problem: its consequences would hide it.
        """
        if self.scope.lost:
            return
        mend = "name it in a rule or notice (the `amount` of a notice shows a figure), or take it out"
        for what, names in (
            ("parameter", self.scope.parameters),
            ("measure", self.scope.measures),
            ("line", self.scope.lines),
        ):
            for name, node in names.items():
                if name not in self.reached:
                    at = node._replace(line=node.key_line or node.line)
                    self.scope.reading.wrong(at, f"{what} {name}: nothing reads it", mend)
        for name, node in self.scope.tables.items():
            if TABLE + name not in self.reached:
                at = node._replace(line=node.key_line or node.line)
                self.scope.reading.wrong(at, f"table {name}: nothing reads it", mend)

    def check_fund(self, node: Node, fund: str, where: str) -> None:
        """Note a fund that the document does not list (where it lists funds), or that no rule posts."""
        if not fund:
            return
        known = set(self.funds) or {rule.fund for rule in self.rules}
        if not any(ids_covers(own, fund) or (not self.funds and ids_covers(fund, own)) for own in known):
            listed = "is not under `funds:`" if self.funds else "is not that of a rule"
            mend = close_to(fund, known) or f"known: {', '.join(sorted(known)) or 'none'}"
            self.scope.reading.wrong(node, f"{where}: fund {fund} {listed}", mend)


def ids_covers(fund: str, part: str) -> bool:
    """Tell whether a fund is another or has it as a part (`CPF` has `CPF.OA`)."""
    return part == fund or part.startswith(fund + ".")


def _posts(rule: Rule, line: Line) -> bool:
    return (
        line.op == "posted"
        and ids_covers(line.fund, rule.fund)
        and rule.payer == line.payer
        and rule.window == line.window
    )


def _names(tests: Sequence[Test]) -> tuple[str, ...]:
    return (*(test.name for test in tests), *_bounds(tests))


def _bounds(tests: Iterator[Test] | Sequence[Test]) -> tuple[str, ...]:
    """Names that stand as bounds of comparisons; a word after `is` or `has` is none."""
    bounds = ("above", "from", "to", "below")
    return tuple(test.value for test in tests if test.relation in bounds and isinstance(test.value, str))


def _path(came: Mapping[str, str], name: str) -> str:
    path: list[str] = []
    while came[name]:
        name = came[name]
        path.append(name.removeprefix(TABLE))
    return f" (through {', '.join(reversed(path))})" if path else ""


_UNSUMMED: Final = (GIG, RUNNING)
_LATER: Final = ("age", "first_day", "worker.")
"""What becomes another when something is stated of the worker, or a gig taken back."""


def _unread(root: Root, name: str, where: str) -> tuple[str, str] | None:
    if where == "gig" and root.window != GIG:
        return f"{name} is one gig's, and its window is {root.window.text}", "use `window: gig`, or a measure's `where`"
    if where == "platform" and root.pooled:
        return f"{name} is one platform's, and it takes all together", "use `platforms: each`"
    if where in ("remittance", "dispute") and root.on != where:
        return f"{name} has a value only on a {where}, and it acts on {root.on}", f"use `on: {where}`"
    if root.window == GIG and not root.where.startswith("notice") and name.startswith(_LATER):
        told = f"{name} may be stated later for an earlier day, and its window is gig, which is not worked out again"
        return told, "use `window: day, platforms: each`: its postings bear the same day"
    if root.window.kind == "running" and name in ("window.first", "window.days", "window.weeks", "window.months"):
        return f"{name}: a running window has no first day", "use a window with an end"
    if root.window == RUNNING and not root.where.startswith("notice") and name != "platform":
        told = f"{name} is what it is on a day, and its window runs on: which day would hang on which gig came last"
        return told, "use a window with an end"
    return None


def _too_fine(root: Root, measure: Measure) -> tuple[str, str] | None:
    if measure.window is not None and not holds(measure.window, root.window):
        told = f"reads {measure.name} over {measure.window.text}, finer than its own window {root.window.text}"
        return told, "a rule reads its own window or one that holds it"
    if root.window == GIG and not root.where.startswith("notice") and measure.window not in (None, GIG):
        longer = measure.window.text if measure.window else ""
        told = f"reads {measure.name} over {longer}, and its window is gig: a later gig would change what this one owes"
        return told, f"use `window: {longer}` in the rule"
    if measure.pooled is False and root.pooled:
        return f"reads {measure.name} of each platform, and it takes all together", "use `platforms: each` in the rule"
    if measure.previous and measure.window is None and root.window.kind in ("gig", "running"):
        told = f"reads {measure.name} of the window before, and its window is {root.window.text}"
        return told, "give the measure a window"
    return _unpaid(root, measure.name) if measure.previous or measure.window not in (None, root.window) else None


def _unpaid(root: Root, name: str) -> tuple[str, str] | None:
    """Note other windows read where each gig's platform pays its part: what they change, no gig of this one pays."""
    if not root.pooled or root.payer not in (ids.PLATFORM_PAYER, ids.CUSTOMER):
        return None
    told = f"reads {name} of other windows and takes all platforms together: nothing says which of them pays"
    return told, "use `platforms: each` in the rule"


_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12, "FY": 12}
_DAYS: Final = {"day": 1, "week": 7, "fortnight": 14}


def holds(outer: Window, inner: Window) -> bool:
    """Tell whether each window of `inner` lies within one window of `outer`."""
    if outer == inner or inner.kind == "gig" or outer.kind == "running":
        return True
    if outer.kind == "gig" or inner.kind == "running" or outer.kind == "day":
        return False
    if inner.kind == "day":
        return outer.clock_seconds == 0
    if outer.kind == "months":
        return 0 < _MONTHS.get(inner.kind, inner.count if inner.kind == "months" else 0) <= outer.count
    if outer.kind == "days":
        length = _DAYS.get(inner.kind, inner.count if inner.kind == "days" else 0)
        return 0 < length <= outer.count and inner.clock_seconds == 0
    if outer.kind == "fortnight" and inner.kind == "week":
        same = (outer.anchor - inner.anchor).days % 7 == 0
        return same and outer.clock_seconds == inner.clock_seconds
    finer = {"quarter": ("month",), "year": ("month", "quarter"), "FY": ("month", "quarter")}
    return inner.kind in finer.get(outer.kind, ())
