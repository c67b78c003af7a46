"""`iuran audit verify | recompute`: what an auditor runs against the ledger's database.

Thin: what is checked stands in `ledger.audit`; here are arguments, addresses, wording and `--json`. Findings go to
standard output in order, then one line per journal, then the verdict as the last line; progress goes to standard
error. Exit 0 only if all that was to be checked holds.

The newest published checkpoints are compared unless `--offline` says not to: then a database that was set back as a
whole is not found, and the answer says so.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy import founding
from deploy.cli import audit_export, audit_receipt, audit_watch
from deploy.cli.ledger import reachable
from deploy.cli.progress import terminal
from deploy.embedded import postgres, processes
from deploy.embedded.processes import StackError
from ledger import settings as settings_of
from ledger.errors import LedgerError, Unfit
from ledger.store import keys
from ledger.store.private_files import KeyFileError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from deploy.cli.progress import Progress
    from ledger.audit.evidence import Stored
    from ledger.audit.outside import Outside
    from ledger.audit.recompute import Recomputed
    from ledger.audit.verify import Verdict
    from ledger.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Verify the ledger from its stored bytes; recompute what gigs earned.")
audit_export.register(app)
audit_receipt.register(app)
audit_watch.register(app)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Journals = Annotated[list[int] | None, typer.Option("--journal", min=0, help="Only this journal; may be repeated.")]
Cores = Annotated[int | None, typer.Option(min=1, help="Processes to use; default: as many as it is worth.")]
NOT_COMPARED = "not compared with iuran.checkpoints: a database set back as a whole is not found this way"


@app.command("verify")
def verify(
    journal: Journals = None,
    as_json: Json = False,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask the broker for what was published.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="A gig id in two journals is a finding too.")] = False,
    cores: Cores = None,
) -> None:
    """Check every stored entry, checkpoint, count and balance of the ledger; the first wrong entry comes first."""
    settings = _addressed(settings_of.load(), offline)
    verdict = audited(settings, terminal(), journals=journal, offline=offline, strict=strict, cores=cores)
    print(json.dumps(_as_json(verdict), indent=2) if as_json else "\n".join([*_lines(verdict), last_line(verdict)]))
    if not verdict.holds:
        raise typer.Exit(1)


@app.command("recompute")
def recompute(journal: Journals = None, as_json: Json = False, cores: Cores = None) -> None:
    """Accrue every stored gig again under the schemes its journal records, and compare bit for bit."""
    from ledger.audit import recompute as recomputing

    settings = _addressed(settings_of.load(), offline=True)
    progress = terminal()
    with _frozen(settings, journal) as stored, progress.track(stored.entries(journal), "entries recomputed") as track:
        done = recomputing.recompute(
            stored,
            track.advance,
            journals=journal,
            known_secrets=_secrets(settings.keys_dir, stored, progress),
            cores=_cores(stored, journal, cores),
        )
    findings = [finding for one in done for finding in one.findings]
    unlisted = sum(one.unlisted for one in done)
    if as_json:
        print(json.dumps({"recomputed": not findings, "journals": [_counts(one) for one in done]}, indent=2))
    else:
        for finding in findings:
            print(finding)
        for one in done:
            print(f"journal {one.journal}: {one.entries} entries, {one.accruals} accruals worked out again")
        total = f"{len(done)} journals, {sum(one.entries for one in done)} entries"
        wrong = f"NOT recomputed the same: {len(findings) + unlisted} findings, first: "
        print(wrong + str(findings[0]) if findings else f"recomputed the same: {total}")
    if findings:
        raise typer.Exit(1)


def verdict(settings: Settings, progress: Progress) -> tuple[bool, str]:
    """Verify the ledger at these addresses; print what was found and a line per journal; give (holds, last line).

    Raises LedgerError when a server does not answer.
    """
    found = audited(settings, progress)
    for line in _lines(found):
        print(line)
    return found.holds, last_line(found)


def audited(
    settings: Settings,
    progress: Progress,
    *,
    journals: Sequence[int] | None = None,
    offline: bool = False,
    strict: bool = False,
    cores: int | None = None,
) -> Verdict:
    """Verify the ledger at these addresses and give the verdict. Raises Unfit, LedgerError."""
    from ledger.audit import verify as verifying

    before = None if offline else _outside(settings)
    with _frozen(settings, journals) as stored:
        outside = None if before is None else before._replace(after=_outside(settings).after)
        with progress.track(stored.entries(journals), "entries verified") as track:
            return verifying.verify(
                stored,
                outside,
                track.advance,
                journals=journals,
                vkeys=_vkeys(settings.keys_dir, stored),
                known_secrets=_secrets(settings.keys_dir, stored, progress),
                strict=strict,
                cores=_cores(stored, journals, cores),
            )


def last_line(verdict: Verdict) -> str:
    """Give the one line that says whether all holds."""
    if verdict.holds:
        return f"verified: {len(verdict.journals)} journals, {verdict.entries} entries"
    return f"NOT verified: {len(verdict.findings) + verdict.unlisted} findings, first: {verdict.findings[0]}"


# -- reaching what is audited ----------------------------------------------------------------------------------------


def _addressed(settings: Settings, offline: bool) -> Settings:
    """Give settings with addresses filled in; without a need for the broker, the database's alone."""
    if not offline:
        return reachable(settings)
    home = settings.home.resolve()
    url = settings.database_url
    if url is None:
        found = processes.find(home, postgres.NAME)
        if found is None:
            raise StackError(f"{home}: expected the embedded database to run, got none; run `iuran up` first")
        url = postgres.url(home, found)
    return settings.model_copy(update={"home": home, "database_url": url})


