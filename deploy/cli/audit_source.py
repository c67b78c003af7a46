"""Where an audit reads from: the ledger's database, the API at an address, or an exported folder.

A database is reached by the settings, and what stands in files here (verifier keys, secrets) is taken along; an
address or a folder needs no settings at all, so that an auditor elsewhere needs nothing of the operator's.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from deploy import founding
from deploy.cli.ledger import reachable
from deploy.embedded import postgres, processes
from deploy.embedded.processes import StackError
from ledger import settings as settings_of
from ledger.errors import LedgerError, Unfit
from ledger.store import keys
from ledger.store.private_files import KeyFileError

if TYPE_CHECKING:
    from deploy.cli.progress import Progress
    from ledger.audit.elsewhere.outside import Outside
    from ledger.audit.elsewhere.standing import Unread
    from ledger.audit.sources.folder import Export
    from ledger.audit.sources.source import Stored
    from ledger.settings import Settings


class Opened(NamedTuple):
    """A source, open: the ledger it describes; keys and secrets at hand, by journal; what was published beside it.

    `outside` None: nothing is compared. `export`: the folder, if it is one.
    """

    stored: Stored
    vkeys: Mapping[int, str]
    secrets: Mapping[int, bytes]
    outside: Outside | None
    export: Export | None


@contextmanager
def opened(target: str | None, token: str, progress: Progress, *, offline: bool) -> Iterator[Opened]:
    """Open a source: no target is the database of the settings. Raises Unfit, LedgerError."""
    if target is None:
        with of_settings(addressed(settings_of.load(), offline), progress, offline=offline) as source:
            yield source
    elif target.startswith(("http://", "https://")):
        from ledger.audit.sources import live

        yield Opened(live.opened(live.Server(target.rstrip("/"), token)), {}, {}, None, None)
    else:
        from ledger.audit.sources import folder

        export = folder.opened(Path(target))
        yield Opened(export.stored, {}, {}, None, export)


@contextmanager
def of_settings(settings: Settings, progress: Progress, *, offline: bool) -> Iterator[Opened]:
    """Freeze the database at these addresses; unless `offline`, what was published is read around that."""
    from ledger.audit.sources import evidence

    if settings.database_url is None:
        raise Unfit("database: expected an address, got none; run `iuran up` first")
    before = None if offline else _outside(settings, waiting=True)
    with evidence.frozen(settings.database_url) as stored:
        outside = None if before is None else before._replace(after=_outside(settings, waiting=False).after)
        vkeys = _vkeys(settings.keys_dir, stored)
        yield Opened(stored, vkeys, _secrets(settings, stored, progress), outside, None)


def addressed(settings: Settings, offline: bool) -> Settings:
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


def check_journals(stored: Stored, journals: Sequence[int] | None) -> None:
    """Raise Unfit for a journal that the source does not have."""
    unknown = sorted(set(journals or ()) - {head.head.journal for head in stored.heads})
    if unknown:
        raise Unfit(f"journal: expected one of the {len(stored.heads)} that have a head, got {unknown[0]}")


def cores_for(stored: Stored, journals: Sequence[int] | None, cores: int | None) -> int:
    """Give the processes to use: those asked for, else as many as the journals are worth."""
    from ledger.audit import parallel

    several = len(stored.heads) if journals is None else len(journals)
    return cores or parallel.cores_for(stored.entries(journals), several)


def _outside(settings: Settings, *, waiting: bool) -> Outside:
    """Give the newest published checkpoints as they stand now; if asked, with what journals that stand still miss."""
    from ledger.audit.elsewhere import outside, unread
    from ledger.audit.sources import evidence
    from streams.checkpoints import BrokerUnavailable

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what fails is told once, below
    broker, url = founding.servers_of(settings)
    with evidence.frozen(url) as stored:
        name, prefix, journals = stored.name, stored.topic_prefix, stored.journals
    try:
        notes = outside.newest(broker, prefix, journals)
        left: tuple[Unread, ...] = ()
        if waiting:
            still = max(unread.STILL_SECONDS, unread.SESSIONS * ceil(settings.session_timeout_seconds))
            left = unread.waiting(broker, url, name, prefix, journals, still)
    except BrokerUnavailable as error:
        missed = "nothing is then compared, and a database set back as a whole is not found"
        raise LedgerError(f"{error}; start the broker, or give --offline: {missed}") from error
    return outside.Outside(notes, notes, left)


def _vkeys(keys_dir: Path, stored: Stored) -> dict[int, str]:
    """Give the verifier keys that stand in files here: they are trusted before the database's."""
    numbers = [head.head.journal for head in stored.heads]
    files = {number: keys_dir / f"journal-{number}.vkey" for number in numbers}
    return {number: path.read_text(encoding="utf-8").strip() for number, path in files.items() if path.is_file()}


def _secrets(settings: Settings, stored: Stored, progress: Progress) -> dict[int, bytes]:
    """Give the journals' secrets as far as they are at hand: an auditor elsewhere has none."""
    known: dict[int, bytes] = {}
    try:
        for head in stored.heads if settings.keys_dir.is_dir() else ():
            known[head.head.journal] = keys.KeyFiles(settings.keys_dir, stored.name).secret(head.head.journal)
    except KeyFileError as error:
        progress.step(f"salts are not all made again: {error}")
    return known
