"""Which files of vectors there are, by name. Each is the text that its room writes."""

from __future__ import annotations

from ledger.vectors import keyring, notes, proofs, records, shapes, trees, witnesses
from ledger.vectors.keyring import HOME, KEPT

__all__ = ["HOME", "files"]


def files() -> dict[str, str]:
    """Give every file of `contracts/vectors/`, name to text."""
    kept = keyring.load_kept()
    return {
        "trees.json": trees.trees(),
        "inclusion.json": trees.inclusion(),
        "consistency.json": trees.consistency(),
        "tiles.json": trees.tiles(),
        "tile-paths.json": shapes.tile_paths(),
        "entry-bundles.json": shapes.entry_bundles(),
        "verifier-keys.json": notes.verifier_keys(),
        "notes.json": notes.notes(kept),
        "checkpoints.json": notes.checkpoints(),
        KEPT: keyring.mldsa44(kept),
        "cosignatures.json": witnesses.cosignatures(kept),
        "policies.json": witnesses.policies(),
        "witness-requests.json": witnesses.witness_requests(kept),
        "witness-answers.json": witnesses.witness_answers(kept),
        "tlog-proofs.json": proofs.tlog_proofs(kept),
        "canonical-json.json": records.canonical_json(),
        "entries.json": records.entries(),
        "event-keys.json": records.event_keys(),
        "salts.json": records.salts(),
        "event-signatures.json": records.event_signatures(),
    }
