"""What is refused: every kind of slip, named at its line with what to write instead, all slips of a file at once."""

from __future__ import annotations

import pytest

from tests.ledger.domain.language.texts import EVERYTHING, changed, problems, read
from tests.ledger.domain.worlds import load, rule, scheme_text

BAND = 'age: {above: "35", to: "60"}'
ROW = '{service: ride, value: "0.50"}'


def test_everything_is_read() -> None:
    assert problems(EVERYTHING) == ()


@pytest.mark.parametrize(
    ("old", "new", "what", "mend"),
    [
        # the file
        ("status: draft", "status: drafted", "status: expected in force | draft | example | historic", "write one"),
        ("currency: USD", "currency: USB", "currency: unknown 'USB'", "ISO 4217"),
        ("time_zone: America/New_York", "time_zone: localtime", "time_zone: unknown 'localtime'", "Asia/Jakarta"),
        ("time_zone: America/New_York", "time_zone: posix/UTC", "time_zone: unknown", "Asia/Jakarta"),
        ("{US-UT: America/Denver}", "{US-CA: America/Denver}", "US-CA lies in none of the scheme's zones", "US-UT"),
        ("{US-UT: America/Denver}", "{US-UT: America/Danver}", "time_zones: US-UT: unknown", "tz database"),
        ("attribution: payment_due", "attribution: paid", "attribution: expected completed | payment_due", "one of"),
        ("funds: {A: first", "funds: {AA: first", "fund A.X is not under `funds:`", "known: AA, B"),
        ("law: {title: the law}", "law: {url: x}", "source law: expected key 'title'", "add `title:`"),
        ("source: law", "source: lew", "source: 'lew' is not under `sources:`", "did you mean 'law'?"),
        ("title: everything once", "titel: everything once", "unknown key 'titel'", "did you mean 'title'?"),
        ("title: everything once", "title: &t everything", "anchor or alias", "write it out"),
        ("title: everything once", "title: !!str everything", "tag: expected plain values", "take the `!` word out"),
        ("title: everything once", 'title: "a\\x07b"', "characters that can be printed", "control characters"),
        ("title: everything once", 'title: "a\\uD800b"', "characters that can be printed", "control characters"),
        ("    measures:", "    bases:", "unknown key 'bases'", "write `measures:`"),
        # dates and versions
        ("from: 2026-01-01\n", "from: 2026-02-30\n", "expected a day of the calendar", "2026-01-31"),
        ("from: 2026-01-01\n", "from: 20260101\n", "from: expected something like 2026-01-31", "2026-01-31"),
        ("  - from: 2026-01-01\n    source", "  - source", "version: expected key 'from'", "add `from:`"),
        ("    source: law\n", "    revision: 2\n    source: law\n", "does not stand before it", "keep 2026-01-01"),
        ("    source: law\n", "    revision: 1\n    source: law\n", "revision: expected", "2"),
        # figures
        ('rate: "0.01", cap', "rate: 0.01, cap", "expected a decimal in quotes, got the float 0.01", 'write "0.01"'),
        ('rate: "0.01", cap', 'rate: "1%", cap', "expected a decimal, got '1%'", 'write "0.01" for 1%'),
        ('rate: "0.01", cap', 'rate: "0,01", cap', "expected a decimal", 'write "0.01"'),
        ('rate: "0.01", cap', 'rate: "1e-2", cap', "expected a decimal", 'such as "0.05"'),
        ('rate: "0.01", cap', 'rate: "-0.01", cap', "expected 0 or more, got -0.01", "`subtract`"),
        ('rate: "0.01", cap', 'rate: "1.01", cap', "share from 0 to 1", "above_one: true"),
        ('"1000"', '"1,000"', "expected a decimal", 'write "1000"'),
        ('"1000"', f'"{"1" * 41}"', "at most 40 characters", "fewer"),
        (', rate: "1.5", above_one: true', ', rate: "1.5"', "share from 0 to 1", "above_one: true"),
        ("rate: share, state", "rate: plain, state", "share from 0 to 1", "above_one: true"),
        ("rate: share, state", "rate: shure, state", "no parameter 'shure'", "did you mean 'share'?"),
        ("rate: share, state", "rate: above, state", "no parameter 'above'", "`amount:`"),
        ('at_least: "0.01", at_most: "0.02"', 'at_least: "0.03", at_most: "0.02"', "at_least is more", "exchange"),
        ('{value: "200", note', '{value: "200", at_most: "100", note', "outside its own bounds", "mend the value"),
        # shares that do not add up
        ('adds_up: {B: "0.03"}', 'adds_up: {B: "0.04"}', "shares of B come to 0.03, expected 0.04", "mend the rates"),
        ('adds_up: {B: "0.03"}', 'adds_up: {C: "0.03"}', "adds_up: C has no rules", "name a fund"),
        ('total: "0.12"', 'total: "0.13"', "worker + platform come to 3/25, expected 13/100", "mend the shares"),
        (
            "{of: [worker, platform], to",
            "{of: [worker, platfrom], to",
            "no column 'platfrom'",
            "did you mean 'platform'",
        ),
        # words of gigs: a slip would silently count what it should not
        ("exclude: [tip]", "exclude: [tips]", "component: unknown 'tips'", "did you mean 'tip'?"),
        ('"cancellation_fee:earning"', '"cancelation_fee:earning"', "unknown 'cancelation_fee:earning'", "'cancell"),
        ("vehicle: [car, van]", "vehicle: [cars, van]", "vehicle: unknown 'cars'", "did you mean 'car'?"),
        ("rows: [{service: ride, value", "rows: [{service: deliveries, value", "unknown 'deliveries'", "'delivery'"),
        # more than the whole of pay
        ('[pay, rate, {value: "0.5"', '[pay, {value: "50"', "takes up to 50 times pay", 'write 1 % as "0.01"'),
        ("{times: [pay, rate,", "{times: [pay, plain,", "takes up to 2.5 times pay", "above_one: true"),
        (
            "{add: [owed, share, wage]}",
            "{add: [owed, share, wage], above_one: true}",
            "speaks of a share of pay",
            "out",
        ),
        # what would mislead a reader, or has no room
        ("title: everything once", 'title: "a\\u202eb"', "characters that can be printed", "control characters"),
        ("https://example.org", "javascript:alert(1)", "url: expected something like https", "write https"),
        ("zones: [US-NY, US-UT]", "zones: []", "zones: expected at least one", "leave it out for all"),
        ("platforms: [uber, lyft]", "platforms: []", "platforms: expected at least one", "leave it out for all"),
        ("from: 2026-01-01\n", "from: 9999-12-31\n", "expected a day from 1970 to 2199", "takes effect"),
        ("note: read whole", f"note: {'x' * 50_000}", "at most 48128 bytes of canonical text", "could not be enacted"),
        # measures
        ("sum: hours, where", "sum: hour, where", "sum: expected pay | minutes | hours", "write one"),
        ("{sum: hours, where", "{sum: hours, include: all, where", "include speaks of pay", "take `include` out"),
        ("{count: days, apart", "{count: gigs, apart", "apart speaks of days", "take `apart` out"),
        ("{include: all, window: quarter", "{window: quarter", "expected key 'include'", "include: all"),
        ('[fare, "cancellation', '[fare, "fare:earning", "cancellation', "fare:earning is in fare already", "keep one"),
        ("include: all, exclude", "include: [fare], exclude", "leaves the rest out", "include: all"),
        ("share: keep", "share: kept", "no table 'kept'", "known: keep"),
        ("share: keep", "share: rates", "one share from 0 to 1 per row", '"0.65"'),
        ('value: "0.4"', 'value: "40"', "one share from 0 to 1 per row", '"0.65"'),
        ("{by: [gig.vehicle, gig.zone]", "{by: [gig.vehicle, worker.tier]", "worker.tier is not the gig's own", "line"),
        ("window: quarter, shift", "window: gig, shift", "a gig window has none before it", "longer window"),
        ("window: quarter, shift", "window: quarterly, shift", "no window 'quarterly'", "write one of gig, day"),
        ("any_zone: US-NY", "anyzone: US-NY", "unknown key 'anyzone'", "did you mean 'any_zone'?"),
        # tables
        ("otherwise: refuse", "otherwise: post nothing", "nothing | refuse | a figure", "write `nothing`"),
        ("        otherwise: refuse\n", "", "table rates: expected key 'otherwise'", "otherwise: refuse"),
        (
            '{by: [days], otherwise: nothing, rows: [{days: {from: "90"}, value: full}, {days: any',
            '{by: [days], rows: [{days: {from: "90"}, value: full}, {days: {below: "80", from: "1"}',
            "no row holds below 1, between 80 and 90",
            "otherwise",
        ),
        (ROW, f'{{service: [ride, delivery], value: "1"}}, {ROW}', "ride stands in two rows", "see line"),
        (ROW, f"{ROW}, {ROW}", "ride stands in two rows", "see line"),
        (ROW, f'{{service: any, value: "1"}}, {ROW}', "ride stands in two rows", "exception before the general"),
        (ROW, f"{ROW}, {{service: delivery, value: full}}", "figures in some rows and words in others", "write all"),
        (ROW, "{service: ride, value: pay}", "pay is a name", "write its figure"),
        (ROW, '{servise: ride, value: "1"}', "unknown key 'servise'", "did you mean 'service'?"),
        (
            'age: {above: "35", to: "60"}, plan: {from: "1"}',
            'age: {above: "34", to: "60"}, plan: 1',
            "two rows",
            "line",
        ),
        (BAND, 'age: {above: "60", to: "35"}', "no value lies within these bounds", "exchange"),
        (
            "by: [age, worker.plan",
            "by: [age, worker.plann",
            "nothing defines 'worker.plann'",
            "did you mean 'worker.plan'",
        ),
        ("{by: [gig.service]", "{by: [service]", "nothing defines 'service'", "write gig.service"),
        ("columns: [worker, platform, total]", "columns: [worker, platform, age]", "two keys of a row", "name a line"),
        # lines
        (
            "above: {subtract: [pay, free]",
            "above: {subtract: [pay, fre]",
            "nothing defines 'fre'",
            "did you mean 'free'",
        ),
        ("above: {subtract: [pay, free]", "above: {subtract: [pay]", "exactly two operands, got 1", "write {subtract"),
        (
            "above: {subtract: [pay, free]",
            "above: {minus: [pay, free]",
            "expected one operation, got none",
            "write one of",
        ),
        ("above: {subtract: [pay, free]", "above: {subtract: [pay, free], add: [pay, free]", "subtract and add", "own"),
        (
            "above: {subtract: [pay, free]",
            "above: {subtract: [pay, level]",
            "expected a number, but level is a word",
            "name",
        ),
        ("above: {subtract: [pay, free]", "above: {subtract: [pay, by]", "expected a number, but by is a day", "name"),
        ("{divide: [least, days]", '{divide: [least, "0"]', "divides by 0", "name"),
        ("{lookup: rates, column: worker}", "{lookup: rates}", "expected which column", "add `column: worker`"),
        ("{lookup: rates, column: worker}", "{lookup: rates, column: wroker}", "no column", "did you mean 'worker'?"),
        ("{lookup: rates, column: worker}", "{lookup: rate_s, column: worker}", "no table", "did you mean 'rates'?"),
        (", {otherwise: per_day}", "", "expected `otherwise` as its last item", "otherwise: nothing"),
        (", {otherwise: per_day}", ", {otherwise: full}", "nothing defines 'full'", "define it"),
        (
            "{otherwise: per_day}]",
            '{otherwise: per_day}, {otherwise: "0"}]',
            "nothing after `otherwise`",
            "put it last",
        ),
        ("{months: 1, day: 14, roll", "{months: 1, roll", "expected months and day together", "write {months"),
        ("{due: {working_days: 5}}", "{due: {working_days: 5, months: 1}}", "either months and day", "write {months"),
        ("{starts: [worker.opted_in, first_day]", "{starts: [worker.plan]", "expected a day or", "name another"),
        ("{months_or_part: [by,", "{months_or_part: [pay,", "expected a day or", "name another"),
        ("cover: {lookup: words}", 'cover: {lookup: words, at_least: "0"}', "neither bounded nor rounded", "take"),
        (
            'at_least: "0", at_most: due_share',
            'at_least: "1", at_most: "0"',
            "at_least is more than at_most",
            "exchange",
        ),
        (
            "{fund: A, payer: worker, window: quarter}}",
            "{fund: B, payer: worker, window: month}}",
            "no rule posts B",
            "rules post",
        ),
        (
            "{fund: A, payer: worker, window: quarter}}",
            "{fund: B, payer: worker, window: gig}}",
            "line paid: what is posted over gig is not summed window by window",
            "from day to year",
        ),
        (
            "{kind: coverage, fund: A, window: FY, platforms: each",
            "{kind: coverage, fund: A, window: quarter, platforms: each",
            "what is posted over its own window quarter is being worked out",
            "read the line",
        ),
        (
            "{kind: coverage, fund: A, window: FY, platforms: each",
            "{kind: coverage, fund: A, window: FY, platforms: together",
            "reads paid of each platform, and it takes all together",
            "`platforms: each` in the rule",
        ),
        # conditions
        ('{pay: {to: "50"}', '{pay: {upto: "50"}', "unknown key 'upto'", "did you mean 'to'?"),
        ('{pay: {to: "50"}', '{pey: {to: "50"}', "nothing defines 'pey'", "did you mean 'pay'?"),
        ('{pay: {to: "50"}', "{pay: {to: worker.sector}", "but worker.sector is a word", "name another"),
        ("worker.born: {from: 1995-01}", "worker.born: {from: 1995-01-01}", "expected a month", "write 1995-01"),
        ("{from: 2026-01-01, to: 2027-03-31}", "{from: 2027-03-31, to: 2026-01-01}", "no value lies", "exchange"),
        ("{has: JKK}", "JKK", "it is a list of words", "write {has: JKK}"),
        ("worker.state_paid: false", "worker.state_paid: no", "expected true or false", "write one"),
        ("worker.state_paid: false", "worker.state_payed: false", "nothing defines", "'worker.state_paid'"),
        ("platform.collects: maximum", "platform.collects: maximal", "cumulative | maximum", "did you mean 'maximum'"),
        # rules
        ("{fund: B, payer: platform", "{fund: b, payer: platform", "fund: expected something like", "write"),
        ("{fund: B, payer: platform", "{fund: B, payer: state", "payer: expected something like", "subsidy:JKT"),
        ('base: fares, rate: "0.01"', 'base: feres, rate: "0.01"', "no measure 'feres'", "did you mean 'fares'?"),
        (
            'base: fares, rate: "0.01"',
            "base: fares, amount: whole",
            "expected `amount`, or `base` and `rate`",
            "keep one",
        ),
        ('base: fares, rate: "0.01"', "base: fares", "expected key 'rate'", "name a line"),
        ("cap: {table: caps}", "cap: {table: cups}", "no table 'cups'", "did you mean 'caps'?"),
        ("cap: {table: caps}", 'cap: "0.505"', "multiple of the rounding step", "rounding could pass"),
        ("cap: {table: caps}", "cap: {table: rates}", "one value per row", "column"),
        ("        rounding: as_is\n", "", "expected key 'rounding'", "as_is"),
        ('{mode: up, step: "0.01"}', '{mode: up, step: "0.001"}', "at most 2 decimals", "in a line"),
        ('{mode: up, step: "0.01"}', '{mode: nearest, step: "0.01"}', "down | up | half_up | half_even", "one of"),
        ('{mode: up, step: "0.01"}', '{mode: up, step: "0"}', "more than 0", "cents"),
        ("unit: hours, amount", "unit: hours, rounding: as_is, amount", "whole seconds always", "take `rounding` out"),
        (
            "payer: none, window: running, platforms: each, unit: hours",
            "payer: none, window: running, platforms: each",
            "money has a payer",
            "unit: days",
        ),
        (
            "payer: platform, window: gig",
            "payer: platform, window: gig, platforms: each",
            "lies on one platform",
            "leave",
        ),
        ("        platforms: each\n        on: close", "        on: close", "expected key 'platforms'", "together"),
        ("window: running, platforms: each", "window: running, platforms: each, on: close", "never closed", "on: gig"),
        (
            "{fund: A, payer: platform, window: quarter",
            "{fund: A, payer: worker, window: quarter, state: withheld",
            "A by worker stands twice",
            "choose",
        ),
        # what may be read where
        ("when: {window.last:", "when: {gig.service: ride, window.last:", "gig.service is one gig's", "`window: gig`"),
        (
            "base: pay, rate: share",
            'base: pay, when: {remittance.amount: {above: "1"}}, rate: share',
            "remittance.amount has a value only on a remittance",
            "on: remittance",
        ),
        (
            "{kind: eligible, window: FY, platforms: together, on: close, truth: {days",
            "{kind: eligible, window: FY, platforms: together, on: close, truth: {platform.flat_fee: true, days",
            "platform.flat_fee is one platform's",
            "platforms: each",
        ),
        (
            "{kind: due, window: month, platforms: together, on: close, date: also_by",
            "{kind: due, window: month, platforms: together, on: close, date: starts",
            "through starts",
            "platforms: each",
        ),
        (
            "{include: all, window: quarter, shift",
            "{include: all, window: week, shift",
            "finer than its own window month",
            "holds",
        ),
        (
            "apart: platforms, platforms: together",
            "apart: platforms, platforms: each",
            "of each platform",
            "in the rule",
        ),
        ("amount: paid}", "amount: paid, date: late}", "expected a day", "name another"),
        (
            "{fund: A, payer: none, window: running, platforms: each, unit: hours, amount: hours}",
            "{fund: A, payer: none, window: running, platforms: each, unit: days, amount: window.days}",
            "a running window has no first day",
            "with an end",
        ),
        # notices
        ("kind: due,", "kind: do,", "kind: expected shortfall", "write one"),
        ("kind: due,", "kind: parameter_unset,", "is said of itself", "open parameter"),
        ("kind: due,", "kind: [],", "kind: expected", "write one"),
        (
            'truth: {days: {from: "90"}}',
            'truth: {days: {from: "90"}}, value: full',
            "condition and value in one",
            "alone",
        ),
        ("date: also_by, when", "date: whole, when", "expected a day", "name another"),
        # what nothing reads
        (
            '      plain: "5"\n',
            '      plain: "5"\n      spare: "6"\n',
            "parameter spare: nothing reads it",
            "take it out",
        ),
        (
            "      caps: {by",
            '      spare: {by: [age], otherwise: "1", rows: [{age: any, value: "2"}]}\n      caps: {by',
            "table spare: nothing reads it",
            "take it out",
        ),
        (
            "      cover: {lookup",
            "      spare: {add: [pay, wage]}\n      cover: {lookup",
            "line spare: nothing reads it",
            "take",
        ),
        (
            "      before: {",
            "      spare: {count: gigs}\n      before: {",
            "measure spare: nothing reads it",
            "take it out",
        ),
        # names
        (
            '      plain: "5"\n',
            '      plain: "5"\n      pay: "6"\n',
            "'pay' stands under parameters too",
            "another name",
        ),
        ('      plain: "5"\n', '      plain: "5"\n      Wage: "6"\n', "a name like pay", "use a-z"),
        ('      plain: "5"\n', '      plain: "5"\n      age: "6"\n', "'age' is a word of the language", "another name"),
    ],
)
def test_a_slip_is_named_with_its_mend(old: str, new: str, what: str, mend: str) -> None:
    found = problems(changed(old, new))
    assert any(what in problem.what and mend in problem.mend for problem in found), "\n".join(map(str, found))
    lines = changed(old, new).count("\n")
    assert all(problem.file == "test.yaml" and 1 <= problem.line <= lines and problem.mend for problem in found)


