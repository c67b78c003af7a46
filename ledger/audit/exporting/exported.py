"""What an export says of itself, held against its logs: its manifest, and the texts of the schemes it holds.

The texts beside the logs are what people read and others work with, so they must be those that the journals record: all
of them, with the recorded bytes, and none besides. The manifest's digests are under no signature: they find a copy that
was damaged or cut short where signatures need not, as in the earlier checkpoints. Upholds L2, L4 and L6 as an auditor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from contracts import forms
from contracts.events import SCHEME_TEXT_MAX
from ledger.audit.findings import Finding
from ledger.audit.sources.folder import SCHEMES
from ledger.log.checkpoint import claimed
from ledger.log.note import NoteError

if TYPE_CHECKING:
    from ledger.audit.sources.folder import Export
    from ledger.audit.verdict import Walked

_BYTES_MAX: Final = 4 * SCHEME_TEXT_MAX
_DIGESTED: Final = ("vkey", "checkpoint", "checkpoints")


def check_export(export: Export, walked: Sequence[Walked]) -> Iterator[Finding]:
    """Give what is wrong with an export beside its logs; `walked` are its journals after their walk."""
    yield from _check_logs(export)
    recorded = {named: digest for one in walked for named, digest in one.schemes.items()}
    listed = {(scheme.scheme, scheme.version): scheme for scheme in export.manifest.schemes}
    paths = set()
    for named, digest in sorted(recorded.items()):
        what = f"scheme {' '.join(named)[:80]}"
        try:
            path = scheme_path(*named)
        except ValueError:
            yield Finding("L4", 0, None, f"{what}: expected a scheme's id and a version's, got others")
            continue
        paths.add(path)
        content = export.paths.read([(path, _BYTES_MAX)])[0]
        if content is None or sha256(content).hexdigest() != digest:
            got = "none" if content is None else "another"
            yield Finding("L4", 0, None, f"{path}: expected the text that the journals record, got {got}")
        stated = listed.pop(named, None)
        if stated is None or (stated.file, stated.sha256) != (path, digest):
            yield Finding("L4", 0, None, f"manifest: expected {what} as the journals record it, got another or none")
    for named in listed:
        yield Finding("L4", 0, None, f"manifest: expected schemes that the journals record, got {' '.join(named)[:80]}")
    for name in export.paths.listed(SCHEMES):
        if f"{SCHEMES}/{name}" not in paths:
            yield Finding("L4", 0, None, f"{SCHEMES}/{name[:80]}: expected texts that the journals record, got another")


def scheme_path(scheme: str, version: str) -> str:
    """Give the path of a version's text below an export's folder; raises ValueError for names that none has."""
    return f"{SCHEMES}/{forms.SCHEME.read(scheme)}@{forms.VERSION.read(version)}.json"


def _check_logs(export: Export) -> Iterator[Finding]:
    stated = {log.journal: log for log in export.manifest.logs}
    for stored in export.stored.heads:
        number = stored.head.journal
        log = stated.pop(number, None)
        try:
            checkpoint = None if stored.head.published is None else claimed(stored.head.published)
        except (NoteError, UnicodeDecodeError):
            checkpoint = None
        if log is None or checkpoint is None:
            yield Finding("L6", number, None, "manifest: expected the log's checkpoint, got none")
        elif (log.origin, log.size, log.root) != (checkpoint.origin, checkpoint.size, checkpoint.root.hex()):
            yield Finding("L6", number, None, "manifest: expected what the log's checkpoint says, got other words")
        for name, digest in sorted(log.sha256.items() if log is not None else ()):
            if name not in _DIGESTED or _digest(export, f"log/{number}/{name}") != digest:
                detail = f"manifest: expected the digest of log/{number}/{name[:80]}, got another"
                yield Finding("L6", number, None, detail)
    for number in stated:
        yield Finding("L2", number, None, "journal: expected it, as the manifest lists its log, got none")


def _digest(export: Export, path: str) -> str:
    digest = sha256()
    for piece in export.paths.stream(path):
        digest.update(piece)
    return digest.hexdigest()
