"""Trust policies: each rule of c2sp.org/tlog-policy on its own, and what a quorum is."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.log import keys, note, policy
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.note import NoteError
from ledger.log.policy import Group, Log, Policy, PolicyError, Witness

ORIGIN = "iuran.localhost/log/3"
LOG = keys.generate(ORIGIN)
ML = keys.generate(ORIGIN, keys.MLDSA44)
W = [keys.generate(f"witness.example/{n}", keys.COSIGNATURE) for n in range(6)]
PQ = keys.generate("witness.example/pq", keys.MLDSA44)
HEAD = Checkpoint(ORIGIN, 5, bytes(range(32)))
KEY = LOG.vkey()

# The specification's example, with keys.
EXAMPLE = f"""log {KEY}

witness X1 {W[0].vkey()}
witness X2 {W[1].vkey()}
witness X3 {W[2].vkey()}
group X-witnesses 2 X1 X2 X3

witness Y1 {W[3].vkey()}
witness Y2 {W[4].vkey()}
witness Y3 {W[5].vkey()}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
""".encode()


def two(tail: str) -> bytes:
    return f"witness a {W[0].vkey()}\nwitness b {W[1].vkey()}\n{tail}\n".encode()


def test_the_specifications_example() -> None:
    read = policy.parse(EXAMPLE)
    assert read.logs == (Log(LOG.verifier),)
    assert [w.name for w in read.witnesses] == [b"X1", b"X2", b"X3", b"Y1", b"Y2", b"Y3"]
    assert read.groups == (
        Group(b"X-witnesses", 2, (b"X1", b"X2", b"X3")),
        Group(b"Y-witnesses", 1, (b"Y1", b"Y2", b"Y3")),
        Group(b"X-and-Y", 2, (b"X-witnesses", b"Y-witnesses")),
    )
    assert read.quorum == b"X-and-Y"
    names = [w.name for w in read.witnesses]
    for count in range(7):
        for cosigned in combinations(names, count):
            x, y = sum(n[:1] == b"X" for n in cosigned), sum(n[:1] == b"Y" for n in cosigned)
            assert read.reached(cosigned) == (x >= 2 and y >= 1)


def test_structure_spaces_comments_and_empty_lines() -> None:
    """tlog-policy, Structure: sequences of space and tab; leading and trailing; comments; lines ended by newline."""
    content = f"\n  # comment\n\t\t\n#\n \twitness \t a\t{W[0].vkey()} \t\n   quorum\ta\t \n# last\n".encode()
    assert policy.parse(content) == Policy((), (Witness(b"a", W[0].verifier),), (), b"a")
    assert policy.parse(b"quorum none\n") == Policy((), (), (), b"none")
    with pytest.raises(PolicyError, match="newline at the end"):
        policy.parse(b"quorum none")
    with pytest.raises(PolicyError, match="expected one name, got 2 items"):
        policy.parse(two("quorum a #comment"))


def test_order_does_not_matter_for_logs_and_witnesses() -> None:
    """tlog-policy, Structure: lines defining witnesses and logs can appear in any order."""
    lines = [f"witness a {W[0].vkey()}", f"log {KEY}", f"witness b {W[1].vkey()}"]
    for order in (lines, lines[::-1], [lines[1], lines[0], lines[2]]):
        read = policy.parse("\n".join([*order, "quorum a", ""]).encode())
        assert (len(read.logs), len(read.witnesses)) == (1, 2)
    assert policy.parse(f"witness a {W[0].vkey()}\nquorum a\nlog {KEY}\n".encode()).quorum == b"a"


REFUSED: dict[str, tuple[bytes, str]] = {
    # Structure: only what is defined on preceding lines
    "quorum before its witness": (f"quorum a\nwitness a {W[0].vkey()}\n".encode(), "line 1: quorum: expected `none`"),
    "member before it is defined": (two("group g any a c\nquorum g"), "line 3: group member: expected a name defined"),
    "a group in itself": (two("group g any a g\nquorum g"), "line 3: group member: expected a name defined"),
    # Public key representation
    "a cosigner's key for a log": (f"log {W[0].vkey()}\nquorum none\n".encode(), "line 1: key of .*: expected a log's"),
    "a plain key for a witness": (f"witness a {KEY}\nquorum a\n".encode(), "line 1: key of .*: expected a witness's"),
    "no key": (b"log example.com/foo\nquorum none\n", "line 1: verifier key"),
    "a key that is not UTF-8": (b"log a\xff+00000000+AQ==\nquorum none\n", "line 1: key: expected UTF-8"),
    # Defining a log
    "a log without a key": (b"log\nquorum none\n", "line 1: log: expected 1 items"),
    "a log with more": (f"log {KEY} https://a/ b\nquorum none\n".encode(), "line 1: log: expected 1 items"),
    "a log twice": (f"log {KEY}\nlog {KEY}\nquorum none\n".encode(), "line 2: key: expected each public key once"),
    "a log's key under another name": (
        f"log {KEY}\nlog {keys.Verifier('other', LOG.verifier.public_key).vkey()}\nquorum none\n".encode(),
        "line 2: key: expected each public key once",
    ),
    # Defining a witness
    "a witness without a key": (b"witness a\nquorum a\n", "line 1: witness: expected 2 items"),
    "a witness with more": (f"witness a {W[0].vkey()} u v\nquorum a\n".encode(), "line 1: witness: expected 2 items"),
    "a witness twice": (f"witness a {W[0].vkey()}\nwitness b {W[0].vkey()}\nquorum a\n".encode(), "line 2: key"),
    "a witness's key under another name": (
        f"witness a {W[0].vkey()}\n"
        f"witness b {keys.CosignerVerifier('other', W[0].verifier.public_key).vkey()}\nquorum a\n".encode(),
        "line 2: key: expected each public key once",
    ),
    "a name twice": (f"witness a {W[0].vkey()}\nwitness a {W[1].vkey()}\nquorum a\n".encode(), "line 2: name"),
    "a witness named none": (f"witness none {W[0].vkey()}\nquorum none\n".encode(), "line 1: name"),
    # Defining the quorum
    "no quorum": (two(""), "quorum: expected one line, got none"),
    "nothing": (b"", "quorum: expected one line, got none"),
    "two quorums": (two("quorum a\nquorum a"), "line 4: quorum: expected one line, got a second"),
    "a quorum of nothing": (two("quorum"), "line 3: quorum: expected one name, got 0"),
    "a quorum of an unknown": (two("quorum c"), "line 3: quorum: expected `none` or a name"),
    # Defining a witness group
    "a group without members": (two("group g any\nquorum g"), "line 3: group: expected a name, a threshold and one"),
    "a group named as a witness": (two("group a any b\nquorum a"), "line 3: name"),
    "a group named none": (two("group none any b\nquorum none"), "line 3: name"),
    "none as a member": (two("group g any a none\nquorum g"), "line 3: group member"),
    "threshold 0": (two("group g 0 a b\nquorum g"), "line 3: group threshold: expected any, all or 1 to 2"),
    "threshold above the members": (two("group g 3 a b\nquorum g"), "line 3: group threshold"),
    "threshold below zero": (two("group g -1 a b\nquorum g"), "line 3: group threshold"),
    "threshold with a zero in front": (two("group g 01 a b\nquorum g"), "line 3: group threshold"),
    "threshold in words": (two("group g two a b\nquorum g"), "line 3: group threshold"),
    "threshold in capitals": (two("group g ANY a b\nquorum g"), "line 3: group threshold"),
    "threshold beyond all numbers": (two(f"group g {'9' * 5000} a b\nquorum g"), "line 3: group threshold"),
    "a member twice in a group": (two("group g 2 a a\nquorum g"), "line 3: group member: expected each name once"),
    "a member of two groups": (two("group g any a\ngroup h all a b\nquorum h"), "line 4: group member"),
    "a group in two groups": (two("group g any a\ngroup h any g\ngroup i any g b\nquorum i"), "line 5: group member"),
    # Keywords
    "an unknown keyword": (two("threshold 2\nquorum a"), "line 3: keyword"),
    "a keyword in capitals": (two("Quorum a"), "line 3: keyword"),
    # Character set
    "a carriage return": (two("quorum a").replace(b"\n", b"\r\n"), "control characters but tab and newline"),
    "a delete": (b"#\x7f\nquorum none\n", "control characters"),
    "a nul": (b"#\0\nquorum none\n", "control characters"),
    "a vertical tab": (two("quorum\va"), "control characters"),
    "a no-break space": (two("quorum a").replace(b"quorum ", b"quorum\xc2\xa0"), "line 3: keyword"),
}


@pytest.mark.parametrize(("content", "what"), REFUSED.values(), ids=REFUSED)
def test_what_a_rule_forbids_is_refused(content: bytes, what: str) -> None:
    """tlog-policy: each section's rules, in the order of the text."""
    with pytest.raises(PolicyError, match=what):
        policy.parse(content)