MONTHLY = "measures: {pay: {include: all, window: month, platforms: together}}"
BY_AGE = 'tables: {by_age: {by: [age], otherwise: "1", rows: [{age: any, value: "2"}]}}'


@pytest.mark.parametrize(
    ("written", "what", "mend"),
    [
        # what no later statement, and no other gig, may change: a gig's window is not worked out again
        (rule(when="{worker.plan: 1}"), "worker.plan may be stated later for an earlier day", "`window: day"),
        (rule(when='{age: {above: "50"}}'), "age may be stated later", "`window: day"),
        (rule(when="{first_day: {from: 2026-01-01}}"), "first_day may be stated later", "`window: day"),
        (rule(payer="sponsor"), "who sponsors a worker may be stated later", "a window with an end"),
        *(
            (
                rule(window="running, platforms: each", when=f"{{{asked}}}"),
                "is what it is on a day, and its window runs on",
                "use a window with an end",
            )
            for asked in ('age: {above: "50"}', "worker.plan: 1", "window.last: {from: 2026-03-01}")
        ),
        # who pays
        *(
            (
                rule(payer=payer, platforms="together", **over),
                f"rule A by {payer}: takes all platforms together, and nothing says which of them pays",
                "`platforms: each`",
            )
            for payer in ("platform", "customer")
            for over in (
                {"window": "running"},
                {"window": "month", "on": "close"},
                {"window": "P3M", "on": "close"},
                {"window": "P30D"},
                {"window": "month", "on": "remittance"},
            )
        ),
        # which rule a posting is of
        *(
            (
                f"{rule(window=one)}\n{rule(window=other)}",
                f"A by platform over {one.split(',')[0]} and over {other.split(',')[0]} are both entered by day",
                "name two funds",
            )
            for one, other in (
                ("gig", "day, platforms: each"),
                ("day, platforms: each", "running, platforms: each"),
                ("running, platforms: each", "gig"),
            )
        ),
    ],
)
def test_what_would_not_end_where_a_replay_ends_is_refused(written: str, what: str, mend: str) -> None:
    text = scheme_text(written)
    found = problems(text)
    assert any(what in problem.what and mend in problem.mend for problem in found), "\n".join(map(str, found))
    lines = text.splitlines()
    assert all("fund: A" in lines[problem.line - 1] for problem in found)


