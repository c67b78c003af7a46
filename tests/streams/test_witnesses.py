"""Asking witnesses: what dead, slow and lying ones do harms nothing, and a quorum of one checkpoint is found.

No network and no database: the witnesses are the protocol's own functions, or liars; time that must pass is none.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from pathlib import Path

import pytest

from ledger.errors import InvariantError, LedgerError, Unfit
from ledger.log import keys, note, policy, witness
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.note import Signature
from ledger.log.witness import NEVER, Answer, Latest, Request
from streams import witnesses as asking
from streams.witnesses import Offering, Witnesses, addresses, load_policy
from tests.ledger.log.trees import fork, mth, proof

ORIGIN = "iuran.localhost/log/0"
LOG = (keys.generate(ORIGIN), keys.generate(ORIGIN, keys.MLDSA44))
JOURNAL = 0


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back off for no time at all."""
    monkeypatch.setattr(asking, "BACK_OFF_SECONDS", (0.0,))


def signed(size: int) -> bytes:
    return sign_checkpoint(Checkpoint(ORIGIN, size, mth(0, size)), LOG)


class Real:
    """A witness as the specification has it, in memory."""

    def __init__(self, name: str, latest: Latest = NEVER) -> None:
        self.keys = (keys.generate(name, keys.COSIGNATURE), keys.generate(name, keys.MLDSA44))
        self.latest = latest
        self.asked: list[Request] = []

    def __call__(self, body: bytes) -> Answer:
        self.asked.append(Request.parse(body))
        read = witness.read(body, {ORIGIN: [key.verifier for key in LOG]})
        if isinstance(read, Answer):
            return read
        refusal = witness.judge(read, self.latest)
        if refusal is None:
            self.latest = Latest(read.checkpoint.size, read.checkpoint.root)
        return refusal or witness.cosign(read, [key.at(7) for key in self.keys]).answer


