"""The witness protocol: each refusal in the specification's order, and a witness that never cosigns a fork."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ledger.log import keys, note, witness
from ledger.log.checkpoint import Checkpoint
from ledger.log.note import NoteSigner, Signature
from ledger.log.proof import ProofError, verify_consistency
from ledger.log.witness import NEVER, Answer, Latest, Request, Submission, WitnessError
from tests.ledger.log.trees import fork, mth, proof

ORIGIN = "example.com/behind-the-sofa"
OLD, NEW = keys.generate(ORIGIN), keys.generate(ORIGIN)  # a log's key and the one that comes after it
PQ = keys.generate(ORIGIN, keys.MLDSA44)
STRANGER = keys.generate(ORIGIN)
LOGS = {ORIGIN: [OLD.verifier, NEW.verifier, PQ.verifier], "other.example/log": [STRANGER.verifier]}
W1 = keys.generate("witness.example/w1", keys.COSIGNATURE)
W1PQ = keys.generate("witness.example/w1", keys.MLDSA44)
WITNESS_KEYS = [W1.verifier, W1PQ.verifier]
X = bytes(32)
X64 = base64.b64encode(X)


def head(size: int) -> Checkpoint:
    return Checkpoint(ORIGIN, size, mth(0, size))


def signed(checkpoint: Checkpoint, *signers: NoteSigner) -> bytes:
    root = base64.b64encode(checkpoint.root).decode()
    return note.sign(f"{checkpoint.origin}\n{checkpoint.size}\n{root}\n", signers or (OLD,))


def body(old: int, size: int, *signers: NoteSigner) -> bytes:
    return Request(old, tuple(proof(old, size)), signed(head(size), *signers)).format()


def answered(content: bytes, latest: Latest = NEVER, at: int = 1) -> Answer:
    """One witness's whole answer, its newest head given."""
    read = witness.read(content, LOGS)
    if isinstance(read, Answer):
        return read
    return witness.judge(read, latest) or witness.cosign(read, [W1.at(at), W1PQ.at(at)]).answer


# The example of c2sp.org/tlog-witness: the request, its log's key unknown to us, and its size.
SPEC_BODY = f"""old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— {ORIGIN} Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— {ORIGIN} opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
""".encode()


def test_the_specifications_example_is_read_and_its_unknown_keys_ignored() -> None:
    request = Request.parse(SPEC_BODY)
    assert (request.old, len(request.proof)) == (20852014, 4)
    assert request.format() == SPEC_BODY
    assert answered(SPEC_BODY).status == 403


def test_a_first_checkpoint_and_the_next_are_cosigned_by_both_keys() -> None:
    """tlog-witness, add-checkpoint: 200, one or more signature lines, cosignatures for the whole tree, with a time."""
    for old, new in ((0, 1), (1, 5), (5, 5), (0, 0), (5, 64)):
        answer = answered(body(old, new), Latest(old, mth(0, old)), at=1679315147)
        assert (answer.status, answer.content_type) == (200, "text/plain; charset=utf-8")
        text = head(new).format()
        assert all(line.startswith("— ") for line in answer.body.decode().splitlines())
        lines = witness.open_cosignatures(answer.body, text, WITNESS_KEYS)
        assert [(s.key_id, witness.timestamp_of(s)) for s in lines] == [
            (W1.key_id, 1679315147),
            (W1PQ.key_id, 1679315147),
        ]
        # The answer may be read by putting it beneath the checkpoint, as the specification says.
        assert len(note.open(signed(head(new)) + answer.body, WITNESS_KEYS).signatures) == 2


def test_the_kept_note_has_the_logs_verified_lines_and_the_witnesss_and_no_stranger() -> None:
    """tlog-witness, Monitor Retrieval Mechanism: the log's verified signatures and what add-checkpoint answered."""
    read = witness.read(body(0, 5, STRANGER, NEW, W1.at(9), PQ), LOGS)
    assert isinstance(read, Submission)
    made = witness.cosign(read, [W1.at(2), W1PQ.at(2)])
    kept = note.parse(made.note)
    assert kept.text == head(5).format()
    assert [s.key_id for s in kept.signatures] == [NEW.key_id, PQ.key_id, W1.key_id, W1PQ.key_id]
    assert made.note.endswith(made.answer.body)


def enlarged(content: bytes) -> bytes:
    """A good note with signatures of strangers, longer than a request may be."""
    text, signatures = note.parse(content)
    return note.format(text, (*signatures, *(Signature(f"w{n}", bytes(4), bytes(4900)) for n in range(21))))


