"""Vectors of what witnesses say and are asked: cosignatures, trust policies, add-checkpoint requests and answers.

Source: c2sp.org/tlog-cosignature; c2sp.org/tlog-policy; c2sp.org/tlog-witness.
"""

from __future__ import annotations

import base64
from typing import Any

from ledger.log import note
from ledger.log.checkpoint import Checkpoint
from ledger.log.cosignature import Cosigner, cosigned_message
from ledger.log.merkle import EMPTY_ROOT
from ledger.log.note import Signature
from ledger.log.vkey import ED25519
from ledger.vectors.cases import Case, bad, content, file_of, flipped, good
from ledger.vectors.keyring import HEAD, HEAD_LARGER, LOG, LOG_MLDSA, OTHER_LOG, TIME, W1, W2, W3_MLDSA, Kept, line
from ledger.vectors.notes import vkey_of
from ledger.vectors.trees import consistency_hashes, decimal_root


def stamped(witness: Cosigner, text: str, timestamp: int = TIME) -> Signature:
    """Give a witness's line over a checkpoint's text at a time."""
    return Signature(witness.name, witness.key_id, witness.at(timestamp).sign(text.encode()))


def cosignatures(kept: dict[str, bytes]) -> str:
    """Give the file of cosignatures, each on a checkpoint that its log has signed."""
    text = HEAD.format()
    own = line(LOG, text)
    ours, third = stamped(W1, text), line(Kept(W3_MLDSA, kept), text)
    cases = []
    for name, signature, vkey, time in (
        ("Ed25519", ours, W1.vkey(), TIME),
        ("Ed25519 at another time", stamped(W1, text, 1), W1.vkey(), 1),
        ("ML-DSA-44", third, W3_MLDSA.vkey(), TIME),
        ("the log's own ML-DSA-44, at time 0", line(Kept(LOG_MLDSA, kept), text), LOG_MLDSA.vkey(), 0),
    ):
        signed: dict[str, Any] = {}
        if signature.key_id == W1.key_id:
            signed = {"signed_message": cosigned_message(time, text.encode()).decode()}
        cases.append(
            good(name, **content(note.format(text, [own, signature])), vkey=vkey, timestamp=str(time), **signed)
        )
    for name, signature, vkey in (
        ("a bit of the signature", _spoilt(ours, -1), W1.vkey()),
        ("a bit of the time", _spoilt(ours, 7), W1.vkey()),
        ("a signature cut short", ours._replace(signature=ours.signature[:-1]), W1.vkey()),
        ("a signature without a time", ours._replace(signature=ours.signature[8:]), W1.vkey()),
        ("a time of 2**63", ours._replace(signature=b"\x80" + bytes(7) + ours.signature[8:]), W1.vkey()),
        ("over a larger tree", stamped(W1, HEAD_LARGER.format()), W1.vkey()),
        ("of another witness under this name", stamped(W2, text)._replace(name=W1.name, key_id=W1.key_id), W1.vkey()),
        (
            "a note's signature of the same key",
            ours._replace(signature=TIME.to_bytes(8, "big") + own.signature),
            W1.vkey(),
        ),
        ("a bit of the ML-DSA-44 signature", _spoilt(third, -1), W3_MLDSA.vkey()),
        ("a bit of the ML-DSA-44 time", _spoilt(third, 7), W3_MLDSA.vkey()),
        ("ML-DSA-44 over a larger tree", line(Kept(W3_MLDSA, kept), HEAD_LARGER.format()), W3_MLDSA.vkey()),
    ):
        cases.append(bad(name, **content(note.format(text, [own, signature])), vkey=vkey))
    return file_of("cosignatures (types 0x04 and 0x06) on checkpoints", "c2sp.org/tlog-cosignature", cases)


