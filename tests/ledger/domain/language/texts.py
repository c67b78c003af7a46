"""A scheme in which everything of the language stands once, and ways to change a piece of it."""

from __future__ import annotations

from contracts.currencies import EXPONENTS
from ledger.domain.language.document import load_document
from ledger.domain.language.tree import Problem, SchemeError
from ledger.domain.scheme import Version

EVERYTHING = """\
scheme: X-ALL
title: everything once
status: draft
currency: USD
time_zone: America/New_York
time_zones: {US-UT: America/Denver}
zones: [US-NY, US-UT]
platforms: [uber, lyft]
attribution: payment_due
funds: {A: first, B: second}
sources:
  law: {title: the law}
  order: {title: the order, url: "https://example.org"}
versions:
  - from: 2026-01-01
    source: law
    note: read whole
    adds_up: {B: "0.03"}
    parameters:
      wage: open
      share: {value: open, at_least: "0.01", at_most: "0.02", source: order}
      free: {value: "200", note: left alone}
      plain: "5"
    measures:
      pay: {include: all, exclude: [tip], less: [commission], share: keep}
      fares: {include: [fare, "cancellation_fee:earning"], where: {service: ride, vehicle: [car, van], earning: true}}
      hours: {sum: hours, where: {any_zone: US-NY, platform: uber}}
      days: {count: days, apart: platforms, platforms: together}
      before: {include: all, window: quarter, shift: previous}
    tables:
      keep: {by: [gig.vehicle, gig.zone], otherwise: "1", rows: [{vehicle: car, zone: US-NY, value: "0.4"}]}
      rates:
        by: [age, worker.plan, worker.sector]
        columns: [worker, platform, total]
        otherwise: refuse
        adds_up: {of: [worker, platform], to: total}
        rows:
          - {age: {to: "35"}, plan: 1, sector: any, worker: "0.1", platform: "0.02", total: "0.12", source: order}
          - {age: {above: "35", to: "60"}, plan: {from: "1"}, sector: [transport, other],
            worker: "0.2", platform: "0.02", total: "0.22"}
      words: {by: [days], otherwise: nothing, rows: [{days: {from: "90"}, value: full}, {days: any, value: none}]}
      caps: {by: [gig.service], otherwise: nothing, rows: [{service: ride, value: "0.50"}]}
    lines:
      rate: {lookup: rates, column: worker}
      due_share: {times: [pay, rate, {value: "0.5", source: order, confidence: unverified, note: half}]}
      above: {subtract: [pay, free], at_least: "0", at_most: due_share}
      most: {greatest: [above, before, plain]}
      least: {least: [most, "1000"]}
      per_day: {divide: [least, days], rounding: {mode: half_up, step: "0.001"}}
      owed: {choose: [{when: {pay: {to: "50"}, worker.born: {from: 1995-01}}, then: "0"}, {otherwise: per_day}]}
      summed: {add: [owed, share, wage]}
      whole: {value: summed, rounding: {mode: down, step: "1"}}
      paid: {posted: {fund: A, payer: worker, window: quarter}}
      by: {due: {months: 1, day: 14, roll: working}}
      also_by: {due: {working_days: 5}}
      starts: {starts: [worker.opted_in, first_day], cutoff_day: 15}
      late: {months_or_part: [by, remittance.date]}
      interest: {times: [remittance.amount, late, "0.01"]}
      level: {choose: [{when: {hours: {from: "15"}}, then: partial}, {otherwise: cover}]}
      cover: {lookup: words}
    rules:
      - {fund: B, payer: platform, window: gig, base: fares, rate: "0.01", cap: {table: caps},
        rounding: {mode: half_even, step: "0.01"}}
      - {fund: B, payer: worker, window: gig, base: fares, rate: {value: "0.02", source: order}, cap: "1",
        rounding: {mode: up, step: "0.01"}}
      - fund: A.X
        payer: "subsidy:NEW"
        window: month
        platforms: each
        on: close
        when: {window.last: {from: 2026-01-01, to: 2027-03-31}, starts: {known: true},
          worker.programmes: {has: JKK}, worker.state_paid: false}
        amount: whole
        rounding: as_is
      - {fund: A, payer: worker, window: quarter, platforms: each, base: pay, rate: share, state: withheld,
        rounding: {mode: down, step: "1"}}
      - {fund: A, payer: platform, window: quarter, platforms: each, base: pay, rate: "1.5", above_one: true,
        rounding: {mode: down, step: "1"}}
      - {fund: A, payer: none, window: running, platforms: each, unit: hours, amount: hours}
      - {fund: A, payer: sponsor, window: month, platforms: each, on: remittance, amount: interest,
        rounding: {mode: down, step: "0.01"}}
    notices:
      - {kind: coverage, fund: A, window: month, platforms: each, on: close, value: level}
      - {kind: coverage, fund: A, window: FY, platforms: each, on: close, amount: paid}
      - {kind: eligible, window: FY, platforms: together, on: close, truth: {days: {from: "90"}}}
      - {kind: due, window: month, platforms: together, on: close, date: also_by, when: {worker.sponsor: uber}}
      - {kind: breach, window: gig, when: {gig.commission: {above: "10"}, gig.zone: US-NY,
        platform.collects: maximum}, amount: gig.commission}
"""


def read(text: str) -> Version:
    """Give the first version of a text."""
    return load_document(text, "test.yaml", EXPONENTS).versions[0]


def problems(text: str) -> tuple[Problem, ...]:
    """Give what is wrong with a text; () where nothing is."""
    try:
        load_document(text, "test.yaml", EXPONENTS)
    except SchemeError as error:
        return error.problems
    return ()


def changed(old: str, new: str) -> str:
    """Give the text with one piece changed; the piece must stand in it."""
    if old not in EVERYTHING:
        raise LookupError(old)
    return EVERYTHING.replace(old, new, 1)