def test_a_gig_reads_no_longer_measure_and_no_age_through_a_table() -> None:
    text = scheme_text(rule()).replace("measures: {pay: {include: all, less: [commission]}}", MONTHLY)
    (longer,) = problems(text)
    assert longer.what.startswith("rule A by platform: reads pay over month, and its window is gig")
    assert longer.mend == "use `window: month` in the rule"
    text = scheme_text(rule(cap="{table: by_age}")).replace("    rules:", f"    {BY_AGE}\n    rules:")
    (aged,) = problems(text)
    assert "age may be stated later" in aged.what
    assert aged.what.endswith("(through by_age)")


@pytest.mark.parametrize("reads", ["shift: previous", "window: quarter, platforms: together"])
def test_where_each_gigs_platform_pays_its_part_no_other_window_is_read(reads: str) -> None:
    measures = "measures: {pay: {include: all, less: [commission]}}"
    text = scheme_text(rule(window="month, platforms: together")).replace(
        measures, f"measures: {{pay: {{include: all, {reads}}}}}"
    )
    (found,) = problems(text)
    assert found.what.startswith("rule A by platform: reads pay of other windows and takes all platforms together")
    assert found.mend == "use `platforms: each` in the rule"
    assert problems(text.replace("payer: platform", "payer: worker")) == ()
    assert (
        problems(text.replace("window: month, platforms: together, base", "window: month, platforms: each, base")) == ()
    )