MALFORMED: dict[str, bytes] = {
    "nothing": b"",
    "no empty line": b"old 0\n",
    "no checkpoint": b"old 0\n\n",
    "no old size line": b"\n" + signed(head(5)),
    "carriage returns": body(0, 5).replace(b"\n", b"\r\n"),
    "no newline at the end": body(0, 5)[:-1],
    "old size without a number": body(0, 5).replace(b"old 0", b"old "),
    "old size without the word": body(0, 5).replace(b"old 0", b"0"),
    "old size in capitals": body(0, 5).replace(b"old 0", b"OLD 0"),
    "old size with a zero in front": body(1, 5).replace(b"old 1", b"old 01"),
    "old size 00": body(0, 5).replace(b"old 0", b"old 00"),
    "old size below zero": body(0, 5).replace(b"old 0", b"old -1"),
    "old size with a sign": body(0, 5).replace(b"old 0", b"old +0"),
    "old size with two spaces": body(0, 5).replace(b"old 0", b"old  0"),
    "old size with a tab": body(0, 5).replace(b"old 0", b"old\t0"),
    "old size with a space behind": body(0, 5).replace(b"old 0", b"old 0 "),
    "old size beyond 2^63 - 1": body(0, 5).replace(b"old 0", b"old %d" % 2**63),
    "old size beyond all numbers": body(0, 5).replace(b"old 0", b"old " + b"9" * 10000),
    "old size in other digits": body(0, 5).replace(b"old 0", "old ٣".encode()),
    "a proof line that is no base64": b"old 1\n!\n\n" + signed(head(5)),
    "a proof line of 31 bytes": b"old 1\n%b\n\n" % base64.b64encode(X[:31]) + signed(head(5)),
    "a proof line of 33 bytes": b"old 1\n%b\n\n" % base64.b64encode(X + X[:1]) + signed(head(5)),
    "a proof line without padding": b"old 1\n%b\n\n" % X64[:-1] + signed(head(5)),
    "a proof line in another spelling": b"old 1\n%b\n\n" % (X64[:-2] + b"B=") + signed(head(5)),
    "a proof line with a space": b"old 1\n%b \n\n" % X64 + signed(head(5)),
    "64 proof lines": b"old 1\n%b\n" % (b"%b\n" % X64 * 64) + signed(head(5)),
    "a note without signatures": b"old 0\n\n" + head(5).format().encode() + b"\n",
    "a note that is no checkpoint": b"old 0\n\n" + note.sign("text\n", [OLD]),
    "a size with a zero in front": b"old 0\n\n" + note.sign(head(5).format().replace("\n5\n", "\n05\n"), [OLD]),
    "a size beyond 2^63 - 1": b"old 0\n\n" + note.sign(head(5).format().replace("\n5\n", f"\n{2**63}\n"), [OLD]),
    "a root of 31 bytes": b"old 0\n\n" + note.sign(f"{ORIGIN}\n5\n{base64.b64encode(X[1:]).decode()}\n", [OLD]),
    "an empty origin": b"old 0\n\n" + note.sign(head(5).format().replace(ORIGIN, ""), [OLD]),
    "an empty extension line": b"old 0\n\n" + note.sign(head(5).format() + "\n", [OLD]),
    "101 signatures": body(0, 5) + b"".join(body(0, 5).splitlines(keepends=True)[-1:]) * 100,
    "a signature of 4 bytes": body(0, 5) + "— a MTIzNA==\n".encode(),
    "more than 128 KiB": Request(0, (), b"").format() + enlarged(signed(head(5))),
    "no UTF-8": body(0, 5).replace(b"sofa\n5", b"sof\xff\n5"),
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_request_is_refused_with_400(content: bytes) -> None:
    """tlog-witness, add-checkpoint: the body MUST be a sequence; each line MUST; MUST NOT send more than 63 lines."""
    answer = answered(content)
    assert (answer.status, answer.content_type) == (400, "text/plain; charset=utf-8")
    assert len(answer.body) < 400
    assert b"Traceback" not in answer.body


def test_63_proof_lines_are_read_and_refused_by_the_proof_alone() -> None:
    """tlog-witness, add-checkpoint: more than 63 lines MUST NOT be sent; as many may."""
    content = b"old 1\n%b\n" % (b"%b\n" % X64 * 63) + signed(head(5))
    assert answered(content, Latest(1, mth(0, 1))).status == 422


def test_sixteen_signatures_of_the_largest_kind_are_read() -> None:
    """signed-note, Format: verifiers MUST accept at least up to 16 signatures, each up to nearly 5 kB."""
    strangers = [Signature(f"w{n}.example", bytes(4), bytes(4900)) for n in range(15)]
    content = note.format(head(5).format(), [*note.parse(signed(head(5))).signatures, *strangers])
    assert answered(Request(0, (), content).format()).status == 200


def test_an_unknown_origin_is_404_even_if_the_signature_is_bad() -> None:
    """tlog-witness, add-checkpoint: if the checkpoint origin is unknown, MUST respond 404."""
    for signer in (OLD, STRANGER):
        text = head(5)._replace(origin="unknown.example/log").format()
        assert answered(b"old 9\n\n" + note.sign(text, [signer])).status == 404
    assert witness.read(body(0, 5), {}) == answered(b"old 9\n\n" + note.sign("a\n5\n" + X64.decode() + "\n", [OLD]))


def test_without_a_trusted_signature_it_is_403() -> None:
    """tlog-witness, add-checkpoint: 403 if no signature of a trusted key for the origin is there."""
    assert answered(body(0, 5, STRANGER)).status == 403
    assert answered(body(0, 5, W1.at(1))).status == 403
    elsewhere = head(5)._replace(origin="other.example/log").format()
    assert answered(b"old 0\n\n" + note.sign(elsewhere, [OLD])).status == 403
    own_name = keys.generate("other.example/log")
    assert answered(b"old 0\n\n" + note.sign(elsewhere, [own_name])).status == 403


def test_a_trusted_keys_bad_signature_is_403_whoever_else_signed() -> None:
    """tlog-witness, add-checkpoint: 403 if a line matches a trusted key but the signature fails to verify."""
    bad = note.parse(signed(head(6), NEW)).signatures
    content = note.format(head(5).format(), [*note.parse(signed(head(5))).signatures, *bad])
    assert answered(Request(0, (), content).format()).status == 403
    again = note.format(head(5).format(), [*note.parse(signed(head(5), NEW)).signatures, *bad])
    assert answered(Request(0, (), again).format()).status == 403


def test_unknown_keys_are_ignored() -> None:
    """tlog-witness, add-checkpoint: MUST ignore signatures from unknown keys, those of the same name among them."""
    assert answered(body(0, 5, STRANGER, OLD)).status == 200
    for signer in (OLD, NEW, PQ):
        assert answered(body(0, 5, signer)).status == 200


def test_the_refusals_come_in_the_specifications_order() -> None:
    """tlog-witness, add-checkpoint: 404, 403, 400, 409, 422, each before the next where several apply."""
    latest = Latest(3, mth(0, 3))
    false = Checkpoint(ORIGIN, 0, X)
    unknown = false._replace(origin="unknown.example/log")
    requests = [
        (404, Request(7, (X,), signed(unknown, STRANGER))),
        (403, Request(7, (X,), signed(false, STRANGER))),
        (400, Request(7, (X,), signed(false))),
        (409, Request(0, (X,), signed(false))),
        (422, Request(3, (X,), signed(head(5)))),
        (200, Request(3, tuple(proof(3, 5)), signed(head(5)))),
    ]
    assert [answered(request.format(), latest).status for _, request in requests] == [status for status, _ in requests]


def test_old_above_the_checkpoints_size_is_400() -> None:
    """tlog-witness, add-checkpoint: the old size MUST be equal to or lower than the checkpoint size, else 400."""
    content = Request(6, (), signed(head(5))).format()
    assert answered(content, Latest(6, mth(0, 6))).status == 400
    assert answered(Request(5, (), signed(head(5))).format(), Latest(5, mth(0, 5))).status == 200


@pytest.mark.parametrize("size", [0, 1, 4, 6, 2**63 - 1])
def test_another_old_size_is_409_with_the_size_known(size: int) -> None:
    """tlog-witness, add-checkpoint: 409, the size in decimal and a newline, Content-Type text/x.tlog.size."""
    answer = answered(body(5, 7), Latest(size, X))
    assert answer == Answer(409, b"%d\n" % size, "text/x.tlog.size")
    assert witness.open_size(answer.body) == size


def test_size_zero_has_the_empty_trees_root() -> None:
    """tlog-witness, add-checkpoint: a checkpoint of size zero MUST have the empty tree's root, else 422."""
    assert answered(b"old 0\n\n" + signed(Checkpoint(ORIGIN, 0, X))).status == 422
    assert answered(b"old 0\n\n" + signed(Checkpoint(ORIGIN, 0, sha256().digest()))).status == 200


def test_old_size_zero_has_no_proof() -> None:
    """tlog-witness, add-checkpoint: if the proof is not empty when the old size is zero, 422."""
    for size in (0, 1, 5):
        assert answered(Request(0, (X,), signed(head(size))).format()).status == 422
        assert answered(Request(0, (), signed(head(size))).format()).status == 200


def test_one_size_has_one_root() -> None:
    """tlog-witness, add-checkpoint: if old and checkpoint size match, the roots MUST be identical, else 422."""
    other = Request(5, (), signed(Checkpoint(ORIGIN, 5, X))).format()
    assert answered(other, Latest(5, mth(0, 5))).status == 422
    assert answered(body(5, 5), Latest(5, mth(0, 5))).status == 200
    assert answered(Request(5, (X,), signed(head(5))).format(), Latest(5, mth(0, 5))).status == 422


def test_a_proof_that_does_not_hold_is_422() -> None:
    """tlog-witness, add-checkpoint: if a Merkle Consistency Proof doesn't verify, 422."""
    for old in range(1, 12):
        for new in range(old + 1, 12):
            latest, right = Latest(old, mth(0, old)), proof(old, new)
            assert answered(body(old, new), latest).status == 200
            wrong = [right[:-1], [*right, X], [X, *right[1:]], right[::-1] if right != right[::-1] else [X]]
            for each in wrong:
                assert answered(Request(old, tuple(each), signed(head(new))).format(), latest).status == 422
            assert answered(body(old, new), Latest(old, X)).status == 422


def test_the_logs_checkpoint_may_have_extension_lines_and_an_origin_with_spaces() -> None:
    """tlog-checkpoint, Note text: extension lines are optional; clients MUST NOT assume the origin's format."""
    origin = "go.sum database tree"
    text = f"{origin}\n5\n{base64.b64encode(mth(0, 5)).decode()}\nextension\n"
    read = witness.read(b"old 0\n\n" + note.sign(text, [OLD]), {origin: [OLD.verifier]})
    assert isinstance(read, Submission)
    answer = witness.cosign(read, [W1.at(1), W1PQ.at(1)]).answer
    assert len(witness.open_cosignatures(answer.body, text, WITNESS_KEYS)) == 2


def lines_of(*signers: NoteSigner, size: int = 5) -> bytes:
    return note.format_signatures(note.parse(note.sign(head(size).format(), signers)).signatures).encode()


def test_of_an_answer_only_verified_lines_come_out() -> None:
    """tlog-witness, add-checkpoint: the client MUST ignore any cosignatures from unknown keys."""
    unknown = keys.generate("witness.example/w2", keys.COSIGNATURE)
    same_name = keys.generate(W1.name, keys.COSIGNATURE)
    content = lines_of(unknown.at(1), W1.at(1), same_name.at(1))
    opened = witness.open_cosignatures(content, head(5).format(), WITNESS_KEYS)
    assert [s.key_id for s in opened] == [W1.key_id]


LIES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "expected signature lines"),
    "of unknown keys only": (lines_of(OLD), "known key"),
    "over another checkpoint": (lines_of(W1.at(1), size=6), "signature of"),
    "one good, one bad": (lines_of(W1.at(1)) + lines_of(W1PQ.at(1), size=6), "signature of"),
    "unfinished": (lines_of(W1.at(1))[:-1], "expected signature lines"),
    "another note's text before it": (b"x\n\n" + lines_of(W1.at(1)), "signature line"),
    "a page": (b"<html></html>\n", "signature line"),
    "carriage returns": (lines_of(W1.at(1)).replace(b"\n", b"\r\n"), "base64"),
    "no UTF-8": (b"\xff\n", "UTF-8"),
    "without a time": (lines_of(W1PQ), "expected a time, got zero"),
    "too long": (lines_of(W1.at(1)) * 700, "at most 65536 bytes"),
}