def policies() -> str:
    """Give the file of policies, with what makes their quorums."""
    a, b, c = (f"witness {name} {key.vkey()}\n" for name, key in (("A", W1), ("B", W2), ("C", W3_MLDSA)))
    log = f"log {LOG.vkey()} https://vectors.example/log/0\n"
    two = f"{log}{a}{b}{c}group some 2 A B C\nquorum some\n"
    nested = f"{a}{b}{c}group pair any A B\ngroup both all pair C\nquorum both\n"
    cases = [
        _policy("nobody is asked", "quorum none\n", ([], True)),
        _policy("one witness", f"{a}quorum A\n", ([], False), (["A"], True), (["B"], False)),
        _policy("two of three", two, (["A"], False), (["A", "C"], True), (["A", "B", "C"], True), (["A", "X"], False)),
        _policy("a group in a group", nested, (["A", "B"], False), (["B", "C"], True), (["C"], False)),
        _policy("comments, tabs, empty lines", f"# words\n\n \t{a.replace(' ', chr(9))}  quorum\tA \n", (["A"], True)),
        _policy("octets that are no UTF-8 as a name", b"witness \xff " + W1.vkey().encode() + b"\nquorum \xff\n"),
    ]
    other = f"witness A2 {vkey_of('witness.example/again', 4, W1.verifier.public_key)}\n"
    wrong = {
        "no quorum": log + a,
        "empty": "",
        "two quorums": f"{a}quorum A\nquorum A\n",
        "a quorum that is not defined": f"{a}quorum B\n",
        "a quorum defined below": f"quorum A\n{a}",
        "a quorum of two": f"{a}{b}quorum A B\n",
        "no newline at the end": f"{a}quorum A",
        "lines that end with CRLF": f"{a}quorum A\n".replace("\n", "\r\n"),
        "an unknown keyword": f"{a}witnesses A\nquorum A\n",
        "a keyword in capitals": f"{a}QUORUM A\n",
        "a threshold of 0": f"{a}group g 0 A\nquorum g\n",
        "a threshold above the members": f"{a}group g 2 A\nquorum g\n",
        "a threshold with a leading zero": f"{a}group g 01 A\nquorum g\n",
        "a group without members": f"{a}group g any\nquorum g\n",
        "a member twice": f"{a}group g 2 A A\nquorum g\n",
        "a member of two groups": f"{a}{b}group g any A B\ngroup h any A\nquorum g\n",
        "a group in itself": f"{a}group g any g\nquorum g\n",
        "a member named none": f"{a}group g any none\nquorum g\n",
        "a witness named none": f"witness none {W1.vkey()}\nquorum none\n",
        "a name twice": f"{a}witness A {W2.vkey()}\nquorum A\n",
        "one public key under two names": f"{a}{other}quorum A\n",
        "a log twice": f"{log}{log}quorum none\n",
        "a log's key for a witness": f"witness A {vkey_of('w', ED25519, W1.verifier.public_key)}\nquorum A\n",
        "a witness's key for a log": f"log {W1.vkey()}\nquorum none\n",
        "a key whose id is another's": f"{a.replace(W1.key_id.hex(), '00000000')}quorum A\n",
        "a control character": f"{a}quorum A\x0b\n",
    }
    cases += [bad(name, policy=policy) for name, policy in wrong.items()]
    return file_of("trust policies, and which witnesses make their quorums", "c2sp.org/tlog-policy", cases)


def witness_requests(kept: dict[str, bytes]) -> str:
    """Give the file of add-checkpoint requests to one witness, each against the size it has cosigned before."""
    known, grown = HEAD.format(), HEAD_LARGER.format()
    logs = {HEAD.origin: [LOG.vkey(), LOG_MLDSA.vkey()]}
    proof = consistency_hashes(HEAD.size, HEAD_LARGER.size)
    signed = note.format(grown, [line(LOG, grown)])
    first = note.format(known, [line(LOG, known)])
    both = note.format(grown, [line(LOG, grown), line(Kept(LOG_MLDSA, kept), grown)])
    forked = Checkpoint(HEAD.origin, HEAD_LARGER.size, decimal_root(256)).format()
    empty = Checkpoint(HEAD.origin, 0, EMPTY_ROOT).format()
    other = HEAD._replace(origin=OTHER_LOG.name).format()
    smaller = HEAD._replace(size=99, root=decimal_root(99)).format()
    beside = HEAD._replace(root=decimal_root(99)).format()
    spoilt = line(LOG, grown)
    spoilt = spoilt._replace(signature=flipped(spoilt.signature, 63))
    asked: list[tuple[str, int, Checkpoint | None, bytes]] = [
        ("growth from 100 to 257", 200, HEAD, _request(100, proof, signed)),
        ("growth, signed by both kinds", 200, HEAD, _request(100, proof, both)),
        ("the first checkpoint of a log", 200, None, _request(0, [], first)),
        ("the same checkpoint again", 200, HEAD, _request(100, [], first)),
        ("the empty tree at first", 200, None, _request(0, [], note.format(empty, [line(LOG, empty)]))),
        ("an old size above the checkpoint's", 400, HEAD, _request(258, proof, signed)),
        ("64 lines of proof", 400, HEAD, _request(100, [proof[0]] * 64, signed)),
        ("an old size with a leading zero", 400, HEAD, _request(100, proof, signed).replace(b"old 100", b"old 0100")),
        ("an old size without its word", 400, HEAD, _request(100, proof, signed).replace(b"old 100", b"100")),
        ("no old size", 400, HEAD, _request(100, proof, signed).replace(b"old 100\n", b"")),
        ("an old size of 2**64", 400, HEAD, _request(2**64, proof, signed)),
        ("a proof line of 31 bytes", 400, HEAD, _request(100, [proof[0][1:], *proof[1:]], signed)),
        ("no blank line", 400, HEAD, _request(100, proof, b"").rstrip(b"\n")),
        ("lines that end with CRLF", 400, HEAD, _request(100, proof, signed).replace(b"\n", b"\r\n")),
        ("no checkpoint", 400, HEAD, _request(100, proof, b"")),
        ("an unknown log", 404, None, _request(0, [], note.format(other, [line(OTHER_LOG, other)]))),
        ("no signature of a known key", 403, HEAD, _request(100, proof, note.format(grown, [line(OTHER_LOG, grown)]))),
        ("a signature that does not verify", 403, HEAD, _request(100, proof, note.format(grown, [spoilt]))),
        ("another old size than was cosigned", 409, HEAD, _request(99, proof, signed)),
        ("an old size of 0, though one was cosigned", 409, HEAD, _request(0, [], signed)),
        ("an old size, though none was cosigned", 409, None, _request(100, proof, signed)),
        ("a smaller tree", 409, HEAD, _request(99, [], note.format(smaller, [line(LOG, smaller)]))),
        ("no proof", 422, HEAD, _request(100, [], signed)),
        ("a proof that does not hold", 422, HEAD, _request(100, [flipped(proof[0]), *proof[1:]], signed)),
        ("a proof with a hash more", 422, HEAD, _request(100, [*proof, proof[0]], signed)),
        ("a fork", 422, HEAD, _request(100, proof, note.format(forked, [line(LOG, forked)]))),
        ("another tree of the same size", 422, HEAD, _request(100, [], note.format(beside, [line(LOG, beside)]))),
        ("a proof from size 0", 422, None, _request(0, proof[:1], first)),
    ]
    cases: list[Case] = []
    for name, status, latest, body in asked:
        before = latest and {"size": str(latest.size), "root_hex": latest.root.hex()}
        answer = (
            {"content_type": "text/x.tlog.size", "body": f"{latest.size if latest else 0}\n"} if status == 409 else {}
        )
        kind = good if status == 200 else bad
        cases.append(kind(name, **content(body, "request"), logs=logs, cosigned_before=before, status=status, **answer))
    return file_of(
        "add-checkpoint requests to a witness, and its answer", "c2sp.org/tlog-witness, add-checkpoint", cases
    )


