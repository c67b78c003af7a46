"""The prose of the reference page, by its sections; tables and examples are put between them by `reference`."""

from __future__ import annotations

from typing import Final

OPENING: Final = """\
# The language of schemes

A scheme is a text in which a ministry, a city or a fund says who owes what for a gig worker, from which day on, and
where each figure comes from. This page is all that is needed to write one. There is no code in it, no loop and no
formula: a scheme is filled in like a tax form, each line one operation on lines before it. The tables here and
[scheme.schema.json](scheme.schema.json), for editors, are generated from the reader itself (`python -m
ledger.domain.language.reference`), and so are the messages of section 10.

| to | do |
| --- | --- |
| read a scheme and be told of every slip, with its line and mend | `iuran scheme check my-scheme.yaml` |
| run its cases | `iuran scheme test my-cases.yaml --schemes my-folder` |
| try it on real gigs before it is law | `iuran scheme simulate` |
| see what is shipped | `iuran scheme list`, `iuran scheme show US-NY-BCF` |
| switch it on | `iuran scheme enact MY-SCHEME` |
"""

WALK_THROUGH: Final = """\
## 1. A scheme from nothing

Exampleland has an act. Section 4: the platform pays 2 % of each ride's pay for accident cover, up to a cap by vehicle
that an order sets. Section 6: workers save 3 % of what a month's pay, over all platforms, has above 200; at most 60.
Section 7: admitted workers below 30 get a bonus from the START programme in each month in which they save. Payment is
due by the 14th. Written down in seven steps:

1. **Head.** A name, a title, a `status` that says whether it is law, currency, time zone, zones, the funds.
2. **Sources.** Each document that was read, under a short key. Every figure cites one, its own or that of the
   version.
3. **A version** for the day from which it holds.
4. **Measures**: what is counted. Here: pay, without tips and tolls, less commission.
5. **Parameters, tables**: figures with a name, and figures that depend on something.
6. **Lines**: the form, one operation each.
7. **Rules** post the total of a window to a fund; **notices** tell somebody something.
"""

AFTER_EXAMPLE: Final = """\
Read it back from its end: the month's bonus is what the table gives for the age; it is posted once the month is
closed, when something was saved and the programme has admitted the worker. A rule always speaks of the *total* of its
window; after each gig, adjustment, reversal or back-dated change the ledger posts the difference between that total
and what was posted before, so that nothing has to be said about corrections.

What is not known stays visible: `confidence: unverified` on a figure, `otherwise: refuse` on a table beyond whose
rows nothing was published, `value: open` on a parameter that another instrument sets. Never guess.
"""

CASE_BEFORE: Final = """\
## 2. Its proof

A case is a story with its answer: the events of one worker, and what they must come to. Write one for each figure
that was published, with its address as `source` and `basis: published`. The whole format stands in
[README.md](README.md) under "Cases".
"""

CASE_AFTER: Final = """\
`iuran scheme test case.yaml --schemes folder` prints each row that does not hold with what was expected and what
came, and exits 1. Where the scheme and a published figure differ, find out who is right and write it beside the case;
never bend a figure to fit.
"""

WRITING: Final = """\
## 3. How it is written

- Plain YAML: `key: value`, two spaces deeper below, lists as `[a, b]` or one `- item` a line, `#` for remarks. No
  anchors, aliases or tags.
- Every value is text, typed by its key. Figures are decimals in quotes, in the currency's unit, without thousands
  marks: `"10000"`, `"0.05"`. A percentage is written as a share: 2 % is `"0.02"`. No figure is negative: `subtract`
  says what is taken off.
- Days are `2026-01-31`, months `2026-01`.
- Names of your own are small letters, figures and `_`: `above_free`. Funds are capitals, a part after a dot:
  `CPF.OA`.
- `source`, `confidence` and `note` may stand beside any version, measure, table, row, line, rule, notice, rounding or
  cap, and hold for all below it; a single figure carries its own as `{value: "0.01", source: act, note: "..."}`.
- The order of names, rules and keys means nothing. The order of rows and of branches does: the first that matches
  holds.
- What nothing reads is refused: a measure, table, line or parameter that no rule or notice reaches is a slip. To show
  a figure that is not posted, name it in the `amount` of a notice.
"""

ROWS: Final = """\
### A row
For each name under `by` a condition, under the part of the name after its dot (`gig.vehicle`: `vehicle`); then
`value`, or one value for each of the `columns`; then `source`, `confidence`, `note` where they are its own.

| condition | holds for | example |
| --- | --- | --- |
| a word or figure | just this | `{service: ride, value: "1"}` |
| a list | one of these words | `{vehicle: [car, van], value: "1"}` |
| `any` | everything, also what is not known | `{vehicle: any, value: "1"}` |
| a comparison | section 7 | `{age: {above: "55", to: "60"}, value: "0.13"}` |

A zone holds for finer ones: `{zone: US-WA}` for `US-WA-SEATTLE`. An exception stands before the general row that it
is part of. Two rows of the same, a row behind one that covers it, and rows that overlap in part are refused. Values
are all figures or all words in a column.
"""