class Book:
    """What is kept, in memory; the calls of `broken`, counted from 0, fail."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.rows: dict[tuple[int, int, int], Signature] = {}
        self.quorums: list[tuple[int, int]] = []
        self.broken: Sequence[int] = ()
        self._calls = 0

    def _answer(self) -> None:
        self._calls += 1
        if self._calls - 1 in self.broken:
            raise LedgerError("database: away")

    async def register(self, vkeys: Sequence[str]) -> dict[str, int]:
        self._answer()
        return {vkey: self.numbers.setdefault(vkey, len(self.numbers)) for vkey in vkeys}

    async def known(self, journal: int) -> dict[int, int]:
        self._answer()
        known: dict[int, int] = {}
        for at, number, size in self.rows:
            if at == journal:
                known[number] = max(size, known.get(number, 0))
        return known

    async def growth(self, journal: int, old: int, new: int) -> list[bytes]:
        self._answer()
        return proof(old, new)

    async def keep(self, journal: int, size: int, signatures: Mapping[int, Signature]) -> None:
        self._answer()
        self.rows |= {(journal, number, size): signature for number, signature in signatures.items()}

    async def cosigned(self, journal: int, size: int, witnesses: Iterable[int]) -> frozenset[int]:
        self._answer()
        return frozenset(number for number in witnesses if (journal, number, size) in self.rows)

    async def reached(self, journal: int, size: int) -> None:
        self._answer()
        self.quorums.append((journal, size))


class Heard:
    """What was counted, and waiting for it."""

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.quorums: list[tuple[int, int]] = []
        self.most = 0
        self._changed = asyncio.Event()

    def asked(self, witness: str, outcome: str) -> None:
        self.outcomes[witness, outcome] += 1
        self._changed.set()

    def cosigned(self, journal: int, cosignatures: int) -> None:
        self.most = max(self.most, cosignatures)
        self._changed.set()

    def quorum(self, journal: int, size: int) -> None:
        self.quorums.append((journal, size))
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


async def idle() -> None:
    """Let everything else go on until it waits."""
    for _ in range(100):
        await asyncio.sleep(0)


Answering = Callable[[bytes], Answer | Awaitable[Answer]]


class Town:
    """Witnesses at addresses, and a process that asks them under a policy with a quorum of `k`."""

    def __init__(self, k: int | str, **answering: Answering) -> None:
        self.answering = {f"https://{name}.example/add-checkpoint": answer for name, answer in answering.items()}
        self.book, self.heard = Book(), Heard()
        lines, names = [], []
        for name, answer in answering.items():
            for n, key in enumerate(getattr(answer, "keys", Real(f"{name}.example").keys)):
                lines.append(f"witness {name}{n} {key.vkey()} https://{name}.example/")
            lines.append(f"group {name} any {name}0 {name}1")
            names.append(name)
        lines.append("quorum none" if k == "none" else f"group all-of-them {k} {' '.join(names)}\nquorum all-of-them")
        self.policy = policy.parse("\n".join([*lines, ""]).encode())
        self.witnesses = Witnesses(self.policy, self.book, self.post, self.heard, 0.0)

    async def post(self, url: str, body: bytes) -> Answer:
        answer = self.answering[url](body)
        return answer if isinstance(answer, Answer) else await answer

    def run(self, life: Coroutine[None, None, None]) -> None:
        async def whole() -> None:
            try:
                await life
            finally:
                await self.witnesses.withdraw()

        asyncio.run(whole())

    def quorum_size(self) -> int:
        return max((size for _, size in self.heard.quorums), default=-1)


def dead(_: bytes) -> Answer:
    raise LedgerError("witness: away")


class Stuck:
    """A witness that takes a request and does not answer."""

    def __init__(self) -> None:
        self.keys = Real("stuck.example").keys
        self.asked = 0

    async def __call__(self, _: bytes) -> Answer:
        self.asked += 1
        await asyncio.Event().wait()
        raise AssertionError


def test_every_witness_cosigns_with_both_keys_and_the_next_checkpoint_grows_from_there() -> None:
    a, b = Real("a.example"), Real("b.example")
    town = Town(2, a=a, b=b)

    async def life() -> None:
        for size in (3, 8, 21):
            town.witnesses.offer(JOURNAL, signed(size))
            await town.heard.until(lambda size=size: town.quorum_size() == size)

    town.run(life())
    assert [request.old for request in a.asked] == [0, 3, 8]
    assert {size for _, _, size in town.book.rows} == {3, 8, 21}
    assert town.book.quorums == [(JOURNAL, 3), (JOURNAL, 8), (JOURNAL, 21)]
    assert len(town.book.rows) == 3 * 4
    assert town.heard.most == 4
    # Only the log's own signatures are sent, and little of it.
    for request in a.asked:
        assert len(note.parse(request.note).signatures) == 2
        assert len(request.format()) < 16 * 1024


def test_what_was_offered_meanwhile_is_asked_as_one() -> None:
    a = Real("a.example")
    town = Town(1, a=a)

    async def life() -> None:
        for size in range(1, 50):
            town.witnesses.offer(JOURNAL, signed(size))
        await town.heard.until(lambda: town.quorum_size() == 49)

    town.run(life())
    assert len(a.asked) < 5


def test_an_older_checkpoint_offered_late_is_not_asked_for() -> None:
    a = Real("a.example")
    town = Town(1, a=a)

    async def life() -> None:
        town.witnesses.offer(JOURNAL, signed(9))
        await town.heard.until(lambda: town.quorum_size() == 9)
        town.witnesses.offer(JOURNAL, signed(10))
        town.witnesses.offer(JOURNAL, signed(4))
        await town.heard.until(lambda: town.quorum_size() == 10)

    town.run(life())
    assert [note.parse(request.note).text.split("\n")[1] for request in a.asked] == ["9", "10"]


@pytest.mark.parametrize("told", [0, 1, 5, 20, 21])
def test_a_witness_at_another_size_is_taken_from_there(told: int) -> None:
    """tlog-witness, add-checkpoint: 409 with the size; another request proves the growth from it."""
    a = Real("a.example", Latest(told, mth(0, told)))
    town = Town(1, a=a)

    async def life() -> None:
        town.witnesses.offer(JOURNAL, signed(21))
        await town.heard.until(lambda: town.quorum_size() == 21)

    town.run(life())
    assert [request.old for request in a.asked] == ([0, told] if told else [0])
    assert town.heard.outcomes == {("a0", "cosigned"): 1}


def test_what_a_witness_said_of_its_size_is_remembered_though_it_goes_away_then() -> None:
    a = Real("a.example", Latest(5, mth(0, 5)))
    answers = 0

    def away_at_the_second(body: bytes) -> Answer:
        nonlocal answers
        answers += 1
        if answers == 2:
            a.asked.append(Request.parse(body))
            return dead(body)
        return a(body)

    away_at_the_second.keys = a.keys  # type: ignore[attr-defined]
    town = Town(1, a=away_at_the_second)

    async def life() -> None:
        town.witnesses.offer(JOURNAL, signed(21))
        await town.heard.until(lambda: town.quorum_size() == 21)

    town.run(life())
    assert [request.old for request in a.asked] == [0, 5, 5]


def test_a_size_is_believed_only_in_its_own_type() -> None:
    """tlog-witness, add-checkpoint: the response MUST have a Content-Type of text/x.tlog.size."""
    a = Real("a.example", Latest(5, mth(0, 5)))

    def plain(body: bytes) -> Answer:
        return a(body)._replace(content_type="text/plain")

    plain.keys = a.keys  # type: ignore[attr-defined]
    town = Town(1, a=plain)

    async def life() -> None:
        town.witnesses.offer(JOURNAL, signed(21))
        await town.heard.until(lambda: town.heard.outcomes["a0", "refused"] >= 2)

    town.run(life())
    assert {request.old for request in a.asked} == {0}


def test_a_process_that_starts_again_goes_on_where_the_witness_stood() -> None:
    a = Real("a.example")
    town = Town(1, a=a)

    async def life() -> None:
        town.witnesses.offer(JOURNAL, signed(5))
        await town.heard.until(lambda: town.quorum_size() == 5)
        await town.witnesses.withdraw()
        town.witnesses.offer(JOURNAL, signed(5))
        await idle()
        town.witnesses.offer(JOURNAL, signed(8))
        await town.heard.until(lambda: town.quorum_size() == 8)

    town.run(life())
    assert [request.old for request in a.asked] == [0, 5]


def test_one_dead_witness_of_three_does_not_stop_two() -> None:
    town = Town(2, a=Real("a.example"), b=Real("b.example"), dead=dead)

    async def life() -> None:
        for size in (3, 8):
            town.witnesses.offer(JOURNAL, signed(size))
            await town.heard.until(lambda size=size: town.quorum_size() == size)

    town.run(life())
    assert town.heard.outcomes["dead0", "unreachable"] >= 1
    assert town.heard.outcomes["a0", "cosigned"] == town.heard.outcomes["b0", "cosigned"] == 2


def test_a_slow_witness_is_left_behind_and_not_asked_twice_at_once() -> None:
    stuck = Stuck()
    town = Town(2, a=Real("a.example"), b=Real("b.example"), stuck=stuck)

    async def life() -> None:
        for size in (3, 8, 9):
            town.witnesses.offer(JOURNAL, signed(size))
            await town.heard.until(lambda size=size: town.quorum_size() == size)

    town.run(life())
    assert stuck.asked == 1


def test_a_witness_left_behind_is_asked_for_the_newest_once_it_has_answered() -> None:
    slow = Real("slow.example")
    sizes: list[int] = []
    gate: list[asyncio.Event] = []

    async def gated(body: bytes) -> Answer:
        sizes.append(int(note.parse(Request.parse(body).note).text.split("\n")[1]))
        await gate[0].wait()
        return slow(body)

    gated.keys = slow.keys  # type: ignore[attr-defined]
    town = Town(1, a=Real("a.example"), slow=gated)

    async def life() -> None:
        gate.append(asyncio.Event())
        for size in (3, 8, 9):
            town.witnesses.offer(JOURNAL, signed(size))
            await town.heard.until(lambda size=size: town.quorum_size() == size)
        await idle()
        gate[0].set()
        await town.heard.until(lambda: town.heard.outcomes["slow0", "cosigned"] == 2)

    town.run(life())
    assert sizes == [3, 9]


def test_a_witness_that_fails_is_let_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "BACK_OFF_SECONDS", (1e9,))
    town = Town(1, a=Real("a.example"), dead=dead)

    async def life() -> None:
        for size in (3, 8, 9):
            town.witnesses.offer(JOURNAL, signed(size))
            await town.heard.until(lambda size=size: town.quorum_size() == size)

    town.run(life())
    assert town.heard.outcomes["dead0", "unreachable"] == 1


def test_a_witness_that_names_ever_other_sizes_is_asked_a_few_times() -> None:
    asked = 0

    def evasive(_: Real, body: bytes) -> Answer:
        nonlocal asked
        asked += 1
        return Answer(409, b"%d\n" % (Request.parse(body).old % 4 + 1), SIZE)

    town = Town(1, a=Real("a.example"), liar=lying(evasive))

    async def life() -> None:
        town.witnesses.offer(JOURNAL, signed(5))
        await town.heard.until(lambda: town.heard.outcomes["liar0", "refused"] >= 2)

    town.run(life())
    assert asked <= asking.ATTEMPTS * (town.heard.outcomes["liar0", "refused"] + 1)


def test_without_a_quorum_to_wait_for_a_slow_witness_holds_nobody_up() -> None:
    a, stuck = Real("a.example"), Stuck()
    town = Town("none", a=a, stuck=stuck)

    async def life() -> None:
        for count, size in enumerate((3, 8, 9), 1):
            town.witnesses.offer(JOURNAL, signed(size))
            await town.heard.until(lambda count=count: town.heard.outcomes["a0", "cosigned"] == count)

    town.run(life())
    assert (town.heard.quorums, town.book.quorums, stuck.asked) == ([], [], 1)


def test_a_witness_that_comes_back_completes_the_quorum_of_the_same_checkpoint() -> None:
    late = Real("late.example")
    up = False

    def sometimes(body: bytes) -> Answer:
        return late(body) if up else dead(body)

    sometimes.keys = late.keys  # type: ignore[attr-defined]
    town = Town(2, a=Real("a.example"), late=sometimes)

    async def life() -> None:
        nonlocal up
        town.witnesses.offer(JOURNAL, signed(5))
        await town.heard.until(lambda: town.heard.outcomes["late0", "unreachable"] >= 3)
        assert town.quorum_size() == -1
        up = True
        await town.heard.until(lambda: town.quorum_size() == 5)

    town.run(life())
    assert town.heard.outcomes["a0", "cosigned"] == 1


def lying(how: Callable[[Real, bytes], Answer]) -> Answering:
    """A witness whose keys are in the policy and whose answers are not what they should be."""
    real = Real("liar.example")

    def answer(body: bytes) -> Answer:
        return how(real, body)

    answer.keys = real.keys  # type: ignore[attr-defined]
    return answer


def over_another_tree(real: Real, body: bytes) -> Answer:
    forged = Checkpoint(ORIGIN, 5, fork(5, 2)).format()
    return Answer(
        200, note.format_signatures(note.parse(note.sign(forged, [k.at(7) for k in real.keys])).signatures).encode()
    )


def without_a_time(real: Real, body: bytes) -> Answer:
    text = note.parse(Request.parse(body).note).text
    return Answer(200, note.format_signatures(note.parse(note.sign(text, [real.keys[1]])).signatures).encode())


def by_another_key(_: Real, body: bytes) -> Answer:
    return Real("liar.example")(body)


SIZE = "text/x.tlog.size"
LIES: dict[str, tuple[Callable[[Real, bytes], Answer], str]] = {
    "over another tree": (over_another_tree, "unverified"),
    "without a time": (without_a_time, "unverified"),
    "by another key": (by_another_key, "unverified"),
    "nothing": (lambda *_: Answer(200, b""), "unverified"),
    "a page": (lambda *_: Answer(200, b"<html></html>", "text/html"), "unverified"),
    "the log's own lines": (lambda _, body: Answer(200, body[body.rindex(b"\n\n") + 2 :]), "unverified"),
    "a conflict with what was said": (lambda *_: Answer(409, b"0\n", SIZE), "refused"),
    "a size beyond": (lambda *_: Answer(409, b"99\n", SIZE), "ahead"),
    "a size beyond all": (lambda *_: Answer(409, b"%d\n" % (2**63 - 1), SIZE), "ahead"),
    "no size": (lambda *_: Answer(409, b"five\n", SIZE), "unverified"),
    "a size of another type": (lambda *_: Answer(409, b"3\n", "text/plain"), "refused"),
    "ever other sizes": (lambda _, body: Answer(409, b"%d\n" % (Request.parse(body).old % 4 + 1), SIZE), "refused"),
    "unknown log": (lambda *_: Answer(404, b""), "refused"),
    "unknown key": (lambda *_: Answer(403, b"\xff" * 1000), "refused"),
    "a bad proof": (lambda *_: Answer(422, b""), "refused"),
    "another place": (lambda *_: Answer(307, b""), "refused"),
    "a fault": (lambda *_: Answer(500, b"Traceback"), "refused"),
    "an unforeseen fault": (lambda *_: base64.b64decode(b"x"), "broken"),  # type: ignore[return-value]
}


@pytest.mark.parametrize(("how", "outcome"), LIES.values(), ids=LIES)
def test_a_lying_witness_is_counted_kept_out_and_harms_nobody(
    how: Callable[[Real, bytes], Answer], outcome: str
) -> None:
    town = Town(2, a=Real("a.example"), b=Real("b.example"), liar=lying(how))
    liars = {town.policy.witnesses[n].verifier.vkey() for n in (4, 5)}

    async def life() -> None:
        town.witnesses.offer(JOURNAL, signed(5))
        await town.heard.until(lambda: town.quorum_size() == 5 and town.heard.outcomes["liar0", outcome] >= 1)

    town.run(life())
    assert not {number for _, number, _ in town.book.rows} & {town.book.numbers[vkey] for vkey in liars}
    assert {outcome for name, outcome in town.heard.outcomes if name == "liar0"} == {outcome}


def test_two_of_two_with_a_liar_is_no_quorum() -> None:
    town = Town(2, a=Real("a.example"), liar=lying(over_another_tree))

    async def life() -> None:
        town.witnesses.offer(JOURNAL, signed(5))
        await town.heard.until(lambda: town.heard.outcomes["liar0", "unverified"] >= 2 and town.heard.most == 2)

    town.run(life())
    assert town.book.quorums == []


@pytest.mark.parametrize("broken", [*((n,) for n in range(8)), range(3), range(1, 6), range(2, 9, 2)])
def test_a_database_that_is_away_for_a_while_is_waited_for(broken: Sequence[int]) -> None:
    """Each call fails once, and several do: in the end the quorum is kept."""
    town = Town(1, a=Real("a.example"))
    town.book.broken = broken

    async def life() -> None:
        town.witnesses.offer(JOURNAL, signed(5))
        await town.heard.until(lambda: town.quorum_size() == 5)

    town.run(life())
    assert len(town.book.rows) == 2
    assert town.book.quorums[-1] == (JOURNAL, 5)


def test_a_quorum_that_was_not_noted_or_is_one_by_now_is_found_at_the_next_start() -> None:
    """Cosigned and kept, and then the process ended; or the policy of before asked for more."""
    a, b = Real("a.example"), Real("b.example")
    strict = Town(2, a=a, b=dead)
    lenient = Town(1, a=a, b=b)
    lenient.book = lenient.witnesses._book = strict.book

    async def before() -> None:
        strict.witnesses.offer(JOURNAL, signed(5))
        await strict.heard.until(lambda: strict.heard.outcomes["a0", "cosigned"] == 1)

    async def after() -> None:
        lenient.answering = {}
        lenient.witnesses.offer(JOURNAL, signed(5))
        await lenient.heard.until(lambda: lenient.quorum_size() == 5)

    strict.run(before())
    assert strict.book.quorums == []
    lenient.run(after())
    assert strict.book.quorums == [(JOURNAL, 5)]


def test_tiles_that_are_missing_are_named_as_a_broken_law(caplog: pytest.LogCaptureFixture) -> None:
    town = Town(1, a=Real("a.example"))

    async def growth(*_: object) -> list[bytes]:
        raise InvariantError("L6", "a tile is missing")

    town.book.growth = growth  # type: ignore[method-assign]

    async def life() -> None:
        town.witnesses.offer(JOURNAL, signed(5))
        await town.heard.until(lambda: town.heard.outcomes["a0", "broken"] >= 1)

    town.run(life())
    assert "L6: a tile is missing" in caplog.text


def test_giving_up_waits_for_nobody_who_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rebalance must not hang on a database or a witness that holds on."""
    monkeypatch.setattr(asking, "WITHDRAW_SECONDS", 0.01)
    let_go = asyncio.Event()
    holding: list[int] = []

    async def stubborn(_: bytes) -> Answer:
        while not let_go.is_set():
            holding.append(1)
            with contextlib.suppress(asyncio.CancelledError):
                await let_go.wait()
        raise LedgerError("witness: away")

    town = Town(1, a=stubborn)

    async def life() -> None:
        town.witnesses.offer(JOURNAL, signed(5))
        await idle()
        await town.witnesses.withdraw()
        assert len(holding) == 2
        let_go.set()
        await idle()

    town.run(life())


