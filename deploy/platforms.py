"""Platforms of a ledger: registered, given a signing key or another, and shown with the key in force in each journal.

What a platform is stands in acts, one in each journal: `platform.<name>.added`, then `platform.<name>.changed.<n>`.
Each can be cut short anywhere and done again: what journals have entered already is looked at first, so the same
wish finishes the act it began, and a wish that is fulfilled in every journal announces nothing.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import UNSET

from contracts import events
from contracts.entry import Kind, decode
from contracts.topics import CONTROL
from deploy import founding
from deploy.settling import wait_read
from ledger.errors import Unfit
from ledger.intake import platform_of_entry
from ledger.signatures import changed
from ledger.store import database
from ledger.store.rows import KIND_NUMBERS
from ledger.store.startup import check_ledger
from streams import acts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.cli.progress import Progress
    from ledger.settings import Settings
    from ledger.signatures import PlatformKey

_ACTS = 'SELECT journal, leaf FROM entries WHERE kind = %s AND worker IS NULL ORDER BY journal, "index"'
_CHANGED = re.compile(r"platform\.(?P<name>[a-z][a-z0-9-]*)\.changed\.(?P<number>[1-9][0-9]*)").fullmatch
_open = msgspec.json.Decoder(events.PlatformChanged).decode


class Wish(NamedTuple):
    """How a platform shall sign: `key` the base64 of its public key, `only` whether it must; None leaves what is. And
    which attributes schemes shall read of it from a day on (`on`, 2026-03-31).
    """

    key: str | None = None
    only: bool | None = None
    attributes: tuple[tuple[str, str | bool], ...] = ()
    on: str | None = None


class Known(NamedTuple):
    """A platform as one journal knows it: the act that added it, its key, since which entry, changes so far, and what
    was stated last of each attribute and day.
    """

    added: events.PlatformChanged | None = None
    key: PlatformKey | None = None
    since: int | None = None
    changes: int = 0
    stated: Mapping[tuple[str, str], Any] = MappingProxyType({})

    def fulfils(self, wish: Wish) -> bool:
        """Tell whether a journal knows already all that is wished. Raises Unfit for what it would refuse."""
        told = all(self.stated.get((name, wish.on or "")) == value for name, value in wish.attributes)
        return told and _check(self.key, wish) == self.key


def known(url: str) -> dict[str, dict[int, Known]]:
    """Give what each journal knows of each platform. Raises StoreUnavailable, ValueError for an act that is none."""
    found: dict[str, dict[int, Known]] = {}
    with database.connect(url, "reader") as connection:
        for number, leaf in connection.execute(_ACTS, (KIND_NUMBERS[Kind.PLATFORM],)):
            entry = decode(bytes(leaf))
            stated = platform_of_entry(entry)
            if stated is None or entry.event is UNSET:
                continue
            own = found.setdefault(stated.platform, {})
            before = own.get(number, Known())
            key = changed(before.key, stated.signing_key, stated.signed_only)
            since = before.since if key == before.key else entry.index
            if entry.cause.id == founding.platform_act(stated.platform):
                before = before._replace(added=_open(bytes(entry.event.data)))
            made = _CHANGED(str(entry.cause.id))
            changes = int(made["number"]) if made and made["name"] == stated.platform else before.changes
            told = {(name, stated.from_day.isoformat()): value for name, value in stated.attributes.items()}
            own[number] = before._replace(key=key, since=since, changes=changes, stated={**before.stated, **told})
    return found


def add(settings: Settings, platform: str, wish: Wish, progress: Progress) -> str:
    """Register a platform, or finish registering it, and let it sign as wished; give the topic's name.

    Raises Unfit for a bad name or topic and for a wish that can't be, LedgerError when a server does not answer.
    """
    _, url = founding.servers_of(settings)
    facts, _ = check_ledger(url)
    there = known(url).get(platform, {})
    added = next((own.added for own in there.values() if own.added is not None), None)
    if added is None:
        _check(None, wish)
        added = events.PlatformChanged(
            platform=platform,
            signed_only=UNSET if wish.only is None else wish.only,
            signing_key=UNSET if wish.key is None else wish.key,
            status="active",
            topic=f"{facts.topic_prefix}gigs.{platform}",
        )
        return founding.add_platform(settings, platform, progress, added)
    topic = founding.add_platform(settings, platform, progress, added)
    change(settings, platform, wish, progress)
    return topic


def change(settings: Settings, platform: str, wish: Wish, progress: Progress) -> bool:
    """Let a registered platform be as wished, from an entry of each journal on; False where it is already.

    Raises Unfit for an unknown platform, a wish that can't be, and a change that is announced and not yet entered;
    LedgerError when a server does not answer.
    """
    broker, url = founding.servers_of(settings)
    facts, _ = check_ledger(url)
    there = known(url).get(platform, {})
    journals = [there.get(number, Known()) for number in range(facts.journals)]
    if platform not in facts.platforms or any(own.added is None for own in journals):
        if wish == Wish():
            return False
        raise Unfit(f"platform {platform}: expected one that every journal has entered, got none; start the stream")
    if all(own.fulfils(wish) for own in journals):
        return False
    number = min(own.changes for own in journals) + 1
    act = acts.Act(
        events.PLATFORM_CHANGED,
        f"platform.{platform}.changed.{number}",
        platform,
        lambda _: events.PlatformChanged(
            attributes=dict(wish.attributes) if wish.attributes else UNSET,
            effective_on=wish.on or UNSET,
            platform=platform,
            signed_only=UNSET if wish.only is None else wish.only,
            signing_key=UNSET if wish.key is None else wish.key,
            status="active",
            topic=facts.platforms[platform],
        ),
    )
    bad = acts.refused(act, facts.topic_prefix, facts.journals, 0)
    if bad is not None:
        raise Unfit(f"platform {platform}: {bad.code}: {bad.detail}")
    progress.step("one act in each journal")
    try:
        offsets = acts.announce(broker, facts.topic_prefix, facts.journals, act)
    except Unfit as error:
        raise Unfit(
            f"platform {platform}: expected every change before entered in every journal, got one on its way "
            f"({act.id}); start the stream, or wish for the same again"
        ) from error
    if wait_read(url, facts.topic_prefix + CONTROL, offsets, progress):
        refused = founding.refusals(url, facts.topic_prefix + CONTROL, offsets)
        if refused:
            raise Unfit(f"platform {platform}: {refused[0]}")
    return True


def _check(before: PlatformKey | None, wish: Wish) -> PlatformKey | None:
    """Give the key as it would be. Raises Unfit for what a journal would refuse."""
    try:
        return changed(before, wish.key, wish.only)
    except ValueError as error:
        raise Unfit(f"platform: {error}") from error
