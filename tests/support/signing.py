"""Platforms that sign: keys from fixed seeds, and headers made by an independent hand, not by our own."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts import events
from contracts.codec import Record
from tests.support.strategies import GOJEK, Feed

SIGNED = ("data", "id", "source", "subject", "time", "type")


def private_key(word: str = "gojek") -> Ed25519PrivateKey:
    """The same key for the same word."""
    return Ed25519PrivateKey.from_private_bytes(sha256(word.encode()).digest())


def public_text(word: str = "gojek") -> str:
    """The key's public half as `platform.changed` writes it."""
    return base64.b64encode(private_key(word).public_key().public_bytes_raw()).decode()


def message_of(value: bytes) -> bytes:
    """What a platform signs of a record's value."""
    event = json.loads(value)
    return b"iuran-event/v1\n" + rfc8785.dumps({name: event[name] for name in SIGNED})


def signature_of(value: bytes, word: str = "gojek") -> str:
    """The header's value for a record's value."""
    return base64.b64encode(private_key(word).sign(message_of(value))).decode()


def signed(record: Record, word: str = "gojek") -> Record:
    """A record with the platform's signature over its event."""
    header = ("iuran-signature", signature_of(record.value or b"", word).encode())
    return record._replace(headers=(*record.headers, header))


def changed(feed: Feed, platform: str = "gojek", word: str | None = "gojek", **more: Any) -> Record:
    """The operator's act that registers a platform with a key (of a word), `signed_only` or attributes in `more`."""
    if word is not None:
        more["signing_key"] = public_text(word)
    data = events.PlatformChanged(platform=platform, status="active", topic=f"{feed.prefix}gigs.{platform}", **more)
    number = feed.next.get(feed.prefix + "iuran.control", 0)
    return feed.act(events.PLATFORM_CHANGED, f"{platform}/changed/{number}", platform, data)


def signed_gig(feed: Feed, gig_id: str, word: str = "gojek", topic: str = GOJEK, **more: Any) -> Record:
    """A good gig under the platform's signature."""
    return signed(feed.gig(gig_id, topic=topic, **more), word)
