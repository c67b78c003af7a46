"""Forgeries of journals as a whole: their tails, heads, counts, checkpoints and tiles, and all of it signed again."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgspec

from contracts.entry import salt
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from tests.ledger.audit.forgeries.entries import accrual, told
from tests.ledger.audit.forgeries.table import By, Forger, Forgery, Who
from tests.ledger.audit.tampering import encode, set_in
from tests.support.databases import make_keys


def run(*statements: str) -> Callable[[Forger], None]:
    """Run statements; `JOURNAL` is the forged journal's number."""

    def do(forger: Forger) -> None:
        for statement in statements:
            forger.do(statement)

    return do


def sizes(forger: Forger) -> list[int]:
    """The sizes of the stored checkpoints."""
    return [int(s) for (s,) in forger.do("SELECT size FROM checkpoints WHERE journal = JOURNAL ORDER BY size")]


def last_gone(forger: Forger) -> None:
    """The last entry alone is deleted."""
    forger.do('DELETE FROM entries WHERE journal = JOURNAL AND "index" = %s', forger.size - 1)


def set_back(forger: Forger) -> None:
    """As whoever restores an older state consistently: the journal ends at its last checkpoint but one."""
    forger.cut_to(sizes(forger)[-2])


def all_set_back(forger: Forger) -> None:
    """Both journals end at an earlier checkpoint, as in a backup."""
    for journal in (0, 1):
        set_back(forger.elsewhere(journal))


def beyond(forger: Forger) -> None:
    """An entry more, behind the head and under no signature."""
    end = forger.size
    entry = msgspec.json.decode(forger.leaf(forger.of_kind("accrual")[-1]))
    entry["index"], entry["cause"]["id"] = end, "G-invented"
    entry["cause"]["offset"] += 1
    forger.insert(end, encode(entry))


def hidden(forger: Forger) -> None:
    """All that there is of another journal goes, and the ledger's row says that there is one journal."""
    for table in ("entries", "checkpoints", "positions", "rejections", "tiles", "heads"):
        forger.connection.execute(f"DELETE FROM {table} WHERE journal <> {forger.journal}")  # type: ignore[call-overload]
    forger.do("UPDATE ledger SET journals = 1")


def exchanged(forger: Forger) -> None:
    """Two journals change their numbers in every table."""
    forger.connection.execute("ALTER TABLE entries DISABLE TRIGGER ALL")
    for table in ("entries", "checkpoints", "positions", "rejections", "tiles", "heads"):
        for before, after in ((0, 9), (1, 0), (9, 1)):
            forger.connection.execute(f"UPDATE {table} SET journal = {after} WHERE journal = {before}")  # type: ignore[call-overload]


def moved(forger: Forger) -> int:
    """A worker's newest gig is put at the end of another journal, in the place of that one's last entry."""
    other = forger.elsewhere(1 - forger.journal)
    index = other.size - 1
    entry = msgspec.json.decode(forger.leaf(accrual(forger)))
    entry["journal"], entry["index"] = other.journal, index
    entry["cause"] = told(other)[index]["cause"]
    forger.journal = other.journal
    other.set_leaf(index, encode(entry))
    return index


def checkpoint(make: Callable[[Forger, int], bytes]) -> Callable[[Forger], None]:
    """Another note in the place of the fourth checkpoint."""

    def do(forger: Forger) -> None:
        size = sizes(forger)[3]
        note = make(forger, size)
        forger.do("UPDATE checkpoints SET note = %s WHERE journal = JOURNAL AND size = %s", note, size)

    return do


def beside(forger: Forger, size: int, journal: int | None = None) -> bytes:
    """A checkpoint over another root, under a journal's keys."""
    signers = forger.signers(journal)
    return sign_checkpoint(Checkpoint(signers[0].name, size, bytes(32)), signers)


GOJEK = "WHERE journal = JOURNAL AND topic LIKE '%%gigs.gojek'"


def tile(change: str) -> Callable[[Forger], None]:
    """A change of the stored full tile of level 0."""
    return run(f"UPDATE tiles SET {change} WHERE journal = JOURNAL AND level = 0 AND number = 0")


def under_other_keys(forger: Forger) -> None:
    """The journal's keys are changed for the forger's own, everywhere, and all of it is signed again."""
    strangers = make_keys(1, forger.honest.ledger.settings.ledger).signers(0)
    own = [signer.vkey() for signer in strangers]
    named = [own[0], forger.signers(1)[0].vkey()]
    for journal in (0, 1):
        one = forger.elsewhere(journal)
        one.edit(0, set_in("event", "data", "vkeys", to=named))
        if journal == forger.journal:
            one.edit(0, set_in("event", "data", "own", to=own))
        one.resign(strangers if journal == forger.journal else one.signers())
    forger.do("UPDATE heads SET vkey = %s WHERE journal = JOURNAL", "\n".join(own))


def again(edit: Callable[[Forger], Any]) -> Callable[[Forger], Any]:
    """Forge, then sign all of the journal again under its own keys."""

    def do(forger: Forger) -> Any:
        index = edit(forger)
        forger.resign(forger.signers())
        return index

    return do


