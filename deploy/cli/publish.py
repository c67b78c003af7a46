"""`iuran publish` and `iuran synthetic`: files of gigs into Kafka, and made-up gigs into a file.

Words and order only: all files are surveyed before anything is sent, bad rows are named `file:line: code: detail`, and
a run that broke off goes on where it stopped. The work is done in `streams.publishing`; `publish_files` is the same for
the demo. Refused input ends with exit code 1 and a line per problem on standard error; breakage goes up to the
command's door as it is.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from deploy.cli.platform import Passphrase, signer_of
from deploy.cli.progress import Progress, terminal
from ledger import settings as settings_of

if TYPE_CHECKING:
    from streams.publishing.maps import Map
    from streams.publishing.sending import Survey
    from streams.publishing.signing import EventSigner


class Published(NamedTuple):
    """What became of one file: events sent now, sent by an earlier run, and rows that were not for this platform."""

    path: Path
    platform: str
    sent: int
    earlier: int
    others: dict[str, int]
    left_out: int


class Refused(ValueError):
    """The input does not fit; nothing was published. One line per problem."""


def register(app: typer.Typer) -> None:
    """Add the commands to the `iuran` command."""
    app.command()(publish)
    app.command()(synthetic)


def publish(
    files: Annotated[list[Path], typer.Argument(help="CSV or JSONL (.csv, .jsonl, .ndjson, each also .gz)")],
    platform: Annotated[str, typer.Option(help="whose gigs they are; registered with `iuran platform add`")],
    map_path: Annotated[
        Path | None, typer.Option("--map", help="how rows become gigs; samples find theirs by file name")
    ] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="publish the good rows although others are bad")] = False,
    again: Annotated[bool, typer.Option("--again", help="send all once more, whatever an earlier run sent")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="return when the ledger shows them")] = False,
    sign_with: Annotated[
        Path | None, typer.Option("--sign-with", help="the platform's private key (`iuran platform keygen`)")
    ] = None,
    passphrase_file: Passphrase = None,
) -> None:
    """Publish files of gigs: checks every row first, then sends; a run that broke off is taken up where it stopped.

    Ids do not change from run to run, so publishing a file twice adds nothing to the ledger.
    """
    from deploy.embedded import stack

    settings = settings_of.load()
    bootstrap_servers = settings.kafka_bootstrap_servers or stack.servers_found(settings).kafka_bootstrap_servers
    try:
        signer = signer_of(sign_with, passphrase_file)
        done = publish_files(
            files, platform, settings, bootstrap_servers, terminal(), map_path, skip_bad=skip_bad, again=again,
            signer=signer,
        )  # fmt: skip
    except Refused as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from error
    for file in done:
        print(_sentence(file))
    if wait:
        _wait(settings, platform)


def _wait(settings: settings_of.Settings, platform: str) -> None:
    """Wait until all that the platform has published is settled and may be shown."""
    from deploy import founding, settling
    from deploy.embedded import stack
    from ledger.store.startup import check_ledger

    broker, url = founding.servers_of(stack.effective(settings, stack.servers_found(settings)))
    facts, _ = check_ledger(url)
    settling.wait_settled(broker, url, [facts.platforms[platform]], facts.journals, terminal())


def synthetic(
    seed: Annotated[int, typer.Option(help="the same seed gives the same gigs")] = 1,
    workers: Annotated[int, typer.Option(min=1)] = 200,
    gigs: Annotated[int, typer.Option(min=0, help="a morning")] = 2000,
    days: Annotated[int, typer.Option(min=1, max=30, help="so many mornings from 2 March 2026 on; 30 fill it")] = 1,
    platform: Annotated[list[str] | None, typer.Option(help="repeat for several; default gojek, grab, maxim")] = None,
    out: Annotated[Path | None, typer.Option(help="a file for the lines; default: standard output")] = None,
) -> None:
    """Write synthetic Jakarta mornings as JSONL: invented gigs for trying things out; publish once per platform."""
    from streams.synthetic import jakarta_mornings

    try:
        made = jakarta_mornings(seed, workers, gigs, tuple(platform or ("gojek", "grab", "maxim")), days)
        lines = b"".join(gig.value + b"\n" for gig in made)
    except ValueError as error:
        print(f"synthetic: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    if out is None:
        sys.stdout.buffer.write(lines)
    else:
        out.write_bytes(lines)
        print(f"{out}: {days * gigs} synthetic gigs of {workers} workers")


def publish_files(
    files: Sequence[Path],
    platform: str,
    settings: settings_of.Settings,
    bootstrap_servers: str,
    progress: Progress,
    map_path: Path | None = None,
    *,
    skip_bad: bool = False,
    again: bool = False,
    signer: EventSigner | None = None,
) -> list[Published]:
    """Publish files to a running broker, signed if there is a signer; all are surveyed before the first event is sent.

    Raises Refused (nothing was sent) for files, maps, rows or a platform name that do not fit; NotRegistered and
    NotPublished as `streams.publisher` says, after which the same call goes on where it stopped.
    """
    from streams.connection import broker
    from streams.publisher import Publisher
    from streams.publishing.maps import MapError
    from streams.publishing.rows import FileUnfit
    from streams.publishing.sending import send, survey

    security = broker(settings, bootstrap_servers).kafka_python()
    try:
        rules = [map_for(file, map_path) for file in files]
        publisher = Publisher(platform=platform, topic_prefix=settings.topic_prefix, signer=signer, **security)
    except (MapError, FileUnfit, ValueError) as error:
        raise Refused(str(error)) from error
    with publisher:
        try:
            surveys = []
            for file, rule in zip(files, rules, strict=True):
                progress.step(f"checking {file.name}{f' with map {rule.name}' if rule else ''}")
                surveys.append(survey(file, publisher, rule))
            _refuse(surveys, platform, skip_bad=skip_bad)
            done = []
            for found, rule in zip(surveys, rules, strict=True):
                with progress.track(found.ready, f"{found.path.name}: gigs published") as track:
                    outcome = send(found, publisher, rule, settings.home / "publish", again=again, sent=track.advance)
                left_out = len(found.bad_ordinals)
                done.append(
                    Published(found.path, platform, outcome.sent, outcome.earlier, dict(found.others), left_out)
                )
        except FileUnfit as error:
            raise Refused(str(error)) from error
    return done


def map_for(file: Path, map_path: Path | None) -> Map | None:
    """Give the map to read a file with: the one named, else the shipped one its name fits, else None.

    Raises MapError, or FileUnfit for a CSV file without a map.
    """
    from streams.publishing.maps import load, shipped
    from streams.publishing.rows import FileUnfit, is_json

    if map_path is not None:
        return load(map_path)
    known = shipped()
    fitting = next((rule for rule in known if rule.fits(file.name)), None)
    if fitting is None and not is_json(file):
        patterns = ", ".join(pattern for rule in known for pattern in rule.files)
        raise FileUnfit(f"{file}: expected --map for a CSV file that is no sample ({patterns}), got none")
    return fitting


def _refuse(surveys: Sequence[Survey], platform: str, *, skip_bad: bool) -> None:
    """Raise Refused when rows are bad (unless they may be left out), or when no file has any row of the platform."""
    complaints = [line for found in surveys for line in found.complaints()]
    bad = sum(len(found.bad_ordinals) for found in surveys)
    if complaints and not skip_bad:
        raise Refused("\n".join([*complaints, f"nothing was published: {bad} bad rows; --skip-bad leaves them out"]))
    for line in complaints:
        print(line, file=sys.stderr)
    if not any(found.ready for found in surveys):
        others = sum((found.others for found in surveys[1:]), surveys[0].others.copy()) if surveys else {}
        raise Refused(f"rows: expected some of {platform}, got none{_listed(dict(others))}")


def _sentence(done: Published) -> str:
    if done.sent == 0 and done.earlier:
        what = f"all {done.earlier} gigs of {done.platform} were published already; publishing again adds nothing"
    else:
        what = f"{done.sent} gigs of {done.platform} published"
        what += f" ({done.earlier} by an earlier run)" if done.earlier else ""
    left_out = f"; {done.left_out} bad rows left out" if done.left_out else ""
    return f"{done.path}: {what}{_listed(done.others)}{left_out}"


def _listed(others: dict[str, int]) -> str:
    named = ", ".join(f"{name} {count}" for name, count in sorted(others.items()))
    return f"; {sum(others.values())} rows of other platforms ({named})" if others else ""