@pytest.mark.parametrize(("content", "what"), LIES.values(), ids=LIES)
def test_an_answer_that_proves_nothing_is_refused(content: bytes, what: str) -> None:
    """tlog-witness, add-checkpoint: cosignatures from the witness key(s) on the checkpoint; timestamp not zero."""
    with pytest.raises(WitnessError, match=what):
        witness.open_cosignatures(content, head(5).format(), WITNESS_KEYS)


@pytest.mark.parametrize("content", [b"", b"5", b"\n", b"05\n", b"-1\n", b"5\r\n", b"5\n\n", b" 5\n", b"%d\n" % 2**63])
def test_other_sizes_are_refused(content: bytes) -> None:
    with pytest.raises(WitnessError, match="size"):
        witness.open_size(content)


@given(st.binary(max_size=300))
def test_any_bytes_are_answered_or_raise_witness_error(content: bytes) -> None:
    assert answered(content).status == 400
    for parse in (Request.parse, witness.open_size):
        try:
            parse(content)
        except WitnessError:
            continue
    with pytest.raises(WitnessError):
        witness.open_cosignatures(content, head(5).format(), WITNESS_KEYS)


GOOD = body(5, 64, OLD, PQ)


@settings(max_examples=150)
@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused(position: int, change: int) -> None:
    """Whatever byte of a request is changed, its head is not cosigned: or it is the very same head."""
    changed = GOOD[:position] + bytes([GOOD[position] ^ change]) + GOOD[position + 1 :]
    answer = answered(changed, Latest(5, mth(0, 5)))
    if answer.status == 200:
        assert note.parse(Request.parse(changed).note).text == head(64).format()