def test_names_are_opaque_octets() -> None:
    """tlog-policy, Character set: `K` is not the Kelvin sign, and names need be no text at all."""
    names = [b"K", "\u212a".encode(), b"\xff\xfe", b"all", b"#a", b"2"]
    lines = [b"witness %b %b\n" % (name, w.vkey().encode()) for name, w in zip(names, W, strict=True)]
    read = policy.parse(b"".join(lines) + b"group any 2 " + b" ".join(names) + b"\nquorum any\n")
    assert read.groups == (Group(b"any", 2, tuple(names)),)
    assert read.reached({b"K", b"\xe2\x84\xaa"})
    assert not read.reached({b"K", b"k"})
    assert policy.parse(read.format()) == read


def test_thresholds_in_words_and_numbers() -> None:
    """tlog-policy, Defining a witness group: any is 1, all is n, k within 1..n."""
    for word, threshold in (("any", 1), ("all", 2), ("1", 1), ("2", 2)):
        read = policy.parse(two(f"group g {word} a b\nquorum g"))
        assert read.groups[0].threshold == threshold
        assert [read.reached(c) for c in ((), (b"a",), (b"b",), (b"a", b"b"))] == [
            False,
            threshold < 2,
            threshold < 2,
            True,
        ]


def test_a_single_witness_and_none() -> None:
    """tlog-policy, Defining the quorum: a witness's cosignature is required; with `none` no cosignature is."""
    single = policy.parse(two("quorum b"))
    assert single.reached({b"b"})
    assert not single.reached({b"a"})
    none = policy.parse(two("quorum none"))
    assert none.reached(())
    assert not single.reached({b"none"})


