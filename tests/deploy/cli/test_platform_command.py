"""`iuran platform` and `iuran publish --sign-with` as typed, on a real ledger: a platform that signs, end to end."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from contracts.entry import decode
from deploy.embedded.stack import Servers
from ledger.errors import Unfit
from streams.publishing.signing import EventSigner
from tests.support.commands import Door, run
from tests.support.ledgers import found, gig
from tests.support.running import findings


def test_a_key_pair_is_made_once_and_the_private_one_is_its_owners_alone(tmp_path: Path) -> None:
    made = run("platform", "keygen", "grab", "--folder", tmp_path)
    assert made.exit_code == 0, made.output
    private, public = tmp_path / "grab.key.pem", tmp_path / "grab.pub"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    signer = EventSigner.from_pem(private.read_bytes())
    assert signer.public_pem() == public.read_bytes()
    assert signer.public_text() in made.stdout
    again = run("platform", "keygen", "grab", "--folder", tmp_path)
    assert isinstance(again.exception, Unfit) and "a key is never written over" in str(again.exception)
    assert EventSigner.from_pem(private.read_bytes()).public_text() == signer.public_text()


def test_a_passphrase_locks_the_private_key(tmp_path: Path) -> None:
    secret = tmp_path / "passphrase"
    secret.write_text("a long one\n")
    secret.chmod(0o600)
    assert run("platform", "keygen", "grab", "--folder", tmp_path, "--passphrase-file", secret).exit_code == 0
    EventSigner.from_pem((tmp_path / "grab.key.pem").read_bytes(), b"a long one")
    secret.chmod(0o644)
    refused = run("platform", "keygen", "maxim", "--folder", tmp_path, "--passphrase-file", secret)
    assert isinstance(refused.exception, Unfit) and "open to others" in str(refused.exception)


class Signing(Door):
    """A door with what these tests do and look at."""

    def acts(self, platform: str) -> list[list[int]]:
        """The indexes of a platform's acts, journal by journal."""
        journals = [map(decode, self.ledger.leaves(n)) for n in range(self.ledger.settings.journals)]
        return [[e.index for e in own if e.kind == "platform" and e.event.subject == platform] for own in journals]  # type: ignore[union-attr]

    def publish(self, name: str, *gigs: dict[str, Any], key: str | None = None, more: tuple[str, ...] = ()) -> None:
        path = self.folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(one) + "\n" for one in gigs))
        signed = () if key is None else ("--sign-with", self.folder / f"{key}.key.pem")
        self.ok("publish", path, "--platform", "grab", *signed, *more)

    def listed(self) -> dict[str, Any]:
        return {one["platform"]: one for one in json.loads(self.ok("platform", "list", "--json"))}

    def fates(self) -> dict[str, str]:
        """By gig's id: the kept signature's first letters, `unsigned`, or the code of its refusal."""
        found = {}
        for journal in range(self.ledger.settings.journals):
            for entry in map(decode, self.ledger.leaves(journal)):
                if entry.kind == "accrual":
                    found[str(entry.cause.id)] = "signed" if isinstance(entry.cause.signature, str) else "unsigned"
                elif entry.kind == "rejection":
                    found[str(entry.cause.id)] = entry.rejection.code  # type: ignore[union-attr]
        return found


@pytest.fixture(scope="module")
def door(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Signing:
    """One ledger for all: each test minds platforms of its own."""
    folder = tmp_path_factory.mktemp("door")
    return Signing(found(servers, folder / "home", platforms=("gojek", "uber"), schemes=()), folder)


@pytest.mark.stack
def test_a_platform_that_signs_from_its_key_to_the_audit(door: Signing) -> None:
    door.ok("platform", "keygen", "grab", "--folder", door.folder)
    door.ok("platform", "keygen", "later", "--folder", door.folder)
    first = ("platform", "add", "grab", "--signing-key", door.folder / "grab.pub", "--signed-only")
    for _ in range(2):  # announced, not entered, done again
        assert "publishes to" in door.ok(*first)
    door.ledger.drain()
    for again in (first, ("platform", "add", "grab"), ("platform", "change", "grab", "--signed-only")):
        door.ok(*again)
    door.ledger.drain()
    listed = door.listed()
    key = EventSigner.from_pem((door.folder / "grab.key.pem").read_bytes()).public_text()
    assert (listed["grab"]["signing_key"], listed["grab"]["signed_only"]) == (key, True)
    acts = door.acts("grab")
    assert [len(own) for own in acts] == [1, 1], "one act in each journal, and nothing added by doing it again"
    since = [own[0] for own in acts]
    assert listed["grab"]["since"] == since
    assert listed["gojek"]["signing_key"] is None
    said = f"grab  {listed['grab']['topic']}  signs all with {key} since entries 0/{since[0]}, 1/{since[1]}\n"
    assert said in door.ok("platform", "list")

    workers = [f"W-{n:02}" for n in range(6)]
    door.publish("good", *(gig(f"S-{w}", w, "20000", platform="grab") for w in workers), key="grab")
    bare, foreign = gig("U-1", "W-00", "1", platform="grab"), gig("F-1", "W-01", "1", platform="grab")
    door.publish("bare", bare)
    door.publish("foreign", foreign, key="later")
    door.ledger.drain()
    signed = {f"S-{w}": "signed" for w in workers}
    assert door.fates() == signed | {"U-1": "signature_missing", "F-1": "signature_invalid"}

    door.ok("platform", "change", "grab", "--signing-key", door.folder / "later.pub", "--unsigned-too")
    door.ledger.drain()
    door.publish("bare", bare, more=("--again",))
    door.publish("foreign", foreign, key="later", more=("--again",))
    door.ledger.drain()
    # what was refused took no id; `fates` shows the newest of an id
    assert door.fates() == signed | {"U-1": "unsigned", "F-1": "signed"}
    assert findings(door.ledger) == []


@pytest.mark.stack
def test_wishes_that_can_not_be(door: Signing) -> None:
    refusals = {
        ("platform", "add", "maxim", "--signed-only"): "expected a signing key with it or before it",
        ("platform", "change", "gojek", "--signed-only"): "expected a signing key with it or before it",
        ("platform", "change", "gojek"): "expected --signing-key",
        ("platform", "change", "maxim", "--unsigned-too"): "expected one that every journal has entered",
        ("platform", "add", "maxim", "--signing-key", str(door.folder / "none.pub")): "No such file",
    }
    for arguments, said in refusals.items():
        got = door.run(*arguments)
        assert isinstance(got.exception, Unfit) and said in str(got.exception), (arguments, got.exception)
    assert "maxim" not in door.listed()
    assert len(door.acts("gojek")[0]) == 1


@pytest.mark.stack
def test_another_change_while_one_is_on_its_way_is_refused(door: Signing) -> None:
    for name in ("one", "two"):
        door.ok("platform", "keygen", name, "--folder", door.folder)
    change = ("platform", "change", "uber", "--signing-key")
    for _ in range(2):
        assert "changed" in door.ok(*change, door.folder / "one.pub")
    other = door.run(*change, door.folder / "two.pub")
    assert isinstance(other.exception, Unfit) and "got one on its way" in str(other.exception)
    door.ledger.drain()
    assert "stands so already" in door.ok(*change, door.folder / "one.pub")
    door.ok(*change, door.folder / "two.pub")
    door.ledger.drain()
    two = EventSigner.from_pem((door.folder / "two.key.pem").read_bytes()).public_text()
    assert door.listed()["uber"]["signing_key"] == two
    assert [len(own) for own in door.acts("uber")] == [3, 3]
