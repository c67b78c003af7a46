"""The keys of one journal, as its own entries say: which sign a checkpoint of a size, and which may be believed.

Entry 0 names the first keys. A `key` entry adds keys (entered under the old ones, signing beside them from the next
checkpoint on), retires some (they sign no more), or revokes one that others may have (what it signed above the trusted
size proves nothing). An act at index i stands alone in its commit, so the checkpoint of size i + 1 is still signed by
the keys from before, and every larger one by those after it. A journal always has an Ed25519 and an ML-DSA-44 key that
sign.

`KeyRing` is a value, folded act by act by whoever writes, opens or audits (L4). Must not know private keys or files.
Source: DECISIONS.md; c2sp.org/signed-note (a note may carry several keys' signatures, and unknown ones are ignored).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from msgspec import UNSET

from contracts.events import KeyChanged, LedgerOpened
from ledger.intake import said_by_entry
from ledger.log.keys import ED25519, MLDSA44, parse_log_vkey
from ledger.log.note import NoteError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from contracts.entry import Entry
    from ledger.log.keys import LogVerifier

ALGORITHMS: Final = (ED25519, MLDSA44)
"""Of a journal's keys, in the order in which they stand and sign."""
SIGNING_MAX: Final = 6
"""Keys that sign at one time: three generations; a note has room for ten cosignatures beside them."""

Change = Literal["added", "retired", "revoked"]


class Trusted(NamedTuple):
    """How far a revoked key may be believed: a checkpoint's size and root (32 bytes, hex)."""

    size: int
    root: str


@dataclass(frozen=True)
class Key:
    """One key: `since` and `until` are sizes; it signs every checkpoint of a size above `since`, up to `until`."""

    verifier: LogVerifier
    since: int
    until: int | None = None
    trusted: Trusted | None = None

    def signs(self, size: int) -> bool:
        """Tell whether this key signs a checkpoint of this size."""
        return self.since < size and (self.until is None or size <= self.until)

    def vouches(self, size: int) -> bool:
        """Tell whether this key's signature over a checkpoint of this size proves anything: it signs it by the
        journal's own word, and was not revoked below it.
        """
        return self.signs(size) and (self.trusted is None or size <= self.trusted.size)


