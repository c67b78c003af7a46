"""A journal's keys as its entries say: who signs which size, whom to believe, and what no act may do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.keyring import SIGNING_MAX, KeyRing, Trusted
from ledger.log import keys
from ledger.log.keys import ED25519, MLDSA44

NAME = "test.localhost/log/0"
ED = [keys.generate(NAME).vkey() for _ in range(5)]
ML = [keys.generate(NAME, MLDSA44).vkey() for _ in range(5)]
OPENED = KeyRing().opened((ED[0], ML[0]))
ROOT = "ab" * 32


def signing(ring: KeyRing, size: int) -> tuple[str, ...]:
    return tuple(verifier.vkey() for verifier in ring.signing(size))


def vouching(ring: KeyRing, size: int) -> tuple[str, ...]:
    return tuple(verifier.vkey() for verifier in ring.vouching(size))


def test_a_rotation_from_the_old_keys_over_both_to_the_new() -> None:
    added = OPENED.changed("added", (ED[1], ML[1]), 10)
    done = added.changed("retired", (ED[0], ML[0]), 20)
    both = (ED[1], ML[1], ED[0], ML[0])
    for ring in (added, done):
        assert signing(ring, 1) == signing(ring, 11) == (ED[0], ML[0]), "entered under the old keys"
        assert signing(ring, 12) == both
        assert signing(ring, 21) == both, "the act that retires a key is entered under both"
    assert signing(done, 22) == signing(done, 4711) == (ED[1], ML[1])
    assert done.listed() == (ED[1], ML[1], ED[0], ML[0])
    assert added.listed() == both
    assert OPENED.listed() == (ED[0], ML[0])


def test_a_verifier_with_only_the_old_or_only_the_new_key_accepts_the_overlap_and_nothing_after() -> None:
    ring = OPENED.changed("added", (ED[1], ML[1]), 10).changed("retired", (ED[0], ML[0]), 20)
    for size in range(1, 30):
        old, new = {ED[0], ML[0]} & set(signing(ring, size)), {ED[1], ML[1]} & set(signing(ring, size))
        assert bool(old) == (size <= 21)
        assert bool(new) == (size > 11)


def test_one_algorithm_alone_may_be_rotated() -> None:
    ring = OPENED.changed("added", (ML[1],), 10).changed("retired", (ML[0],), 20)
    assert signing(ring, 12) == (ED[0], ML[1], ML[0])
    assert signing(ring, 22) == (ED[0], ML[1])
    assert ring.listed() == (ED[0], ML[1], ML[0])


def test_a_revoked_key_signs_no_more_and_vouches_up_to_the_trusted_size() -> None:
    ring = OPENED.changed("added", (ED[1], ML[1]), 10).changed("revoked", (ED[0],), 20, Trusted(5, ROOT))
    assert signing(ring, 21) == (ED[1], ML[1], ED[0], ML[0])
    assert signing(ring, 22) == (ED[1], ML[1], ML[0])
    assert vouching(ring, 5) == (ED[0], ML[0])
    assert vouching(ring, 6) == vouching(ring, 11) == (ML[0],), "the other key of that time was not revoked"
    assert vouching(ring, 12) == vouching(ring, 4711) == (ED[1], ML[1], ML[0])
    assert ring.known(ED[0]).trusted == Trusted(5, ROOT)  # type: ignore[union-attr]


def test_a_key_that_was_retired_may_be_revoked_later() -> None:
    ring = OPENED.changed("added", (ED[1], ML[1]), 10).changed("retired", (ED[0], ML[0]), 20)
    ring = ring.changed("revoked", (ED[0],), 30, Trusted(15, ROOT))
    assert signing(ring, 21) == (ED[1], ML[1], ED[0], ML[0]), "what it signed when it did is no forgery by itself"
    assert vouching(ring, 15) == (ED[1], ML[1], ED[0], ML[0])
    assert vouching(ring, 16) == (ED[1], ML[1], ML[0])


WITNESS = keys.generate(NAME, keys.COSIGNATURE).vkey()
OTHER = keys.generate("test.localhost/log/1").vkey()
REFUSED = {
    "before there are keys": (KeyRing(), "added", (ED[1],), None, "a journal with keys"),
    "a key twice": (OPENED, "added", (ED[1], ED[1]), None, "each key once"),
    "no key": (OPENED, "added", (ED[1] + "A",), None, "data.vkeys: "),
    "a cosigner's": (OPENED, "added", (WITNESS,), None, "got a cosigner's"),
    "another journal's": (OPENED, "added", (OTHER,), None, "one of another name"),
    "one that was there": (OPENED, "added", (ED[1], ED[0]), None, "that the journal had before"),
    "too many": (OPENED, "added", (*ED[1:4], *ML[1:3]), None, f"at most {SIGNING_MAX} keys"),
    "retired, and nothing left": (OPENED, "retired", (ED[0], ML[0]), None, "left to sign, got fewer"),
    "retired, and no ML-DSA left": (OPENED.changed("added", (ED[1],), 1), "retired", (ML[0],), None, "left to sign"),
    "retired, unknown": (OPENED, "retired", (ED[1],), None, "keys that sign, got one that does not"),
    "revoked, and nothing left": (OPENED, "revoked", (ED[0],), Trusted(0, ROOT), "left to sign"),
    "revoked, unknown": (OPENED, "revoked", (ED[1],), Trusted(0, ROOT), "that are not revoked, got another"),
    "revoked without a size": (OPENED, "revoked", (ED[0],), None, "data.trusted_size: expected at most 7"),
    "revoked beyond": (OPENED, "revoked", (ED[0],), Trusted(8, ROOT), "data.trusted_size: expected at most 7"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_act_may_do(name: str) -> None:
    ring, change, vkeys, trusted, said = REFUSED[name]
    with pytest.raises(ValueError) as refusal:
        ring.changed(change, vkeys, 7, trusted)  # type: ignore[arg-type]
    assert said in str(refusal.value)


def test_a_key_that_was_retired_or_revoked_does_not_come_back() -> None:
    ring = OPENED.changed("added", (ED[1], ML[1]), 1).changed("retired", (ED[0],), 2)
    for change in ("added", "retired"):
        with pytest.raises(ValueError):
            ring.changed(change, (ED[0],), 3)
    revoked = ring.changed("revoked", (ED[0],), 3, Trusted(1, ROOT))
    with pytest.raises(ValueError, match="not revoked"):
        revoked.changed("revoked", (ED[0],), 4, Trusted(1, ROOT))


def test_a_journal_is_opened_once() -> None:
    with pytest.raises(ValueError, match="not opened before"):
        OPENED.opened((ED[1], ML[1]))
    with pytest.raises(ValueError):
        KeyRing().opened(("no key",))


ROTATED = OPENED.changed("added", (ED[1], ML[1]), 10).changed("retired", (ED[0], ML[0]), 20)
EVERY = {ED[0], ML[0], ED[1], ML[1]}


@pytest.mark.parametrize(
    ("trusted", "reach", "believed"),
    [
        # an honest log: who has the old or the new key alone comes to all of them
        ((ED[0],), {ED[0]: 21, ML[0]: 21, ED[1]: 99, ML[1]: 99}, EVERY),
        ((ML[1],), {ED[0]: 21, ML[0]: 21, ED[1]: 99, ML[1]: 99}, EVERY),
        # no checkpoint of the old key covers the act that adds: it may be anybody's
        ((ED[0], ML[0]), {ED[0]: 10, ML[0]: 10, ED[1]: 99, ML[1]: 99}, {ED[0], ML[0]}),
        ((ED[0],), {ED[1]: 99, ML[1]: 99}, {ED[0]}),
        ((ED[0],), {ED[0]: 11, ED[1]: 99}, EVERY),
        # a key named in entry 0 beside the trusted one, which has signed nothing: no more than a name
        ((ED[0],), {ML[0]: 99}, {ED[0]}),
        ((ED[2],), {ED[0]: 21, ED[1]: 99}, set()),
        ((), {ED[0]: 21}, set()),
    ],
)
def test_who_trusts_a_key_believes_what_it_vouches_for_and_no_more(
    trusted: tuple[str, ...], reach: dict[str, int], believed: set[str]
) -> None:
    assert ROTATED.believed(trusted, reach) == believed


def test_believing_goes_on_over_several_rotations() -> None:
    ring = ROTATED.changed("added", (ED[2], ML[2]), 30).changed("retired", (ED[1], ML[1]), 40)
    reach = {ED[0]: 21, ED[1]: 41, ED[2]: 99}
    assert ring.believed((ED[0],), reach) == {*EVERY, ED[2], ML[2]}
    assert ring.believed((ED[0],), reach | {ED[1]: 30}) == EVERY


# -- against a model that keeps every size apart -------------------------------------------------------------------

SIZES = 40


@dataclass
class Model:
    """Who signs and who vouches, size by size, in sets; `live` are those that sign from here on."""

    signs: list[set[str]] = field(default_factory=lambda: [{ED[0], ML[0]} for _ in range(SIZES)])
    vouches: list[set[str]] = field(default_factory=lambda: [{ED[0], ML[0]} for _ in range(SIZES)])
    had: set[str] = field(default_factory=lambda: {ED[0], ML[0]})
    revoked: set[str] = field(default_factory=set)

    def act(self, change: str, vkeys: Sequence[str], index: int, trusted: int) -> bool:
        """Whether the act is taken in; then it is."""
        live = self.signs[index + 1]
        after = live | set(vkeys) if change == "added" else live - set(vkeys)
        fits = {
            "added": not self.had & set(vkeys) and len(after) <= SIGNING_MAX,
            "retired": set(vkeys) <= live,
            "revoked": set(vkeys) <= self.had - self.revoked and trusted <= index,
        }[change]
        if not (fits and after & set(ED) and after & set(ML)):
            return False
        for size in range(index + 2, SIZES):
            self.signs[size] = after if change == "added" else self.signs[size] - set(vkeys)
            self.vouches[size] = self.signs[size] - self.revoked
        if change == "added":
            self.had |= set(vkeys)
        if change == "revoked":
            self.revoked |= set(vkeys)
            for size in range(trusted + 1, SIZES):
                self.vouches[size] = self.vouches[size] - set(vkeys)
        return True


ACTS = st.lists(
    st.tuples(
        st.sampled_from(("added", "retired", "revoked")),
        st.lists(st.sampled_from((*ED, *ML)), min_size=1, max_size=3, unique=True),
        st.integers(1, 4),
        st.integers(0, SIZES),
    ),
    max_size=9,
)


@settings(max_examples=150, deadline=None)
@given(ACTS)
def test_rings_agree_with_a_model_that_keeps_every_size_apart(acts: list[tuple[str, list[str], int, int]]) -> None:
    ring, model, index = OPENED, Model(), 0
    for change, vkeys, step, trusted in acts:
        index += step
        taken = model.act(change, vkeys, index, trusted)
        try:
            ring = ring.changed(change, vkeys, index, Trusted(trusted, ROOT))  # type: ignore[arg-type]
        except ValueError:
            assert not taken, (change, vkeys)
        else:
            assert taken, (change, vkeys)
        for size in range(1, SIZES):
            assert set(signing(ring, size)) == model.signs[size]
            assert set(vouching(ring, size)) == model.vouches[size]
        first = [verifier.algorithm for verifier in ring.signing(SIZES - 1)[:2]]
        assert first == [ED25519, MLDSA44]
        assert set(ring.listed()) == model.had
        assert ring.listed()[: len(model.signs[-1])] == signing(ring, SIZES - 1)
