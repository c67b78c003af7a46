"""Receipts of c2sp.org/tlog-proof: one written form, four steps of verifying, and nothing forged passes any of them.

Each MUST of the specification has its section in a test's name or docstring.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.log import keys, note
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.cosignature import Cosigner
from ledger.log.policy import parse as parse_policy
from ledger.log.receipt import EXTRA_BYTES_MAX, HEADER, Receipt, ReceiptError
from tests.ledger.log.trees import leaf, mth, path

ORIGIN = "iuran.localhost/log/3"
SIGNER = keys.generate(ORIGIN)
SECOND = keys.generate(ORIGIN, keys.MLDSA44)
STRANGER = keys.generate(ORIGIN)
WITNESS = keys.generate("witness.example/w1", keys.COSIGNATURE)
OTHER_WITNESS = keys.generate("witness.example/w2", keys.COSIGNATURE)
SIZE = 100
BOTH = [SIGNER.verifier, SECOND.verifier]


def signed(size: int = SIZE, root: bytes | None = None) -> bytes:
    return sign_checkpoint(Checkpoint(ORIGIN, size, root or mth(0, size)), [SIGNER, SECOND])


def receipt_of(index: int, size: int = SIZE) -> Receipt:
    return Receipt(index, tuple(path(index, 0, size)), signed(size))


GOOD = receipt_of(37)
TEXT = GOOD.format()


def cosigned(checkpoint: bytes, *witnesses: Cosigner) -> bytes:
    text, signatures = note.parse(checkpoint)
    lines = [note.Signature(w.name, w.key_id, w.at(1_790_000_000).sign(text.encode())) for w in witnesses]
    return note.format(text, (*signatures, *lines))


def test_the_specifications_layout() -> None:
    """tlog-proof "Format": header, optional extra, index, hashes leaf side first, an empty line, the checkpoint."""
    hashes = [base64.b64encode(h).decode() for h in path(37, 0, SIZE)]
    assert TEXT.decode().split("\n")[: 2 + len(hashes)] == ["c2sp.org/tlog-proof@v1", "index 37", *hashes]
    assert TEXT.endswith(b"\n\n" + GOOD.checkpoint)
    extended = replace(GOOD, extra=b"anything").format()
    assert extended.startswith(b"c2sp.org/tlog-proof@v1\nextra YW55dGhpbmc=\nindex 37\n")
    only = Receipt(0, (), signed(1))
    assert only.format() == b"c2sp.org/tlog-proof@v1\nindex 0\n\n" + only.checkpoint


@given(st.integers(0, SIZE - 1), st.none() | st.binary(min_size=1, max_size=200))
def test_what_is_written_is_read_and_verifies(index: int, extra: bytes | None) -> None:
    receipt = replace(receipt_of(index), extra=extra)
    again = Receipt.parse(receipt.format())
    assert again == receipt
    for verifiers in ([SIGNER.verifier], [SECOND.verifier], BOTH):
        assert again.verify(leaf(index), verifiers) == Checkpoint(ORIGIN, SIZE, mth(0, SIZE))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda t: b"", "blank line"),
        (lambda t: t[: t.index(b"\n\n") + 1], "blank line"),
        (lambda t: t.replace(b"\n", b"\r\n"), "blank line"),
        (lambda t: b"\n" + t, "first line"),
        (lambda t: b"\n\n" + t, "first line"),
        (lambda t: t.replace(b"@v1", b"@v2"), "first line"),
        (lambda t: t.replace(b"@v1", b"@v1 "), "first line"),
        (lambda t: t.replace(b"@v1\n", b"@v1\r\n"), "first line"),
        (lambda t: b"\xef\xbb\xbf" + t, "ASCII"),
        (lambda t: t.replace(b"index 37", b"index \xd9\xa3"), "ASCII"),
        (lambda t: t.replace(b"index 37\n", b""), "`index <decimal>`"),
        (lambda t: HEADER.encode() + t[t.index(b"\n\n") :], "`index <decimal>`"),
        (lambda t: t.replace(b"index 37", b"index 037"), "`index <decimal>`"),
        (lambda t: t.replace(b"index 37", b"index +37"), "`index <decimal>`"),
        (lambda t: t.replace(b"index 37", b"index -37"), "`index <decimal>`"),
        (lambda t: t.replace(b"index 37", b"index 37 "), "`index <decimal>`"),
        (lambda t: t.replace(b"index 37", b"index  37"), "`index <decimal>`"),
        (lambda t: t.replace(b"index 37", b"index\t37"), "`index <decimal>`"),
        (lambda t: t.replace(b"index 37", b"index 37\r"), "`index <decimal>`"),
        (lambda t: t.replace(b"index 37", b"index 0x25"), "`index <decimal>`"),
        (lambda t: t.replace(b"index 37", b"Index 37"), "`index <decimal>`"),
        (lambda t: t.replace(b"index 37", b"index "), "`index <decimal>`"),
        (lambda t: t.replace(b"index 37", b"index 1" + b"0" * 400), "`index <decimal>`"),
        (lambda t: t.replace(b"index 37", b"index 100"), "receipt index: expected below"),
        (lambda t: t.replace(b"index 37", b"index 9999999999999999999"), "receipt index: expected below"),
        (lambda t: t.replace(b"index 37", b"extra \nindex 37"), "receipt extra: expected 1 to"),
        (lambda t: t.replace(b"index 37", b"extra\nindex 37"), "`index <decimal>`"),
        (lambda t: t.replace(b"index 37", b"extra YQ\nindex 37"), "receipt extra"),
        (lambda t: t.replace(b"index 37", b"extra YR==\nindex 37"), "receipt extra"),
        (lambda t: t.replace(b"index 37", b"extra YQ== \nindex 37"), "receipt extra"),
        (lambda t: t.replace(b"index 37", b"extra YQ==\nextra YQ==\nindex 37"), "`index <decimal>`"),
        (lambda t: t.replace(b"index 37", b"index 37\nextra YQ=="), "receipt hash"),
        (lambda t: t.replace(b"index 37", b"index 37\nindex 37"), "receipt hash"),
        (lambda t: t.replace(b"index 37", b"index 37\n" + base64.b64encode(bytes(31))), "receipt hash: expected 32"),
        (lambda t: t.replace(b"index 37", b"index 37\n" + base64.b64encode(bytes(33))), "receipt hash: expected 32"),
        (lambda t: t.replace(b"index 37", b"index 37\n" + base64.urlsafe_b64encode(b"\xff" * 32)), "receipt hash"),
        (
            lambda t: t.replace(b"index 37", b"index 37" + b"\n" + b"\n".join([base64.b64encode(bytes(32))] * 64)),
            "at most 63",
        ),
        (lambda t: t.replace(b"=\n\n", b" =\n\n"), "receipt hash"),
        (lambda t: t.replace(b"=\n\n", b"=\n\n\n"), "receipt checkpoint"),
        (lambda t: t[: t.index(b"\n\n") + 2], "receipt checkpoint"),
        (lambda t: t[:-1], "receipt checkpoint"),
        (lambda t: t + b"\n", "receipt checkpoint"),
        (lambda t: t.replace(b"\n100\n", b"\n0100\n"), "receipt checkpoint"),
        (lambda t: t.replace(b"\n100\n", b"\n100\n\n"), "receipt checkpoint"),
        (lambda t: t + b"\xff", "receipt checkpoint"),
        (lambda t: b"x" * (1 << 21), "at most"),
        (lambda t: t[:22] + b"x" * 70_000 + t[22:], "blank line within"),
    ],
)
def test_format_other_spellings_are_refused(change: Callable[[bytes], bytes], what: str) -> None:
    """tlog-proof "Format": first line, `extra`, `index` without leading zeroes, one base64 hash a line, as written."""
    assert Receipt.parse(TEXT) == GOOD
    with pytest.raises(ReceiptError, match=what):
        Receipt.parse(change(TEXT))


def test_format_what_cannot_be_read_back_is_not_written() -> None:
    for wrong, what in [
        (replace(GOOD, extra=b""), "receipt extra: expected 1 to 48000 bytes, got 0"),
        (replace(GOOD, extra=bytes(EXTRA_BYTES_MAX + 1)), "receipt extra: expected 1 to 48000 bytes, got 48001"),
        (replace(GOOD, path=(bytes(32),) * 64), "receipt: expected at most 63 hashes, got 64"),
        (replace(GOOD, path=(bytes(31),)), "receipt hash: expected 32 bytes, got 31"),
        (replace(GOOD, index=100), "receipt index: expected below the checkpoint's size 100, got 100"),
        (replace(GOOD, index=-1), "receipt index"),
        (replace(GOOD, checkpoint=b"none"), "receipt checkpoint"),
    ]:
        with pytest.raises(ReceiptError, match=what):
            wrong.format()
    most = replace(GOOD, extra=bytes(EXTRA_BYTES_MAX))
    assert Receipt.parse(most.format()) == most
    assert max(map(len, most.format().split(b"\n"))) < 64 * 1024


def test_format_extra_is_kept_and_vouched_for_by_nobody() -> None:
    """tlog-proof "Format": applications MUST NOT implicitly trust the extra data: any of it verifies alike."""
    for extra in (None, b"a", b"quite another"):
        assert replace(GOOD, extra=extra).verify(leaf(37), BOTH).size == SIZE


def test_verifying_step_1_the_leafs_exact_bytes() -> None:
    for wrong in (leaf(36), leaf(37) + b" ", b"", leaf(37)[1:]):
        with pytest.raises(ReceiptError, match="root hash"):
            GOOD.verify(wrong, BOTH)


def test_verifying_step_2_a_known_key_named_as_the_origin_has_signed() -> None:
    """tlog-proof "Verifying a tlog proof", step 2."""
    with pytest.raises(ReceiptError, match="expected an origin with a known key"):
        GOOD.verify(leaf(37), [])
    with pytest.raises(ReceiptError, match="expected an origin with a known key"):
        GOOD.verify(leaf(37), [keys.generate("iuran.localhost/log/4").verifier])
    with pytest.raises(ReceiptError, match="known key"):
        GOOD.verify(leaf(37), [STRANGER.verifier])
    other = Receipt(37, GOOD.path, note.sign(Checkpoint("other.example/log", SIZE, mth(0, SIZE)).format(), [SIGNER]))
    with pytest.raises(ReceiptError, match="expected an origin with a known key"):
        other.verify(leaf(37), BOTH)
    assert GOOD.verify(leaf(37), [STRANGER.verifier, SIGNER.verifier]).size == SIZE


def test_verifying_step_2_one_bad_signature_of_a_known_key_refuses() -> None:
    text, (first, second) = note.parse(GOOD.checkpoint)
    spoilt = second._replace(signature=second.signature[:-1] + bytes([second.signature[-1] ^ 1]))
    receipt = replace(GOOD, checkpoint=note.format(text, (first, spoilt)))
    assert receipt.verify(leaf(37), [SIGNER.verifier]).size == SIZE
    with pytest.raises(ReceiptError, match="signature of"):
        receipt.verify(leaf(37), BOTH)


def test_verifying_step_3_cosignatures_make_the_policys_quorum() -> None:
    """tlog-proof "Verifying a tlog proof", step 3, with a tlog-policy of two witnesses."""
    lines = f"witness a {WITNESS.vkey()}\nwitness b {OTHER_WITNESS.vkey()}\ngroup g {{}} a b\nquorum g\n"
    any_of, all_of = (parse_policy(lines.format(k).encode()) for k in ("1", "2"))
    one = replace(GOOD, checkpoint=cosigned(GOOD.checkpoint, WITNESS))
    two = replace(GOOD, checkpoint=cosigned(GOOD.checkpoint, WITNESS, OTHER_WITNESS))
    for receipt, policy, holds in [
        (GOOD, any_of, False),
        (one, any_of, True),
        (one, all_of, False),
        (two, all_of, True),
        (GOOD, parse_policy(b"quorum none\n"), True),
    ]:
        again = Receipt.parse(receipt.format())
        if holds:
            assert again.verify(leaf(37), BOTH, policy).size == SIZE
        else:
            with pytest.raises(ReceiptError, match="expected cosignatures of a quorum"):
                again.verify(leaf(37), BOTH, policy)
    text, signatures = note.parse(one.checkpoint)
    witnessed = signatures[-1].signature
    spoilt = signatures[-1]._replace(signature=witnessed[:-1] + bytes([witnessed[-1] ^ 1]))
    with pytest.raises(ReceiptError, match=r"witness\.example/w1"):
        replace(GOOD, checkpoint=note.format(text, (*signatures[:-1], spoilt))).verify(leaf(37), BOTH, any_of)


def test_verifying_step_4_the_path_leads_to_the_signed_root() -> None:
    for wrong, what in [
        (replace(GOOD, index=36), "root hash"),
        (replace(GOOD, path=GOOD.path[:-1]), "expected 7 hashes, got 6"),
        (replace(GOOD, path=(*GOOD.path, bytes(32))), "expected 7 hashes, got 8"),
        (replace(GOOD, path=GOOD.path[::-1]), "root hash"),
        (replace(GOOD, checkpoint=signed(SIZE, bytes(32))), "root hash"),
        (replace(GOOD, checkpoint=signed(SIZE + 1)), "root hash"),
        (replace(GOOD, path=(GOOD.path[0][:-1], *GOOD.path[1:])), "hash: expected 32 bytes, got 31"),
    ]:
        with pytest.raises(ReceiptError, match=what):
            wrong.verify(leaf(37), BOTH)


def test_a_foreign_logs_receipt_verifies_though_its_checkpoint_has_extension_lines() -> None:
    """tlog-checkpoint "Note text": extension lines are opaque and optional."""
    text = Checkpoint(ORIGIN, SIZE, mth(0, SIZE)).format() + "an extension line\n"
    receipt = replace(GOOD, checkpoint=note.sign(text, [SIGNER]))
    assert Receipt.parse(receipt.format()).verify(leaf(37), [SIGNER.verifier]).size == SIZE


def test_every_bit_of_a_receipt_counts() -> None:
    """With one signature line, whose key is known: any bit flipped is refused, by the parser or in verifying."""
    receipt = Receipt(37, GOOD.path, sign_checkpoint(Checkpoint(ORIGIN, SIZE, mth(0, SIZE)), [SIGNER])).format()
    for at in range(len(receipt)):
        for bit in range(8):
            changed = receipt[:at] + bytes([receipt[at] ^ 1 << bit]) + receipt[at + 1 :]
            with pytest.raises(ReceiptError):
                Receipt.parse(changed).verify(leaf(37), [SIGNER.verifier])


def test_the_header_is_the_specifications() -> None:
    assert HEADER == "c2sp.org/tlog-proof@v1"
