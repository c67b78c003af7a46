"""Vectors of receipts: a file, the entry it is about, and the keys to verify it with. Source: c2sp.org/tlog-proof."""

from __future__ import annotations

from typing import Any

from ledger.log import note
from ledger.log.receipt import Receipt
from ledger.log.vkey import ED25519
from ledger.vectors.cases import Case, bad, content, file_of, flipped, good, in_base64
from ledger.vectors.keyring import HEAD, LOG, LOG_MLDSA, ORIGIN, OTHER_LOG, ROTATED, W1, W3_MLDSA, Kept, line
from ledger.vectors.notes import vkey_of
from ledger.vectors.trees import decimal, path_of
from ledger.vectors.witnesses import stamped

INDEX = 37


def tlog_proofs(kept: dict[str, bytes]) -> str:
    """Give the file of receipts."""
    text = HEAD.format()
    own, second, third = line(LOG, text), line(Kept(LOG_MLDSA, kept), text), line(Kept(W3_MLDSA, kept), text)
    witnessed = note.format(text, [own, second, stamped(W1, text), third])
    plain = _receipt(INDEX, note.format(text, [own]))
    policy = f"witness A {W1.vkey()}\nwitness C {W3_MLDSA.vkey()}\ngroup both all A C\nquorum both\n"
    cases = [
        _proof(good, "Ed25519", plain),
        _proof(good, "Ed25519 and ML-DSA-44, the first known", _receipt(INDEX, witnessed)),
        _proof(good, "Ed25519 and ML-DSA-44, the second known", _receipt(INDEX, witnessed), vkeys=[LOG_MLDSA.vkey()]),
        _proof(
            good, "Ed25519 and ML-DSA-44, both known", _receipt(INDEX, witnessed), vkeys=[LOG.vkey(), LOG_MLDSA.vkey()]
        ),
        _proof(good, "a quorum of witnesses", _receipt(INDEX, witnessed), policy=policy),
        _proof(good, "the first entry", _receipt(0, note.format(text, [own])), b"0"),
        _proof(good, "the last entry", _receipt(99, note.format(text, [own])), b"99"),
        _proof(good, "extra data, which nobody vouches for", Receipt(INDEX, plain.path, plain.checkpoint, b"anything")),
    ]
    renamed = vkey_of("other", ED25519, LOG.verifier.public_key)
    elsewhere = text.replace(ORIGIN, OTHER_LOG.name)
    forged = HEAD._replace(root=flipped(HEAD.root)).format()
    cases += [
        _proof(bad, "no quorum of witnesses", plain, policy=policy),
        _proof(bad, "another entry", plain, b"38"),
        _proof(bad, "an entry with a newline more", plain, b"37\n"),
        _proof(bad, "another index", Receipt(36, plain.path, plain.checkpoint)),
        _proof(bad, "no key", plain, vkeys=[]),
        _proof(bad, "the key of another log", plain, vkeys=[OTHER_LOG.vkey()]),
        _proof(bad, "another key of the log", plain, vkeys=[ROTATED.vkey()]),
        _proof(bad, "the log's key under another name", plain, vkeys=[renamed]),
        _proof(bad, "a hash fewer", Receipt(INDEX, plain.path[1:], plain.checkpoint)),
        _proof(bad, "a hash more", Receipt(INDEX, (*plain.path, plain.path[0]), plain.checkpoint)),
        _proof(bad, "a bit of a hash", Receipt(INDEX, (*plain.path[:-1], flipped(plain.path[-1])), plain.checkpoint)),
        _proof(
            bad,
            "an origin whose key is not known",
            _receipt(INDEX, note.format(elsewhere, [line(OTHER_LOG, elsewhere)])),
        ),
        _proof(
            bad, "an origin that another key signed", _receipt(INDEX, note.format(elsewhere, [line(LOG, elsewhere)]))
        ),
        _proof(bad, "a root that the log has not signed", _receipt(INDEX, note.format(forged, [own]))),
    ]
    base = {name: value for name, value in cases[0].items() if name not in ("name", "valid", "proof")}
    cases += [bad(name, **content(octets, "proof"), **base) for name, octets in _misspelt(plain.format()).items()]
    return file_of("receipts, with the entry and the keys that are known", "c2sp.org/tlog-proof", cases)


def _receipt(index: int, checkpoint: bytes) -> Receipt:
    return Receipt(index, tuple(path_of(index, HEAD.size, decimal(HEAD.size))), checkpoint)


def _proof(kind: Any, name: str, receipt: Receipt, entry: bytes = b"37", **members: Any) -> Case:
    told = {"entry": entry.decode(), "vkeys": [LOG.vkey()], **members}
    return kind(name, **content(receipt.format(), "proof"), **told)  # type: ignore[no-any-return]


def _misspelt(proof: bytes) -> dict[str, bytes]:
    index = f"index {INDEX}".encode()
    more = in_base64(bytes(32)).encode()
    return {
        "empty": b"",
        "another version": proof.replace(b"@v1", b"@v2"),
        "lines that end with CRLF": proof.replace(b"\n", b"\r\n"),
        "a byte order mark": b"\xef\xbb\xbf" + proof,
        "no index": proof.replace(index + b"\n", b""),
        "an index with a leading zero": proof.replace(index, b"index 037"),
        "an index with a sign": proof.replace(index, b"index +37"),
        "an index with a space more": proof.replace(index, b"index  37"),
        "an index that is the size": proof.replace(index, b"index 100"),
        "an index of 2**64 more": proof.replace(index, b"index %d" % (2**64 + INDEX)),
        "extra data of no byte": proof.replace(index, b"extra \n" + index),
        "extra data below the index": proof.replace(index, index + b"\nextra YQ=="),
        "extra data twice": proof.replace(index, b"extra YQ==\nextra YQ==\n" + index),
        "extra data without padding": proof.replace(index, b"extra YQ\n" + index),
        "extra data with bits left over": proof.replace(index, b"extra YR==\n" + index),
        "64 hashes": proof.replace(index, index + (b"\n" + more) * 64),
        "a hash of 31 bytes": proof.replace(index, index + b"\n" + in_base64(bytes(31)).encode()),
        "a hash with a space behind": proof.replace(b"=\n\n", b"= \n\n"),
        "no blank line": proof.replace(b"\n\n", b"\n"),
        "two blank lines": proof.replace(b"=\n\n", b"=\n\n\n", 1),
        "no checkpoint": proof[: proof.index(b"\n\n") + 2],
        "no newline at the end": proof[:-1],
        "a newline more at the end": proof + b"\n",
        "a byte that is no UTF-8 at the end": proof + b"\xff",
    }