def test_journals_are_asked_for_side_by_side() -> None:
    a = Real("a.example")
    stuck = Stuck()
    town = Town(1, stuck=stuck)

    async def life() -> None:
        town.witnesses.offer(0, signed(5))
        town.witnesses.offer(1, signed(5))
        async with asyncio.timeout(20):
            while stuck.asked < 2:
                await asyncio.sleep(0)

    town.run(life())
    assert not a.asked


def test_what_is_published_is_offered_and_only_then() -> None:
    said: list[str] = []

    class Outside:
        async def newest(self, journal: int) -> bytes | None:
            return b"newest %d" % journal

        async def publish(self, journal: int, origin: str, note: bytes) -> None:
            if note == b"unpublished":
                raise LedgerError("broker: away")
            said.append("published")

        async def close(self) -> None:
            said.append("closed")

    class Noting(Witnesses):
        def __init__(self) -> None: ...

        def offer(self, journal: int, note: bytes) -> None:
            said.append(f"offered {journal} {note.decode()}")

        async def withdraw(self) -> None:
            said.append("withdrawn")

    async def life() -> None:
        offering = Offering(Outside(), Noting())
        assert await offering.newest(3) == b"newest 3"
        await offering.publish(1, ORIGIN, b"note")
        with pytest.raises(LedgerError):
            await offering.publish(1, ORIGIN, b"unpublished")
        await offering.close()

    asyncio.run(life())
    assert said == ["published", "offered 1 note", "withdrawn", "closed"]


