"""Checkpoints: the specification's example, one written form, and origin and key name that must agree."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.log import keys, note
from ledger.log.checkpoint import Checkpoint, open_checkpoint, parse_any, sign_checkpoint
from ledger.log.merkle import EMPTY_ROOT
from ledger.log.note import NoteError

ORIGIN = "iuran.localhost/log/3"
SIGNER = keys.generate(ORIGIN)
ROOT = bytes(range(32))
ROOT64 = base64.b64encode(ROOT).decode()

# The text of c2sp.org/tlog-checkpoint's example.
SPEC_TEXT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"


def test_the_specifications_example_parses() -> None:
    """tlog-checkpoint, the example."""
    checkpoint = Checkpoint.parse(SPEC_TEXT)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.root.hex().startswith("0ac5186a91863e8e")
    assert checkpoint.format() == SPEC_TEXT


@given(st.integers(1, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_what_is_signed_is_what_opens(size: int, root: bytes) -> None:
    """tlog-checkpoint, Note text: origin, size, root, a line each."""
    checkpoint = Checkpoint(ORIGIN, size, root)
    assert open_checkpoint(sign_checkpoint(checkpoint, [SIGNER]), [SIGNER.verifier]) == checkpoint


def test_the_empty_tree_has_its_root_only() -> None:
    """tlog-checkpoint, Note text: the size of the empty tree is `0`; RFC 6962 section 2.1: its root."""
    empty = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    assert open_checkpoint(sign_checkpoint(empty, [SIGNER]), [SIGNER.verifier]) == empty
    with pytest.raises(NoteError, match="empty tree"):
        sign_checkpoint(Checkpoint(ORIGIN, 0, ROOT), [SIGNER])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "three lines"),
        (f"{ORIGIN}\n5\n", "three lines"),
        (f"{ORIGIN}\n5\n{ROOT64}", "three lines"),
        (f"{ORIGIN}\n5\n{ROOT64}\nextension\n", "no extension lines, got 1"),
        (f"{ORIGIN}\n5\n{ROOT64}\n\n", "no extension lines"),
        (f"\n5\n{ROOT64}\n", "key name"),
        (f"a b\n5\n{ROOT64}\n", "key name"),
        (f"{ORIGIN}\n\n{ROOT64}\n", "size"),
        (f"{ORIGIN}\n05\n{ROOT64}\n", "size"),
        (f"{ORIGIN}\n+5\n{ROOT64}\n", "size"),
        (f"{ORIGIN}\n-5\n{ROOT64}\n", "size"),
        (f"{ORIGIN}\n5 \n{ROOT64}\n", "size"),
        (f"{ORIGIN}\n٥\n{ROOT64}\n", "size"),
        (f"{ORIGIN}\n{2**63}\n{ROOT64}\n", "size"),
        (f"{ORIGIN}\n{10**30}\n{ROOT64}\n", "size"),
        (f"{ORIGIN}\n5\n{ROOT64[:-1]}\n", "root"),
        (f"{ORIGIN}\n5\n{ROOT64} \n", "root"),
        (f"{ORIGIN}\n5\n{ROOT64[:-2]}9=\n", "root"),
        (f"{ORIGIN}\n5\n{base64.b64encode(ROOT[:31]).decode()}\n", "root"),
        (f"{ORIGIN}\n5\n\n", "root"),
        (f"{ORIGIN}\n0\n{ROOT64}\n", "empty tree"),
    ],
)
def test_other_texts_are_no_checkpoints(text: str, what: str) -> None:
    """tlog-checkpoint, Note text; without the extension lines that others may have."""
    with pytest.raises(NoteError, match=what):
        Checkpoint.parse(text)


@given(st.text(max_size=120))
def test_any_text_parses_or_raises_note_error(text: str) -> None:
    with pytest.raises(NoteError):
        Checkpoint.parse(text)


def test_origin_and_key_name_agree() -> None:
    """tlog-checkpoint, Signatures: the log's key name SHOULD match the origin line; ours does."""
    checkpoint = Checkpoint("iuran.localhost/log/4", 5, ROOT)
    with pytest.raises(NoteError, match="signer: expected key name"):
        sign_checkpoint(checkpoint, [SIGNER])
    foreign = note.sign(checkpoint.format(), [SIGNER])
    with pytest.raises(NoteError, match="checkpoint origin"):
        open_checkpoint(foreign, [SIGNER.verifier])


