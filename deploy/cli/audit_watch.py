"""`iuran audit watch`: follows a ledger's logs from outside and raises what must never happen.

Thin: one look at a journal is `ledger.audit.watch`, what is kept `ledger.audit.watch_memory`; here are rounds, words
and exit codes. 1: a contradiction was found, its evidence is in files. 2: with `--once`, the server could not be asked,
which is no finding. Keys are those that `--vkey` or `--policy` pins, else the first ones seen, kept and said.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from deploy.cli import brought
from ledger.errors import LedgerError, Unfit

if TYPE_CHECKING:
    from ledger.audit.sources.paths import Paths
    from ledger.audit.watching.watch import Seen
    from ledger.audit.watching.watch_memory import Memory

ASKED_AGAIN_SECONDS: Final = 3
"""What a server that is just being replaced may show for a moment is asked for again before it is a finding."""
MAY_PASS: Final = frozenset({"rollback", "unproven", "gone"})
FILE_BYTES_MAX: Final = 1 << 23
KEY_SHOWN_MAX: Final = 120
Wait = Callable[[int], bool]
"""Waits so many seconds; gives whether to end."""


def register(app: typer.Typer) -> None:
    """Add the command to a group."""
    app.command("watch")(watch)


def watch(
    url: Annotated[str, typer.Argument(help="The ledger's API, or a served export.")],
    state: Annotated[Path, typer.Option(help="The folder where what is seen is kept.")] = Path("watch"),
    vkey: Annotated[
        list[str] | None, typer.Option("--vkey", metavar="KEY", help="A trusted verifier key, or a file; repeatable.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="A trust policy (tlog-policy): its logs' keys are trusted.")
    ] = None,
    journal: Annotated[
        list[int] | None, typer.Option("--journal", min=0, help="Only this journal; repeatable.")
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Seconds between rounds.")] = 60,
    once: Annotated[bool, typer.Option("--once", help="One round, then exit.")] = False,
    stalled_after: Annotated[
        int | None, typer.Option(min=1, metavar="S", help="A journal that does not grow for so many seconds is raised.")
    ] = None,
) -> None:
    """Follow all journals: each new checkpoint must contain the one before. Exit 1 with both if one does not."""
    from ledger.audit.sources.http_paths import HttpPaths
    from ledger.audit.watching import watch_memory

    pinned = pinned_keys(vkey or (), policy)
    asked_to_end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked_to_end.set())
    paths = HttpPaths(url)
    try:
        with watch_memory.opened(state) as memory:
            rounds = Rounds(paths, memory, pinned, journal, stalled_after, asked_to_end.wait)
            while True:
                code = rounds.round(int(time.time()))
                if code == 1 or once:
                    raise typer.Exit(code)
                if asked_to_end.wait(every):
                    raise typer.Exit(0)
    finally:
        paths.close()


class Rounds:
    """Rounds over the journals: findings to files and standard output, what cannot be asked to standard error."""

    def __init__(
        self,
        paths: Paths,
        memory: Memory,
        pinned: Mapping[int, Sequence[str]],
        journals: Sequence[int] | None,
        stalled_after: int | None,
        wait: Wait,
    ) -> None:
        self._paths = paths
        self._memory = memory
        self._pinned = pinned
        self._journals = journals
        self._stalled_after = stalled_after
        self._wait = wait
        self._told: dict[int, tuple[str, ...]] = {}

    def round(self, now: int) -> int:
        """Look at each journal once; give 0, 1 if something was found, or 2 if the server could not be asked."""
        from ledger.audit.watching.watch import Raised

        found, away = False, False
        try:
            journals = self._all()
        except LedgerError as error:
            _say(f"not asked: {error}")
            return 2
        for journal in journals:
            try:
                self._one(journal, now)
            except Raised as raised:
                found = True
                print(f"{raised}\n  evidence: {self._memory.keep_evidence(raised)}", flush=True)
            except LedgerError as error:
                away = True
                _say(f"journal {journal}: not asked: {error}")
        return 1 if found else 2 if away else 0

    def _one(self, journal: int, now: int) -> None:
        from ledger.audit.watching import watch as watching

        before = self._memory.seen(journal)
        vkeys = self._keys(journal, before)
        try:
            seen, shown = watching.look(self._paths, journal, vkeys, before, now)
        except watching.Raised as raised:
            if raised.kind not in MAY_PASS:
                raise
            self._wait(ASKED_AGAIN_SECONDS)
            seen, shown = watching.look(self._paths, journal, vkeys, before, now)
        if seen != before:
            self._memory.keep(seen)
        grown = "first seen at" if before is None else "grew to" if seen.note != before.note else ""
        if grown:
            print(
                f"journal {journal}: {grown} size {seen.checkpoint.size}, root {seen.checkpoint.root.hex()}", flush=True
            )
        if self._stalled_after is not None:
            watching.check_moving(seen, shown, now, self._stalled_after)

    def _keys(self, journal: int, before: Seen | None) -> tuple[str, ...]:
        """Give the keys that are trusted for a journal; those of the server only when nothing else is known."""
        from ledger.audit.watching.watch import first_keys

        if journal in self._pinned:
            return tuple(self._pinned[journal])
        listed = first_keys(self._paths, journal) or ()
        if before is None:
            for line in listed:
                _say(f"journal {journal}: trusted on first use, compare it elsewhere: {_short(line)}")
            return listed
        fresh = tuple(line for line in listed if line not in before.vkeys)
        if fresh and self._told.get(journal) != fresh:
            self._told[journal] = fresh
            for line in fresh:
                _say(f"journal {journal}: now lists another key, not trusted until --vkey says so: {_short(line)}")
        return before.vkeys

    def _all(self) -> list[int]:
        """Give the journals to look at: those chosen, else those pinned, kept, and whatever the server has beyond."""
        if self._journals:
            return sorted(set(self._journals))
        known = set(self._pinned) or set(self._memory.journals())
        number = max(known, default=-1) + 1
        while self._paths.read([(f"log/{number}/vkey", FILE_BYTES_MAX)])[0] is not None and number < 1 << 15:
            known.add(number)
            number += 1
        if not known:
            raise Unfit(f"{self._paths}: expected log/0/vkey, got none: is this a ledger's address?")
        return sorted(known)


def pinned_keys(given: Sequence[str], policy: Path | None) -> dict[int, list[str]]:
    """Give the trusted keys by journal, as their names say (`<ledger>/log/<n>`).

    Raises Unfit for what is no key, file or policy, and for a key of another name.
    """
    pinned: dict[int, list[str]] = {}
    verifiers = brought.keys(given)
    verifiers += [log.verifier for log in brought.policy(policy).logs] if policy is not None else []
    for verifier in verifiers:
        number = verifier.name.rpartition("/log/")[2]
        if not (number.isascii() and number.isdecimal()):
            raise Unfit(f"--vkey: expected a key named `<ledger>/log/<number>`, got {verifier.name[:80]!r}")
        lines = pinned.setdefault(int(number), [])
        if verifier.vkey() not in lines:
            lines.append(verifier.vkey())
    return pinned


def _short(vkey: str) -> str:
    """A verifier key for people: whole where that is a line, else its beginning and the digest of all of it."""
    if len(vkey) <= KEY_SHOWN_MAX:
        return vkey
    return f"{vkey[:KEY_SHOWN_MAX]}... (SHA-256 of the key's line: {sha256(vkey.encode()).hexdigest()})"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