def named_otherwise(forger: Forger) -> None:
    """Entry 0 names a stranger's key as the other journal's: who takes that journal's keys from here is deceived."""
    stranger = make_keys(2, forger.honest.ledger.settings.ledger).signers(1)[0].vkey()
    forger.edit(0, set_in("event", "data", "vkeys", 1, to=stranger))


def inserted(forger: Forger) -> None:
    """A gig of Grab's more before the last entry, with a free offset, the right sums and the right salt."""
    entries, last = told(forger), forger.size - 1
    template = next(e for e in reversed(entries[:last]) if e["cause"]["topic"].endswith("grab") and "event" in e)
    worker, topic = template["event"]["subject"], template["cause"]["topic"]
    assert worker != entries[last]["event"]["subject"], "expected a last entry of somebody else"
    newest = next(e for e in reversed(entries) if e.get("event", {}).get("subject") == worker)
    offset = int(forger.do("SELECT next_offset FROM positions WHERE journal = JOURNAL AND topic = %s", topic)[0][0])
    balances = [dict(row) for row in newest["balances"]]
    for row in template["contributions"]:
        own = next(b for b in balances if (b["scheme"], b["fund"]) == (row["scheme"], row["fund"]))
        own["accrued"] += row["amount"]
    template["cause"] |= {"id": "G-invented", "offset": offset, "since": {"duplicates": 0, "gap": 0}}
    template |= {"index": last, "balances": balances, "salt": salt(forger.secret(), topic, forger.journal, offset, 1)}
    forger.edit(last, set_in("index", to=last + 1))
    forger.do('UPDATE entries SET "index" = %s WHERE journal = JOURNAL AND "index" = %s', last + 1, last)
    forger.insert(last, encode(template))
    forger.do("UPDATE checkpoints SET size = size + 1 WHERE journal = JOURNAL AND size = %s", last + 1)
    forger.do("UPDATE positions SET next_offset = %s WHERE journal = JOURNAL AND topic = %s", offset + 1, topic)


def inflated(forger: Forger) -> int:
    """A contribution is raised, and so is every balance of the worker from there on: all sums are right."""
    index = accrual(forger)
    entries = told(forger)
    row = entries[index]["contributions"][0]
    row["amount"] += 100
    worker = entries[index]["event"]["subject"]
    for at, entry in enumerate(entries):
        whose = entry.get("worker") or entry.get("event", {}).get("subject")
        if at < index or whose != worker or "balances" not in entry:
            continue
        for balance in entry["balances"]:
            if (balance["scheme"], balance["fund"], balance["unit"]) == (row["scheme"], row["fund"], row["unit"]):
                balance["accrued"] += 100
        forger.set_leaf(at, encode(entry))
    return index


def other_scheme(forger: Forger) -> int:
    """The text of the scheme that the journal records is swapped for one with another rate."""
    index = forger.of_kind("scheme")[0]

    def change(content: dict[str, Any]) -> None:
        content["event"]["data"]["text"] = content["event"]["data"]["text"].replace("0.01", "0.02")

    forger.edit(index, change)
    return index


def other_scheme_with_its_digest(forger: Forger) -> None:
    """The same, with the digest of the other text."""

    def change(content: dict[str, Any]) -> None:
        data = content["event"]["data"]
        data["sha256"] = sha256(data["text"].encode()).hexdigest()

    forger.edit(other_scheme(forger), change)


def other_scheme_everywhere(forger: Forger) -> int:
    """The same, in all journals."""
    for journal in (0, 1):
        own = forger.elsewhere(journal)
        other_scheme_with_its_digest(own)
        own.resign(own.signers())
    return forger.of_kind("accrual")[0]


def other_time(forger: Forger) -> None:
    """A gig is said to have been on another day of the same month."""
    forger.edit(accrual(forger), set_in("event", "time", to="2026-03-02T08:15:30Z"))


