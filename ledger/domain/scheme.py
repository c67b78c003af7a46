"""The language of schemes, as values: one dated version of one scheme, built whole by `ledger.domain.language`.

A version says who is covered (currency, zones, platforms), what is measured over which window (measures), the figures
that another instrument sets (parameters), tables, the lines of its form (each one operation on named lines, as on a
tax form), what is posted (rules) and what is said (notices). No code and no expressions. Every figure carries its
citation. Upholds L4 (equal text, equal postings) and L10 (each rounding names mode and step). Sources of the words:
contracts/schemes/LANGUAGE.md, generated from the reader.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from hashlib import sha256

from ledger.domain import ids
from ledger.domain.money import Mode, Rate
from ledger.domain.period import Window

Operand = Fraction | str
"""A figure as written (money in the currency's unit), or the name of what is read: a measure, line, parameter, ..."""


@dataclass(frozen=True, slots=True)
class Source:
    """A document that was read: its title, and its address where it has one."""

    key: str
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a figure comes from. `verified` is False for what was not read in a source (`confidence: unverified`)."""

    source: str
    verified: bool
    note: str


@dataclass(frozen=True, slots=True)
class Test:
    """One condition on what a name reads. `relation`: is, in, has, above, from, to, below, known.

    is: equals a word, date, truth or number; in: one of several; has: a list that contains a word; above, from (>=),
    to (<=), below: numbers, months or dates, against an operand; known: whether there is a value at all.
    """

    name: str
    relation: str
    value: Operand | date | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """What is counted over a window, gig by gig. `sum`: pay, minutes, hours, miles, km; or `count`: gigs, days.

    Pay: component kinds included (None: all; `kind:purpose` names one purpose) and excluded, less the commission or
    not. `share`: a table looked up for each gig (for time and distance: for each segment) that the sum is multiplied
    by. `where`: words of the gig that must hold. `window`/`pooled` None: those of the rule that reads it. `previous`:
    the window before that one.
    """

    name: str
    what: str  # pay | minutes | hours | miles | km | gigs | days
    include: frozenset[str] | None
    exclude: frozenset[str]
    less_commission: bool
    share: str | None
    where: tuple[Test, ...]
    window: Window | None
    pooled: bool | None
    previous: bool
    apart: bool  # days: the same day on two platforms is two days
    cite: Citation


@dataclass(frozen=True, slots=True)
class Parameter:
    """A named figure: set here, or open (`value` None): another instrument sets it, within bounds where they stand."""

    name: str
    value: Fraction | None
    at_least: Fraction | None
    at_most: Fraction | None
    cite: Citation


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: what must hold (any number of tests; `any` says none), and its value per column."""

    tests: tuple[Test, ...]
    values: tuple[Operand, ...]
    cite: Citation


@dataclass(frozen=True, slots=True)
class Table:
    """Rows found by what names read (`by`). The first row that matches holds. `otherwise`: nothing | refuse | a figure.

    nothing: a line that reads it has no value, and its rule posts nothing. refuse: the same, and a notice says that
    the scheme does not know (`not_published`).
    """

    name: str
    by: tuple[str, ...]
    columns: tuple[str, ...]  # ("value",) unless named
    rows: tuple[Row, ...]
    otherwise: str | Fraction  # "nothing" | "refuse" | figure
    cite: Citation


@dataclass(frozen=True, slots=True)
class Rounding:
    """Mode and step; the step in the currency's unit for lines, whole and exact."""

    mode: Mode
    step: Fraction
    cite: Citation


@dataclass(frozen=True, slots=True)
class Choice:
    """One branch: its conditions (() for `otherwise`) and what it gives."""

    when: tuple[Test, ...]
    then: Operand


@dataclass(frozen=True, slots=True)
class DueDay:
    """A day after a window's end: so many months on, on this day of the month (0: its last); or working days after
    the end (Monday to Friday; public holidays are not known here). `roll`: a weekend moves it to the next working day.
    """

    months: int
    day: int
    working_days: int
    roll: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the form: one operation on operands, then at least, at most and rounding, in this order.

    `op`: value, add, subtract, times, divide, least, greatest, lookup, choose, posted (sum of what rules of a fund and
    payer have posted in windows of `window` that lie within this one), due (a DueDay), starts (an attribute's month,
    or the month after its day by the cutoff), months_or_part (from one date to another).
    """

    name: str
    op: str
    of: tuple[Operand, ...]
    table: str = ""
    column: int = 0
    choices: tuple[Choice, ...] = ()
    fund: str = ""
    payer: str = ""
    window: Window | None = None
    due: DueDay | None = None
    cutoff_day: int = 0
    at_least: Operand | None = None
    at_most: Operand | None = None
    rounding: Rounding | None = None
    cite: Citation = field(default=Citation("", True, ""))


@dataclass(frozen=True, slots=True)
class Cap:
    """The most that a rule's total may come to: a figure, or the row of a table (looked up for the gig)."""

    amount: Fraction | None
    table: str | None
    cite: Citation


@dataclass(frozen=True, slots=True)
class Rule:
    """What is posted: fund, payer, state, unit, over which window, when it acts, and how much.

    How much: `amount` names a line; or, in short, `rate` of the measure `base`, to a `cap`. `on`: gig (as it goes, and
    again at the close), close, remittance, dispute. `payer`: worker, platform, customer, subsidy:<programme>, sponsor
    (the platform that the worker's attribute names), none (units without money).
    """

    fund: str
    payer: str
    state: str
    unit: str  # money | hours | days
    window: Window
    pooled: bool
    on: str
    when: tuple[Test, ...]
    amount: str | None
    base: str | None
    rate: Rate | str | None  # or the name of a parameter
    rate_cite: Citation
    cap: Cap | None
    rounding: Rounding
    cite: Citation


@dataclass(frozen=True, slots=True)
class Notice:
    """What is said: kind, over which window, when (gig | close | dispute), under which conditions, with what.

    `amount`, `value`, `date` are operands or absent; `truth`: the value is whether the conditions hold (then it is
    said either way). With `on` gig it is said once a window, and again when its value changes.
    """

    kind: str
    fund: str
    window: Window
    pooled: bool
    on: str
    when: tuple[Test, ...]
    amount: Operand | None
    value: Operand | None
    date: str | None
    truth: bool
    cite: Citation


@dataclass(frozen=True, slots=True)
class Version:
    """One dated version of one scheme; two are equal when their canonical texts are."""

    text: str
    scheme: str = field(compare=False)
    title: str = field(compare=False)
    status: str = field(compare=False)
    currency: str = field(compare=False)
    minor_digits: int = field(compare=False)
    time_zone: str = field(compare=False)
    time_zones: tuple[tuple[str, str], ...] = field(compare=False)  # (zone, tz name), where it is not `time_zone`
    zones: tuple[str, ...] = field(compare=False)
    platforms: tuple[str, ...] = field(compare=False)
    attribution: str = field(compare=False)  # completed | payment_due
    foreign_pay: Rounding | None = field(compare=False)  # of converted amounts; None: pay in other money is not covered
    start: date = field(compare=False)
    revision: int = field(compare=False)
    sources: tuple[Source, ...] = field(compare=False)
    parameters: tuple[Parameter, ...] = field(compare=False)
    measures: tuple[Measure, ...] = field(compare=False)
    tables: tuple[Table, ...] = field(compare=False)
    lines: tuple[Line, ...] = field(compare=False)
    rules: tuple[Rule, ...] = field(compare=False)
    notices: tuple[Notice, ...] = field(compare=False)
    cite: Citation = field(compare=False)

    @property
    def id(self) -> str:
        """`<from>`, or `<from>.<revision>` from the second revision on."""
        return ids.version_id(self.start.isoformat(), self.revision)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical text's UTF-8, hex."""
        return sha256(self.text.encode()).hexdigest()

    def measure(self, name: str) -> Measure:
        """The measure of this name."""
        return next(measure for measure in self.measures if measure.name == name)

    def table(self, name: str) -> Table:
        """The table of this name."""
        return next(table for table in self.tables if table.name == name)

    def covers_zone(self, zone: str | None) -> bool:
        """Tell whether a gig in this zone is in scope; one without a zone only where the version names no zones."""
        return not self.zones or (zone is not None and any(ids.zone_covers(own, zone) for own in self.zones))

    def covers_platform(self, platform: str) -> bool:
        """Tell whether the platform is in scope; all are where the version names none."""
        return not self.platforms or platform in self.platforms