GIG_WORDS: Final = """\
### Words of gigs
What platforms write of a gig, and a measure's `include`, `exclude` and `where`, a condition on `gig.service` or
`gig.vehicle` and the rows of a table ask for. The lists are open: a platform may send another word, and a scheme may
ask for it; a word that is all but one of these (`tips`) is refused as a slip. Measures of pay add up components;
negative ones take away.
"""

LINES: Final = """\
A line has one operation. Operands are figures or names (section 7); a figure may carry its source: `{times: [pay,
{value: "0.01", source: act}]}`. After the operation `at_least`, `at_most` and `rounding` apply, in this order. Lines
may stand in any order, but not read one another in a circle. Where an operand has no value (an unknown attribute, a
table without a row, a division by 0) the line has none, and a rule whose amount has no value posts nothing. Branches
that are not taken are not looked at.
"""

CONDITIONS: Final = """\
`when`, a branch of `choose`, `truth` and the rows of tables ask what a name reads. All conditions of a mapping must
hold. A condition on something without a value does not hold, except `{known: false}`. Bounds are figures, days,
months or names. Months and days compare: a month stands for its first day. *Above 50 from the month after the
birthday month* is `{age: {above: "50"}}`: age counts in months.
"""

NAMES: Final = """\
A name reads a measure, line or parameter of the version, an attribute of the worker or platform, or what the language
gives:
"""

WINDOWS: Final = """\
## 8. Windows

| written | is | posted under |
| --- | --- | --- |
| `gig` | each gig with its additions: rules read no other gig and nothing stated of the worker | its day |
| `day` | the local calendar day | 2026-03-04 |
| `week`, `week:sundayT04:00` | from Monday 00:00, or from this weekday and hour | 2026-W10 |
| `fortnight:2021-01-04T04:00` | two weeks, counted from this day and hour | 2026-03-02/P2W |
| `month`, `quarter`, `year` | of the calendar | 2026-03, 2026-Q1, 2026 |
| `FY` | the Indian fiscal year, April to March | FY2025-26 |
| `P12M` | the twelve months that end with the month | P12M/2026-02 |
| `P30D` | the thirty days that end with the day | P30D/2026-06-30 |
| `running` | from the first gig on, without end | the gig's day |

Days, weeks and months are those of the scheme's `time_zone`. A window takes the version in force on its last day, a
gig that on its day. A rule may read a measure over its own window or over one that holds it (a month may read its
quarter, or with `shift: previous` the quarter before), never over a finer one. With `platforms: each` there is one
window per platform; a rule `together` cannot read what is one platform's, while a rule per platform may read a
measure with `platforms: together`.

A rolling window, and a measure of the window before, also count gigs of days before the version began, or the scheme
did: as the version that reads them says, and nothing is posted for those days themselves.

So that every correction ends where a replay would, and no posting can be taken for another rule's, these are refused:
a rule over `gig` that reads a longer measure, `worker.`, `age` or `first_day`, or whose payer is `sponsor` (what is
stated later, or another gig, would change it: use `day` with `platforms: each`, or the measure's own window); a rule
for `platform` or `customer` with `platforms: together` that acts `on: close`, over what runs on or over a rolling
window, or that reads another window than its own (no gig says which platform pays); `posted` over `gig`, over what
runs on, over a rolling window or over the rule's own (such sums are not kept, or not made yet); one fund, payer,
state and unit over two of `gig`, `day` and `running`, or `running` in one version and not in another (all three are
entered by day); rules over `running` that read what is so on a day (`worker.`, `age`, `window.last` and the like: which
day?); rules and notices over `running` that differ from one version to the next (they count all gigs since the first:
a new rate would reach back over them).
"""

ACTING: Final = """\
**On whom a rule acts.** One that counts something (a measure) acts on whoever has a gig in scope, in the windows with
gigs in them. One that counts nothing, a flat amount a month, acts with `platforms: together` on each worker of whom
something is known that the version reads (an attribute that was stated: `worker.basis`), at each close, gigs or none;
with `platforms: each` on whoever had a gig on the platform in the window. So a flat rule reads what makes somebody a
member, `when: {worker.opted_in: {known: true}}`; one that reads nothing of the worker is refused. What it reads with
`worker.` is what the operator states of the worker (`worker.changed`); a scheme can ask for the attributes of section
7 and no others.
"""

