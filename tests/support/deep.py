"""The deep checker: every ledger test ends in it. Naive, slow, and written apart from the code that it judges.

`check_ledger_deeply` reads a ledger's database as it stands and works everything out again with other means: JSON by
`json` and `rfc8785`, the tree by RFC 6962's own recursion, signatures by the `cryptography` package on the note's
text, event keys and salts by their written definitions, sums by adding up. Only a worker's standing is folded by the
domain's code, since that is what a standing is defined by. It knows the laws and no short cut; `ledger.audit` is
another road to the same answer.

Laws, in the order of the code: L5 density, canonical leaves, columns; L3 keys and causes; L12 offsets; L1 balances;
rejections; L6 heads, tiles, checkpoints and what was published; standings.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import Any

import msgspec
import psycopg
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from contracts import entry as entries
from ledger.accounts import account_of
from ledger.acts import Acts
from ledger.domain.standing import Account
from ledger.errors import InvariantError

KINDS = {
    **{"accrual": 0, "rejection": 1, "ledger": 2, "scheme": 3, "platform": 4, "adjustment": 5, "reversal": 6},
    **{"worker": 7, "dispute": 8, "remittance": 9, "close": 10, "correction": 11, "notice": 12, "key": 13},
}
POSTED = {"event", "contributions", "balances"}
FURTHER = {"worker", "contributions", "balances"}
MEMBERS: dict[str, list[set[str]]] = {
    "accrual": [POSTED, FURTHER],
    "rejection": [{"rejection"}],
    "ledger": [{"event"}],
    "scheme": [{"event"}],
    "platform": [{"event"}],
    "key": [{"event"}],
    "adjustment": [POSTED | {"refers_to"}, FURTHER],
    "reversal": [POSTED | {"refers_to"}, FURTHER],
    "worker": [POSTED, POSTED | {"refers_to"}, FURTHER],
    "dispute": [POSTED, POSTED | {"refers_to"}, FURTHER],
    "remittance": [{"event"}, POSTED, FURTHER],
    "close": [{"event"}, FURTHER],
    "correction": [FURTHER | {"refers_to", "reason"}],
    "notice": [{"worker", "balances", "notices"}],
}
STATES = ("accrued", "credit", "drawn", "remitted", "returned", "withheld")
COMMON = {"format", "engine", "journal", "index", "kind", "cause", "received_at", "salt"}


def check_ledger_deeply(
    url: str,
    *,
    published: Mapping[int, bytes] | None = None,
    secrets: Mapping[int, bytes] | None = None,
    opened: bool = True,
) -> int:
    """Check all journals of the database at `url`; give the number of entries.

    `published` are the newest checkpoints on `iuran.checkpoints` (notes) by journal, `secrets` the journals' secrets;
    what is not given is not checked. `opened`: entry 0 must open the ledger (tests without founding say False).
    Raises AssertionError listing all that does not hold.
    """
    wrong: list[str] = []
    entered = 0
    with psycopg.connect(url) as connection:
        heads = _rows(
            connection,
            "SELECT h.journal, h.size, frontier, vkey, published_size, c.note FROM heads h "
            "LEFT JOIN checkpoints c ON c.journal = h.journal AND c.size = published_size ORDER BY 1",
        )
        ledger = _rows(connection, "SELECT journals FROM ledger")
        if ledger != [(len(heads),)] or [head[0] for head in heads] != list(range(len(heads))):
            wrong.append(f"heads: expected journals 0 to {ledger}, got {[head[0] for head in heads]}")
        for head in heads:
            number = head[0]
            journal = _Journal(connection, number, wrong)
            journal.check_leaves(opened)
            journal.check_causes()
            journal.check_balances()
            journal.check_rejections()
            journal.check_tree(head, (published or {}).get(number))
            journal.check_standings()
            if secrets is not None:
                journal.check_salts(secrets[number])
            entered += len(journal.told)
        wrong += _check_strays(connection, len(heads))
    assert not wrong, "the ledger does not hold:\n" + "\n".join(wrong)
    return entered


class _Journal:
    """One journal, read whole."""

    def __init__(self, connection: psycopg.Connection, number: int, wrong: list[str]) -> None:
        self.connection = connection
        self.number = number
        self.wrong = wrong
        self.rows = _rows(
            connection,
            'SELECT "index", kind, event_key, worker, leaf FROM entries WHERE journal = %s ORDER BY "index"',
            number,
        )
        self.leaves = [bytes(row[4]) for row in self.rows]
        self.told: list[dict[str, Any]] = [json.loads(leaf) for leaf in self.leaves]

    def say(self, law: str, what: str) -> None:
        self.wrong.append(f"{law} journal {self.number} {what}")

    def check_leaves(self, opened: bool) -> None:
        """L5, the written form, and the columns that repeat what a leaf says."""
        if [row[0] for row in self.rows] != list(range(len(self.rows))):
            self.say("L5", "indexes: expected 0 to n-1 without a gap")
        keys = []
        for (index, kind, key, worker, _), leaf, entry in zip(self.rows, self.leaves, self.told, strict=True):
            where = f"entry {index}"
            if rfc8785.dumps(entry) != leaf or len(leaf) > 65_535:
                self.say("L4", f"{where}: expected canonical JSON of at most 65,535 bytes")
            if set(entry) - COMMON not in MEMBERS.get(entry["kind"], []) or not set(entry) >= COMMON:
                self.say("L4", f"{where}: expected the members of its kind, got {sorted(entry)}")
            if entry["format"] != "iuran-entry/v1" or any(not 0 <= to < index for to in entry.get("refers_to", ())):
                self.say("L4", f"{where}: expected iuran-entry/v1 that refers to earlier entries only")
            if (entry["journal"], entry["index"], KINDS[entry["kind"]]) != (self.number, index, kind):
                self.say("L2", f"{where}: expected its place and kind in the row as in the leaf")
            if worker != _worker_of(entry):
                self.say("L2", f"{where}: expected the worker whose balances it shows, got {worker}")
            cause = entry["cause"]
            expected = None
            if "event" in entry:
                text = f"{self.number}\n{cause.get('source')}\n{cause.get('id')}"
                expected = sha256(text.encode()).digest()[:16]
                keys.append(expected)
            if (None if key is None else key.bytes) != expected:
                self.say("L3", f"{where}: expected the event key of its cause")
            if ("source" in cause) != ("id" in cause):
                self.say("L3", f"{where}: expected source and id together")
        if len(keys) != len(set(keys)):
            self.say("L3", "event keys: expected each once")
        if opened and (not self.told or self.told[0]["kind"] != "ledger"):
            self.say("L4", "entry 0: expected it to open the ledger")

    def check_causes(self) -> None:
        """L12 and L3: along each topic, offsets are entries, counted duplicates or gaps; parts come in order."""
        reached: dict[str, int] = defaultdict(int)
        whole, parts, before = 0, 0, None
        for entry in self.told:
            cause = entry["cause"]
            since = cause["since"]
            part, of = cause["part"]
            if cause["partition"] != self.number:
                self.say("L3", f"entry {entry['index']}: expected a cause in partition {self.number}")
            own = {name: cause.get(name) for name in ("topic", "offset", "sha256", "source", "id")}
            if (
                (part, of) != ((whole + 1, parts) if whole < parts else (1, of))
                or of < 1
                or (part > 1 and own != before)
            ):
                self.say("L3", f"entry {entry['index']}: expected part {whole + 1} of {parts} or a new record")
            whole, parts, before = part, of, own
            if part > 1:
                if since != {"duplicates": 0, "gap": 0}:
                    self.say("L12", f"entry {entry['index']}: expected no counts between parts")
                continue
            if min(since.values()) < 0 or cause["offset"] != reached[cause["topic"]] + sum(since.values()):
                self.say("L12", f"entry {entry['index']}: expected offset {reached[cause['topic']]} after {since}")
            reached[cause["topic"]] = cause["offset"] + 1
        if whole != parts:
            self.say("L3", f"last entry: expected all {parts} parts of its record, got {whole}")
        stored = _rows(
            self.connection, "SELECT topic, next_offset, duplicates, gap FROM positions WHERE journal = %s", self.number
        )
        for topic, next_offset, duplicates, gap in stored:
            if min(duplicates, gap) < 0 or next_offset != reached[topic] + duplicates + gap:
                self.say(
                    "L12", f"position of {topic}: expected {reached[topic]} + {duplicates} + {gap}, got {next_offset}"
                )
        if not set(reached) <= {row[0] for row in stored}:
            self.say("L12", f"positions: expected one for each of {sorted(reached)}")

    def check_balances(self) -> None:
        """L1: each worker's balances are the sums of all their contributions so far, in order, none left out."""
        totals: dict[str, dict[tuple[str, str, str, str], int]] = defaultdict(dict)
        for entry in self.told:
            worker = _worker_of(entry)
            if worker is None:
                continue
            own = totals[worker]
            for row in entry.get("contributions", ()):
                state = row.get("state", "accrued")
                fund = (row["scheme"], row["fund"], row["unit"], state)
                own.setdefault((*fund[:3], "accrued"), 0)
                own[fund] = own.get(fund, 0) + row["amount"]
                if not row["amount"] or row.get("state") == "accrued" or state not in STATES:
                    self.say("L1", f"entry {entry['index']}: expected no contribution of 0, and a state that is one")
            stated = [(row["scheme"], row["fund"], row["unit"]) for row in entry["balances"]]
            if stated != sorted({key[:3] for key in own}):
                self.say("L1", f"entry {entry['index']}: expected balances of {sorted(own)}, got {stated}")
            shown = {(*fund, state): row[state] for fund, row in zip(stated, entry["balances"], strict=True)
                     for state in STATES if state in row}  # fmt: skip
            if any(shown.get(key, 0) != amount for key, amount in own.items()) or not shown.keys() <= own.keys():
                self.say("L1", f"entry {entry['index']}: expected balances {sorted(own.items())}, got {shown}")

    def check_rejections(self) -> None:
        """Each refused record is kept beside the entry that refuses it, and nothing else is."""
        stored = _rows(
            self.connection,
            'SELECT "index", topic, partition, "offset", code, value, erased_at IS NOT NULL FROM rejections '
            "WHERE journal = %s ORDER BY 1",
            self.number,
        )
        # an erased row has no bytes left to hash: its entry's hash stands alone
        hashes = {entry["index"]: entry["cause"]["sha256"] for entry in self.told}
        kept = [
            (*row[:5], hashes.get(row[0]) if row[6] else sha256(b"" if row[5] is None else bytes(row[5])).hexdigest())
            for row in stored
        ]
        refused = []
        for entry in self.told:
            if entry["kind"] == "rejection":
                cause = entry["cause"]
                place = (entry["index"], cause["topic"], cause["partition"], cause["offset"])
                refused.append((*place, entry["rejection"]["code"], cause["sha256"]))
        if kept != refused:
            self.say("L12", f"rejections: expected the rows {refused}, got {kept}")

    def check_tree(self, head: Sequence[Any], outside: bytes | None) -> None:
        """L6: head and every checkpoint are of the tree over these leaves, signed by the journal's key."""
        _, size, frontier, vkey, published_size, published = head
        hashes = tuple(sha256(b"\x00" + leaf).digest() for leaf in self.leaves)

        @cache
        def root(start: int, end: int) -> bytes:
            """RFC 6962 section 2.1, word for word."""
            if end - start == 0:
                return sha256().digest()
            if end - start == 1:
                return hashes[start]
            split = 1
            while split * 2 < end - start:
                split *= 2
            return sha256(b"\x01" + root(start, start + split) + root(start + split, end)).digest()

        self._check_tiles(len(hashes), root)
        if size != len(hashes):
            self.say("L5", f"head: expected size {len(hashes)}, got {size}")
        peaks, start = [], 0
        for bit in reversed(range(len(hashes).bit_length())):
            if len(hashes) >> bit & 1:
                peaks.append(root(start, start + (1 << bit)))
                start += 1 << bit
        if bytes(frontier) != len(hashes).to_bytes(8, "big") + b"".join(peaks):
            self.say("L6", "head: expected the frontier of the leaves")
        notes = _rows(
            self.connection, "SELECT size, note FROM checkpoints WHERE journal = %s ORDER BY size", self.number
        )
        if (notes[-1][0] if notes else 0) != len(hashes):
            self.say("L6", f"checkpoints: expected the newest at size {len(hashes)}")
        seen = [(row[0], bytes(row[1]), "checkpoint") for row in notes]
        if published is not None:
            seen.append((published_size, bytes(published), "published checkpoint"))
        elif published_size:
            self.say("L8", f"head: expected a published checkpoint at size {published_size}")
        if outside is not None:
            seen.append((int(outside.split(b"\n")[1]), outside, "checkpoint outside"))
        for stated, note, what in seen:
            if not 0 < stated <= len(hashes):
                self.say("L6", f"{what} of size {stated}: expected one of 1 to {len(hashes)}")
            elif (fault := _note_fault(note, vkey, stated, root(0, stated))) is not None:
                self.say("L6", f"{what} of size {stated}: {fault}")

    def _check_tiles(self, size: int, root: Callable[[int, int], bytes]) -> None:
        """L5 and L6: every full tile of the tree is stored, as c2sp.org/tlog-tiles defines it, and nothing else."""
        expected = []
        for level in range(8):
            nodes = [root(i << 8 * level, i + 1 << 8 * level) for i in range(size >> 8 * level)]
            for number in range(len(nodes) // 256):
                hashes = nodes[number * 256 : number * 256 + 256]
                start, width = number << 8 * (level + 1), 256 << 8 * level
                expected.append((level, number, root(start, start + width), b"".join(hashes)))
        stored = _rows(
            self.connection,
            "SELECT level, number, root, hashes FROM tiles WHERE journal = %s ORDER BY 1, 2",
            self.number,
        )
        if [(level, number, bytes(top), bytes(row)) for level, number, top, row in stored] != expected:
            self.say("L6", f"tiles: expected the {len(expected)} of its tree, got others")

    def check_standings(self) -> None:
        """A stored standing is what folding the worker's entries up to it gives, under the schemes enacted by then."""
        stored = _rows(self.connection, "SELECT worker, as_of, account FROM standings WHERE journal = %s", self.number)
        for worker, as_of, account in stored:
            acts = Acts()
            for leaf in self.leaves[: as_of + 1]:
                with contextlib.suppress(ValueError):  # said already where the leaf is checked
                    acts.take(entries.decode(leaf))
            mine = [row[0] for row in self.rows if row[3] == worker and row[0] <= as_of]
            folded = Account(worker)
            try:
                folded = account_of(worker, [entries.decode(self.leaves[index]) for index in mine], acts).account
            except (entries.EntryError, InvariantError) as error:
                self.say("L4", f"entries of a worker: expected facts that can be folded, got {error}")
            if mine[-1:] != [as_of] or msgspec.json.decode(bytes(account)) != folded.dump():
                self.say("L9", f"standing as of {as_of}: expected the fold of the worker's entries up to it")

    def check_salts(self, secret: bytes) -> None:
        """Each salt is the journal's own for its cause."""
        for entry in self.told:
            cause = entry["cause"]
            place = "\n".join(
                str(part) for part in (cause["topic"], cause["partition"], cause["offset"], cause["part"][0])
            )
            made = hmac.new(secret, b"iuran-salt/v1\n" + place.encode(), "sha256").hexdigest()[:32]
            if entry["salt"] != made:
                self.say("L4", f"entry {entry['index']}: expected salt {made}")


def _worker_of(entry: Mapping[str, Any]) -> str | None:
    """The worker whose balances an entry shows, if any."""
    if "balances" not in entry:
        return None
    return str(entry["worker"] if "worker" in entry else entry["event"]["subject"])


def _note_fault(note: bytes, vkeys: str, size: int, root: bytes) -> str | None:
    """What is wrong with a signed checkpoint of this size and root under these verifier keys (c2sp.org/signed-note).

    Of each algorithm one of the keys must have signed it, and whichever has must have signed this.
    """
    text, _, signatures = note.partition(b"\n\n")
    known = {tuple(line.split("+", 2)[:2]): base64.b64decode(line.split("+", 2)[2]) for line in vkeys.split("\n")}
    name = vkeys.partition("+")[0]
    expected = f"{name}\n{size}\n{base64.b64encode(root).decode()}"
    if text.decode() != expected:
        return f"expected {expected!r}, got {text.decode()!r}"
    signed = set()
    for line in signatures.decode().splitlines():
        dash, signer, encoded = line.split(" ")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            return f"expected a signature in base64, got {encoded}"
        key = known.get((signer, raw[:4].hex()), b"")
        if dash != "\u2014" or not key:
            continue
        try:
            if key[0] == 0x01:
                Ed25519PublicKey.from_public_bytes(key[1:]).verify(raw[4:], text + b"\n")
            else:
                MLDSA44PublicKey.from_public_bytes(key[1:]).verify(raw[12:], _tree_head(name, raw[4:12], size, root))
        except InvalidSignature:
            return "expected its key's signature, got another"
        signed.add(key[0])
    return None if signed == {0x01, 0x06} else f"expected signatures by both keys of {name}, got {sorted(signed)}"


def _tree_head(name: str, time: bytes, size: int, root: bytes) -> bytes:
    """What an ML-DSA-44 key signs of a log's own checkpoint (c2sp.org/tlog-cosignature, subtree/v1)."""
    own = bytes([len(name)]) + name.encode()
    return b"subtree/v1\n\0" + own + time + own + bytes(8) + size.to_bytes(8, "big") + root


def _check_strays(connection: psycopg.Connection, journals: int) -> list[str]:
    """No row speaks of a journal that there is not."""
    wrong = []
    for table in ("entries", "checkpoints", "tiles", "rejections", "positions", "standings"):
        beyond = _rows(connection, f"SELECT count(*) FROM {table} WHERE journal NOT BETWEEN 0 AND %s", journals - 1)
        if beyond != [(0,)]:
            wrong.append(f"{table}: expected rows of {journals} journals only, got {beyond[0][0]} others")
    return wrong


def _rows(connection: psycopg.Connection, query: str, *values: object) -> list[tuple[Any, ...]]:
    return connection.execute(query, values).fetchall()  # type: ignore[call-overload, no-any-return]
