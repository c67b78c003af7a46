"""The worked example of the reference page: a small scheme, its case, and slips that are shown with their mends.

Part of the page, and tested like any scheme: the example is read, its case is run, and each slip is put into it so
that the page prints what the reader really says. The country, its act and its figures are invented.
"""

from __future__ import annotations

from typing import Final, NamedTuple

EXAMPLE: Final = """\
scheme: XX-RIDERS
title: "Riders' protection: accident cover for each ride, savings each month (an invented example)"
status: example
currency: EUR
time_zone: Europe/Lisbon
zones: [XX]
funds: {INJURY: "accident cover", SAVINGS: "savings for old age"}

sources:
  act: {title: "Riders' Protection Act 2025, sections 4 to 7 and schedule 1"}
  order: {title: "Ministerial order 3/2025 on caps", url: "https://example.org/order-3-2025"}

versions:
  - from: 2026-01-01
    source: act
    parameters:
      free_amount: {value: "200", note: "section 6: the part of a month's pay that is left alone"}
    measures:
      pay:
        include: all
        exclude: [tip, toll, reimbursement]
        less: [commission]
        note: "section 4: what the platform pays out, without tips and what only makes good a cost"
    tables:
      caps:
        by: [gig.vehicle]
        otherwise: "0.30"
        source: order
        rows:
          - {vehicle: [bicycle, walk], value: "0.10"}
          - {vehicle: [car, van], value: "0.50"}
      bonuses:
        by: [age]
        otherwise: nothing
        rows:
          - {age: {below: "25"}, value: "8"}
          - {age: {from: "25", below: "30"}, value: "5"}
    lines:
      above_free: {subtract: [pay, free_amount], at_least: "0"}
      saved: {times: [above_free, "0.03"], at_most: "60"}
      bonus: {lookup: bonuses}
      last_day_to_pay: {due: {months: 1, day: 14, roll: working}}
    rules:
      - fund: INJURY
        payer: platform
        window: gig
        base: pay
        rate: "0.02"
        cap: {table: caps}
        rounding: {mode: half_up, step: "0.01", confidence: unverified, note: "the act is silent: our choice"}
      - fund: SAVINGS
        payer: worker
        window: month
        platforms: together
        amount: saved
        rounding: {mode: down, step: "0.01"}
      - fund: SAVINGS
        payer: "subsidy:START"
        window: month
        platforms: together
        on: close
        when: {above_free: {above: "0"}, worker.subsidy: START}
        amount: bonus
        rounding: as_is
    notices:
      - {kind: due, fund: SAVINGS, window: month, platforms: together, on: close, date: last_day_to_pay}
"""

CASE: Final = """\
scheme: XX-RIDERS
title: "two rides in March, one of them capped; a young worker's bonus"
basis: derived
worker: {born: 2000-05, subsidy: START}
events:
  - {at: 2026-03-02T09:00+00:00, vehicle: car, gross: "30.00"}
  - {at: 2026-03-20T09:00+00:00, vehicle: bicycle, gross: "400.00", commission: "40.00"}
  - {type: period.closed, period: 2026-03}
expect:
  - {gig: 1, fund: INJURY, amount: "0.50"}                             # 2 % of 30.00 is 0.60, the cap 0.50
  - {gig: 2, fund: INJURY, amount: "0.10"}
  - {period: 2026-03, fund: SAVINGS, payer: worker, amount: "5.70"}    # 3 % of what 390.00 has above 200.00
  - {period: 2026-03, fund: SAVINGS, payer: "subsidy:START", amount: "5"}
expect_notice:
  - {kind: due, period: 2026-03, date: 2026-04-14}
"""


class Slip(NamedTuple):
    """One slip: what stands in the example, and what somebody writes instead."""

    right: str
    wrong: str


SLIPS: Final = (
    Slip('rate: "0.02"', "rate: 0.02"),
    Slip('rate: "0.02"', 'rate: "2%"'),
    Slip('rate: "0.02"', 'rate: "2"'),
    Slip('rate: "0.02"', 'rate: "-0.02"'),
    Slip("exclude: [tip", "exlude: [tip"),
    Slip("exclude: [tip,", "exclude: [tips,"),
    Slip('times: [above_free, "0.03"]', 'times: [above_free, "3"]'),
    Slip("currency: EUR", "currency: EURO"),
    Slip("time_zone: Europe/Lisbon", "time_zone: Lisbon"),
    Slip("fund: INJURY", "fund: ACCIDENT"),
    Slip("source: order", "source: orders"),
    Slip("from: 2026-01-01", "from: 2026-02-30"),
    Slip('        otherwise: "0.30"\n', ""),
    Slip('{age: {from: "25", below: "30"}', '{age: {from: "24", below: "30"}'),
    Slip('{age: {from: "25", below: "30"}', '{age: {from: "30", below: "25"}'),
    Slip("subtract: [pay, free_amount]", "subtract: [pay, free_amont]"),
    Slip("subtract: [pay, free_amount]", "subtract: [pay, saved]"),
    Slip("subtract: [pay, free_amount]", "subtract: [pay]"),
    Slip("subtract: [pay, free_amount]", "subtract: [pay, worker.subsidy]"),
    Slip("bonus: {lookup: bonuses}", "bonus: {look_up: bonuses}"),
    Slip("amount: bonus", 'amount: saved\n        base: pay\n        rate: "0.01"'),
    Slip("        amount: saved\n", '        base: pay\n        rate: "0.03"\n'),
    Slip("by: [gig.vehicle]", "by: [vehicle]"),
    Slip("cap: {table: caps}", 'cap: "0.505"'),
    Slip("        platforms: together\n        amount: saved", "        amount: saved"),
    Slip(
        "window: month\n        platforms: together\n        on: close",
        "window: running\n        platforms: together\n        on: close",
    ),
    Slip(
        "window: month\n        platforms: together\n        amount: saved",
        "window: monthly\n        platforms: together\n        amount: saved",
    ),
    Slip('payer: "subsidy:START"', "payer: platform"),
    Slip(
        "fund: SAVINGS\n        payer: worker\n        window: month\n        platforms: together",
        "fund: INJURY\n        payer: platform\n        window: running\n        platforms: each",
    ),
    Slip("cap: {table: caps}", "cap: {table: caps}\n        when: {worker.subsidy: START}"),
    Slip("        include: all", "        include: all\n        window: month\n        platforms: together"),
    Slip("worker.subsidy: START", "gig.vehicle: car"),
    Slip("worker.subsidy: START", "worker.programmes: START"),
    Slip("worker.subsidy: START", "worker.born: {from: 2000-05-01}"),
    Slip('payer: "subsidy:START"', "payer: state"),
    Slip('payer: "subsidy:START"', "payer: worker"),
    Slip("kind: due", "kind: deadline"),
    Slip('rounding: {mode: down, step: "0.01"}', "rounding: as_is"),
    Slip("window: gig\n        base: pay", "window: month\n        platforms: together\n        base: pay"),
)