def test_unsigned_and_foreign_checkpoints_stay_shut() -> None:
    signed = sign_checkpoint(Checkpoint(ORIGIN, 5, ROOT), [SIGNER])
    with pytest.raises(NoteError, match="known key"):
        open_checkpoint(signed, [keys.generate(ORIGIN).verifier])
    with pytest.raises(NoteError, match="signature of"):
        open_checkpoint(signed.replace(b"\n5\n", b"\n6\n"), [SIGNER.verifier])


def test_a_rotated_key_signs_beside_the_old_one() -> None:
    """tlog-checkpoint, Signatures: clients MUST ignore unknown signatures, which lets keys rotate."""
    newer = keys.generate(ORIGIN)
    signed = sign_checkpoint(Checkpoint(ORIGIN, 5, ROOT), [SIGNER, newer])
    for verifiers in ([SIGNER.verifier], [newer.verifier], [newer.verifier, SIGNER.verifier]):
        assert open_checkpoint(signed, verifiers).size == 5


def test_any_logs_checkpoint_may_have_extension_lines_and_any_origin() -> None:
    """tlog-checkpoint, Note text: clients MUST NOT assume an origin's format; extension lines are optional, opaque."""
    for origin in ("go.sum database tree", "a+b", "\u00a0", "x" * 300, ORIGIN):
        for rest in ("", "extension\n", "one\ntwo 2\n", f"{ORIGIN}\n5\n{ROOT64}\n"):
            assert parse_any(f"{origin}\n5\n{ROOT64}\n{rest}") == Checkpoint(origin, 5, ROOT)
    assert parse_any(f"{ORIGIN}\n0\n{ROOT64}\n") == Checkpoint(ORIGIN, 0, ROOT)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "final newline"),
        (f"{ORIGIN}\n5\n{ROOT64}", "final newline"),
        (f"{ORIGIN}\n5\n", "three lines"),
        (f"\n5\n{ROOT64}\n", "origin: expected one or more"),
        (f"{ORIGIN}\n5\n{ROOT64}\n\n", "extension lines that are not empty"),
        (f"{ORIGIN}\n5\n{ROOT64}\na\n\nb\n", "extension lines that are not empty"),
        (f"{ORIGIN}\n05\n{ROOT64}\n", "size"),
        (f"{ORIGIN}\n00\n{ROOT64}\n", "size"),
        (f"{ORIGIN}\n\n{ROOT64}\n", "size"),
        (f"{ORIGIN}\n-5\n{ROOT64}\n", "size"),
        (f"{ORIGIN}\n0x5\n{ROOT64}\n", "size"),
        (f"{ORIGIN}\n{2**63}\n{ROOT64}\n", "size"),
        (f"{ORIGIN}\n5\n{ROOT64[:-1]}\n", "root"),
        (f"{ORIGIN}\n5\n{base64.b64encode(ROOT[:31]).decode()}\n", "root"),
        (f"{ORIGIN}\n5\n{base64.b64encode(ROOT + ROOT).decode()}\n", "root"),
        (f"{ORIGIN}\r\n5\r\n{ROOT64}\r\n", "control characters"),
        (f"{ORIGIN}\r\n5\n{ROOT64}\n", "control characters"),
        (f"{ORIGIN}\n5\n{ROOT64}\na\tb\n", "control characters"),
        (f"{ORIGIN}\ud800\n5\n{ROOT64}\n", "lone surrogate"),
    ],
)
def test_what_no_log_may_write_is_refused(text: str, what: str) -> None:
    """tlog-checkpoint, Note text: three lines and none of them empty, no leading zeros."""
    with pytest.raises(NoteError, match=what):
        parse_any(text)


@given(st.text(max_size=120))
def test_any_text_is_read_or_raises_note_error(text: str) -> None:
    with pytest.raises(NoteError):
        parse_any(text)