@dataclass(frozen=True)
class KeyRing:
    """All keys that a journal ever had, the newest of each kind first."""

    keys: tuple[Key, ...] = ()

    def opened(self, vkeys: Iterable[str]) -> KeyRing:
        """Give the ring of a journal whose entry 0 names these keys.

        Raises ValueError for one that can't be read, and where the journal was opened before.
        """
        if self.keys:
            raise ValueError("data: expected a journal that was not opened before, got one that was")
        return KeyRing(tuple(Key(parse_log_vkey(vkey), 0) for vkey in vkeys))

    def changed(self, change: Change, vkeys: Sequence[str], index: int, trusted: Trusted | None = None) -> KeyRing:
        """Give the ring after a `key` act at this index.

        Raises ValueError, in this order: no keys before; a key twice, one that can't be read, or under another name;
        added: one that is known, or too many; retired: one that does not sign; revoked: one that is not known or was
        revoked, a trusted size above the index; and where no Ed25519 or no ML-DSA-44 key would be left to sign.
        """
        if not self.keys:
            raise ValueError("data.vkeys: expected a journal with keys, got one without")
        if len(set(vkeys)) != len(vkeys):
            raise ValueError("data.vkeys: expected each key once, got one twice")
        verifiers = [self._read(vkey) for vkey in vkeys]
        if change == "added":
            made = self._added(verifiers, index + 1)
        elif change == "retired":
            made = self._ended(verifiers, index + 1)
        else:
            made = self._revoked(verifiers, index + 1, trusted)
        left = {key.verifier.algorithm for key in made.keys if key.signs(index + 2)}
        if left != set(ALGORITHMS):
            raise ValueError("data.vkeys: expected an Ed25519 and an ML-DSA-44 key left to sign, got fewer")
        return made

    def signing(self, size: int) -> tuple[LogVerifier, ...]:
        """Give the keys that sign a checkpoint of this size: the newest Ed25519, the newest ML-DSA-44, the others."""
        return tuple(key.verifier for key in _in_order([key for key in self.keys if key.signs(size)]))

    def vouching(self, size: int) -> tuple[LogVerifier, ...]:
        """Give those of them whose signature proves something."""
        return tuple(key.verifier for key in _in_order([key for key in self.keys if key.vouches(size)]))

    def listed(self) -> tuple[str, ...]:
        """Give all keys as `vkey` files list them: those that sign now as in `signing`, then the others."""
        current = [key for key in self.keys if key.until is None]
        others = [key for key in self.keys if key.until is not None]
        return tuple(key.verifier.vkey() for key in (*_in_order(current), *others))

    def believed(self, trusted: Iterable[str], reach: Mapping[str, int]) -> frozenset[str]:
        """Give the keys that may be believed by who trusts some: those, and whichever they vouch for, step by step.

        `reach`: by key, the largest size of a checkpoint of this journal's tree that it signed and vouches for. What
        such a checkpoint covers is said by the journal, the acts about keys among it; an act that none covers may be
        anybody's. So a log that goes on under keys which no trusted key has signed for is not believed.
        """
        found = {vkey for vkey in trusted if self.known(vkey) is not None}
        while True:
            covered = max((reach.get(vkey, 0) for vkey in found), default=0)
            more = {key.verifier.vkey() for key in self.keys if covered >= max(1, key.since)} - found
            if not more:
                return frozenset(found)
            found |= more

    def known(self, vkey: str) -> Key | None:
        """Give the key of this written form, if the journal ever had it."""
        return next((key for key in self.keys if key.verifier.vkey() == vkey), None)

    def _read(self, vkey: str) -> LogVerifier:
        try:
            verifier = parse_log_vkey(vkey)
        except NoteError as error:
            raise ValueError(f"data.vkeys: {error}") from error
        if verifier.name != self.keys[0].verifier.name:
            raise ValueError(f"data.vkeys: expected keys of {self.keys[0].verifier.name}, got one of another name")
        return verifier

    def _added(self, verifiers: Sequence[LogVerifier], since: int) -> KeyRing:
        ids = {key.verifier.key_id for key in self.keys}
        if any(verifier.key_id in ids for verifier in verifiers):
            raise ValueError("data.vkeys: expected new keys, got one that the journal had before")
        made = KeyRing((*(Key(verifier, since) for verifier in verifiers), *self.keys))
        if len(made.signing(since + 1)) > SIGNING_MAX:
            raise ValueError(
                f"data.vkeys: expected at most {SIGNING_MAX} keys that sign, got more: retire the old ones"
            )
        return made

    def _ended(self, verifiers: Sequence[LogVerifier], until: int) -> KeyRing:
        signing = self.signing(until)
        if not all(verifier in signing for verifier in verifiers):
            raise ValueError("data.vkeys: expected keys that sign, got one that does not")
        return KeyRing(tuple(replace(k, until=until) if k.verifier in verifiers else k for k in self.keys))

    def _revoked(self, verifiers: Sequence[LogVerifier], until: int, trusted: Trusted | None) -> KeyRing:
        if trusted is None or trusted.size >= until:
            raise ValueError(f"data.trusted_size: expected at most {until - 1}, the entries before, got more or none")
        there = [key for key in self.keys if key.verifier in verifiers]
        if len(there) != len(verifiers) or any(key.trusted is not None for key in there):
            raise ValueError("data.vkeys: expected keys of this journal that are not revoked, got another")
        return KeyRing(
            tuple(
                replace(key, until=until if key.until is None else key.until, trusted=trusted) if key in there else key
                for key in self.keys
            )
        )


def ring_after(ring: KeyRing, data: KeyChanged, index: int) -> KeyRing:
    """Give the ring after an accepted `key.changed` at this index. Raises ValueError as `KeyRing.changed`."""
    trusted = None
    if data.trusted_size is not UNSET and data.trusted_root is not UNSET:
        trusted = Trusted(data.trusted_size, data.trusted_root)
    return ring.changed(data.change, data.vkeys, index, trusted)


def ring_of(entries: Iterable[Entry]) -> KeyRing:
    """Give the ring after these entries of a journal, in order; those that say nothing of its keys may be left out.

    Raises ValueError for one that no journal would have entered.
    """
    ring = KeyRing()
    for entry in entries:
        said = said_by_entry(entry)
        if said is not None and isinstance(said[1], LedgerOpened):
            ring = ring.opened(said[1].own)
        elif said is not None and isinstance(said[1], KeyChanged):
            ring = ring_after(ring, said[1], entry.index)
    return ring


def _in_order(keys: Sequence[Key]) -> list[Key]:
    """The newest key of each algorithm first, in the algorithms' order; then the others as they stand."""
    first = [key for algorithm in ALGORITHMS for key in keys if key.verifier.algorithm == algorithm]
    newest = {
        algorithm: next((k for k in first if k.verifier.algorithm == algorithm), None) for algorithm in ALGORITHMS
    }
    heads = [key for key in newest.values() if key is not None]
    return [*heads, *(key for key in keys if key not in heads)]
