"""What a platform signs: exact bytes, one spelling of keys and signatures, and the page that shows an example.

`python -m tests.contracts.test_signing` writes the example of formats/signature.md anew.
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import forms, signing
from contracts.codec import Gate, Record, decode
from contracts.events import Event
from contracts.examples import EXAMPLES
from contracts.forms import FormError
from contracts.signing import format_signature, message, parse_signature
from contracts.topics import partition_of
from tests.support.signing import message_of, private_key, public_text, signature_of, signed
from tests.support.strategies import FEW, STORIES, gates, records_of

PAGE = Path(signing.__file__).parent / "formats" / "signature.md"
NAMES = ("gig.completed.v1", "gig.completed.v1.abroad", "gig.adjusted.v1", "gig.reversed.v1")


def accepted(value: bytes) -> Event:
    key = json.loads(value)["subject"].encode()
    event = decode(Record("gigs.gojek", partition_of(key, 8), 0, 1_772_352_931_123, key, value, ()), Gate("gojek", 8))
    assert isinstance(event, Event)
    return event


def signed_bytes(event: Event) -> bytes:
    return message(event.id, event.source, event.type, event.subject, event.time, event.data_json)


@pytest.mark.parametrize("name", NAMES)
def test_the_bytes_are_those_of_an_independent_implementation(name: str) -> None:
    value = EXAMPLES[name]
    assert signed_bytes(accepted(value)) == message_of(value)


@settings(FEW, max_examples=30)
@given(STORIES)
def test_so_they_are_for_every_event_that_is_accepted(story: Any) -> None:
    for record in records_of(story).records:
        event = decode(record, gates()[record.topic])
        if isinstance(event, Event) and record.topic != "iuran.control":
            assert signed_bytes(event) == message_of(record.value or b"")


def test_extensions_and_spelling_do_not_count() -> None:
    """CloudEvents lets others add members and order them: the signature is over the event, not over the record."""
    event = json.loads(EXAMPLES["gig.completed.v1"])
    other = dict(reversed(event.items())) | {"traceparent": "00-1-2-01"}
    assert signed_bytes(accepted(json.dumps(other, indent=1).encode())) == message_of(EXAMPLES["gig.completed.v1"])


@given(st.binary(min_size=64, max_size=64))
def test_a_signature_has_one_spelling(raw: bytes) -> None:
    text = format_signature(raw)
    assert parse_signature(text) == raw
    assert len(text) == 88


BASE = format_signature(bytes(range(64)))
SPOILT = {
    "empty": "",
    "no padding": BASE[:-2],
    "line end": BASE + "\n",
    "space": " " + BASE,
    "63 bytes": base64.b64encode(bytes(63)).decode(),
    "65 bytes": base64.b64encode(bytes(65)).decode(),
    "URL alphabet": BASE[:4].replace(BASE[3], "_") + BASE[4:],
    "unused bits": BASE[:-3] + "B==",
    "hexadecimal": bytes(range(64)).hex(),
    "full width": "\uff21" + BASE[1:],
}


@pytest.mark.parametrize("name", SPOILT)
def test_every_other_spelling_is_refused(name: str) -> None:
    with pytest.raises(FormError):
        parse_signature(SPOILT[name])


def test_every_last_letter_with_unused_bits_is_refused() -> None:
    """Four spellings of the last letter stand for the same bits; only the one with zeros after them is read."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for end, form, length in ((BASE[:-3], parse_signature, 64), (public_text()[:-2], forms.SIGNING_KEY.read, 32)):
        tail = "==" if length == 64 else "="
        read = [letter for letter in alphabet if _reads(form, end + letter + tail)]
        same = {base64.b64encode(base64.b64decode(end + letter + tail)).decode() for letter in alphabet}
        assert {end + letter + tail for letter in read} == same
        with pytest.raises(FormError):
            form(end + letter_beyond(alphabet, read) + tail)


def letter_beyond(alphabet: str, read: list[str]) -> str:
    return next(letter for letter in alphabet if letter not in read)


def _reads(form: Any, text: str) -> bool:
    try:
        form(text)
    except FormError:
        return False
    return True


@pytest.mark.parametrize("length", [0, 63, 65])
def test_a_signature_of_another_length_is_not_written(length: int) -> None:
    with pytest.raises(FormError):
        format_signature(bytes(length))


@given(st.binary(min_size=1, max_size=8))
def test_real_keys_are_read(word: bytes) -> None:
    key = private_key(word.hex()).public_key().public_bytes_raw()
    assert forms.SIGNING_KEY.read(base64.b64encode(key).decode()) == key


# -- the page ------------------------------------------------------------------------------------------------------


def blocks() -> dict[str, str]:
    """What stands between the page's `begin` and `end` marks, by name."""
    value = EXAMPLES["gig.completed.v1"]
    signature = signature_of(value, "example")
    seed = private_key("example").private_bytes_raw().hex()
    return {
        "event": f"```json\n{json.dumps(json.loads(value), indent=1)}\n```\n",
        "message": f"```\n{message_of(value).decode()}\n```\n",
        "figures": (
            f"| private key, hexadecimal (the 32 bytes of RFC 8032) | `{seed}` |\n"
            f"| `signing_key` | `{public_text('example')}` |\n"
            f"| bytes signed | {len(message_of(value))} |\n"
            f"| `iuran-signature` | `{signature}` |\n"
        ),
    }


def page(text: str) -> str:
    """The page with every block as it must be."""
    for name, block in blocks().items():
        marks = re.compile(f"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
        text = marks.sub(lambda match, block=block: match[1] + block + match[2], text)  # type: ignore[misc]
    return text


def test_the_page_of_the_format_is_in_step() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), "write it anew: python -m tests.contracts.test_signing"
    assert sorted(re.findall("<!-- begin (.*) -->", text)) == sorted(blocks())
    assert signing.HEADER in text and signing.CONTEXT.decode().strip() in text


def test_the_example_is_what_the_code_reads() -> None:
    value = EXAMPLES["gig.completed.v1"]
    event = accepted(value)
    public = Ed25519PublicKey.from_public_bytes(forms.SIGNING_KEY.read(public_text("example")))
    public.verify(parse_signature(signature_of(value, "example")), signed_bytes(event))
    record = Record("gigs.gojek", 0, 0, 0, b"", value, ())
    assert dict(signed(record, "example").headers)[signing.HEADER] == signature_of(value, "example").encode()
    assert rfc8785.dumps(json.loads(signed_bytes(event).split(b"\n", 1)[1])) == signed_bytes(event).split(b"\n", 1)[1]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
