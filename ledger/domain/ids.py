"""Names as the schemes write them: scheme ids, funds, payers, zones, version ids, and the patterns they must match.

Knows nothing of who bears a name. Upholds L11 in so far as a payer names a worker by pseudonym only: what follows
`worker:` is the pseudonym as received. Source: the scheme format (contracts/schemes/README.md) and the entry format
(contracts/formats/entry.md).
"""

from __future__ import annotations

import re
from typing import Final

SCHEME: Final = re.compile(r"[A-Z][A-Z0-9]*(-[A-Z0-9]+)*")
FUND: Final = re.compile(r"[A-Z][A-Z0-9]*([-.][A-Z0-9]+)*")
ZONE: Final = re.compile(r"[A-Z]{2}(-[A-Z0-9]+)*")
CURRENCY: Final = re.compile(r"[A-Z]{3}")
WORD: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
PLATFORM: Final = re.compile(r"[a-z][a-z0-9-]{1,30}")
PAYER_KIND: Final = re.compile(r"worker|platform|customer|subsidy:[A-Z][A-Z0-9]*(-[A-Z0-9]+)*")

WORKER: Final = "worker"
PLATFORM_PAYER: Final = "platform"
CUSTOMER: Final = "customer"


def payer_kind(payer: str) -> str:
    """Give the kind of a posting's payer: `platform:gojek` -> `platform`; a subsidy is its own kind."""
    return payer if payer.startswith("subsidy:") else payer.partition(":")[0]


def payer_of(kind: str, worker: str, platform: str) -> str:
    """Give the payer of a gig of this worker on this platform; a customer is known as the platform's."""
    if kind == WORKER:
        return f"worker:{worker}"
    if kind in (PLATFORM_PAYER, CUSTOMER):
        return f"{kind}:{platform}"
    return kind


def version_id(day: str, revision: int) -> str:
    """Give `<from>` for a first text and `<from>.<revision>` for one that replaces it."""
    return day if revision == 1 else f"{day}.{revision}"


def zone_covers(zone: str, place: str) -> bool:
    """Tell whether a place code lies in a zone: the same, or finer on a `-` boundary (`US-NY` covers `US-NY-NYC`)."""
    return place == zone or place.startswith(zone + "-")
