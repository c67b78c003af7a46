"""Publishing gigs from a platform's own code, on kafka-python.

    with Publisher("kafka.example:9093", platform="gojek", security_protocol="SASL_SSL", ...) as publisher:
        publisher.publish(id="G-99", worker="W-7f3a", time="2026-03-01T08:15:30Z", data={...})

What is promised, and where:
- Before sending: the event is decoded as the ledger will decode it; what would be refused raises `InvalidGig` and is
  surely not sent.
- At return of `publish` the event is queued in memory, no more. At return of `Sent.wait` or `flush`, and on leaving the
  `with` body without an exception, every in-sync replica of the broker has it; the ledger's answer comes later.
- Order: events of one worker stay in the order of the calls, retries included (idempotent producer).
- Once: a gig is known for ever by (platform, id). When a send ends in `NotPublished`, or the process dies, publish the
  same gig again with the same id and content: a second copy is counted as a duplicate and changes nothing (L3).
- Threads: one publisher may be shared; `flush` waits for what was queued before it was called.

Upholds L12's first half: nothing is dropped silently on this side of the broker. Knows no file, setting or clock
service; the clock of this machine only bounds `time`, as the broker's will.
"""

from __future__ import annotations

import time as clock
from collections import deque
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import (
    AuthorizationError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    SaslAuthenticationFailedError,
    UnknownTopicOrPartitionError,
)

from contracts.canonical import CanonicalError
from contracts.codec import Gate, Record, decode
from contracts.events import GIG_COMPLETED, Event, envelope, platform_source
from contracts.rejections import Rejection
from contracts.signing import HEADER
from contracts.topics import gigs_topic, partition_of
from ledger.errors import LedgerError

if TYPE_CHECKING:
    from streams.publishing.signing import EventSigner

_NEW_TOPIC_SECONDS: Final = 2.0
_SURELY_NOT: Final = (
    AuthorizationError,
    InvalidTopicError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    SaslAuthenticationFailedError,
    UnknownTopicOrPartitionError,
)


class InvalidGig(ValueError):
    """The ledger would refuse this event; it was not sent. `code` and `detail` are the rejection's."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail


class NotPublished(LedgerError):
    """The broker did not acknowledge. `outcome_known`: surely not stored; else it may be: publish again, same id."""


class NotRegistered(LedgerError):
    """The platform has no topic on this cluster. Nothing was sent."""


class Position(NamedTuple):
    """Where an acknowledged event lies."""

    topic: str
    partition: int
    offset: int


class Sent:
    """One queued event; ask it for the broker's acknowledgement, or let `flush` ask all of them."""

    def __init__(self, topic: str, future: Any) -> None:
        self._topic, self._future = topic, future

    def wait(self, timeout_seconds: float = 60.0) -> Position:
        """Give the event's position once all in-sync replicas have it.

        Raises NotPublished; after a time-out the outcome is unknown.
        """
        try:
            stored = self._future.get(timeout=timeout_seconds)
        except KafkaError as error:
            raise _not_published(self._topic, error) from error
        return Position(stored.topic, stored.partition, stored.offset)

    @property
    def acknowledged(self) -> bool:
        """Tell whether the broker has it, without waiting."""
        return bool(self._future.succeeded())