@given(st.integers(0, 2**63 - 1), st.lists(st.binary(min_size=32, max_size=32), max_size=63), st.binary(max_size=80))
def test_a_request_is_read_as_it_was_written(old: int, hashes: list[bytes], content: bytes) -> None:
    request = Request(old, tuple(hashes), content)
    assert Request.parse(request.format()) == request


def test_no_request_is_not_written() -> None:
    for request in (
        Request(-1, (), b""),
        Request(2**63, (), b""),
        Request(0, (X,) * 64, b""),
        Request(0, (b"x",), b""),
    ):
        with pytest.raises(WitnessError):
            request.format()


class AWitnessAndItsLogs(RuleBasedStateMachine):
    """A log that lies in all ways it can, with its right key: what was cosigned remains one growing history."""

    def __init__(self) -> None:
        super().__init__()
        self.latest = NEVER
        self.cosigned: list[Checkpoint] = []

    def _ask(self, checkpoint: Checkpoint, old: int, hashes: list[bytes]) -> None:
        read = witness.read(Request(old, tuple(hashes), signed(checkpoint)).format(), LOGS)
        if isinstance(read, Answer) or witness.judge(read, self.latest) is not None:
            return
        self.latest = Latest(checkpoint.size, checkpoint.root)
        self.cosigned.append(checkpoint)

    @rule(size=st.integers(0, 20), old=st.integers(0, 20))
    def honest(self, size: int, old: int) -> None:
        self._ask(head(size), old, proof(old, size) if old <= size else [])

    @rule(size=st.integers(1, 20), at=st.integers(0, 20), old=st.integers(0, 20))
    def forked(self, size: int, at: int, old: int) -> None:
        self._ask(Checkpoint(ORIGIN, size, fork(size, at)), old, proof(old, size) if old <= size else [])

    @rule(size=st.integers(1, 20), at=st.integers(0, 20), own=st.booleans())
    def forked_from_what_is_known(self, size: int, at: int, own: bool) -> None:
        old = self.latest.size
        self._ask(Checkpoint(ORIGIN, size, fork(size, at)), old, proof(old, size) if own and old <= size else [])

    @invariant()
    def one_history(self) -> None:
        sizes = [checkpoint.size for checkpoint in self.cosigned]
        assert sizes == sorted(sizes)
        roots = {checkpoint.root for checkpoint in self.cosigned if checkpoint.size}
        assert len(roots) == len({size for size in sizes if size})
        for earlier, later in zip(self.cosigned, self.cosigned[1:], strict=False):
            if 0 < earlier.size < later.size and later == head(later.size):
                verify_consistency(*earlier[1:], *later[1:], proof(earlier.size, later.size))


TestAWitnessAndItsLogs = AWitnessAndItsLogs.TestCase
TestAWitnessAndItsLogs.settings = settings(max_examples=60, stateful_step_count=25)


def test_a_fork_is_refused_at_every_size_and_from_every_leaf() -> None:
    """With any proof of either history: the two agree up to a leaf and are never both cosigned beyond it."""
    for old in range(1, 10):
        for new in range(old, 12):
            for at in range(old):
                forged = Checkpoint(ORIGIN, new, fork(new, at))
                for hashes in {tuple(proof(old, new)), ()}:
                    with pytest.raises(ProofError):
                        verify_consistency(old, mth(0, old), new, forged.root, hashes)
                    content = Request(old, hashes, signed(forged)).format()
                    assert answered(content, Latest(old, mth(0, old))).status == 422