def test_what_tells_nobody_to_pay_may_read_all_that() -> None:
    """A notice is said, not owed; and who pays is clear where each gig's platform pays its part."""
    notice = '    notices: [{kind: due, window: gig, when: {worker.plan: 1, age: {above: "50"}}}]\n'
    assert problems(scheme_text(rule(), more=notice)) == ()
    assert problems(scheme_text(rule(window="month, platforms: together"))) == ()
    assert problems(scheme_text(rule(payer='"subsidy:TOWN"', window="running, platforms: together"))) == ()


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("gig", "running, platforms: each", "version 2027-01-01: A by platform was over gig and is over running now"),
        ("running, platforms: each", "day, platforms: each", "was over running and is over day now"),
    ],
)
def test_what_runs_on_is_not_entered_by_gig_or_day_in_another_version(before: str, after: str, told: str) -> None:
    later = "  - from: 2027-01-01\n    source: own\n    measures: {pay: {include: all}}\n    rules:\n"
    text = scheme_text(rule(window=before), more=f"{later}{rule(window=after)}\n")
    (found,) = problems(text)
    assert told in found.what
    assert found.mend == "name another fund, or a part of it"
    assert "from: 2027-01-01" in text.splitlines()[found.line - 1]
    assert problems(scheme_text(rule(), more=f"{later}{rule(window='day, platforms: each')}\n")) == ()


