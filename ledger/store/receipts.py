"""A receipt made from what is stored: the entry's inclusion proof under a published checkpoint.

At most two tiles a level are read, in one statement, whatever the journal's size. Nothing is handed out that does not
hold: the proof is verified against the checkpoint's root before it is given (L6), so tiles that were changed behind
the ledger's back make no false receipt and no silent one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.errors import InvariantError
from ledger.log import prover
from ledger.log.checkpoint import claimed
from ledger.log.merkle import leaf_hash
from ledger.log.proof import ProofError, verify_inclusion
from ledger.log.receipt import Receipt
from ledger.log.tiles import TileError

if TYPE_CHECKING:
    from ledger.store.readers import Readers


async def make_receipt(readers: Readers, journal: int, index: int, leaf: bytes, note: bytes) -> Receipt:
    """Give the receipt of the entry `leaf` at `index` under a checkpoint of this journal that covers it.

    Raises InvariantError (L5, L6) when what is stored does not prove it, StoreUnavailable.
    """
    checkpoint = claimed(note)
    wanted = prover.needs_inclusion(index, checkpoint.size)
    found = await readers.tiles(journal, wanted) if wanted else {}
    try:
        path = prover.fold_inclusion(index, checkpoint.size, found)
        verify_inclusion(leaf_hash(leaf), index, checkpoint.size, path, checkpoint.root)
    except TileError as error:
        raise InvariantError("L5", f"journal {journal}: {error}") from error
    except ProofError as error:
        raise InvariantError("L6", f"journal {journal} entry {index}: {error}") from error
    return Receipt(index, tuple(path), note)
