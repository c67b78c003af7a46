"""Who sees only hashes learns nothing (L11): tiles and checkpoints hold leaf hashes and roots, which none can try out.

The curious reader of these tests knows everything about a gig but its salt: journal, index, cause, event, postings and
balances, in their exact bytes. Only the fare is open, within what a ride may cost. Without the salt no fare fits the
hash; with it the right one does and no other, so the search itself is sound.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from contracts.entry import decode
from contracts.topics import partition_of
from ledger.log.merkle import leaf_hash
from tests.support.replica import Replica
from tests.support.signing import changed, signed_gig
from tests.support.strategies import GOJEK, POOL, Feed

FARE = "18500"
FARES = [str(fare) for fare in range(1000, 60_000, 250)]
encode = msgspec.json.Encoder(order="sorted").encode


def journal(secret: bytes, signs: bool = False) -> Replica:
    """A worker's gigs, two of them for the same fare; equal records whatever the secret."""
    feed = Feed()
    records = [feed.enacted(POOL[0])]
    if signs:
        records.append(changed(feed))
        records += [signed_gig(feed, f"G-{n}", fare=fare) for n, fare in enumerate((FARE, "9000", FARE))]
    else:
        records += [feed.gig(f"G-{n}", fare=fare) for n, fare in enumerate((FARE, "9000", FARE))]
    return Replica(secret=secret).settle(records)


def guesses(leaf: bytes, salt: str | None) -> Iterator[tuple[str, bytes]]:
    """The leaf for each plausible fare, with a salt (None: as if there were none)."""
    content = msgspec.json.decode(leaf)
    if salt is None:
        del content["salt"]
    else:
        content["salt"] = salt
    for fare in FARES:
        content["event"]["data"]["components"][0]["amount"] = fare
        # what follows from the fare follows from it in the guess too: only the true fare need give the true leaf
        yield fare, encode(content)


def fitting(leaf: bytes, salt: str | None) -> list[str]:
    return [fare for fare, guess in guesses(leaf, salt) if leaf_hash(guess) == leaf_hash(leaf)]


@pytest.mark.parametrize("signs", [False, True], ids=["unsigned", "signed"])
def test_trying_every_plausible_gig_finds_nothing_without_the_salt(signs: bool) -> None:
    leaves = journal(bytes(range(32)), signs).leaves
    mine = leaves[-3]
    assert fitting(mine, decode(mine).salt) == [FARE], "with the salt the search finds the gig"
    others = [decode(leaf).salt for leaf in leaves if leaf != mine]
    foreign = decode(journal(bytes(32), signs).leaves[-3]).salt
    for salt in (None, "", "0" * 32, "f" * 32, foreign, *others):
        assert fitting(mine, salt) == []


def test_equal_records_give_unequal_hashes_under_another_secret() -> None:
    """Two ledgers, or two journals, that entered the same records: nothing ties one's hashes to the other's."""
    one, other = journal(bytes(range(32))).leaves, journal(bytes(32)).leaves
    bare = [
        [encode({n: v for n, v in msgspec.json.decode(leaf).items() if n != "salt"}) for leaf in own]
        for own in (one, other)
    ]
    assert bare[0] == bare[1]
    assert not {leaf_hash(leaf) for leaf in one} & {leaf_hash(leaf) for leaf in other}


def test_no_two_entries_share_a_salt_even_where_one_record_makes_several() -> None:
    feed = Feed()
    gig = feed.gig("G-1")
    records = [
        feed.enacted(POOL[0]),
        gig,
        feed.enacted(POOL[1]),
        feed.again(gig),
        feed.gig("G-2"),
        feed.record(GOJEK, b"{", None),
    ]
    leaves = Replica().settle(records).leaves
    salts = [decode(leaf).salt for leaf in leaves]
    assert len(leaves) > 5
    assert len(set(salts)) == len(salts)


def test_a_refusals_hash_does_not_tell_what_was_refused() -> None:
    """The hash of the refused value stands in the leaf; without the salt nobody can try values against the leaf's."""
    names = [b'{"name":"%s"}' % name for name in (b"Budi", b"Siti", b"Agus")]
    feed = Feed()
    leaf = Replica().settle([feed.record(GOJEK, names[1], None)]).leaves[0]
    told = msgspec.json.decode(leaf)
    for name in names:
        guess = Replica(secret=bytes(32)).settle([Feed().record(GOJEK, name, None)]).leaves[0]
        assert leaf_hash(guess) != leaf_hash(leaf)
        assert (encode(msgspec.json.decode(guess) | {"salt": told["salt"]}) == leaf) == (name == names[1])


def test_a_worker_is_not_told_by_the_journal_beyond_one_in_as_many() -> None:
    """The journal's number is public and comes from the pseudonym: with 8 journals one pseudonym in 8 fits."""
    names = [f"W-{n:05}" for n in range(4000)]
    shares = [sum(partition_of(name.encode(), 8) == number for name in names) for number in range(8)]
    assert min(shares) > 4000 // 8 * 0.8 and max(shares) < 4000 // 8 * 1.2