def test_at_least_32_of_each_and_groups_as_deep_as_they_come() -> None:
    """tlog-policy, Implementation limits: at least 32 logs, 32 witnesses and 32 groups are supported."""
    logs = [f"log {keys.generate(f'log.example/{n}').vkey()}\n" for n in range(40)]
    witnesses = [f"witness w{n} {keys.generate(f'w.example/{n}', 0x04).vkey()}\n" for n in range(40)]
    groups = ["group g0 any w0\n", *(f"group g{n} all g{n - 1} w{n}\n" for n in range(1, 40))]
    read = policy.parse("".join([*logs, *witnesses, *groups, "quorum g39\n"]).encode())
    assert (len(read.logs), len(read.witnesses), len(read.groups)) == (40, 40, 40)
    everyone = {w.name for w in read.witnesses}
    assert read.reached(everyone)
    assert not any(read.reached(everyone - {name}) for name in everyone)


def test_limits() -> None:
    deep = "".join(f"group g{n} any g{n - 1}\n" for n in range(1, policy.LINES_OF_A_KIND_MAX))
    content = f"witness w {W[0].vkey()}\ngroup g0 any w\n{deep}"
    last = policy.LINES_OF_A_KIND_MAX - 1
    assert policy.parse(f"{content}quorum g{last}\n".encode()).reached({b"w"})
    with pytest.raises(PolicyError, match="group: expected at most 4096 lines"):
        policy.parse(f"{content}group more any g{last}\nquorum more\n".encode())
    with pytest.raises(PolicyError, match="at most 8388608 bytes"):
        policy.parse(b"#" * policy.POLICY_BYTES_MAX + b"\n")


def test_two_keys_that_a_signature_line_cannot_tell_apart_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.log.vkey.key_id", lambda *_: b"same")
    first, second = keys.generate("a", 0x04), keys.generate("a", 0x04)
    with pytest.raises(PolicyError, match="different names or ids"):
        policy.parse(f"witness a {first.vkey()}\nwitness b {second.vkey()}\nquorum a\n".encode())


def test_a_checkpoint_is_opened_with_a_logs_signature_and_its_cosigners_told() -> None:
    """tlog-policy, What is a policy: signed by any one of the listed logs, and cosigned according to the quorum.

    Defining a log: the key's name MUST correspond to the log's origin line.
    """
    read = policy.parse(EXAMPLE + f"witness pq {PQ.vkey()}\nlog {ML.vkey()}\n".encode())
    text = HEAD.format()
    signed = note.sign(text, [LOG, W[0].at(1), W[2].at(1), W[4].at(1), PQ.at(1)])
    assert read.open(signed) == (HEAD, {b"X1", b"X3", b"Y2", b"pq"}, True)
    assert read.open(note.sign(text, [ML, W[0].at(1)])) == (HEAD, {b"X1"}, False)
    assert read.open(sign_checkpoint(HEAD, [LOG])) == (HEAD, frozenset(), False)
    extended = read.open(note.sign(text + "extension\n", [LOG, *(w.at(1) for w in W)]))
    assert extended.quorum
    stranger = keys.generate(ORIGIN)
    for lines in ([stranger], [*(w.at(1) for w in W)], [stranger, *(w.at(1) for w in W)]):
        with pytest.raises(NoteError, match="known key"):
            read.open(note.sign(text, lines))
    with pytest.raises(NoteError, match="known key"):
        read.open(note.sign(HEAD._replace(origin="other").format(), [LOG, *(w.at(1) for w in W)]))


