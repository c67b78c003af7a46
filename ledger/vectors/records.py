"""Vectors of what Iuran writes into its leaves: canonical JSON, entries, event keys, salts, platforms' signatures.

Source: RFC 8785; contracts/formats/entry.md; contracts/formats/signature.md.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec

from contracts import canonical
from contracts.entry import (
    ENGINE,
    FORMAT,
    BalanceRow,
    Cause,
    ContributionRow,
    Entry,
    Refusal,
    Since,
    StoredEvent,
    encode,
    event_key,
    salt,
)
from contracts.signing import format_signature, message
from ledger.log.merkle import leaf_hash
from ledger.vectors.cases import Case, bad, content, file_of, flipped, good, in_base64
from ledger.vectors.keyring import ed25519, seed

_VALUES: dict[str, Any] = {
    "null": None,
    "truth": [True, False],
    "integers": [0, -1, 2**53 - 1, -(2**53) + 1],
    "an empty object and array": {"a": {}, "b": []},
    "members in the order of UTF-16 code units": {
        "\u20ac": 1,
        "\r": 2,
        "\ufb33": 3,
        "1": 4,
        "\U0001f600": 5,
        "\x80": 6,
    },
    "characters with an escape": '"\\\b\f\n\r\t\x00\x1f',
    "characters without one": "/\x7f\u2028\u00e9\U0001f600",
    "names that begin alike": {"aa": 1, "a": 2, "A": 3, "": 4},
}
_NOT_CANONICAL = {
    "empty": b"",
    "a space": b'{"a": 1}',
    "a newline at the end": b"1\n",
    "members out of order": b'{"b":1,"a":2}',
    "members out of the order of UTF-16": '{"\ufb33":1,"\U0001f600":2}'.encode(),
    "a member twice": b'{"a":1,"a":1}',
    "a fraction": b"0.5",
    "an exponent": b"1e3",
    "a fraction that is whole": b"1.0",
    "minus zero": b"-0",
    "a leading zero": b"01",
    "2**53": b"9007199254740992",
    "-2**53": b"-9007199254740992",
    "NaN": b"NaN",
    "an escape that is not needed": b'"\\u0061"',
    "an escaped solidus": b'"\\/"',
    "an escape in capitals": b'"\\u001F"',
    "an escape where a short one is": b'"\\u000a"',
    "a lone surrogate": b'"\\ud800"',
    "a control character": b'"\x01"',
    "a byte order mark": b"\xef\xbb\xbf1",
    "no UTF-8": b'"\xff"',
    "a comma at the end": b"[1,]",
    "two values": b"1 2",
}
SECRET = seed("journal secret")


def canonical_json() -> str:
    """Give the file of canonical JSON."""
    cases = [good(name, value=value, canonical=canonical.encode(value).decode()) for name, value in _VALUES.items()]
    cases += [bad(name, **content(octets, "canonical")) for name, octets in _NOT_CANONICAL.items()]
    return file_of("canonical JSON: RFC 8785 without fractions", "RFC 8785 section 3.2; contracts/canonical.py", cases)


def entries() -> str:
    """Give the file of entries with their leaf hashes."""
    accrual = encode(_accrual())
    cases = [
        _entry("a refusal", encode(_entry_of("rejection", 4, rejection=Refusal("malformed")))),
        _entry("a gig", accrual),
        _entry("a further part of the same gig", encode(_accrual(part=(2, 2)))),
    ]
    text = accrual.decode()
    wrong = {
        "empty": "",
        "a space": text.replace(":", ": ", 1),
        "a newline at the end": text + "\n",
        "a member that entries have not": text.replace('{"balances"', '{"a":1,"balances"', 1),
        "a member twice": text.replace('"engine":"1"', '"engine":"1","engine":"1"'),
        "a member missing": text.replace('"engine":"1",', ""),
        "members out of order": text.replace('"engine":"1",', "").replace('{"balances"', '{"engine":"1","balances"', 1),
        "another format": text.replace(FORMAT, "iuran-entry/v2"),
        "another kind": text.replace('"kind":"accrual"', '"kind":"gift"'),
        "members of another kind": text.replace('"kind":"accrual"', '"kind":"rejection"'),
        "an amount that is a fraction": text.replace('"amount":16800', '"amount":16800.0', 1),
        "an amount that is a text": text.replace('"amount":16800', '"amount":"16800"', 1),
        "an event that is not canonical": text.replace('"data":{', '"data":{ ', 1),
        "a fraction in the event": text.replace('"engaged_seconds":900', '"engaged_seconds":900.5'),
    }
    cases += [bad(name, entry=entry) for name, entry in wrong.items()]
    return file_of("entries: their bytes are a leaf", "contracts/formats/entry.md", cases)


def event_keys() -> str:
    """Give the file of the keys under which an event's id is taken."""
    gojek = "urn:iuran:platform:gojek"
    cases = [
        good(
            f"{event} of {source} in journal {journal}",
            journal=str(journal),
            source=source,
            id=event,
            event_key_hex=event_key(journal, source, event).hex(),
        )
        for journal, source, event in ((0, gojek, "G-99"), (3, gojek, "G-99"), (0, "urn:iuran:operator", "A/1"))
    ]
    return file_of(
        "the 16 bytes under which an accepted event's id is taken in a journal",
        "contracts/entry.py: SHA-256 of journal, source and id, a newline between, first 16 bytes",
        cases,
    )