RUNS = """      - {fund: A, payer: worker, window: running, platforms: each, amount: owed, ~}
      - {fund: B, payer: worker, window: gig, base: pay, rate: "0.01", ~}
""".replace("~", 'rounding: {mode: down, step: "1"}')
OWED = "    parameters: {share: {value: ~, note: own}}\n    lines: {owed: {times: [pay, share]}}\n    rules:".replace


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ('value: "0.5"', 'value: "0.4"', False),
        ("less: [commission]", "less: []", False),
        ("platforms: each, amount", "platforms: together, amount", False),
        ("window: running, platforms: each", "window: month, platforms: each", True),
        ('rate: "0.01"', 'rate: "0.02"', True),
        ("note: own", "note: another", True),
    ],
)
def test_what_runs_on_is_the_same_in_every_version(old: str, new: str, same: bool) -> None:
    first = scheme_text(RUNS).replace("    rules:", OWED("~", '"0.5"'))
    later = first[first.index("  - from:") :].replace(old, new)
    assert later != first[first.index("  - from:") :]
    whole = first + later.replace("2026-01-01", "2027-01-01")
    told = [problem.what for problem in problems(whole)]
    what = "version 2027-01-01: what runs on is not what it is in version 2026-01-01, whose gigs it counts too"
    assert told == ([] if same else [what])
    revised = first + later.replace("    source: own", "    revision: 2\n    source: own")
    assert problems(revised) == ()  # a revision replaces the text of its day


