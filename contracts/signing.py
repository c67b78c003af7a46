"""What a platform signs: one event as exact bytes, and how its key and its signature are written.

A record may carry the header `iuran-signature`: the base64 of an Ed25519 signature over `message`, which holds what an
entry keeps of the event (id, source, type, subject, time, data) and nothing of the transport. So the signature can be
checked from the entry alone, by anybody and for ever: the operator can't invent a gig of a platform that signs, and the
platform can't deny one. `contracts/formats/signature.md` shows a complete example.

Here are bytes and forms only. Must not know: keys in force, what is done about a signature that does not hold, files.
Sources: SPEC section 3; RFC 8032 (Ed25519, pure); RFC 8785; RFC 4648 section 4.
"""

from __future__ import annotations

import base64
import re
from typing import Final

from contracts.forms import FormError

HEADER: Final = "iuran-signature"
CONTEXT: Final = b"iuran-event/v1\n"
KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
SIGNATURE_PATTERN: Final = "[A-Za-z0-9+/]{85}[AQgw]=="
"""Base64 of 64 bytes, in the one spelling that is accepted: with padding, the unused bits zero."""

_signature = re.compile(SIGNATURE_PATTERN).fullmatch


def message(event_id: str, source: str, type: str, subject: str, time: str, data_json: bytes) -> bytes:
    """Give the bytes that are signed: CONTEXT and the RFC 8785 form of the six members.

    The texts are those of an accepted event (their forms leave nothing to escape), `data_json` the canonical bytes of
    its data. What was not accepted has no message: the result would not be canonical.
    """
    # members in alphabetical order; written out, because encoding the data anew costs more than all the rest
    told = f',"id":"{event_id}","source":"{source}","subject":"{subject}","time":"{time}","type":"{type}"}}'
    return b"".join((CONTEXT, b'{"data":', data_json, told.encode()))


def format_signature(signature: bytes) -> str:
    """Write a signature (64 bytes) as header and entry have it. Raises FormError for another length."""
    if len(signature) != SIGNATURE_BYTES:
        raise FormError(f"a signature of {SIGNATURE_BYTES} bytes")
    return base64.b64encode(signature).decode()


def parse_signature(text: str) -> bytes:
    """Give the 64 bytes of a written signature. Raises FormError for every other text, another spelling too."""
    if not _signature(text):
        raise FormError(f"base64 of {SIGNATURE_BYTES} bytes")
    return base64.b64decode(text)