D, K, S, C, R = Who.DATABASE, Who.KEYS, By.STORED, By.COMPARED, By.RECOMPUTED
JOURNALS: tuple[Forgery, ...] = (
    Forgery("the last entry is deleted", D, S, "L5", "head: expected .*entries .* are missing", last_gone, "L2"),
    Forgery("an entry is added behind the head", D, S, "L5", "head: expected no entry from size", beyond),
    Forgery(
        "a journal is set back to an earlier checkpoint, in every table", D, C, "L6", "expected the .* it signs",
        set_back,
    ),
    Forgery(
        "all of the database is set back, as an old backup is", D, C, "L6", "expected the .* entries it signs",
        all_set_back,
    ),
    Forgery("a journal is hidden", D, S, "L2", "journal: expected it, as entry 0 names 2", hidden, "L2"),
    Forgery(
        "a journal's entries are deleted, all of them", D, S, "L2", "entry 0: expected the entry that opens",
        run("DELETE FROM entries WHERE journal = JOURNAL"), "L2",
    ),
    Forgery("two journals change places", D, S, "L5", "own journal", exchanged, "L5"),
    Forgery(
        "a worker's gig is shown in another journal", D, S, "L3", "subject: expected a worker of journal",
        moved, "L2",
    ),
    Forgery(
        "entries of a journal that nobody knows are added", D, S, "L5", "entries: expected no rows of a journal",
        run("UPDATE entries SET journal = 9 WHERE journal <> JOURNAL"), "L2",
    ),
    Forgery(
        "the head says another size", D, S, "L5", "head: expected no entry from size",
        run("UPDATE heads SET size = size - 1 WHERE journal = JOURNAL"),
    ),
    Forgery(
        "the head's peaks are others", D, S, "L6", "head: ",
        run("UPDATE heads SET frontier = '\\x00' WHERE journal = JOURNAL"),
    ),
    Forgery(
        "the head says that more was published", D, S, "L6", "expected a checkpoint published",
        run("UPDATE heads SET published_size = 99999 WHERE journal = JOURNAL"),
    ),
    Forgery(
        "the ledger's row names another ledger", D, S, "L6", "expected the ledger that the database names",
        run("UPDATE ledger SET name = 'other.localhost'"),
    ),
    Forgery(
        "the ledger's row counts more journals", D, S, "L2", "expected 2 journals, as entry 0 names, got 3",
        run("UPDATE ledger SET journals = 3"),
    ),
    Forgery(
        "duplicates are counted that never came", D, S, "L12", "position of .*: expected next offset",
        run("UPDATE positions SET duplicates = duplicates + 1 " + GOJEK),
    ),
    Forgery(
        "a gap is counted that is none", D, S, "L12", "position of .*: expected next offset",
        run("UPDATE positions SET gap = gap + 1 " + GOJEK),
    ),
    Forgery(
        "records are skipped: the next offset is set forward", D, S, "L12", "position of .*: expected next offset",
        run("UPDATE positions SET next_offset = next_offset + 1 " + GOJEK),
    ),
    Forgery(
        "a topic is forgotten", D, S, "L12", "position of .*, got none",
        run("DELETE FROM positions " + GOJEK),
    ),
    Forgery(
        "a checkpoint in the history becomes nonsense", D, S, "L6", "checkpoint of size .*: expected one signed by",
        checkpoint(lambda f, size: b"nonsense"), "L6",
    ),
    Forgery(
        "a checkpoint in the history is another journal's", D, S, "L6", "checkpoint of size .*: expected one",
        checkpoint(lambda f, size: beside(f, size, 1)), "L6",
    ),
    Forgery(
        "all checkpoints are deleted", D, S, "L6", "are unsigned",
        run("DELETE FROM checkpoints WHERE journal = JOURNAL"), "L2",
    ),
    Forgery(
        "a stored tile is changed", D, S, "L6", "expected the hashes of its entries",
        tile("hashes = set_byte(hashes, 40, 7 # get_byte(hashes, 40))"), "L2",
    ),
    Forgery(
        "a stored tile's root is changed", D, S, "L6", "expected the root over its hashes",
        tile("root = set_byte(root, 0, 7 # get_byte(root, 0))"), "L2",
    ),
    Forgery("a stored tile is deleted", D, S, "L6", "tile", run("DELETE FROM tiles WHERE journal = JOURNAL"), "L2"),
    Forgery(
        "the checkpoints published outside are deleted", Who.BROKER, C, "L6", "expected the checkpoint published at",
        lambda f: None,
    ),
    Forgery(
        "a journal's keys are swapped and all of it is signed again", D, C, "L6", "expected one signed by",
        under_other_keys,
    ),
    Forgery(
        "a checkpoint is signed beside the log, and kept in its history", K, S, "L6", "got another, signed beside it",
        checkpoint(beside), "L6",
    ),
    Forgery(
        "a checkpoint is signed for a size that it has not", K, S, "L6", "expected that size",
        checkpoint(lambda f, size: beside(f, size + 1)), "L6",
    ),
    Forgery(
        "entry 0 names another key for another journal, signed again", K, S, "L6",
        "expected the ledger, journals and verifier keys that journal 0 names", again(named_otherwise), "L6",
    ),
    Forgery(
        "a gig is inserted and the journal signed again", K, C, "L6", "expected the tree's root, got another",
        again(inserted),
    ),
    Forgery(
        "a gig's time is changed and the journal signed again", K, C, "L6", "expected the tree's root, got another",
        again(other_time),
    ),
    Forgery(
        "a balance is raised with all its sums, and the journal signed again", K, R, "L4", "contribution 1",
        again(inflated),
    ),
    Forgery(
        "a scheme's text is changed and the journal signed again", K, S, "L4", "expected the digest of its text",
        again(other_scheme),
    ),
    Forgery(
        "a scheme is swapped for another in one journal, signed again", K, S, "L4", "expected the text that journal",
        again(other_scheme_with_its_digest),
    ),
    Forgery(
        "a scheme is swapped for another in all journals, signed again", K, R, "L4", "contribution|scheme",
        other_scheme_everywhere,
    ),
)  # fmt: skip