def test_a_circle_is_named_once_at_its_first_line() -> None:
    text = changed("above: {subtract: [pay, free]", "above: {subtract: [owed, free]")
    (circle,) = [problem for problem in problems(text) if "circle" in problem.what]
    assert circle.what.endswith("above -> due_share -> above") or circle.what.endswith(
        "above -> owed -> per_day -> least -> most -> above"
    )
    assert "above: {subtract" in text.splitlines()[circle.line - 1]


def test_a_circle_through_what_a_rule_has_posted() -> None:
    text = changed("rate: share, state: withheld", "amount: own, state: withheld").replace(
        ", base: pay, amount", ", amount"
    )
    text = text.replace(
        "      by: {due", "      own: {posted: {fund: A, payer: worker, window: quarter}}\n      by: {due", 1
    )
    assert any("own -> rule A by worker -> own" in problem.what for problem in problems(text))


def test_all_problems_are_named_at_once_at_their_lines() -> None:
    text = EVERYTHING.replace("currency: USD", "currency: USB").replace("sum: hours", "sum: hour")
    text = text.replace("kind: breach", "kind: bridge").replace('free: {value: "200"', "free: {value: 2.5")
    where = {problem.line: text.splitlines()[problem.line - 1] for problem in problems(text)}
    pieces = ("USB", "hour,", "bridge", "2.5")
    assert [next(piece for piece in pieces if piece in line) for line in where.values()] == [
        "USB",
        "2.5",
        "hour,",
        "bridge",
    ]


