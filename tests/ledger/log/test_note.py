"""Signed notes: the specification's example, what must be refused, and that nothing unverified comes out."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.log import keys, note
from ledger.log.note import NoteError

TEXT = "iuran\n\nsecond paragraph\n"
A, B, C = (keys.generate(f"example.com/{name}") for name in "abc")

# The example of c2sp.org/signed-note.
SPEC_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""


def line(name: str, content: bytes) -> str:
    return f"— {name} {base64.b64encode(content).decode()}\n"


class Stamped:
    """An algorithm of another kind: it signs a structure made from the text, and its line carries more."""

    name, key_id = "example.com/stamped", b"\x06\x06\x06\x06"

    def sign(self, message: bytes) -> bytes:
        return bytes(8) + A.sign(b"stamped" + message) * 40

    def verify(self, message: bytes, signature: bytes) -> bool:
        return signature[8:72] == A.sign(b"stamped" + message)


def test_the_specifications_example_opens() -> None:
    """signed-note, Verifier keys, Example."""
    opened = note.open(SPEC_NOTE.encode(), [keys.parse_vkey(SPEC_VKEY)])
    assert opened.text == "This is an example message.\n"
    assert [s.name for s in opened.signatures] == ["example.com/foo"]


def test_signed_by_several_opens_with_any() -> None:
    """signed-note, Format: one or more signature lines."""
    signed = note.sign(TEXT, [A, B])
    assert signed.decode().startswith(TEXT + "\n— example.com/a ")
    for verifiers in ([A.verifier], [B.verifier], [A.verifier, B.verifier]):
        opened = note.open(signed, verifiers)
        assert opened.text == TEXT
        assert [(s.name, s.key_id) for s in opened.signatures] == [(v.name, v.key_id) for v in verifiers]


def test_an_algorithm_may_sign_something_else_and_carry_more() -> None:
    """signed-note, Signature types: other types define what their signatures are."""
    opened = note.open(note.sign(TEXT, [A, Stamped()]), [Stamped(), A.verifier])
    assert [s.name for s in opened.signatures] == [A.name, Stamped.name]
    assert len(note.open(note.sign(TEXT, [Stamped()]), [Stamped()]).signatures[0].signature) == 8 + 40 * 64


def test_unknown_keys_are_ignored_even_where_name_or_id_is_known() -> None:
    """signed-note, Signatures: MUST ignore unknown keys, even if they share a name or ID, but not both."""
    known, message = A.verifier, TEXT.encode()
    strangers = line(B.name, B.key_id + b"x") + line(A.name, B.key_id + b"x") + line(B.name, A.key_id + b"x")
    signed = f"{TEXT}\n{strangers}{line(A.name, A.key_id + A.sign(message))}".encode()
    assert len(note.open(signed, [known]).signatures) == 1
    with pytest.raises(NoteError, match="expected one of a known key"):
        note.open(signed, [C.verifier])
    with pytest.raises(NoteError, match="expected one of a known key"):
        note.open(signed, [])


def test_a_known_keys_bad_signature_refuses_the_note_whoever_else_signed() -> None:
    """signed-note, Signatures: MUST verify a known key; if it fails, SHOULD reject the whole note."""
    bad = A.key_id + A.sign(b"another text\n")
    signed = note.sign(TEXT, [B]).decode() + line(A.name, bad)
    with pytest.raises(NoteError, match=r"signature of example\.com/a"):
        note.open(signed.encode(), [A.verifier, B.verifier])
    assert note.open(signed.encode(), [B.verifier]).text == TEXT


def test_every_flipped_bit_is_refused() -> None:
    """signed-note, Signatures: if no signature from a known key verifies, MUST reject."""
    signed = note.sign(TEXT, [A])
    for position in range(len(signed)):
        for bit in range(8):
            changed = bytearray(signed)
            changed[position] ^= 1 << bit
            with pytest.raises(NoteError):
                note.open(bytes(changed), [A.verifier])


def test_at_least_sixteen_signatures_and_at_most_a_hundred_are_read() -> None:
    """signed-note, Format: SHOULD apply a maximum; MUST accept at least up to 16."""
    strangers = line(B.name, B.key_id + b"x")
    signed = note.sign(TEXT, [A]).decode()
    assert note.open((signed + strangers * 99).encode(), [A.verifier]).text == TEXT
    with pytest.raises(NoteError, match="at most 100 signatures"):
        note.open((signed + strangers * 100).encode(), [A.verifier])


def test_a_repeated_signature_comes_out_once() -> None:
    own = line(A.name, A.key_id + A.sign(TEXT.encode()))
    assert len(note.open(f"{TEXT}\n{own}{own}".encode(), [A.verifier]).signatures) == 1


WIDE = "a\u2003b"
GOOD = line(A.name, A.key_id + A.sign(TEXT.encode()))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        TEXT.encode(),
        f"{TEXT}\n".encode(),
        f"{TEXT}\n{GOOD}"[:-1].encode(),
        f"{TEXT}{GOOD}".encode(),
        f"{TEXT}\n{GOOD}\n".encode(),
        f"{TEXT}\n{GOOD}".replace("\n", "\r\n").encode(),
        f"{TEXT}\n{GOOD}".replace("— ", "- ").encode(),
        f"{TEXT}\n{GOOD}".replace("— ", "—\u00a0").encode(),
        f"{TEXT}\n{GOOD}".replace("— ", "—  ").encode(),
        f"{TEXT}\n{GOOD}".replace("=\n", "\n").encode(),
        f"{TEXT}\n{GOOD}".replace("=\n", "= \n").encode(),
        f"{TEXT}\n{GOOD}".replace("iuran", "iu\tran").encode(),
        f"{TEXT}\n{GOOD}".encode().replace(b"iuran", b"iu\xffran"),
        f"{TEXT}\n{GOOD}".encode().replace(b"iuran", b"iu\xed\xa0\x80ran"),
        f"{TEXT}\n{GOOD}{line('', b'12345')}".encode(),
        f"{TEXT}\n{GOOD}{line('a+b', b'12345')}".encode(),
        f"{TEXT}\n{GOOD}{line(WIDE, b'12345')}".encode(),
        f"{TEXT}\n{GOOD}{line('a', b'1234')}".encode(),
        f"{TEXT}\n{GOOD}— a\n".encode(),
        f"{TEXT}\n{GOOD}— a MTIzNDV=\n".encode(),
        f"{TEXT}\n{GOOD}— a MTIz*NDU=\n".encode(),
    ],
)
def test_malformed_notes_are_refused(content: bytes) -> None:
    """signed-note, Format: valid UTF-8, no control characters; key names non-empty, no spaces, no plus."""
    assert note.open(f"{TEXT}\n{GOOD}".encode(), [A.verifier]).text == TEXT
    with pytest.raises(NoteError):
        note.open(content, [A.verifier])


def test_a_note_longer_than_a_mebibyte_is_refused_though_its_signature_is_good() -> None:
    with pytest.raises(NoteError, match="at most 1048576 bytes"):
        note.open(note.sign("x" * (1 << 20) + "\n", [A]), [A.verifier])


@pytest.mark.parametrize("text", ["", "no newline", "tab\t\n", "return\r\n", "nul\0\n", "surrogate\ud800\n"])
def test_texts_that_cannot_stand_in_a_note_are_not_signed(text: str) -> None:
    """signed-note, Format: MUST be valid UTF-8, MUST NOT contain control characters, ends in a newline."""
    with pytest.raises(NoteError, match="note text"):
        note.sign(text, [A])


def test_signers_and_verifiers_are_told_apart() -> None:
    for signers in ([], [A, A], [A] * 101):
        with pytest.raises(NoteError, match="signers"):
            note.sign(TEXT, signers)
    with pytest.raises(NoteError, match="verifiers"):
        note.open(note.sign(TEXT, [A]), [A.verifier, A.verifier])


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n")), st.booleans())
def test_what_is_signed_is_what_opens(content: str, twice: bool) -> None:
    text = content + "\n"
    assert note.open(note.sign(text, [A, B] if twice else [A]), [A.verifier]).text == text


@given(st.binary(max_size=200))
def test_any_bytes_open_or_raise_note_error(content: bytes) -> None:
    with pytest.raises(NoteError):
        note.open(content, [A.verifier])


def test_sixteen_signatures_of_nearly_five_kilobytes_are_read() -> None:
    """signed-note, Format: post-quantum signatures can be up to nearly 5 kB; at least 16 MUST be accepted."""
    strangers = "".join(line(f"example.com/{n}", bytes(4) + bytes(4990)) for n in range(15))
    assert note.open(f"{TEXT}\n{strangers}{GOOD}".encode(), [A.verifier]).text == TEXT


def test_the_text_ends_at_the_last_empty_line() -> None:
    """signed-note, Format: the note text MAY contain empty lines, even lines that look like signatures."""
    text = f"{TEXT}\n{GOOD}\n"
    opened = note.open(note.sign(text, [A]), [A.verifier])
    assert opened.text == text
    with pytest.raises(NoteError):
        note.open(f"{TEXT}\n{GOOD}\n{GOOD}".encode(), [A.verifier])


def test_what_a_note_says_is_parsed_without_a_key_and_verified_afterwards() -> None:
    signed = note.sign(TEXT, [A, B])
    text, signatures = note.parse(signed)
    assert note.format(text, signatures) == signed
    assert [s.name for s in note.verify(text, signatures, [B.verifier])] == [B.name]
    with pytest.raises(NoteError, match="got 2 of unknown keys"):
        note.verify(text, signatures, [C.verifier])
    with pytest.raises(NoteError, match="signature of"):
        note.verify("other\n", signatures, [A.verifier])


@given(st.text(max_size=100))
def test_any_lines_are_signatures_or_raise_note_error(content: str) -> None:
    with pytest.raises(NoteError):
        note.parse_signatures(content)
