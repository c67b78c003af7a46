"""Trust policies: which logs are known, which witnesses, and how many of them must have cosigned a checkpoint.

A policy is a file of lines (`log`, `witness`, `group`, `quorum`), read as octets: names and addresses are opaque, not
text. It is read from top to bottom: what a line names must stand above it, so groups cannot go in circles and are
counted in one pass. Formatter and parser stand side by side; comments and spacing are not kept.

PolicyError is the only exception of the parser. Knows no gig and no network.
Source: c2sp.org/tlog-policy (main).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

from ledger.log import note
from ledger.log.checkpoint import Checkpoint, check_empty_root, parse_any
from ledger.log.keys import AnyVerifier, LogVerifier, WitnessVerifier, parse_log_vkey, parse_witness_vkey
from ledger.log.note import NoteError, Signature

POLICY_BYTES_MAX = 1 << 23
LINES_OF_A_KIND_MAX = 4096  # logs, witnesses, groups: the specification asks for at least 32 of each
NONE = b"none"
_CONTROL = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")
_SPACES = re.compile(rb"[ \t]+")
_THRESHOLD = re.compile(rb"[1-9][0-9]{0,4}")


class PolicyError(ValueError):
    """A policy file that is not one; the message names the line."""


class Log(NamedTuple):
    """A log whose checkpoints are accepted: its key, named as its origin, and where it is, if said."""

    verifier: LogVerifier
    url: bytes | None = None


class Witness(NamedTuple):
    """A witness under the policy's own name for it: its key, and where it is asked, if said."""

    name: bytes
    verifier: WitnessVerifier
    url: bytes | None = None


class Group(NamedTuple):
    """Members (witnesses and earlier groups) of which at least `threshold` must have witnessed a checkpoint."""

    name: bytes
    threshold: int
    members: tuple[bytes, ...]


class Witnessed(NamedTuple):
    """A log's checkpoint, which witnesses cosigned it (their names in the policy), and whether they are a quorum."""

    checkpoint: Checkpoint
    cosigned: frozenset[bytes]
    quorum: bool


class Policy(NamedTuple):
    """What a policy file says, in its order; `quorum` names a witness, a group, or is `none`."""

    logs: tuple[Log, ...]
    witnesses: tuple[Witness, ...]
    groups: tuple[Group, ...]
    quorum: bytes

    def reached(self, cosigned: Collection[bytes]) -> bool:
        """Tell whether the witnesses of these names make the quorum; names that are no witness's count for nothing."""
        met = {witness.name for witness in self.witnesses}.intersection(cosigned)
        for group in self.groups:
            if len(met.intersection(group.members)) >= group.threshold:
                met.add(group.name)
        return self.quorum == NONE or self.quorum in met

    def open(self, note_bytes: bytes) -> Witnessed:
        """Give the checkpoint that one of the logs signed, with the witnesses that cosigned it.

        Whether the quorum was reached is told, not asked: callers who need it look at `quorum`. Any log's checkpoint
        may have extension lines, which nobody is given. Raises NoteError, in this order: a malformed note; a text
        that is no checkpoint; a signature of a log of that origin that does not verify, or none; a known witness's
        cosignature that does not verify.
        """
        text, signatures = note.parse(note_bytes)
        checkpoint = parse_any(text)
        check_empty_root(checkpoint)
        note.verify(text, signatures, [log.verifier for log in self.logs if log.verifier.name == checkpoint.origin])
        cosigned = self.cosigned(text, signatures)
        return Witnessed(checkpoint, cosigned, self.reached(cosigned))

    def cosigned(self, text: str, signatures: Iterable[Signature]) -> frozenset[bytes]:
        """Give the names of the witnesses whose signatures over a checkpoint's text these are; others are ignored.

        Raises NoteError if a known witness's does not verify.
        """
        names = {(w.verifier.name, w.verifier.key_id): w.name for w in self.witnesses}
        known = [signature for signature in signatures if (signature.name, signature.key_id) in names]
        if known:
            note.verify(text, known, [witness.verifier for witness in self.witnesses])
        return frozenset(names[signature.name, signature.key_id] for signature in known)

    def format(self) -> bytes:
        """Give the file, one space between items, as `parse` reads it back; raises PolicyError for no policy."""
        lines = [_line(b"log", log.verifier.vkey().encode(), log.url) for log in self.logs]
        lines += [_line(b"witness", w.name, w.verifier.vkey().encode(), w.url) for w in self.witnesses]
        lines += [_line(b"group", g.name, b"%d" % g.threshold, *g.members) for g in self.groups]
        written = b"".join((*lines, _line(b"quorum", self.quorum)))
        if parse(written) != self:
            raise PolicyError("policy: expected names and addresses without spaces, got one that reads otherwise")
        return written


