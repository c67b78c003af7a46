"""The keys of one journal, as its own entries name and change them, held against those that are trusted and listed.

Entry 0 names the first keys, `key` entries add, retire and revoke (`ledger.keyring`). So which keys must have signed a
checkpoint of a size follows from the entries beneath it, and whoever trusts one of the keys can follow the others from
it. Trusted are the keys that the auditor brings; where there are none, those that the source lists. All trusted keys
must be the journal's, and the list must be what the entries make of it.

Signatures of keys that nobody knows are passed over, as c2sp.org/signed-note asks. Those of the journal's own keys are
not: one by a key that was not added yet, or was retired, says that somebody signs who may not. A revoked key's, over a
size above the trusted one, says nothing, whoever made it; but what a quorum of the auditor's witnesses has cosigned is
believed whatever became of the keys beside it, so that who writes a log anew can't revoke what others hold of it.

Upholds L6 as an auditor. Must not know where entries come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec

from contracts.entry import Entry, StoredEvent
from contracts.events import KeyChanged
from ledger.audit.findings import Findings
from ledger.audit.keeping.kept import KeptKey
from ledger.keyring import Key, KeyRing, Trusted, ring_after
from ledger.log import note as notes
from ledger.log.checkpoint import Checkpoint
from ledger.log.keys import LogVerifier, parse_log_vkey
from ledger.log.note import NoteError, Signature
from ledger.log.policy import NONE, Policy

_changed = msgspec.json.Decoder(KeyChanged).decode
_KeyId = tuple[str, bytes]


class OpenedNote(NamedTuple):
    """A checkpoint that a key of the journal signed, and all of the journal's keys that did, by name and id.

    `witnessed`: a quorum of the auditor's policy has cosigned it; then it may have no signature of the journal's.
    """

    checkpoint: Checkpoint
    signed_by: frozenset[_KeyId]
    witnessed: bool = False


class Claim(NamedTuple):
    """How far a revoked key is to be believed, and the index of the entry that says so."""

    entry: int
    trusted: Trusted


class JournalKeys:
    """One journal's keys while it is walked: `start`, then `opened` and `act` as entries come, then `finish`."""

    def __init__(self, journal: int, findings: Findings) -> None:
        self.ring = KeyRing()
        self.claims: list[Claim] = []
        """What entries said of trees up to which revoked keys are believed, to be held against the tree."""
        self._journal = journal
        self._add = findings.add
        self._listed: tuple[str, ...] = ()
        self._policy: Policy | None = None
        self._trusted: dict[str, LogVerifier] = {}
        self._known: dict[_KeyId, LogVerifier] = {}
        self._reach: dict[_KeyId, int] = {}

    def kept(self) -> list[KeptKey]:
        """Give what `resume` takes."""
        return [
            KeptKey(
                key.verifier.vkey(),
                key.since,
                key.until,
                key.trusted,
                self._reach.get((key.verifier.name, key.verifier.key_id), 0),
            )
            for key in self.ring.keys
        ]

    def resume(self, kept: Sequence[KeptKey]) -> None:
        """Go on with the keys that were kept, after `start`.

        Raises ValueError for a key that can't be read.
        """
        keys = [
            Key(parse_log_vkey(k.vkey), k.since, k.until, None if k.trusted is None else Trusted(*k.trusted))
            for k in kept
        ]
        self._become(KeyRing(tuple(keys)))
        self._reach = {(k.verifier.name, k.verifier.key_id): told.reach for k, told in zip(keys, kept, strict=True)}

    def start(self, listed: Sequence[str], trusted: Sequence[str], policy: Policy | None = None) -> None:
        """Take the keys that the source lists and those that are trusted; none trusted: those listed are.

        `policy`: whose cosignatures are believed.
        """
        self._listed, self._policy = tuple(listed), policy
        for vkey in dict.fromkeys([*(trusted or listed), *listed]):
            try:
                verifier = parse_log_vkey(vkey)
            except NoteError as error:
                self._add("L6", None, str(error))
                continue
            if not verifier.name.endswith(f"/log/{self._journal}"):
                detail = f"key name: expected one ending with /log/{self._journal}, got {verifier.name[:80]}"
                self._add("L6", None, detail)
            self._known[verifier.name, verifier.key_id] = verifier
            if vkey in (trusted or listed):
                self._trusted[vkey] = verifier

    def opened(self, vkeys: Sequence[Any]) -> None:
        """Take the keys that entry 0 names as the journal's own."""
        try:
            self._become(self.ring.opened(map(str, vkeys)))
        except ValueError as error:
            self._add("L6", 0, f"entry 0: expected verifier keys, got {error}")

    def act(self, index: int, entry: Entry) -> None:
        """Take what a `key` entry changes."""
        if not isinstance(entry.event, StoredEvent):
            return
        try:
            data = _changed(bytes(entry.event.data))
            if data.journal != self._journal:
                raise ValueError(f"data.journal: expected {self._journal}, got {data.journal}")
            self._become(ring_after(self.ring, data, index))
        except ValueError as error:
            self._add("L4", index, f"key: expected an act that could be taken in, got {error}")
            return
        trusted = [
            key.trusted for key in self.ring.keys if key.trusted is not None and key.verifier.vkey() in data.vkeys
        ]
        if data.change == "revoked" and trusted:
            self.claims.append(Claim(index, trusted[0]))

    def open(self, note: bytes) -> OpenedNote:
        """Give the checkpoint in a note under any key that is known by now, or a quorum's. Raises NoteError."""
        text, signatures = notes.parse(note)
        checkpoint = Checkpoint.parse(text)
        witnessed = self._is_witnessed(text, signatures)
        own = [signature for signature in signatures if (signature.name, signature.key_id) in self._known]
        if own or not witnessed:
            own = list(notes.verify(text, signatures, self._known.values()))
        signed_by = frozenset((s.name, s.key_id) for s in own if s.name == checkpoint.origin)
        # witnesses cosign other logs too
        if not signed_by and not (witnessed and checkpoint.origin in {name for name, _ in self._known}):
            raise NoteError(f"checkpoint origin: expected the signing key's name, got {checkpoint.origin[:80]}")
        return OpenedNote(checkpoint, signed_by, witnessed)

    def missing(self, opened: OpenedNote) -> list[str]:
        """Give the ids (hex) of the keys that, by the entries, sign a checkpoint of this size and did not sign this."""
        return [key.key_id.hex() for key in self._due(self.ring.signing(opened.checkpoint.size), opened)]

    def strangers(self, opened: OpenedNote) -> list[str]:
        """Give the ids (hex) of the journal's keys that signed this and, by the entries, do not sign at its size."""
        signing = {(key.name, key.key_id) for key in self.ring.signing(opened.checkpoint.size)}
        return sorted(key_id.hex() for _, key_id in opened.signed_by - signing) if self._is_followed() else []

    def proves_nothing(self, opened: OpenedNote) -> bool:
        """Tell whether none but revoked keys signed it, over a size above the one up to which they are believed."""
        return self._is_followed() and not self.strangers(opened) and not self.is_vouched(opened)

    def is_vouched(self, opened: OpenedNote) -> bool:
        """Tell whether a key has signed a checkpoint whose signature over this size proves something, or a quorum."""
        vouching = self.ring.vouching(opened.checkpoint.size)
        return not self._is_followed() or opened.witnessed or len(self._due(vouching, opened)) < len(vouching)

    def agreed(self, opened: OpenedNote) -> None:
        """Take note that a checkpoint is of the tree: how far each key has signed the journal."""
        size = opened.checkpoint.size
        for key in self.ring.keys:
            named = (key.verifier.name, key.verifier.key_id)
            if named in opened.signed_by and key.signs(size):
                self._reach[named] = max(size, self._reach.get(named, 0))

    def finish(self, size: int) -> None:
        """Hold the keys that the entries name against those that are trusted and listed; `size` is the journal's."""
        if not size or not self.ring.keys:
            return
        strange = [verifier for vkey, verifier in self._trusted.items() if self.ring.known(vkey) is None]
        if strange:
            self._add("L6", 0, "entry 0: expected to name the verifier keys that are trusted, got others")
        elif not self._is_believed():
            detail = (
                "newest checkpoint: expected the signature of a key that is trusted, or that such a key vouches for"
            )
            self._add("L6", None, f"{detail}, got those of others", size)
        elif self._listed not in (self.ring.listed(), self._listed_before(size)):
            detail = "verifier keys: expected those that the journal's entries leave it with, got another list"
            self._add("L6", None, detail, size)

    def _listed_before(self, size: int) -> tuple[str, ...]:
        """Give the list as the entries before the newest one leave it.

        An act about keys is entered first and listed then: who looks in between, or after a crash there, sees this.
        """
        keys = [replace(key, until=None) if key.until == size else key for key in self.ring.keys if key.since != size]
        return KeyRing(tuple(keys)).listed()

    def _is_believed(self) -> bool:
        """Tell whether the trusted keys lead to one that signed the newest checkpoint (`KeyRing.believed`)."""
        reach = {}
        for key in self.ring.keys:
            size = self._reach.get((key.verifier.name, key.verifier.key_id), 0)
            reach[key.verifier.vkey()] = size if key.trusted is None else min(size, key.trusted.size)
        believed = self.ring.believed(self._trusted, reach)
        return max(reach.values()) == max((reach[vkey] for vkey in believed), default=0)

    def _is_witnessed(self, text: str, signatures: Iterable[Signature]) -> bool:
        if self._policy is None or self._policy.quorum == NONE:
            return False
        return self._policy.reached(self._policy.cosigned(text, signatures))

    def _due(self, keys: Iterable[LogVerifier], opened: OpenedNote) -> list[LogVerifier]:
        if not self._is_followed():
            return []
        return [key for key in keys if (key.name, key.key_id) not in opened.signed_by]

    def _is_followed(self) -> bool:
        """Tell whether the entries name a trusted key: otherwise what they say of keys is worth nothing."""
        return any(self.ring.known(vkey) is not None for vkey in self._trusted)

    def _become(self, ring: KeyRing) -> None:
        self.ring = ring
        for key in ring.keys:
            self._known.setdefault((key.verifier.name, key.verifier.key_id), key.verifier)