class Publisher:
    """A platform's way into the ledger. Close it, or use it in a `with` statement."""

    def __init__(
        self,
        bootstrap_servers: str,
        platform: str,
        *,
        topic_prefix: str = "",
        timeout_seconds: float = 60.0,
        signer: EventSigner | None = None,
        **kafka: Any,
    ) -> None:
        """Connect, and look the platform's topic up.

        With a `signer` every event goes under the platform's signature (contracts/formats/signature.md), which costs
        about 0.05 ms each; its public key must have been registered, or the ledger neither looks nor keeps it.
        `kafka` goes to kafka-python as it is: security_protocol, sasl_mechanism, sasl_plain_username,
        sasl_plain_password, ssl_context, ssl_cafile, linger_ms, ... ; acks and idempotence are fixed here.
        Raises ValueError for a name no platform can have, NotRegistered if the topic is missing, NotPublished if no
        broker answers.
        """
        self.platform = platform
        self.topic = gigs_topic(platform, topic_prefix)
        self._timeout_seconds = timeout_seconds
        self._signer = signer
        self._source = platform_source(platform)
        self._unsettled: deque[Sent] = deque()
        connection = {
            "bootstrap_servers": bootstrap_servers,
            "client_id": f"iuran-{platform}",
            "bootstrap_timeout_ms": int(timeout_seconds * 1000),
        } | kafka
        self.topic_id, partitions = _describe(self.topic, platform, connection)
        self._gate = Gate(platform, partitions)
        self._producer = KafkaProducer(
            **({"linger_ms": 5} | connection),
            acks="all",
            enable_idempotence=True,
            allow_auto_create_topics=False,
            delivery_timeout_ms=int(timeout_seconds * 1000),
            request_timeout_ms=min(30_000, max(1, int(timeout_seconds * 500))),
        )

    @property
    def partitions(self) -> int:
        """How many partitions the topic has: the ledger's number of journals."""
        return self._gate.partitions

    def publish(
        self,
        *,
        id: str,
        worker: str,
        time: str,
        data: Mapping[str, Any],
        type: str = GIG_COMPLETED,
        headers: Iterable[tuple[str, bytes]] = (),
    ) -> Sent:
        """Queue one event (members as in SPEC section 3; `worker` is the pseudonym, `time` has a zone).

        `headers` become Kafka headers; one that brings a signature is taken as it is.
        Raises InvalidGig before anything is sent.
        """
        try:
            key = worker.encode()
            value = envelope(type=type, source=self._source, id=id, subject=worker, time=time, data=data)
        except (CanonicalError, UnicodeEncodeError) as error:
            raise InvalidGig("malformed", f"event: expected what JSON can say, got {error}") from error
        return self.publish_record(key, value, headers)

    def publish_record(self, key: bytes, value: bytes, headers: Iterable[tuple[str, bytes]] = ()) -> Sent:
        """Queue one event that is encoded already: `key` the worker's pseudonym, `value` the CloudEvent's JSON.

        Raises InvalidGig before anything is sent, NotPublished when the queue stays full.
        """
        attached = tuple(headers)
        outcome, partition = self._decoded(key, value, attached)
        if isinstance(outcome, Rejection):
            raise InvalidGig(outcome.code, outcome.detail)
        if self._signer is not None and not any(name == HEADER for name, _ in attached):
            attached = (*attached, self._signer.header(outcome))
        try:
            future = self._producer.send(self.topic, value=value, key=key, headers=list(attached), partition=partition)
        except KafkaError as error:
            raise _not_published(self.topic, error) from error
        sent = Sent(self.topic, future)
        self._unsettled.append(sent)
        while self._unsettled and self._unsettled[0].acknowledged:
            self._unsettled.popleft()
        return sent

    def check(
        self, key: bytes, value: bytes, headers: tuple[tuple[str, bytes], ...] = ()
    ) -> tuple[Rejection | None, int]:
        """Give the rejection the ledger would record, or None; and the event's partition. Sends nothing.

        What needs the journal is not asked: whether a signature must be there, or an id was taken.
        """
        outcome, partition = self._decoded(key, value, headers)
        return (outcome if isinstance(outcome, Rejection) else None), partition

    def _decoded(
        self, key: bytes, value: bytes, headers: tuple[tuple[str, bytes], ...]
    ) -> tuple[Event | Rejection, int]:
        partition = partition_of(key, self._gate.partitions)
        now_ms = clock.time_ns() // 1_000_000
        return decode(Record(self.topic, partition, 0, now_ms, key, value, headers), self._gate), partition

    def flush(self, timeout_seconds: float | None = None) -> None:
        """Return once every event queued so far is on all in-sync replicas.

        Raises NotPublished for the first event that is not; the others may be stored all the same.
        """
        limit = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        try:
            self._producer.flush(timeout=limit)
        except KafkaError as error:
            raise _not_published(self.topic, error) from error
        for _ in range(len(self._unsettled)):
            self._unsettled.popleft().wait(timeout_seconds=limit)

    def close(self, *, flush: bool = True) -> None:
        """Flush (unless told not to) and disconnect. Raises NotPublished as `flush` does, disconnected all the same."""
        try:
            if flush:
                self.flush()
        finally:
            self._producer.close(timeout=self._timeout_seconds if flush else 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave with everything acknowledged; after an exception in the body, without waiting for it."""
        self.close(flush=kind is None)


def _describe(topic: str, platform: str, connection: Mapping[str, Any]) -> tuple[str, int]:
    """Give the topic's id and its number of partitions, asking again for a while: a new topic takes time to show."""
    options = {name: value for name, value in connection.items() if name in KafkaAdminClient.DEFAULT_CONFIG}
    found: Mapping[str, Any] = {}
    try:
        admin = KafkaAdminClient(**options)
        try:
            give_up = clock.monotonic() + _NEW_TOPIC_SECONDS
            while not found.get("partitions") and clock.monotonic() < give_up:
                if found:
                    clock.sleep(0.1)
                found = admin.describe_topics([topic])[0]
        finally:
            admin.close()
    except KafkaError as error:
        raise NotPublished(f"brokers {connection['bootstrap_servers']}: expected an answer, got {error!r}") from error
    if found.get("partitions"):
        return str(found["topic_id"]), len(found["partitions"])
    if found["error_code"] not in (UnknownTopicOrPartitionError.errno, InvalidTopicError.errno):
        raise NotPublished(f"{topic}: expected to be let in and told its partitions, got code {found['error_code']}")
    raise NotRegistered(
        f"platform {platform}: expected a registered platform (topic {topic}), got none; "
        f"register it with: iuran platform add {platform}"
    )


def _not_published(topic: str, error: KafkaError) -> NotPublished:
    known = isinstance(error, _SURELY_NOT)
    outcome = "surely not stored" if known else "it may be stored; publish again with the same id"
    return NotPublished(f"{topic}: expected an acknowledgement, got {error!r}; {outcome}", outcome_known=known)
