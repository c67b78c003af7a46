"""The three samples as tests name them, and a stand-in for the ledger's ear: decode without a broker."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

from contracts.codec import Gate, Record, decode
from contracts.events import Event
from contracts.rejections import Rejection
from contracts.topics import gigs_topic, partition_of

FOLDER = Path(__file__).resolve().parents[3] / "contracts" / "samples"
JOURNALS = 8


class Sample(NamedTuple):
    file: str
    map: str
    rows: int
    platforms: dict[str, int]
    sha256: str

    @property
    def path(self) -> Path:
        return FOLDER / self.file


SAMPLES = (
    Sample(
        "nyc_hvfhv_2020-04.csv.gz",
        "nyc_hvfhv.yaml",
        532,
        {"juno": 0, "lyft": 169, "uber": 355, "via": 8},
        "b8054853e3f11e6ab309d67d006a625c2d188686ca41821172a955865e934c71",
    ),
    Sample(
        "nyc_taxi_2013.csv.gz",
        "nyc_taxi_2013.yaml",
        5211,
        {"nyc-taxi": 5211},
        "0f2dbd745a9a44c970ba4cdd01a33f3e0cd16c4922062e17230bb8bf4135aac6",
    ),
    Sample(
        "chicago_taxi.csv.gz",
        "chicago_taxi.yaml",
        608,
        {"chicago-taxi": 608},
        "cb1e7785addefd35f3968f87a294c84cb38feb3c2a4afa8327141e014a1098ea",
    ),
)


def heard(platform: str, key: bytes, value: bytes) -> Event | Rejection:
    """What the ledger would make of a record on the platform's topic."""
    partition = partition_of(key, JOURNALS)
    record = Record(gigs_topic(platform), partition, 0, time.time_ns() // 1_000_000, key, value, ())
    return decode(record, Gate(platform, JOURNALS))