def test_a_policys_addresses(tmp_path: Path) -> None:
    one, two = Real("one.example").keys, Real("two.example").keys
    lines = [
        f"witness a {one[0].vkey()} https://w.example/one/",
        f"witness b {one[1].vkey()} https://w.example/one",
        f"witness c {two[0].vkey()}",
        f"witness d {two[1].vkey()} http://127.0.0.1:8500",
        "quorum a",
        "",
    ]
    path = tmp_path / "policy"
    path.write_text("\n".join(lines))
    found = addresses(load_policy(path))
    assert [(a.url, a.name, a.verifiers) for a in found] == [
        ("https://w.example/one/add-checkpoint", "a", (one[0].verifier, one[1].verifier)),
        ("http://127.0.0.1:8500/add-checkpoint", "d", (two[1].verifier,)),
    ]
    for bad, what in (
        ("quorum none\n", "one or more with an address"),
        (f"{lines[2]}\nquorum c\n", "one or more with an address"),
        (f"{lines[2]} ftp://w.example/\nquorum c\n", "http:// or https://"),
        (f"{lines[2]} w.example\nquorum c\n", "http:// or https://"),
        (f"{lines[2]} https://é.example\nquorum c\n", "http:// or https://"),
        ("no policy\n", "keyword"),
    ):
        path.write_text(bad)
        with pytest.raises(Unfit, match=what):
            load_policy(path)
    with pytest.raises(Unfit, match="IURAN_WITNESS_POLICY_FILE"):
        load_policy(tmp_path / "missing")
    many = [f"witness w{n} {keys.generate(f'w{n}', 0x04).vkey()} https://w{n}.example" for n in range(65)]
    path.write_text("\n".join([*many, "quorum none", ""]))
    with pytest.raises(Unfit, match="at most 64"):
        load_policy(path)