def test_a_cosignature_that_does_not_verify_refuses_the_note_and_a_strangers_counts_for_nothing() -> None:
    read = policy.parse(EXAMPLE)
    text = HEAD.format()
    other = note.parse(note.sign(HEAD._replace(size=6).format(), [W[0].at(1)])).signatures
    signed = note.parse(note.sign(text, [LOG])).signatures
    with pytest.raises(NoteError, match=r"signature of witness\.example/0"):
        read.open(note.format(text, (*signed, *other)))
    stranger = keys.generate(W[0].name, keys.COSIGNATURE)
    assert read.open(note.sign(text, [LOG, stranger.at(1)])).cosigned == frozenset()


def test_a_witness_that_signs_twice_counts_once() -> None:
    read = policy.parse(two("group g 2 a b\nquorum g") + f"log {KEY}\n".encode())
    text = HEAD.format()
    lines = note.parse(note.sign(text, [LOG, W[0].at(1)])).signatures
    again = note.parse(note.sign(text, [W[0].at(2)])).signatures
    assert read.open(note.format(text, (*lines, *again))) == (HEAD, {b"a"}, False)


def test_an_empty_tree_has_its_root() -> None:
    read = policy.parse(f"log {KEY}\nquorum none\n".encode())
    false = f"{ORIGIN}\n0\n{HEAD.format().splitlines()[2]}\n"
    with pytest.raises(NoteError, match="empty tree"):
        read.open(note.sign(false, [LOG]))


NAMES = st.binary(min_size=1, max_size=4).filter(lambda name: not set(name) & set(range(0x21)) and 0x7F not in name)


@st.composite
def policies(draw: Callable[..., st.SearchStrategy[object]]) -> Policy:
    """Any policy: witnesses, and groups over what stands above them that is free."""
    names: list[bytes] = draw(st.lists(NAMES.filter(lambda n: n != b"none"), min_size=1, max_size=9, unique=True))
    urls = st.none() | NAMES
    cut: int = draw(st.integers(0, min(len(names), len(W))))
    witnesses = tuple(Witness(name, W[n].verifier, draw(urls)) for n, name in enumerate(names[:cut]))
    free, groups = list(names[:cut]), []
    for name in names[cut:]:
        if not free:
            break
        members = tuple(draw(st.lists(st.sampled_from(free), min_size=1, unique=True)))
        groups.append(Group(name, draw(st.integers(1, len(members))), members))
        free = [*(f for f in free if f not in members), name]
    quorum = draw(st.sampled_from([b"none", *names[:cut], *(g.name for g in groups)]))
    logs = draw(st.sampled_from([(), (Log(LOG.verifier, draw(urls)),), (Log(LOG.verifier), Log(ML.verifier))]))
    return Policy(logs, witnesses, tuple(groups), quorum)


@given(policies())
def test_what_is_formatted_is_what_is_read(made: Policy) -> None:
    """The quorum read back is the one written, and a group's word follows the specification's own recursion."""
    assert policy.parse(made.format()) == made

    def witnessed(name: bytes, cosigned: frozenset[bytes]) -> bool:
        for group in made.groups:
            if group.name == name:
                return sum(witnessed(member, cosigned) for member in group.members) >= group.threshold
        return name in cosigned

    for count in range(len(made.witnesses) + 1):
        for some in combinations([w.name for w in made.witnesses], count):
            expected = made.quorum == b"none" or witnessed(made.quorum, frozenset(some))
            assert made.reached(some) == expected


def test_no_policy_is_not_formatted() -> None:
    for made in (
        Policy((), (Witness(b"a b", W[0].verifier),), (), b"a"),
        Policy((), (Witness(b"a", W[0].verifier, b""),), (), b"a"),
        Policy((), (), (), b"a"),
        Policy((), (), (Group(b"g", 1, ()),), b"g"),
    ):
        with pytest.raises(PolicyError):
            made.format()


@given(st.binary(max_size=200))
@example(EXAMPLE[:-1])
def test_any_octets_parse_or_raise_policy_error(content: bytes) -> None:
    try:
        read = policy.parse(content)
    except PolicyError:
        return
    assert policy.parse(read.format()) == read


@given(st.integers(0, len(EXAMPLE) - 1), st.integers(0, 255))
def test_any_changed_octet_parses_or_raises_policy_error(position: int, octet: int) -> None:
    changed = EXAMPLE[:position] + bytes([octet]) + EXAMPLE[position + 1 :]
    test_any_octets_parse_or_raise_policy_error.hypothesis.inner_test(changed)  # type: ignore[attr-defined]