def witness_answers(kept: dict[str, bytes]) -> str:
    """Give the file of answers to add-checkpoint, as the log that asked reads them."""
    text = HEAD.format()
    ours, third, stranger = stamped(W1, text), line(Kept(W3_MLDSA, kept), text), stamped(W2, text)
    known = {"checkpoint": text, "vkeys": [W1.vkey(), W3_MLDSA.vkey()]}
    said = [
        ("one line", [ours], [W1.vkey()]),
        ("lines of both kinds", [ours, third], [W1.vkey(), W3_MLDSA.vkey()]),
        ("a line of an unknown key beside", [stranger, third], [W3_MLDSA.vkey()]),
    ]
    cases = [
        good(name, status=200, answer=note.format_signatures(lines), verified_by=signers, **known)
        for name, lines, signers in said
    ]
    cases += [
        good(f"the size {size}", status=409, content_type="text/x.tlog.size", answer=f"{size}\n", size=f"{size}")
        for size in (0, 100, 2**63 - 1)
    ]
    one = note.format_signatures([ours])
    wrong = {
        "no line": "",
        "a line of an unknown key alone": note.format_signatures([stranger]),
        "a signature that does not verify": note.format_signatures([_spoilt(ours, -1)]),
        "a good line beside one that does not verify": note.format_signatures([_spoilt(ours, -1), third]),
        "a line over a larger tree": note.format_signatures([stamped(W1, HEAD_LARGER.format())]),
        "no newline at the end": one[:-1],
        "lines that end with CRLF": one.replace("\n", "\r\n"),
        "a blank line in front": f"\n{one}",
        "the checkpoint in front": note.format(text, [ours]).decode(),
        "a hyphen for the dash": one.replace("\N{EM DASH}", "-"),
    }
    cases += [bad(name, status=200, answer=answer, **known) for name, answer in wrong.items()]
    timeless = note.format_signatures([line(Kept(LOG_MLDSA, kept), text)])
    cases.append(bad("a time of zero", status=200, answer=timeless, checkpoint=text, vkeys=[LOG_MLDSA.vkey()]))
    sizes = {
        "a size without a newline": "100",
        "a size with a leading zero": "0100\n",
        "a size with CRLF": "100\r\n",
        "a size below zero": "-1\n",
        "a size of 2**63": f"{2**63}\n",
        "two lines of size": "100\n100\n",
        "no size": "\n",
    }
    cases += [bad(name, status=409, content_type="text/x.tlog.size", answer=answer) for name, answer in sizes.items()]
    return file_of("a witness's answers to add-checkpoint", "c2sp.org/tlog-witness, add-checkpoint", cases)


def _request(old: int, proof: list[bytes], checkpoint: bytes) -> bytes:
    return b"".join((b"old %d\n" % old, *(base64.b64encode(each) + b"\n" for each in proof), b"\n", checkpoint))


def _policy(name: str, written: str | bytes, *quorums: tuple[list[str], bool]) -> Case:
    octets = written.encode() if isinstance(written, str) else written
    told = [{"cosigned": cosigned, "quorum": reached} for cosigned, reached in quorums]
    return good(name, **content(octets, "policy"), quorums=told)


def _spoilt(signature: Signature, at: int) -> Signature:
    return signature._replace(signature=flipped(signature.signature, at))
