"""`iuran audit verify | recompute`: every law held against what is stored, wherever it is read from.

Thin: what is checked stands in `ledger.audit`; here are arguments, wording and `--json`. Findings go to standard output
in order, then one line per journal, then the verdict as the last line; progress goes to standard error. Exit 0 only if
all that was to be checked holds.

Of a database the newest published checkpoints are compared unless `--offline` says not to, and the topics' ends with
what the journals have read: one that stands still is found, records that wait with no stream running are a warning. Of
a folder or an address what `--against` brings. Where nothing outside is compared, a source that was set back as a whole
is not found, and the answer says so. `--keep` writes what a later audit needs to go on if nothing was found; `--since`
goes on from it: the tree that was verified must be the beginning of the one that is there, and entries before that size
are not read again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.cli import audit_given as given
from deploy.cli import audit_source as sources
from deploy.cli import brought
from deploy.cli.progress import terminal
from ledger.audit.findings import Finding
from ledger.errors import Unfit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.cli.audit_source import Opened
    from deploy.cli.progress import Progress
    from ledger.audit.recomputing.recompute import Recomputed
    from ledger.audit.verdict import Verdict
    from ledger.settings import Settings

NOT_COMPARED = "not compared with iuran.checkpoints: a database set back as a whole is not found this way"
NOT_HELD = "compared with nothing from outside (--against): a log set back or written anew as a whole is not found"
Target = Annotated[
    str | None, typer.Argument(help="An exported folder, or the address of an API; without: the ledger's database.")
]
Offline = Annotated[bool, typer.Option("--offline", help="Do not ask the broker for what was published.")]


def register(app: typer.Typer) -> None:
    """Add the commands to a group."""
    app.command("verify")(verify)
    app.command("recompute")(recompute)


def verify(
    target: Target = None,
    journal: given.Journals = None,
    as_json: given.Json = False,
    offline: Offline = False,
    against: Annotated[
        list[Path] | None,
        typer.Option("--against", help="A checkpoint, cosigned note or receipt held elsewhere; repeatable."),
    ] = None,
    vkey: given.Keys = None,
    policy: given.PolicyFile = None,
    with_recompute: Annotated[bool, typer.Option("--recompute", help="Accrue every gig again too.")] = False,
    log_only: Annotated[bool, typer.Option("--log-only", help="Leaves, tree, tiles and signatures alone.")] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Warnings are findings too: a gig id in two journals, unread records, revoked keys."
        ),
    ] = False,
    since: Annotated[
        Path | None, typer.Option("--since", help="Go on from what --keep wrote: earlier entries are not read again.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option("--keep", help="If nothing is found, write here what --since goes on from.")
    ] = None,
    token: given.Token = "",
    cores: given.Cores = None,
) -> None:
    """Check every stored entry, checkpoint, count and balance of the ledger; the first wrong entry comes first."""
    from ledger.audit.keeping import kept_file

    _check_combined(since, keep, log_only=log_only, with_recompute=with_recompute)
    progress = terminal()
    with sources.opened(target, given.token(token), progress, offline=offline) as source:
        before = {} if since is None else kept_file.read(since, source.stored.name)
        found = audited(
            source,
            progress,
            journals=journal,
            held={str(path): brought.read(path) for path in against or ()},
            vkeys=vkey,
            policy=policy,
            strict=strict,
            log_only=log_only,
            since=before,
            keep=keep is not None,
            cores=cores,
        )
        name = source.stored.name
        again = _recomputed(source, progress, journal, cores) if with_recompute else []
        comparable = source.export is None and target is None
    found = _with_recomputed(found, again)
    if keep is not None and found.holds:
        kept_file.write(keep, name, {**before, **{w.journal: w.kept for w in found.journals if w.kept is not None}})
    if as_json:
        print(json.dumps(_as_json(found, again), indent=2))
    else:
        lines = _lines(found, NOT_COMPARED if comparable else NOT_HELD, again)
        if keep is not None:
            lines.append(f"kept in {keep}" if found.holds else f"not kept in {keep}: only what holds is gone on from")
        print("\n".join([*lines, last_line(found)]))
    if not found.holds:
        raise typer.Exit(1)


def recompute(
    target: Target = None,
    journal: given.Journals = None,
    as_json: given.Json = False,
    token: given.Token = "",
    cores: given.Cores = None,
) -> None:
    """Accrue every stored gig again under the schemes its journal records, and compare bit for bit."""
    progress = terminal()
    with sources.opened(target, given.token(token), progress, offline=True) as source:
        done = _recomputed(source, progress, journal, cores)
    findings = [finding for one in done for finding in one.findings]
    unlisted = sum(one.unlisted for one in done)
    if as_json:
        print(json.dumps({"recomputed": not findings, "journals": [_counts(one) for one in done]}, indent=2))
    else:
        for finding in findings:
            print(finding)
        print("\n".join(_recomputed_lines(done)))
        total = f"{len(done)} journals, {sum(one.entries for one in done)} entries"
        wrong = f"NOT recomputed the same: {len(findings) + unlisted} findings, first: "
        print(wrong + str(findings[0]) if findings else f"recomputed the same: {total}")
    if findings:
        raise typer.Exit(1)


def verdict(settings: Settings, progress: Progress) -> tuple[bool, str]:
    """Verify the ledger at these addresses; print what was found and a line per journal; give (holds, last line).

    Raises LedgerError when a server does not answer.
    """
    with sources.of_settings(settings, progress, offline=False) as source:
        found = audited(source, progress)
    for line in _lines(found, NOT_COMPARED, []):
        print(line)
    return found.holds, last_line(found)


def audited(
    source: Opened,
    progress: Progress,
    *,
    journals: Sequence[int] | None = None,
    held: Mapping[str, bytes] | None = None,
    vkeys: Sequence[str] | None = None,
    policy: Path | None = None,
    strict: bool = False,
    log_only: bool = False,
    since: Mapping[int, bytes] | None = None,
    keep: bool = False,
    cores: int | None = None,
) -> Verdict:
    """Verify a source and give the verdict. Raises Unfit, LedgerError."""
    from ledger.audit import verify as verifying
    from ledger.audit.elsewhere.held import held_by_journal
    from ledger.audit.exporting import exported
    from ledger.audit.keeping import kept_file

    stored = source.stored
    sources.check_journals(stored, journals)
    own, hidden = held_by_journal(held or {}, stored.name, stored.journals)
    trusted = given.keys_by_journal(vkeys, stored.name, stored.journals)
    taken = {number: kept_file.size_of(encoded) for number, encoded in (since or {}).items()}
    unread = sum(
        taken.get(h.head.journal, 0)
        for h in stored.heads
        if (journals is None or h.head.journal in journals) and taken.get(h.head.journal, 0) <= h.head.size
    )
    with progress.track(stored.entries(journals) - unread, "entries verified") as track:
        found = verifying.verify(
            stored,
            source.outside,
            track.advance,
            journals=journals,
            vkeys={**source.vkeys, **trusted},
            known_secrets=source.secrets,
            held=own,
            policy=None if policy is None else brought.policy(policy),
            strict=strict,
            log_only=log_only,
            since=since or {},
            keep=keep,
            cores=sources.cores_for(stored, journals, cores),
        )
    if source.export is not None and not log_only and journals is None:
        hidden += exported.check_export(source.export, found.journals)
    return found.with_findings(hidden)


def last_line(verdict: Verdict) -> str:
    """Give the one line that says whether all holds."""
    if verdict.holds:
        told = f"verified: {len(verdict.journals)} journals, {verdict.entries} entries"
        return f"{told}, going on from {verdict.taken} verified before" if verdict.taken else told
    return f"NOT verified: {len(verdict.findings) + verdict.unlisted} findings, first: {verdict.findings[0]}"


def _recomputed(
    source: Opened, progress: Progress, journals: Sequence[int] | None, cores: int | None
) -> list[Recomputed]:
    from ledger.audit.recomputing import recompute as recomputing

    stored = source.stored
    sources.check_journals(stored, journals)
    with progress.track(stored.entries(journals), "entries recomputed") as track:
        return recomputing.recompute(
            stored,
            track.advance,
            journals=journals,
            known_secrets=dict(source.secrets),
            cores=sources.cores_for(stored, journals, cores),
        )


def _with_recomputed(verdict: Verdict, done: Sequence[Recomputed]) -> Verdict:
    """Give the verdict with what recomputing found, but for what was found already."""
    known = set(verdict.findings)
    return verdict.with_findings([f for one in done for f in one.findings if f not in known])


def _check_combined(since: Path | None, keep: Path | None, *, log_only: bool, with_recompute: bool) -> None:
    """Raise Unfit for options that do not go together."""
    if (since or keep) and log_only:
        raise Unfit("--log-only: expected without --keep and --since, which go on with all that entries say, got both")
    if since and with_recompute:
        raise Unfit("--recompute: expected without --since, as it works every gig out from entry 0, got both")


# -- wording ---------------------------------------------------------------------------------------------------------


def _lines(verdict: Verdict, not_compared: str, done: Sequence[Recomputed]) -> list[str]:
    lines = [str(finding) for finding in verdict.findings]
    if verdict.unlisted:
        lines.append(f"and {verdict.unlisted} more findings, not listed")
    lines += [f"warning: {warning}" for warning in verdict.warnings]
    lines.append(f"{'journal':>7}  {'entries':>10}  {'size':>10}  {'root':16}  {'checkpoints':>11}")
    lines += [
        f"{w.journal:>7}  {w.entries:>10}  {w.size:>10}  {w.root.hex()[:16]}  {w.checkpoints:>11}"
        for w in verdict.journals
    ]
    lines += [
        f"journal {w.journal}: entries 0 to {w.taken - 1} were taken as verified before and not read again"
        for w in verdict.journals
        if w.taken
    ]
    lines += _recomputed_lines(done)
    erased = sum(w.erased for w in verdict.journals)
    if erased:
        lines.append(f"{erased} refused records are erased: their entries and hashes stand, their bytes are gone")
    if not verdict.compared:
        lines.append(not_compared)
    return lines


def _recomputed_lines(done: Sequence[Recomputed]) -> list[str]:
    return [f"journal {one.journal}: {one.entries} entries, {one.accruals} accruals worked out again" for one in done]


def _as_json(verdict: Verdict, done: Sequence[Recomputed]) -> dict[str, Any]:
    return {
        "verified": verdict.holds,
        "compared": verdict.compared,
        "entries": verdict.entries,
        "journals": [
            {
                "journal": w.journal,
                "entries": w.entries,
                "size": w.size,
                "root": w.root.hex(),
                "checkpoints": w.checkpoints,
                "erased": w.erased,
                "taken": w.taken,
            }
            for w in verdict.journals
        ],
        "findings": [_finding(f) for f in verdict.findings],
        "unlisted": verdict.unlisted,
        "warnings": list(verdict.warnings),
        **({"recomputed": [_counts(one) for one in done]} if done else {}),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {"law": finding.law, "journal": finding.journal, "index": finding.index, "detail": finding.detail}


def _counts(one: Recomputed) -> dict[str, Any]:
    return {
        "journal": one.journal,
        "entries": one.entries,
        "accruals": one.accruals,
        "findings": [{"law": f.law, "index": f.index, "detail": f.detail} for f in one.findings],
        "unlisted": one.unlisted,
    }
