"""The logs a witness knows: the `log` lines of a trust policy file, read again when the file changes.

Several lines may name one origin, so that a log's old and new key are both trusted while it changes over; what the
file says of witnesses and quorum is for others. A file that cannot be read any more leaves the logs as they were, with
a word in the log: a witness goes on for the logs it knew.
Source: c2sp.org/tlog-policy; c2sp.org/tlog-witness@v1.0.0, "add-checkpoint" (the keys trusted for an origin).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from ledger.errors import Unfit
from ledger.log import policy
from ledger.log.note import NoteVerifier
from ledger.log.policy import PolicyError

log = logging.getLogger(__name__)

_ORIGIN_BYTES_MAX: Final = 255  # a length byte counts it in what ML-DSA-44 cosigners sign

Logs = Mapping[str, Sequence[NoteVerifier]]


def logs_of(content: bytes) -> Logs:
    """Give the trusted keys of each origin that a policy file names.

    Raises PolicyError for what is no policy, names no log, or names one whose origin is longer than 255 bytes.
    """
    logs: dict[str, list[NoteVerifier]] = {}
    for line in policy.parse(content).logs:
        name = line.verifier.name
        if len(name.encode()) > _ORIGIN_BYTES_MAX:
            raise PolicyError(f"log: expected a name of at most {_ORIGIN_BYTES_MAX} bytes, got {name[:80]}...")
        logs.setdefault(name, []).append(line.verifier)
    if not logs:
        raise PolicyError("policy: expected one or more `log` lines, got none")
    return logs


class KnownLogs:
    """The logs of one file, as it is now."""

    def __init__(self, path: Path) -> None:
        """Read the file; raises Unfit if it is missing or no policy with logs."""
        self._path = path
        self._seen = _mark(path)
        try:
            self._logs = logs_of(path.read_bytes())
        except (OSError, PolicyError) as error:
            raise Unfit(f"{path}: expected a policy file that names the logs to cosign, got {error}") from error

    def now(self) -> Logs:
        """Give the logs; the file is read again if it has changed since."""
        mark = _mark(self._path)
        if mark != self._seen:
            self._seen = mark
            try:
                self._logs = logs_of(self._path.read_bytes())
                log.info("%s: read again, %d logs", self._path, len(self._logs))
            except (OSError, PolicyError) as error:
                log.error("%s: expected a policy file that names logs, got %s; going on as before", self._path, error)
        return self._logs


def _mark(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file does; None while there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
