"""Where the journals' keys lie: the port, so that files (`keys`) need not be the last answer.

Whatever holds the keys (files, a hardware module, a service) gives signers that sign without showing what they sign
with, the verifiers that belong to them, and the journal's secret. All of them are those of one ledger.

Order: the log's Ed25519 key signs first, its ML-DSA-44 key second, and so stand their lines in a checkpoint. Errors:
`KeyFileError` means that a key is missing, foreign or damaged, and says which and what to do; nothing was signed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ledger.log.note import NoteSigner

if TYPE_CHECKING:
    from ledger.log.keys import LogVerifier


class LogSigner(NoteSigner, Protocol):
    """A key of a log: signs its checkpoints and says its public half."""

    def vkey(self) -> str:
        """Give the verifier key in its written form (c2sp.org/signed-note)."""
        ...


class KeyStore(Protocol):
    """The keys of one ledger's journals. May be asked often: what was read once need not be kept by the caller."""

    def signers(self, journal: int, vkeys: Sequence[str] = ()) -> Sequence[LogSigner]:
        """Give the private keys of these verifier keys, in their order; without any, of the two that stand first.

        Which keys sign is said by the journal's entries (`ledger.keyring`); those that stand first are the first ones
        of a journal that has no entry yet.
        """
        ...

    def verifiers(self, journal: int) -> Sequence[LogVerifier]:
        """Give the public halves of all keys that are or were at hand: those that sign first, retired ones last.

        A checkpoint that none of them signed is not believed, whatever the database says of keys.
        """
        ...

    def secret(self, journal: int) -> bytes:
        """Give the 32 bytes from which the salts of this journal's entries are made; the same for its life."""
        ...
