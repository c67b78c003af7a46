"""The keys of a ledger's journals in their lives: new ones beside the old, the old ones retired, one revoked.

Each step is an act in the journal concerned (`key.changed`), and each can be cut short anywhere and done again: keys
are on disk before they are announced, an act's id names its keys, and what the journals have entered is looked at
first. So `rotate` again, while both sign, adds nothing, and after a crash finishes what it began. The key folder must
be the one that the stream reads: a journal does not enter keys that are not at hand there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from contracts import events
from contracts.entry import Kind, decode
from contracts.topics import CONTROL
from deploy import founding
from deploy.settling import wait_read
from ledger.errors import Unfit
from ledger.keyring import ALGORITHMS, KeyRing, ring_of
from ledger.log.checkpoint import claimed
from ledger.log.merkle import Frontier, leaf_hash
from ledger.store import database, keys
from ledger.store.rows import KIND_NUMBERS
from ledger.store.startup import check_ledger
from streams import acts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploy.cli.progress import Progress
    from ledger.keyring import Change, Key
    from ledger.settings import Settings

_ACTS = (
    'SELECT leaf FROM entries WHERE journal = %s AND kind = ANY(%s) AND kind > 1 AND worker IS NULL ORDER BY "index"'
)
_KINDS: Final = [KIND_NUMBERS[Kind.LEDGER], KIND_NUMBERS[Kind.KEY]]
_LEAVES = 'SELECT leaf FROM entries WHERE journal = %s AND "index" < %s ORDER BY "index"'


class Step(NamedTuple):
    """What was done in a journal: a word, and the verifier keys concerned."""

    journal: int
    done: str
    vkeys: tuple[str, ...] = ()


def ring(url: str, journal: int) -> KeyRing:
    """Give a journal's keys as its entries say. Raises StoreUnavailable, ValueError for entries that can't be."""
    with database.connect(url, "reader") as connection:
        return ring_of(decode(bytes(leaf)) for (leaf,) in connection.execute(_ACTS, (journal, _KINDS)))


def rotate(settings: Settings, journals: Sequence[int] | None, progress: Progress) -> list[Step]:
    """Let new keys sign beside the old ones in these journals (all), from the checkpoint after the act's own.

    Raises Unfit for a journal without entry 0 and a change that a journal refuses, LedgerError when a server does not
    answer.
    """
    place = _Place(settings, progress)
    return [place.rotate(number) for number in place.chosen(journals)]


def finish(settings: Settings, journals: Sequence[int] | None, progress: Progress) -> list[Step]:
    """Retire the old keys where new ones sign beside them. Raises as `rotate`."""
    place = _Place(settings, progress)
    return [place.finish(number) for number in place.chosen(journals)]


def revoke(settings: Settings, journal: int, key: str, trusted_size: int, progress: Progress) -> tuple[Step, str]:
    """Revoke a key of a journal, named by its id (8 hexadecimal digits) or written out; give the trusted root too.

    Raises Unfit as `rotate`, for a key that the journal never had, and for a size that it has not.
    """
    place = _Place(settings, progress)
    (number,) = place.chosen([journal])
    return place.revoke(number, key, trusted_size)


class _Place:
    """One ledger with its servers and key files."""

    def __init__(self, settings: Settings, progress: Progress) -> None:
        self._broker, self._url = founding.servers_of(settings)
        self._facts, _ = check_ledger(self._url)
        self._files = keys.of_settings(settings, self._facts.name)
        self._progress = progress

    def chosen(self, journals: Sequence[int] | None) -> list[int]:
        """Give the journals asked for, all unless some are. Raises Unfit for one that there is not."""
        there = range(self._facts.journals)
        unknown = sorted(set(journals or ()) - set(there))
        if unknown:
            raise Unfit(f"journal: expected one of 0 to {len(there) - 1}, got {unknown[0]}")
        return list(there) if journals is None else sorted(set(journals))

    def rotate(self, number: int) -> Step:
        """Let new keys sign beside the old ones in one journal."""
        known = self._ring(number)
        current = known.listed()
        if len([key for key in known.keys if key.until is None]) > len(ALGORITHMS):
            self._files.arrange(number, current)
            return Step(number, "both sign already", _newest(known))
        # 1 on disk, and durable, before anybody is told; a crash here leaves keys that the next call takes up
        fresh = self._files.prepare(number, current)
        # 2 told to the journal; the id names the keys, so telling it again adds nothing
        if not self._announce(number, "added", fresh):
            return Step(number, "announced", fresh)
        # 3 entered: the file's lines follow the journal
        self._files.arrange(number, self._ring(number).listed())
        return Step(number, "both sign now", fresh)

    def finish(self, number: int) -> Step:
        """Retire all but the newest keys of one journal."""
        known = self._ring(number)
        newest = _newest(known)
        old = tuple(
            key.verifier.vkey() for key in known.keys if key.until is None and key.verifier.vkey() not in newest
        )
        if not old:
            self._files.arrange(number, known.listed())
            return Step(number, "nothing to retire")
        if not self._announce(number, "retired", old):
            return Step(number, "announced", old)
        self._files.arrange(number, self._ring(number).listed())
        return Step(number, "retired", old)

    def revoke(self, number: int, named: str, size: int) -> tuple[Step, str]:
        """Revoke one key of one journal; give the trusted root too."""
        known = self._ring(number)
        found = [key for key in known.keys if named in (key.verifier.key_id.hex(), key.verifier.vkey())]
        if len(found) != 1:
            raise Unfit(f"key: expected the id or the verifier key of one that journal {number} had, got {named[:80]}")
        vkey, root = found[0].verifier.vkey(), self._root(number, size)
        had = found[0].trusted
        if had is not None:
            if (had.size, had.root) != (size, root):
                raise Unfit(f"key: expected one that is not revoked, got one that was, from size {had.size} on")
            return Step(number, "was revoked before", (vkey,)), root
        self._check_left(number, known, found[0])
        if not self._announce(number, "revoked", (vkey,), size, root):
            return Step(number, "announced", (vkey,)), root
        self._files.arrange(number, self._ring(number).listed())
        return Step(number, "revoked", (vkey,)), root

    def _ring(self, number: int) -> KeyRing:
        found = ring(self._url, number)
        if not found.keys:
            raise Unfit(f"journal {number}: expected entry 0, which names its keys, got none; run `iuran ledger init`")
        return found

    def _check_left(self, number: int, known: KeyRing, key: Key) -> None:
        left = {k.verifier.algorithm for k in known.keys if k.until is None and k is not key}
        if key.until is None and left != set(ALGORITHMS):
            raise Unfit(
                f"journal {number}: expected another key of its kind that signs, got none; let a new one sign first: "
                f"iuran key rotate --journal {number}"
            )

    def _announce(
        self, number: int, change: Change, vkeys: tuple[str, ...], size: int | None = None, root: str | None = None
    ) -> bool:
        """Tell the journal; False when no stream process runs that could enter it now. Raises Unfit where refused."""
        facts = self._facts
        more = {} if size is None or root is None else {"trusted_size": size, "trusted_root": root}
        ids = "-".join(vkey.split("+")[1] for vkey in vkeys)
        act = acts.Act(
            events.KEY_CHANGED,
            f"key/{number}/{change}/{ids}",
            facts.name,
            lambda _: events.KeyChanged(change=change, journal=number, vkeys=vkeys, **more),  # type: ignore[arg-type]
        )
        self._progress.step(f"journal {number}: keys {change}")
        offsets = acts.announce(self._broker, facts.topic_prefix, facts.journals, act, frozenset({number}))
        topic = facts.topic_prefix + CONTROL
        if not wait_read(self._url, topic, offsets, self._progress):
            return False
        refused = founding.refusals(self._url, topic, offsets)
        if refused:
            raise Unfit(f"journal {number}: {refused[0]}")
        return True

    def _root(self, number: int, size: int) -> str:
        """Give the root of a journal's first entries, in hexadecimal: as signed at that size, else from the entries."""
        with database.connect(self._url, "reader") as connection:
            head = connection.execute("SELECT size FROM heads WHERE journal = %s", (number,)).fetchone()
            if head is None or not 0 <= size <= int(head[0]):
                raise Unfit(f"trusted size: expected at most {0 if head is None else head[0]} entries, got {size}")
            query = "SELECT note FROM checkpoints WHERE journal = %s AND size = %s"
            signed = connection.execute(query, (number, size)).fetchone()
            if signed is not None:
                return claimed(bytes(signed[0])).root.hex()
            frontier = Frontier()
            connection.autocommit = False  # a cursor of the server's own lives in a transaction
            with connection.cursor(name="leaves") as leaves:
                leaves.execute(_LEAVES, (number, size))
                while rows := leaves.fetchmany(1000):
                    frontier = frontier.append([leaf_hash(bytes(leaf)) for (leaf,) in rows])
            return frontier.root().hex()


def _newest(known: KeyRing) -> tuple[str, ...]:
    """Give the newest keys that sign, one of each algorithm."""
    return known.listed()[: len(ALGORITHMS)]
