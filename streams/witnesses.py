"""Asking witnesses to cosign the newest checkpoint of each journal that this process writes.

Never in the write path: `offer` is called once a checkpoint stands outside, notes it and returns. Each journal has a
task of its own that goes round after round: it takes the newest checkpoint of all that were offered meanwhile, asks
every witness that is free for that same one (a quorum is of one checkpoint), and goes on as soon as the policy's quorum
stands or all were heard. A witness that is slow is left behind and asked again when it has answered; one that is dead,
refuses or lies is let alone for a while that grows. Nothing it does or says touches a journal.

A witness is asked at the size it is known to have; told another (409), the growth from there is proven. What it answers
is verified before it is kept (`ledger.log.witness`). Upholds L6: only checkpoints that were published are shown to
anybody. Knows no Kafka and no HTTP: what is asked goes through `Post`, what is kept through `Keeping`.
Source: c2sp.org/tlog-witness@v1.0.0, c2sp.org/tlog-policy.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from ledger.errors import InvariantError, LedgerError, Unfit
from ledger.log import note as notes
from ledger.log import policy as policies
from ledger.log.policy import NONE, PolicyError
from ledger.log.witness import SIZE_TYPE, Request, WitnessError, open_cosignatures, open_size
from streams.checkpoints import size_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from ledger.log.keys import WitnessVerifier
    from ledger.log.note import Signature
    from ledger.log.policy import Policy
    from ledger.log.witness import Answer
    from streams.office import Outside

log = logging.getLogger(__name__)

BACK_OFF_SECONDS: Final = (1.0, 5.0, 30.0, 120.0, 300.0)
ATTEMPTS: Final = 3
WITHDRAW_SECONDS: Final = 2.0
WITNESSES_MAX: Final = 64
"""So many lines stand under one checkpoint beside the log's own: readers of notes need not accept more than 100."""


class Post(Protocol):
    """Sends a request's body to an address and gives the answer; raises LedgerError when there is none."""

    async def __call__(self, url: str, body: bytes) -> Answer: ...


class Keeping(Protocol):
    """What is kept and looked up (`ledger.store.cosignatures.Book`); raises LedgerError when it does not answer."""

    async def register(self, vkeys: Sequence[str]) -> dict[str, int]: ...
    async def known(self, journal: int) -> dict[int, int]: ...
    async def growth(self, journal: int, old: int, new: int) -> list[bytes]: ...
    async def keep(self, journal: int, size: int, signatures: Mapping[int, Signature]) -> None: ...
    async def cosigned(self, journal: int, size: int, witnesses: Iterable[int]) -> frozenset[int]: ...
    async def reached(self, journal: int, size: int) -> None: ...


class Heard(Protocol):
    """Who counts (`streams.metrics`)."""

    def asked(self, witness: str, outcome: str) -> None: ...
    def cosigned(self, journal: int, cosignatures: int) -> None: ...
    def quorum(self, journal: int, size: int) -> None: ...


class Address(NamedTuple):
    """Where witnesses are asked: the address of `add-checkpoint`, the policy's name for it, and all keys there."""

    url: str
    name: str
    verifiers: tuple[WitnessVerifier, ...]


class Target(NamedTuple):
    """A checkpoint to be cosigned: its size, its text, and the note with the log's own lines."""

    size: int
    text: str
    note: bytes


class Refused(LedgerError):
    """A witness gave no cosignature; `outcome` is how that is counted."""

    def __init__(self, outcome: str, detail: str) -> None:
        super().__init__(detail)
        self.outcome = outcome


class _Held:
    """One journal: what is to be cosigned, and how it stands with each address."""

    def __init__(self, journal: int) -> None:
        self.journal = journal
        self.newest = b""
        self.size = -1
        self.changed = asyncio.Event()
        self.known: dict[str, int] = {}
        self.cosigned: dict[str, int] = {}
        self.failures: dict[str, int] = {}
        self.later: dict[str, float] = {}
        self.busy: dict[str, asyncio.Task[None]] = {}
        self.quorum = -1
        self.task: asyncio.Task[None] | None = None