def salts() -> str:
    """Give the file of salts."""
    secrets = {"32 bytes": SECRET, "64 bytes": SECRET * 2, "65 bytes": SECRET * 2 + b"!", "1 byte": b"k"}
    causes = (("gigs.gojek", 0, 8812, 1), ("iuran.control", 3, 0, 2))
    cases = [
        good(
            f"a secret of {name}, {topic} {partition} {offset} part {part}",
            secret_hex=secret.hex(),
            topic=topic,
            partition=str(partition),
            offset=str(offset),
            part=str(part),
            salt=salt(secret, topic, partition, offset, part),
        )
        for name, secret in secrets.items()
        for topic, partition, offset, part in causes
    ]
    return file_of("salts: HMAC-SHA-256 of an entry's cause, first 16 bytes", "contracts/entry.py; RFC 2104", cases)


def event_signatures() -> str:
    """Give the file of platforms' signatures over events."""
    data: dict[str, Any] = {"service": "ride", "currency": "IDR", "components": [{"kind": "fare", "amount": "18500"}]}
    event: dict[str, Any] = {
        "id": "G-99",
        "source": "urn:iuran:platform:gojek",
        "type": "gig.completed.v1",
        "subject": "W-7f3a",
        "time": "2026-03-01T08:15:30Z",
        "data": data,
    }
    key = ed25519("platform")
    signed = _message(event)
    signature = key.sign(signed)
    base: dict[str, Any] = {
        "public_key_base64": in_base64(key.public_key().public_bytes_raw()),
        "event": event,
        "signed_message": signed.decode(),
        "signature": format_signature(signature),
    }
    cases = [good("a gig", **base)]
    cheaper = {**data, "components": [{"kind": "fare", "amount": "1"}]}
    other_key = ed25519("other platform").public_key().public_bytes_raw()
    written = format_signature(signature)
    spoilt: dict[str, Case] = {
        "another amount": {"event": {**event, "data": cheaper}},
        "another worker": {"event": {**event, "subject": "W-7f3b"}},
        "another id": {"event": {**event, "id": "G-98"}},
        "another source": {"event": {**event, "source": "urn:iuran:platform:grab"}},
        "another type": {"event": {**event, "type": "gig.adjusted.v1"}},
        "the time in another spelling": {"event": {**event, "time": "2026-03-01T08:15:30+00:00"}},
        "a bit of the signature": {"signature": format_signature(flipped(signature, 63))},
        "a signature without its context": {"signature": format_signature(key.sign(signed.partition(b"\n")[2]))},
        "base64 without padding": {"signature": written.rstrip("=")},
        "base64 with bits left over": {"signature": written[:-3] + chr(ord(written[-3]) + 1) + "=="},
        "another key": {"public_key_base64": in_base64(other_key)},
    }
    for name, members in spoilt.items():
        case = {**base, **members}
        cases.append(bad(name, **{**case, "signed_message": _message(case["event"]).decode()}))
    return file_of("a platform's signatures over its events", "contracts/formats/signature.md; RFC 8032", cases)


def _message(event: Any) -> bytes:
    named = {name: event[name] for name in ("source", "type", "subject", "time")}
    return message(event["id"], **named, data_json=canonical.encode(event["data"]))


def _entry(name: str, leaf: bytes) -> Case:
    return good(name, entry=leaf.decode(), leaf_hash=leaf_hash(leaf).hex())


def _accrual(part: tuple[int, int] = (1, 2)) -> Entry:
    data = canonical.encode({"components": [{"amount": "18500", "kind": "fare"}], "engaged_seconds": 900})
    event = StoredEvent(msgspec.Raw(data), "W-7f3a", "2026-03-01T08:15:30Z", "gig.completed.v1")
    posted: dict[str, Any] = {
        "contributions": [
            ContributionRow(amount=16_800, fund="JKK", payer="platform:gojek", scheme="ID-JK-PILOT", unit="IDR",
                            version="2026-01-01", window="2026-03")
        ],
        "balances": [BalanceRow(accrued=47_800, fund="JKK", scheme="ID-JK-PILOT", unit="IDR")],
    }  # fmt: skip
    if part[0] == 1:
        return _entry_of("accrual", 3, part, event=event, **posted)
    return _entry_of("accrual", 4, part, worker="W-7f3a", **posted)


def _entry_of(kind: str, index: int, part: tuple[int, int] = (1, 1), **members: Any) -> Entry:
    named = {} if kind == "rejection" else {"id": "G-99", "source": "urn:iuran:platform:gojek"}
    cause = Cause(offset=8812, part=part, partition=0, sha256=sha256(b"{").hexdigest(), since=Since(0, 1),
                  topic="gigs.gojek", **named)  # fmt: skip
    return Entry(cause=cause, engine=ENGINE, format=FORMAT, index=index, journal=0, kind=kind,
                 received_at="2026-03-01T08:15:31.123Z", salt=salt(SECRET, "gigs.gojek", 0, 8812, part[0]),
                 **members)  # fmt: skip