RULES: Final = """\
A rule says which fund, who pays, over which window, when it acts, and how much: the `amount` of a line, or in short
`rate` of `base`, to a `cap`. One fund, payer, state, unit and window has one rule: several cases are branches of one
line (`choose`). Shares: each payer of a fund has a rule of its own; `adds_up: {JHT: "0.03"}` in the version makes the
reader check that their rates come to the whole. A rate above 1 is refused unless the rule says `above_one: true`, and
so are the shares of a fund that come to more than 1 together. A relief is posted with the relief as payer,
`subsidy:<NAME>`, so that the fund's total stays what it was.
"""

SLIPS: Final = """\
`iuran scheme check` names all slips of a file at once, each with file, line and mend. Put into the example of section
1, one by one:
"""

MORE_SLIPS: Final = """\
Also refused: versions that are not in order or of the same day (`revision: 2` replaces an enacted text); a `rate` or
`adds_up` that does not come out; a word where a figure is needed; a branch behind `otherwise`; `otherwise` missing; a
due day that is half said; a notice kind that follows of itself; anchors, tags, keys written twice, control
characters and those that turn the direction of writing; an address that is no web address; an empty list of zones or
platforms; lines that read one another more than 50 deep; a version whose canonical text is longer than 47 KiB, which
no record can carry.
"""

HOW_TO: Final = """\
## 12. How to say it

| what the law says | how it is written | as in |
| --- | --- | --- |
| a share of each gig's pay, at most so much | `window: gig`, `base`, `rate`, `cap` | IN-KA-WELFARE-FEE |
| the same of a month, over all platforms | `window: month`, `platforms: together` | ID-JK-PILOT |
| a price per gig by kind of work | a table by `gig.service`, looked up by a line | CN-OCC-INJURY |
| an amount by bands of declared income | a table by `worker.income`, a row for each band | ID-BPU |
| by bands of what was earned | `choose` over the measure, a branch for each band | SG-CPF-PW, BR-PLP152-2025 |
| pay less expenses, by vehicle | the measure's `share`: a table by `gig.vehicle` | SG-CPF-PW, MX-IMSS-PLATFORM |
| rates by age | a table by `age`, `columns` for the payers | SG-CPF-PW |
| so much into one fund, the rest into another | `least`, then `subtract` | PH-SSS-SE |
| a flat amount a month | a figure or a table; `on: close`; it reads who is meant | BR-MEI, ID-BPJSKES-PBPU |
| a floor under each gig's pay | `greatest`, then `subtract: [floor, pay], at_least: "0"` | US-WA-TNC |
| a floor under two weeks' pay, by hours and miles | `window: fortnight:...`, `on: close`, `subtract` | US-CA-PROP22 |
| shared by platform and worker | a rule for each; what takes the rest is a `subtract` | SG-CPF-PW |
| each platform its part of what all come to | `platforms: together` in one of two measures, `divide` | CO-LEY2466 |
| a relief for some months, paid by the state | payer `subsidy:NAME`, `when: {window.last: ...}` | ID-BPU, MY-SKSPS |
| for the first twelve months | `months_or_part: [worker.opted_in, window.last]` and a condition on it | section 6 |
| a right after so many days or hours | a notice with `truth` | IN-SSCODE |
| an hour saved up for every forty | `unit: hours`, `window: running` | US-WA-TNC-SICK |
| last quarter's work decides | the measure's `shift: previous` | US-PORTABLE-STRIDE |
| withheld at most, given back after the month | `state: withheld`, `state: returned` | SG-CPF-PW |
| interest on what is paid late | `on: remittance`, `months_or_part` | IN-SSCODE |
| pay for a suspension without reason | `on: dispute` | MY-GWA-S14 |
| a limit that must not be passed | a notice `breach` | ID-KP1001 |
| set by somebody else, later | `value: open` | US-CA-PROP22 |
"""

ENACTING: Final = """\
## 11. From draft to law

- `status: draft` is read, tested and simulated, never enacted: nobody owes it. `example` is enacted only to show
  something; `historic` is no longer in force.
- A new figure from a day on is a new item under `versions:`; the old one stays. It holds until the next one's `from`;
  `rules: []` ends a scheme. A relief with an end is a condition (`window.last: {from: 2026-01-01, to: 2027-03-31}`)
  or a version.
- What is left open (`value: open`) is set by `iuran scheme set MY-SCHEME fee=16.90 --from 2026-07-01 --source "Order
  12/2026"`: a version of that day whose text carries the figure and this source, so that every audit knows it. Later
  versions that leave it open get it too. A window takes the figure that holds on its last day. Where cities differ, a
  programme ([PROGRAMMES.md](PROGRAMMES.md)) has their figures.
- A figure that was enacted and was wrong is mended by a copy of its version with `revision: 2`; the ledger then posts
  the differences.
- `iuran scheme enact` carries the version's canonical text into the ledger: JSON of this one version, keys sorted,
  strings only, no spaces, with the scheme's own fields, `minor_digits` (ISO 4217) and only the sources and funds it
  names. Its SHA-256 is the version's digest (`iuran scheme show ID --canonical`). Another text under an enacted
  version is refused.
"""