class Witnesses:
    """The witnesses of a policy, asked for the journals of one process."""

    def __init__(self, policy: Policy, book: Keeping, post: Post, heard: Heard, pause_seconds: float) -> None:
        """`pause_seconds`: a journal's rounds are at least so far apart."""
        self._policy = policy
        self._addresses = addresses(policy)
        self._book = book
        self._post = post
        self._heard = heard
        self._pause_seconds = pause_seconds
        self._numbers: dict[str, int] = {}
        self._held: dict[int, _Held] = {}

    def offer(self, journal: int, note: bytes) -> None:
        """Note a published checkpoint of a journal, to be cosigned soon unless a newer one comes; returns at once."""
        held = self._held.get(journal)
        if held is None:
            held = self._held[journal] = _Held(journal)
            held.task = asyncio.create_task(self._work(held), name=f"witnesses-{journal}")
        size = size_of(note)
        if size > held.size:
            held.newest, held.size = note, size
            held.changed.set()

    async def withdraw(self) -> None:
        """Forget all journals: they are another process's now. Returns when nothing is under way, or soon anyhow.

        Whoever gives partitions up must not wait for a database that does not answer; what ends later harms nothing.
        """
        held, self._held = list(self._held.values()), {}
        tasks = [task for one in held for task in (one.task, *one.busy.values()) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=WITHDRAW_SECONDS)

    async def _work(self, held: _Held) -> None:
        """Go round until cancelled; what breaks is noted, and begun again later."""
        failures = 0
        while True:
            try:
                await self._begin(held)
                failures = 0
                while True:
                    await self._round(held)
            except LedgerError as error:
                log.warning("journal %d: asking witnesses: %s", held.journal, error)
            except Exception:
                log.exception("journal %d: asking witnesses: unforeseen", held.journal)
            failures += 1
            await asyncio.sleep(_back_off(failures - 1))

    async def _begin(self, held: _Held) -> None:
        vkeys = [verifier.vkey() for address in self._addresses for verifier in address.verifiers]
        self._numbers = self._numbers or await self._book.register(vkeys)
        known = await self._book.known(held.journal)
        for address in self._addresses:
            sizes = [known.get(self._numbers[verifier.vkey()], 0) for verifier in address.verifiers]
            held.known[address.url] = max(sizes)
            held.cosigned[address.url] = min(sizes)
        if held.size >= 0:
            # what was cosigned before may be a quorum that was never noted, or one of a policy that has changed
            await self._count(held, held.size)

    async def _round(self, held: _Held) -> None:
        """Ask all that are free for the newest checkpoint; or wait until there is one, or somebody to ask again."""
        held.changed.clear()
        if held.size < 0:
            await held.changed.wait()
            return
        lacking = [a for a in self._addresses if held.cosigned[a.url] < held.size and a.url not in held.busy]
        now = time.monotonic()
        free = [a for a in lacking if held.later.get(a.url, now) <= now]
        if not free:
            soonest = min((held.later[a.url] - now for a in lacking), default=None)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(held.changed.wait(), soonest)
            return
        target = Target(held.size, notes.parse(held.newest).text, held.newest)
        asked = {address.url: asyncio.create_task(self._ask(held, address, target)) for address in free}
        held.busy.update(asked)
        left = set(asked.values())
        while left and held.quorum < target.size and self._policy.quorum != NONE:
            _, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(self._pause_seconds)

    async def _ask(self, held: _Held, address: Address, target: Target) -> None:
        """Ask one witness and keep what it signed; whatever comes of it, this returns."""
        try:
            await self._cosign(held, address, target)
            await self._count(held, target.size)
            held.cosigned[address.url] = target.size
            held.failures[address.url] = 0
            self._heard.asked(address.name, "cosigned")
        except (LedgerError, InvariantError, WitnessError) as error:
            outcome = _outcome(error)
            level = logging.CRITICAL if isinstance(error, InvariantError) else logging.WARNING
            log.log(level, "journal %d: witness %s: %s: %s", held.journal, address.name, outcome, error)
            self._let_alone(held, address, outcome)
        except Exception:
            log.exception("journal %d: witness %s: unforeseen", held.journal, address.name)
            self._let_alone(held, address, "broken")
        finally:
            held.busy.pop(address.url, None)
            held.changed.set()

    def _let_alone(self, held: _Held, address: Address, outcome: str) -> None:
        failures = held.failures.get(address.url, 0)
        held.failures[address.url] = failures + 1
        held.later[address.url] = time.monotonic() + _back_off(failures)
        self._heard.asked(address.name, outcome)

    async def _cosign(self, held: _Held, address: Address, target: Target) -> None:
        old = held.known[address.url]
        for _ in range(ATTEMPTS):
            if old > target.size:
                raise Refused("ahead", f"expected at most size {target.size} known to it, got {old}: who signed that?")
            proof = await self._book.growth(held.journal, old, target.size)
            answer = await self._post(address.url, Request(old, tuple(proof), target.note).format())
            if answer.status == 200:
                signatures = open_cosignatures(answer.body, target.text, address.verifiers)
                held.known[address.url] = target.size
                await self._book.keep(held.journal, target.size, self._numbered(address, signatures))
                return
            if answer.status != 409 or answer.content_type.partition(";")[0].strip() != SIZE_TYPE:
                raise Refused("refused", f"expected 200, got {answer.status}: {answer.body[:200]!r}")
            old = held.known[address.url] = open_size(answer.body)
        raise Refused("refused", f"expected growth from the size it says to be taken, got 409 {ATTEMPTS} times")

    def _numbered(self, address: Address, signatures: Iterable[Signature]) -> dict[int, Signature]:
        vkeys = {(verifier.name, verifier.key_id): verifier.vkey() for verifier in address.verifiers}
        return {self._numbers[vkeys[s.name, s.key_id]]: s for s in signatures}

    async def _count(self, held: _Held, size: int) -> None:
        """See who has cosigned the checkpoint of this size by now, and keep it if that is a quorum."""
        names = {self._numbers[w.verifier.vkey()]: w.name for w in self._policy.witnesses if w.url is not None}
        cosigned = await self._book.cosigned(held.journal, size, names)
        if cosigned:
            self._heard.cosigned(held.journal, len(cosigned))
        if self._policy.quorum != NONE and self._policy.reached([names[number] for number in cosigned]):
            await self._book.reached(held.journal, size)
            held.quorum = max(held.quorum, size)
            self._heard.quorum(held.journal, held.quorum)