def parse(content: bytes) -> Policy:
    """Give the policy that a file says.

    Raises PolicyError, in this order: more than 8 MiB; an octet that is neither tab, newline nor printable; a last line
    without a newline; then line by line: an unknown keyword or another number of items than it takes; a name that is
    taken or `none`; a key that is none or not of its type; two lines of a kind with one public key; a member or quorum
    not named above, a member named before; a threshold not within 1 to the members; a second quorum; more than 4,096
    lines of a kind; and at the end no quorum.
    """
    if len(content) > POLICY_BYTES_MAX:
        raise PolicyError(f"policy: expected at most {POLICY_BYTES_MAX} bytes, got {len(content)}")
    refused = _CONTROL.search(content)
    if refused is not None:
        raise PolicyError(f"policy: expected no control characters but tab and newline, got one at {refused.start()}")
    lines = content.split(b"\n")
    if lines.pop() != b"":
        raise PolicyError("policy: expected a newline at the end of each line, got a last line without")
    reading = _Reading()
    for number, line in enumerate(lines, 1):
        items = _SPACES.split(line.strip(b" \t"))
        if items[0] == b"" or items[0].startswith(b"#"):
            continue
        try:
            reading.line(items[0], items[1:])
        except (PolicyError, NoteError) as error:
            raise PolicyError(f"policy line {number}: {error}") from None
    return reading.policy()


class _Reading:
    """A policy half read: what stands above the next line."""

    def __init__(self) -> None:
        self._logs: list[Log] = []
        self._witnesses: list[Witness] = []
        self._groups: list[Group] = []
        self._quorum: bytes | None = None
        self._names: set[bytes] = set()
        self._members: set[bytes] = set()
        self._log_keys = _Keys()
        self._witness_keys = _Keys()

    def line(self, keyword: bytes, items: list[bytes]) -> None:
        """Take one line; raises PolicyError or NoteError for one that cannot stand here."""
        if keyword == b"log":
            (vkey,), url = _items("log", items, 1)
            log_key = parse_log_vkey(_text(vkey))
            self._log_keys.add(log_key)
            self._logs.append(Log(log_key, url))
        elif keyword == b"witness":
            (name, vkey), url = _items("witness", items, 2)
            self._define(name)
            witness_key = parse_witness_vkey(_text(vkey))
            self._witness_keys.add(witness_key)
            self._witnesses.append(Witness(name, witness_key, url))
        elif keyword == b"group":
            self._groups.append(self._group(items))
        elif keyword == b"quorum":
            self._set_quorum(items)
        else:
            raise PolicyError(f"keyword: expected log, witness, group or quorum, got {keyword[:40]!r}")
        if max(len(self._logs), len(self._witnesses), len(self._groups)) > LINES_OF_A_KIND_MAX:
            raise PolicyError(f"{keyword.decode()}: expected at most {LINES_OF_A_KIND_MAX} lines, got more")

    def policy(self) -> Policy:
        if self._quorum is None:
            raise PolicyError("quorum: expected one line, got none")
        return Policy(tuple(self._logs), tuple(self._witnesses), tuple(self._groups), self._quorum)

    def _define(self, name: bytes) -> None:
        if name == NONE or name in self._names:
            raise PolicyError(f"name: expected a new one other than `none`, got {name[:40]!r}")
        self._names.add(name)

    def _group(self, items: list[bytes]) -> Group:
        if len(items) < 3:
            raise PolicyError(f"group: expected a name, a threshold and one or more members, got {len(items)} items")
        name, word, *members = items
        above = frozenset(self._names)
        self._define(name)
        for member in members:
            if member not in above:
                raise PolicyError(f"group member: expected a name defined above, got {member[:40]!r}")
            if member in self._members:
                raise PolicyError(f"group member: expected each name once in all groups, got {member[:40]!r} again")
            self._members.add(member)
        return Group(name, _threshold(word, len(members)), tuple(members))

    def _set_quorum(self, items: list[bytes]) -> None:
        if len(items) != 1:
            raise PolicyError(f"quorum: expected one name, got {len(items)} items")
        if self._quorum is not None:
            raise PolicyError("quorum: expected one line, got a second")
        if items[0] != NONE and items[0] not in self._names:
            raise PolicyError(f"quorum: expected `none` or a name defined above, got {items[0][:40]!r}")
        self._quorum = items[0]


class _Keys:
    """The keys of one kind of line: each public key once, and none that a signature line cannot tell from another."""

    def __init__(self) -> None:
        self._public: set[bytes] = set()
        self._cited: set[tuple[str, bytes]] = set()

    def add(self, verifier: AnyVerifier) -> None:
        if verifier.public_key in self._public:
            raise PolicyError(f"key: expected each public key once, got that of {verifier.name[:80]} again")
        if (verifier.name, verifier.key_id) in self._cited:
            raise PolicyError(
                f"key: expected different names or ids, got another key of {verifier.name[:80]} with its id"
            )
        self._public.add(verifier.public_key)
        self._cited.add((verifier.name, verifier.key_id))


def _items(keyword: str, items: list[bytes], required: int) -> tuple[list[bytes], bytes | None]:
    if not required <= len(items) <= required + 1:
        raise PolicyError(f"{keyword}: expected {required} items and perhaps an address, got {len(items)}")
    return items[:required], items[required] if len(items) > required else None


def _threshold(word: bytes, members: int) -> int:
    if word == b"any":
        return 1
    if word == b"all":
        return members
    if not _THRESHOLD.fullmatch(word) or int(word) > members:
        raise PolicyError(f"group threshold: expected any, all or 1 to {members} in decimal, got {word[:40]!r}")
    return int(word)


def _text(vkey: bytes) -> str:
    try:
        return vkey.decode()
    except UnicodeDecodeError as error:
        raise PolicyError(f"key: expected UTF-8, got another byte at {error.start}") from None


def _line(*items: bytes | None) -> bytes:
    return b" ".join(item for item in items if item is not None) + b"\n"
