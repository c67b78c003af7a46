"""What the stream process counts, in Prometheus's words (SPEC section 7).

Counted after the commit, from what the commit wrote, so that the metrics of a run agree with the ledger's own counts;
never in the way of the next batch. Labels come from closed sets (platforms, codes, types, journals), never a worker.
"""

from __future__ import annotations

import time
from collections import Counter as Counted
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.codec import Gate
    from streams.office import Commit

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)
_EVENTS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10000)


def observe_many(histogram: Histogram, amount: float, count: int) -> None:
    """Observe the same amount `count` times, at the cost of one (the library observes one at a time)."""
    histogram._sum.inc(amount * count)
    for bound, bucket in zip(histogram._upper_bounds, histogram._buckets, strict=True):
        if amount <= bound:
            bucket.inc(count)
            break


class StreamMetrics:
    """A `streams.office.Watch` and `streams.witnesses.Heard` that counts."""

    def __init__(self, gates: Mapping[str, Gate]) -> None:
        """`gates` tells which platform speaks on a topic; it may grow while the process runs."""
        self._gates = gates
        self.registry = CollectorRegistry()
        common: Any = {"registry": self.registry}
        self.events = Counter("iuran_events", "records settled", ["platform", "type", "outcome"], **common)
        self.entries = Counter("iuran_entries", "entries committed", ["journal", "kind"], **common)
        self.contributions = Counter(
            "iuran_contribution_minor",
            "contributions posted, minor units, absolute",
            ["scheme", "fund", "payer", "currency", "direction"],
            **common,
        )
        self.rejections = Counter("iuran_rejections", "records refused", ["platform", "code"], **common)
        self.batch_events = Histogram("iuran_batch_events", "records of one commit", buckets=_EVENTS, **common)
        self.batch_seconds = Histogram(
            "iuran_batch_seconds", "seconds of one batch by step", ["step"], buckets=_SECONDS, **common
        )
        self.durable_seconds = Histogram(
            "iuran_event_durable_seconds", "from the record's time to its commit", buckets=_SECONDS, **common
        )
        self.lag = Gauge("iuran_consumer_lag_events", "records not yet settled", ["topic", "partition"], **common)
        self.tree_size = Gauge("iuran_journal_tree_size", "entries under the newest checkpoint", ["journal"], **common)
        self.signed_at = Gauge(
            "iuran_checkpoint_signed_timestamp_seconds", "when the newest checkpoint was signed", ["journal"], **common
        )
        self.witness_cosignatures = Gauge(
            "iuran_witness_cosignatures", "witnesses' keys under the checkpoint last cosigned", ["journal"], **common
        )
        self.quorum_size = Gauge(
            "iuran_witness_quorum_size", "entries under the newest checkpoint with a quorum", ["journal"], **common
        )
        self.witness_asked = Counter("iuran_witness_asked", "times asked", ["witness", "outcome"], **common)

    def committed(self, commit: Commit) -> None:
        """Count one commit."""
        now = time.time()
        journal = str(commit.journal)
        decision = commit.decision
        for outcome, count in decision.outcomes.items():
            platform = self._platform(outcome.topic)
            self.events.labels(platform, outcome.type, outcome.outcome).inc(count)
        for rejected in commit.rejected:
            self.rejections.labels(self._platform(rejected.topic), rejected.code).inc()
        for kind, count in decision.kinds.items():
            self.entries.labels(journal, kind).inc(count)
        for (scheme, fund, payer, unit), (added, taken_back) in decision.postings.items():
            if added:
                self.contributions.labels(scheme, fund, payer, unit, "added").inc(added)
            if taken_back:
                self.contributions.labels(scheme, fund, payer, unit, "taken_back").inc(taken_back)
        self.batch_events.observe(commit.events)
        for step, seconds in commit.seconds.items():
            self.batch_seconds.labels(step).observe(seconds)
        # records of one producer's batch have one time of the broker's: few observations stand for thousands
        for timestamp_ms, count in Counted(commit.timestamps_ms).items():
            observe_many(self.durable_seconds, now - timestamp_ms / 1000, count)
        if decision.written:
            self.tree_size.labels(journal).set(commit.size)
            self.signed_at.labels(journal).set(now)

    def published(self, seconds: float) -> None:
        """Note how long publishing a checkpoint took."""
        self.batch_seconds.labels("publish").observe(seconds)

    def lagging(self, topic: str, partition: int, events: int) -> None:
        """Note how many records of a partition are not settled."""
        self.lag.labels(topic, str(partition)).set(events)

    def asked(self, witness: str, outcome: str) -> None:
        """Count that a witness was asked; `witness` is a name of the policy, `outcome` one of a few words."""
        self.witness_asked.labels(witness, outcome).inc()

    def cosigned(self, journal: int, cosignatures: int) -> None:
        """Note how many of the policy's keys have cosigned the checkpoint that was cosigned last."""
        self.witness_cosignatures.labels(str(journal)).set(cosignatures)

    def quorum(self, journal: int, size: int) -> None:
        """Note the newest size that has a quorum."""
        self.quorum_size.labels(str(journal)).set(size)

    def _platform(self, topic: str) -> str:
        gate = self._gates.get(topic)
        return "operator" if gate is None or gate.platform is None else gate.platform