class Offering:
    """An `Outside` that offers to witnesses what it has published."""

    def __init__(self, outside: Outside, witnesses: Witnesses) -> None:
        self._outside = outside
        self._witnesses = witnesses

    async def newest(self, journal: int) -> bytes | None:
        """Give the greatest checkpoint published for a journal, or None."""
        return await self._outside.newest(journal)

    async def publish(self, journal: int, origin: str, note: bytes) -> None:
        """Put a checkpoint outside; returns once it is there and noted to be cosigned."""
        await self._outside.publish(journal, origin, note)
        self._witnesses.offer(journal, note)

    async def close(self) -> None:
        """Let go of what is outside, and of the witnesses."""
        await self._witnesses.withdraw()
        await self._outside.close()


def load_policy(path: Path) -> Policy:
    """Give the policy of a file; raises Unfit if it is none, or has no witness that can be asked."""
    try:
        policy = policies.parse(path.read_bytes())
        if not addresses(policy):
            raise PolicyError("witness: expected one or more with an address, got none")
    except (OSError, PolicyError) as error:
        raise Unfit(
            f"{path}: expected a policy file with witnesses (IURAN_WITNESS_POLICY_FILE), got {error}"
        ) from error
    return policy


def addresses(policy: Policy) -> list[Address]:
    """Give where a policy's witnesses are asked, each address once with all keys that are said to be there.

    Raises PolicyError for an address that is no http:// or https:// one, and for more than 64 witnesses.
    """
    found: dict[str, Address] = {}
    if len(policy.witnesses) > WITNESSES_MAX:
        raise PolicyError(f"witnesses: expected at most {WITNESSES_MAX}, got {len(policy.witnesses)}")
    for witness in policy.witnesses:
        if witness.url is None:
            continue
        prefix = witness.url.decode("ascii", errors="replace")
        if not prefix.isascii() or not prefix.startswith(("https://", "http://")):
            raise PolicyError(f"witness address: expected http:// or https://, got {witness.url[:80]!r}")
        url = f"{prefix.rstrip('/')}/add-checkpoint"
        name, verifiers = found[url][1:] if url in found else (witness.name.decode(errors="replace"), ())
        found[url] = Address(url, name, (*verifiers, witness.verifier))
    return list(found.values())


def _back_off(failures: int) -> float:
    return BACK_OFF_SECONDS[min(failures, len(BACK_OFF_SECONDS) - 1)]


def _outcome(error: Exception) -> str:
    if isinstance(error, Refused):
        return error.outcome
    if isinstance(error, WitnessError):
        return "unverified"
    return "broken" if isinstance(error, InvariantError) else "unreachable"