def test_problems_of_every_version_and_their_order_are_named_together() -> None:
    later = "  - {from: 2025-01-01, source: own, rules: [{fund: A, payer: state}]}\n"
    said = [problem.what for problem in problems(scheme_text(rule(rate="0.01"), more=later))]
    assert any("float 0.01" in what for what in said)
    assert any("version 2025-01-01: expected one later than 2026-01-01" in what for what in said)
    assert any("payer: expected" in what for what in said)


@pytest.mark.parametrize(
    ("more", "what"),
    [
        (
            "  - {from: 2026-01-01, source: own, rules: []}\n",
            "expected one later than 2026-01-01; two texts of one day",
        ),
        (
            "  - {from: 2026-01-01, revision: 3, source: own, rules: []}\n",
            "does not stand before it; keep 2026-01-01.2",
        ),
        (
            "  - {from: 2025-12-31, source: own, rules: []}\n",
            "expected one later than 2026-01-01; write the oldest first",
        ),
    ],
)
def test_versions_stand_in_order(more: str, what: str) -> None:
    assert what in "\n".join(map(str, problems(scheme_text(rule(), more=more))))


@pytest.mark.parametrize(
    "text", ["a: [", "a: b: c", "", "--- {}\n--- {}", '"\\UFFFFFFFF"', "%YAML 9.9\n---\na", "\x00", "a: \tb: c"]
)
def test_what_is_no_scheme_file(text: str) -> None:
    assert problems(text)
    assert all(problem.line == 1 for problem in problems(text) if "\n" not in text)


def test_exceptions_may_stand_before_the_general_row() -> None:
    for row in ('{service: any, value: "1"}', '{service: [ride, delivery], value: "1"}'):
        assert problems(changed(ROW, f"{ROW}, {row}")) == ()


def test_zones_are_exceptions_of_wider_zones() -> None:
    row = '{vehicle: car, zone: US-NY, value: "0.4"}'
    narrow = '{vehicle: car, zone: US-NY-NYC, value: "0.5"}'
    assert problems(changed(row, f"{narrow}, {row}")) == ()
    assert any("stands in two rows" in problem.what for problem in problems(changed(row, f"{row}, {narrow}")))


def test_a_draft_is_read_like_any_other() -> None:
    assert read(EVERYTHING).status == "draft"


def test_a_scheme_may_end_without_rules() -> None:
    assert load(scheme_text(rule(), more="  - {from: 2027-01-01, source: own, rules: []}\n")).versions[1].rules == ()