@contextmanager
def _frozen(settings: Settings, journals: Sequence[int] | None) -> Iterator[Stored]:
    from ledger.audit import evidence

    if settings.database_url is None:
        raise Unfit("database: expected an address, got none; run `iuran up` first")
    with evidence.frozen(settings.database_url) as stored:
        unknown = sorted(set(journals or ()) - {head.head.journal for head in stored.heads})
        if unknown:
            raise Unfit(f"journal: expected one of the {len(stored.heads)} that have a head, got {unknown[0]}")
        yield stored


def _outside(settings: Settings) -> Outside:
    """Give the newest published checkpoints as they stand now."""
    from ledger.audit import evidence, outside
    from streams.checkpoints import BrokerUnavailable

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what fails is told once, below
    broker, url = founding.servers_of(settings)
    with evidence.frozen(url) as stored:
        prefix, journals = stored.topic_prefix, stored.journals
    try:
        notes = outside.newest(broker, prefix, journals)
    except BrokerUnavailable as error:
        missed = "nothing is then compared, and a database set back as a whole is not found"
        raise LedgerError(f"{error}; start the broker, or give --offline: {missed}") from error
    return outside.Outside(notes, notes)


def _vkeys(keys_dir: Path, stored: Stored) -> dict[int, str]:
    """Give the verifier keys that stand in files here: they are trusted before the database's."""
    numbers = [head.head.journal for head in stored.heads]
    files = {number: keys_dir / f"journal-{number}.vkey" for number in numbers}
    return {number: path.read_text(encoding="utf-8").strip() for number, path in files.items() if path.is_file()}


def _secrets(keys_dir: Path, stored: Stored, progress: Progress) -> dict[int, bytes]:
    """Give the journals' secrets as far as they are at hand: an auditor elsewhere has none."""
    known: dict[int, bytes] = {}
    try:
        for head in stored.heads if keys_dir.is_dir() else ():
            known[head.head.journal] = keys.KeyFiles(keys_dir, stored.name).secret(head.head.journal)
    except KeyFileError as error:
        progress.step(f"salts are not all made again: {error}")
    return known


def _cores(stored: Stored, journals: Sequence[int] | None, cores: int | None) -> int:
    from ledger.audit import parallel

    several = len(stored.heads) if journals is None else len(journals)
    return cores or parallel.cores_for(stored.entries(journals), several)


# -- wording ---------------------------------------------------------------------------------------------------------


def _lines(verdict: Verdict) -> list[str]:
    lines = [str(finding) for finding in verdict.findings]
    if verdict.unlisted:
        lines.append(f"and {verdict.unlisted} more findings, not listed")
    lines += [f"warning: {warning}" for warning in verdict.warnings]
    lines.append(f"{'journal':>7}  {'entries':>10}  {'size':>10}  {'root':16}  {'checkpoints':>11}")
    lines += [
        f"{w.journal:>7}  {w.entries:>10}  {w.size:>10}  {w.root.hex()[:16]}  {w.checkpoints:>11}"
        for w in verdict.journals
    ]
    erased = sum(w.erased for w in verdict.journals)
    if erased:
        lines.append(f"{erased} refused records are erased: their entries and hashes stand, their bytes are gone")
    if not verdict.compared:
        lines.append(NOT_COMPARED)
    return lines


def _as_json(verdict: Verdict) -> dict[str, Any]:
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
            }
            for w in verdict.journals
        ],
        "findings": [
            {"law": f.law, "journal": f.journal, "index": f.index, "detail": f.detail} for f in verdict.findings
        ],
        "unlisted": verdict.unlisted,
        "warnings": list(verdict.warnings),
    }


def _counts(one: Recomputed) -> Mapping[str, Any]:
    return {
        "journal": one.journal,
        "entries": one.entries,
        "accruals": one.accruals,
        "findings": [{"law": f.law, "index": f.index, "detail": f.detail} for f in one.findings],
        "unlisted": one.unlisted,
    }
