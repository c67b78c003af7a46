"""Vectors of signed notes, verifier keys and checkpoints. Source: c2sp.org/signed-note; c2sp.org/tlog-checkpoint."""

from __future__ import annotations

import base64
from typing import Final

from ledger.log import note
from ledger.log.checkpoint import Checkpoint
from ledger.log.keys import AnySigner
from ledger.log.merkle import EMPTY_ROOT, SIZE_MAX
from ledger.log.vkey import COSIGNATURE, ED25519, MLDSA44, key_id
from ledger.vectors.cases import Case, bad, content, file_of, flipped, good, in_base64
from ledger.vectors.keyring import HEAD, LOG, LOG_MLDSA, ORIGIN, OTHER_LOG, ROTATED, W1, W3_MLDSA, Kept, line

SPEC_VKEY: Final = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE: Final = (
    "This is an example message.\n\n\N{EM DASH} example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
TEXT: Final = "a text\n\nof two paragraphs\n"
_DASH: Final = "\N{EM DASH} "


def vkey_of(name: str, algorithm: int, public_key: bytes) -> str:
    """Give the written form of any key, a wrong one too."""
    typed = in_base64(bytes([algorithm]) + public_key)
    return f"{name}+{key_id(name, algorithm, public_key).hex()}+{typed}"


def verifier_keys() -> str:
    """Give the file of verifier keys."""
    keys: dict[str, AnySigner] = {
        "Ed25519": LOG,
        "Ed25519 cosigner": W1,
        "ML-DSA-44": LOG_MLDSA,
        "ML-DSA-44 cosigner": W3_MLDSA,
    }
    cases = [
        good(
            name,
            vkey=key.vkey(),
            key_name=key.name,
            key_id_hex=key.key_id.hex(),
            type=key.verifier.algorithm,
            public_key_base64=in_base64(key.verifier.public_key),
        )
        for name, key in keys.items()
    ]
    public = LOG.verifier.public_key
    name, identity, encoded = LOG.vkey().split("+", 2)
    wrong = {
        "empty": "",
        "a name alone": name,
        "two parts": f"{name}+{identity}",
        "no name": vkey_of("", ED25519, public),
        "a name with a space": vkey_of("a b", ED25519, public),
        "a name with an em space": vkey_of("a\N{EM SPACE}b", ED25519, public),
        "the id of another key": f"{name}+{flipped(bytes.fromhex(identity)).hex()}+{encoded}",
        "an id in capitals": f"{name}+{identity.upper()}+{encoded}",
        "an id of three bytes": f"{name}+{identity[:6]}+{encoded}",
        "a key of 31 bytes": vkey_of(ORIGIN, ED25519, public[1:]),
        "a key of 33 bytes": vkey_of(ORIGIN, ED25519, public + b"\0"),
        "a key of no byte": vkey_of(ORIGIN, ED25519, b""),
        "type 0x02": vkey_of(ORIGIN, 2, public),
        "an ML-DSA-44 key of 1,311 bytes": vkey_of(ORIGIN, MLDSA44, LOG_MLDSA.verifier.public_key[1:]),
        "an Ed25519 key as ML-DSA-44": vkey_of(ORIGIN, MLDSA44, public),
        "base64 of another alphabet": vkey_of(ORIGIN, ED25519, b"\xfb" * 32).replace("+/", "-_").replace("/", "_"),
        "a newline at the end": LOG.vkey() + "\n",
    }
    weak = {"a point of small order": b"\1" + bytes(31), "another point of small order": bytes(32)}
    cases += [bad(what, vkey=vkey) for what, vkey in wrong.items()]
    cases += [bad(what, vkey=vkey_of(ORIGIN, ED25519, point), own_limit=True) for what, point in weak.items()]
    return file_of("verifier keys: name+hex8+base64(type || key)", "c2sp.org/signed-note, Verifier keys", cases)


def notes(kept: dict[str, bytes]) -> str:
    """Give the file of notes: what opens with which keys, and what must stay shut."""
    own, newer, strange = line(LOG, TEXT), line(ROTATED, TEXT), line(OTHER_LOG, TEXT)
    both = note.format(HEAD.format(), [line(LOG, HEAD.format()), line(Kept(LOG_MLDSA, kept), HEAD.format())])
    signed = note.format(TEXT, [own])
    known = {"vkeys": [LOG.vkey()]}
    first, second = LOG.vkey(), LOG_MLDSA.vkey()
    nearly = [own._replace(key_id=newer.key_id), own._replace(name=OTHER_LOG.name), own]
    cases = [
        _opens("the specification's example", SPEC_NOTE.encode(), [SPEC_VKEY]),
        _opens("one key", signed, [first]),
        _opens("two keys of one name", note.format(TEXT, [own, newer]), [first, ROTATED.vkey()]),
        _opens("one of two is known", note.format(TEXT, [newer, own]), [first]),
        _opens("unknown keys of a known name, of a known id", note.format(TEXT, nearly), [first]),
        _opens("sixteen signatures", note.format(TEXT, [strange] * 15 + [own]), [first]),
        _opens("a known key that has not signed", signed, [first, ROTATED.vkey()], [first]),
        _opens("a checkpoint of both kinds, Ed25519 known", both, [first]),
        _opens("a checkpoint of both kinds, ML-DSA-44 known", both, [second]),
        _opens("a checkpoint of both kinds, both known", both, [first, second]),
    ]
    spoilt = own._replace(signature=flipped(own.signature, 63, 7))
    cosigner = vkey_of(ORIGIN, COSIGNATURE, LOG.verifier.public_key)
    cases += [
        bad("no key known", **content(signed), vkeys=[]),
        bad("another key known", **content(signed), vkeys=[OTHER_LOG.vkey()]),
        bad("a bit of the signature", **content(note.format(TEXT, [spoilt])), **known),
        bad(
            "a known key's signature spoilt",
            **content(note.format(TEXT, [newer, spoilt])),
            vkeys=[first, ROTATED.vkey()],
        ),
        bad("a signature over another text", **content(note.format("another\n", [own])), **known),
        bad("a note's signature for a cosignature", **content(signed), vkeys=[cosigner]),
    ]
    cases += [bad(what, **content(octets), **known) for what, octets in _malformed(signed).items()]
    return file_of("signed notes, with the keys that are known", "c2sp.org/signed-note, Format and Signatures", cases)


def checkpoints() -> str:
    """Give the file of checkpoints' texts; `ours` says whether Iuran's own logs may write so."""
    root = in_base64(HEAD.root)
    empty = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    cases = [
        _head("size 100", HEAD, HEAD.format()),
        _head("the empty tree", empty, empty.format()),
        _head("the largest size", HEAD._replace(size=SIZE_MAX), HEAD._replace(size=SIZE_MAX).format()),
        _head("an extension line", HEAD, HEAD.format() + "extension\n", ours=False),
        _head("an origin with spaces", HEAD._replace(origin="a log"), f"a log\n100\n{root}\n", ours=False),
    ]
    wrong = {
        "empty": "",
        "two lines": f"{ORIGIN}\n100\n",
        "no newline at the end": f"{ORIGIN}\n100\n{root}",
        "no origin": f"\n100\n{root}\n",
        "an empty extension line": f"{ORIGIN}\n100\n{root}\n\n",
        "no size": f"{ORIGIN}\n\n{root}\n",
        "a size with a leading zero": f"{ORIGIN}\n0100\n{root}\n",
        "a size with a sign": f"{ORIGIN}\n+100\n{root}\n",
        "a negative size": f"{ORIGIN}\n-100\n{root}\n",
        "a size with a space": f"{ORIGIN}\n100 \n{root}\n",
        "a size in hexadecimal": f"{ORIGIN}\n0x64\n{root}\n",
        "a size of other digits": f"{ORIGIN}\n\u0661\u0660\u0660\n{root}\n",
        "no root": f"{ORIGIN}\n100\n\n",
        "a root of 31 bytes": f"{ORIGIN}\n100\n{in_base64(HEAD.root[1:])}\n",
        "a root of 33 bytes": f"{ORIGIN}\n100\n{in_base64(HEAD.root + bytes(1))}\n",
        "a root without padding": f"{ORIGIN}\n100\n{root[:-1]}\n",
        "a root with bits left over": f"{ORIGIN}\n100\n{root[:-2]}{chr(ord(root[-2]) + 1)}=\n",
        "a root in hexadecimal": f"{ORIGIN}\n100\n{HEAD.root.hex()}\n",
        "lines that end with CRLF": HEAD.format().replace("\n", "\r\n"),
        "a tab in the origin": f"a\tb\n100\n{root}\n",
    }
    cases += [bad(what, text=text) for what, text in wrong.items()]
    cases += [bad(f"size {size}", text=f"{ORIGIN}\n{size}\n{root}\n", own_limit=True) for size in (2**63, 10**39)]
    return file_of("texts of checkpoints", "c2sp.org/tlog-checkpoint, Note text", cases)


def _head(name: str, head: Checkpoint, text: str, *, ours: bool = True) -> Case:
    return good(name, text=text, ours=ours, origin=head.origin, size=str(head.size), root_hex=head.root.hex())


def _opens(name: str, octets: bytes, known: list[str], signers: list[str] | None = None) -> Case:
    text = note.parse(octets).text
    return good(name, **content(octets), vkeys=known, text=text, verified_by=known if signers is None else signers)


def _malformed(signed: bytes) -> dict[str, bytes]:
    text = signed.decode()
    tail = base64.b64encode(b"12345").decode()
    return {
        "empty": b"",
        "no blank line": text.replace("\n\n", "\n").encode(),
        "no signature": f"{TEXT}\n".encode(),
        "no newline at the end": signed[:-1],
        "a blank line at the end": signed + b"\n",
        "lines that end with CRLF": text.replace("\n", "\r\n").encode(),
        "a hyphen for the em dash": text.replace(_DASH, "- ").encode(),
        "two spaces": text.replace(_DASH, _DASH + " ").encode(),
        "a tab in the text": text.replace("a text", "a\ttext").encode(),
        "a NUL in the text": text.replace("a text", "a\0text").encode(),
        "no UTF-8": signed.replace(b"a text", b"a \xff"),
        "a surrogate in UTF-8": signed.replace(b"a text", b"a \xed\xa0\x80"),
        "base64 without padding": text.replace("=\n", "\n").encode(),
        "base64 with a space": text.replace("=\n", "= \n").encode(),
        "a further line without a name": f"{text}{_DASH}{tail}\n".encode(),
        "a further line of a name with a plus": f"{text}{_DASH}a+b {tail}\n".encode(),
        "a further line of a name with an em space": f"{text}{_DASH}a\N{EM SPACE}b {tail}\n".encode(),
        "a further line of no base64": f"{text}{_DASH}a %%%%\n".encode(),
        "a further line with no byte after the id": f"{text}{_DASH}a {base64.b64encode(b'1234').decode()}\n".encode(),
    }