def test_long_chains_are_read_and_too_long_ones_refused() -> None:
    def chain(length: int) -> str:
        links = "".join(f"      z{n}: {{value: {f'z{n + 1}' if n < length else 'free'}}}\n" for n in range(length + 1))
        return changed("      cover: {lookup", f"{links}      cover: {{lookup").replace("[pay, free]", "[pay, z0]", 1)

    assert problems(chain(30)) == ()
    assert any("at most 50 deep" in problem.what for problem in problems(chain(60)))
    assert any("expected at most 300" in problem.what for problem in problems(chain(2_000)))


def test_lines_that_read_others_over_and_over_are_refused_before_anybody_works_them_out() -> None:
    """Each line twice in the next: thirty lines come to a thousand million steps."""
    links = "".join(f"      z{n}: {{add: [z{n - 1}, z{n - 1}]}}\n" for n in range(1, 30))
    text = changed("      cover: {lookup", f"      z0: {{value: free}}\n{links}      cover: {{lookup")
    found = problems(text.replace("[pay, free]", "[pay, z29]", 1))
    assert [problem.what for problem in found] == [
        "line z13: expected lines that read one another at most 50 deep and 20000 steps in all"
    ]


def test_brackets_without_end_are_refused_at_once() -> None:
    (found,) = problems(f"a: {'[' * 200_000}")
    assert found.what == "file: nested too deep"


@pytest.mark.parametrize("count", [1, 0])
def test_a_flat_rule_says_whom_it_means(count: int) -> None:
    """What counts nothing and reads nothing of the worker would act on nobody in a ledger."""
    flat = (
        "      - {fund: A, payer: worker, window: month, platforms: together, on: close, amount: fee, rounding: as_is"
    )
    joined = ", when: {worker.opted_in: {known: true}}" * count
    text = scheme_text(f"{flat}{joined}}}").replace(
        "measures: {pay: {include: all, less: [commission]}}", "lines: {fee: {value: 5}}"
    )
    said = [problem.what for problem in problems(text)]
    assert [what.partition(": ")[2] for what in said] == [
        "counts no gigs and reads nothing of the worker: it would act on nobody"
    ] * (1 - count)


@pytest.mark.parametrize(
    ("lines", "amount", "fits"),
    [
        ('tenth: {times: [pay, "0.1"]}', "tenth", False),
        ('tenth: {times: [pay, "0.1"], rounding: {mode: down, step: "1"}}', "tenth", True),
        ('tenth: {times: [pay, "2"], above_one: true}', "tenth", True),
        ("less: {subtract: [pay, free]}", "less", True),
        ('less: {subtract: [pay, free], at_most: "0.5"}', "less", True),
        ('less: {subtract: [pay, free], at_most: "0.005"}', "less", False),
        ("part: {divide: [pay, window.days]}", "part", False),
        ("own: {value: worker.basis}", "own", False),
        ('band: {choose: [{when: {pay: {above: "5"}}, then: "0.25"}, {otherwise: nothing}]}', "band", True),
        ('band: {choose: [{when: {pay: {above: "5"}}, then: "0.333"}, {otherwise: nothing}]}', "band", False),
    ],
)
def test_what_is_posted_as_it_is_comes_out_whatever_gigs_come(lines: str, amount: str, fits: bool) -> None:
    own = f"      - {{fund: A, payer: worker, window: month, platforms: together, amount: {amount}, rounding: as_is}}"
    text = scheme_text(own, currency="EUR").replace(
        "    rules:", f'    parameters: {{free: "0.5"}}\n    lines: {{{lines}}}\n    rules:'
    )
    found = [problem.what for problem in problems(text) if "nothing reads it" not in problem.what]
    assert found == (
        [] if fits else [f"rule A by worker: rounding: as_is, but {amount} need not come out in whole cents"]
    )


def test_a_condition_on_a_line_without_a_kind_is_not_passed_over() -> None:
    text = changed("      cover: {lookup", "      never: {choose: [{otherwise: nothing}]}\n      cover: {lookup")
    text = text.replace("worker.state_paid: false}", 'worker.state_paid: false, never: {above: "1"}}', 1)
    assert any("what never reads cannot be told" in problem.what for problem in problems(text))


def test_a_table_has_an_end() -> None:
    rows = ", ".join(f'{{service: s{number}, value: "1"}}' for number in range(1_001))
    assert any("at most 1000 rows" in problem.what for problem in problems(changed(ROW, rows)))
