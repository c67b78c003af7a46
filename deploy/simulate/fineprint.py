"""The second half of the report: what the text changes, what was assumed, what is unverified, where all of it is from.

Stands on the same page as the figures, because a figure without it is a claim. Every change and every doubt names its
source; texts are known by digest, a file by its hash, a ledger by the checkpoints that were published over it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.entry import ENGINE
from deploy.simulate import words
from deploy.simulate.markup import Markup, bullets, heading, html, link, paragraph, section, table
from ledger.domain.simulation.trial import AFTER, acting_versions

if TYPE_CHECKING:
    from ledger.domain.simulation.figures import Change, Doubt
    from ledger.domain.simulation.result import Result


def text_changes(result: Result) -> str:
    """Give what the tried text says differently; "" where it is held against another scheme, or nothing."""
    found = result.changes()
    if found is None:
        return ""
    if not found:
        return section("What the text changes", paragraph("Nothing: the two texts say the same."))
    rows = [
        (one.place, words.told(one.place, one.before), words.told(one.place, one.after), _source(one)) for one in found
    ]
    return section("What the text changes", table("Figures", ("Where", "From", "To", "Source"), rows, 4))


def assumed(result: Result) -> str:
    """Give what was taken for granted, and how many gigs are covered."""
    return section("What was assumed", paragraph(words.coverage(result)), bullets(words.assumptions(result)))


def unverified(result: Result) -> str:
    """Give what the schemes mark as unverified, with their notes."""
    found = result.doubts()
    if not found:
        return section("Unverified figures", paragraph("None: each figure was read in the source that it names."))
    parts = [paragraph("These were not read in a source, or are a reading of one. Check them before relying on this.")]
    for version in dict.fromkeys(label for label, _ in found):
        parts.append(heading(version))
        parts.append(bullets([_told(doubt) for label, doubt in found if label == version]))
    return section("Unverified figures", *parts)


def notices(result: Result) -> str:
    """Give what the schemes say without moving money; "" where they say nothing."""
    if not result.tally.said:
        return ""
    rows = []
    for (side, kind, value), (times, total) in sorted(result.tally.said.items()):
        told = ("after" if side == AFTER else "before", kind.replace("_", " "), value or words.NOTHING)
        rows.append((*told, f"{times:,}", words.exact(result, total)))
    head = ("Side", "Kind", "Value", "Times", f"Amounts named, {result.trial.tried.currency}")
    intro = paragraph("Notices move no money: a limit that is broken, a figure that is missing, a day by which to pay.")
    return section("What the schemes say besides", intro, table("Notices", head, rows, 3))


def sources(result: Result) -> str:
    """Give where data and texts are from, and what identifies them."""
    origin = result.origin
    rows = [("Data", origin.kind, origin.name)]
    rows += [("Data", what, value) for what, value in origin.rows]
    rows.append(("Data", "days", f"{words.day(result.days.first)} to {words.day(result.days.last)}"))
    counted = (
        ("rows refused", origin.refused),
        ("events that came again, counted once", result.repeated),
        ("rows of other platforms", origin.others),
    )
    rows += [("Data", what, f"{count:,}") for what, count in counted if count]
    for word, side in (("After", result.trial.tried), ("Before", result.trial.against)):
        for version in acting_versions(side, result.days) if side else ():
            rows.append((word, f"{version.scheme} {version.id}, {version.status}", f"SHA-256 {version.digest}"))
    rows.append(("Computed by", "Iuran", f"engine {ENGINE}"))
    return section("Where this comes from", table("Data and texts", ("Which", "What", "Identified by"), rows, 3))


def _told(doubt: Doubt) -> Markup:
    """Give a doubt as one item: where, the note, and in small print what stands there and the source named."""
    small = "; ".join(part for part in (doubt.value, f"source: {doubt.source}" if doubt.source else "") if part)
    note = f": {html(doubt.note)}" if doubt.note else ""
    return Markup(f"<strong>{html(doubt.place)}</strong>{note}<br><small>{html(small)}</small>")


def _source(change: Change) -> Markup:
    cited = change.cited_after or change.cited_before
    if cited is None:
        return Markup(words.NOTHING)
    doubt = "" if cited.verified else " <strong>(unverified)</strong>"
    note = f"<br><small>{html(cited.note)}</small>" if cited.note else ""
    return Markup(f"{link(cited.title, cited.url)}{doubt}{note}")
